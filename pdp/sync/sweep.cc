#include "pdp/sync/sweep.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/sync/listing.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

// What clocks of one server may differ by, the Date header's rounding included.
constexpr absl::Duration kClockError = absl::Seconds(5);

bool IsWhole(std::string_view type) {
  return FindMirroredType(type)->kept == Mirrored::kWhole;
}

}  // namespace

absl::Duration Sweep::Behind(const Moment& now) const {
  if (!last_ || last_->server_time == absl::InfinitePast() ||
      now.server_time == absl::InfinitePast()) {
    return absl::ZeroDuration();
  }
  const absl::Time expected =
      last_->server_time + (now.since_boot - last_->since_boot);
  return std::max(expected - now.server_time, absl::ZeroDuration());
}

absl::Status Sweep::Run(const Moment& began) {
  PDP_ASSIGN_OR_RETURN(FeedPosition position, cursors_.Get());
  // Also what earlier attempts saw that failed.
  behind_ = std::max(behind_, Behind(began));
  // Of the time before this process only this much can be told.
  const bool set_back_before =
      !last_ && began.server_time != absl::InfinitePast() &&
      began.server_time + kClockError < position.through;
  if ((behind_ > overlap_ || set_back_before) && !needs_full_sweep_) {
    Log(Severity::kWarning, "server_clock_went_back",
        {{"project", reads_.project()},
         {"seconds", absl::ToInt64Seconds(behind_)}});
    needs_full_sweep_ = true;
  }
  const bool knows_time = began.server_time != absl::InfinitePast();
  const absl::Duration reach = overlap_ + behind_;
  reach_ = reach;
  const absl::Time since =
      (knows_time ? std::min(position.through, began.server_time)
                  : position.through) -
      reach;
  const absl::Time during = knows_time ? began.server_time - reach : since;
  for (const FeedSearch& search : FeedSearches(reads_.project())) {
    PDP_RETURN_IF_ERROR(ApplyListed(search, since));
    if (!search.deleted || !IsWhole(search.type)) continue;
    // What was deleted when the living were listed, and is back when the
    // deleted are, is in neither list.
    PDP_RETURN_IF_ERROR(ApplyListed({search.type, /*deleted=*/false}, during));
  }
  if (!knows_elsewhere_) {
    PDP_RETURN_IF_ERROR(reads_.FindElsewhere());
    knows_elsewhere_ = true;
  }
  PDP_RETURN_IF_ERROR(reads_.ReadElsewhere(FeedReads::Elsewhere::kAll));
  PDP_ASSIGN_OR_RETURN(const std::vector<fhir::ResourceKey> profiles,
                       reads_.mirror().DeletedProfiles(reads_.project()));
  PDP_RETURN_IF_ERROR(reads_.ReadAndApply(profiles).status());

  const FeedPosition before = position;
  position.phase = FeedPosition::Phase::kSwept;
  if (knows_time) position.through = began.server_time;
  if (position != before) {
    const store::Cursor cursor = cursors_.At(position);
    PDP_RETURN_IF_ERROR(reads_.Apply({}, std::span(&cursor, 1)).status());
  }
  last_ = began;
  behind_ = absl::ZeroDuration();
  return absl::OkStatus();
}

absl::Status Sweep::ApplyListed(const FeedSearch& search, absl::Time since) {
  Listing listing(reads_, search, since);
  while (!listing.done()) {
    PDP_ASSIGN_OR_RETURN(std::vector<Observation> observations, listing.Next());
    if (observations.empty()) continue;
    PDP_RETURN_IF_ERROR(reads_.Apply(std::move(observations)).status());
  }
  return absl::OkStatus();
}

absl::Status Sweep::FullSweepIsComplete(const Moment& began) {
  PDP_ASSIGN_OR_RETURN(FeedPosition position, cursors_.Get());
  position.full = began.server_time;
  const store::Cursor cursor = cursors_.At(position);
  PDP_RETURN_IF_ERROR(reads_.Apply({}, std::span(&cursor, 1)).status());
  needs_full_sweep_ = false;
  knows_elsewhere_ = false;
  return absl::OkStatus();
}

}  // namespace pdp::sync
