#include "pdp/sync/sweep.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/sync/listing.h"

namespace pdp::sync {

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
  const absl::Duration behind = Behind(began);
  if (behind > overlap_ && !needs_full_sweep_) {
    Log(Severity::kWarning, "server_clock_went_back",
        {{"project", reads_.project()},
         {"seconds", absl::ToInt64Seconds(behind)}});
    needs_full_sweep_ = true;
  }
  absl::Time since = position.through;
  if (began.server_time != absl::InfinitePast()) {
    since = std::min(since, began.server_time);
  }
  since -= overlap_ + behind;
  for (const FeedSearch& search : FeedSearches(reads_.project())) {
    Listing listing(reads_, search, since);
    while (!listing.done()) {
      PDP_ASSIGN_OR_RETURN(std::vector<Observation> observations,
                           listing.Next());
      if (observations.empty()) continue;
      PDP_RETURN_IF_ERROR(reads_.Apply(std::move(observations)).status());
    }
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
  if (began.server_time != absl::InfinitePast()) {
    position.through = began.server_time;
  }
  if (position != before) {
    const store::Cursor cursor = cursors_.At(position);
    PDP_RETURN_IF_ERROR(reads_.Apply({}, std::span(&cursor, 1)).status());
  }
  // Not before: a sweep that failed has not learned what it was behind by.
  last_ = began;
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
