#include "pdp/sync/bootstrap.h"

#include <span>
#include <utility>
#include <vector>

#include "pdp/base/status_macros.h"
#include "pdp/sync/listing.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

TypePosition::Phase PhaseOf(const FeedSearch& search) {
  return search.deleted ? TypePosition::Phase::kDeleted
                        : TypePosition::Phase::kLive;
}

}  // namespace

absl::StatusOr<bool> Bootstrap::IsComplete() const {
  PDP_ASSIGN_OR_RETURN(const FeedPosition position, cursors_.Get());
  if (position.phase == FeedPosition::Phase::kNone) return false;
  for (const FeedSearch& search : FeedSearches(reads_.project())) {
    PDP_ASSIGN_OR_RETURN(const TypePosition type, cursors_.Get(search.type));
    if (type.phase != TypePosition::Phase::kDone) return false;
  }
  return true;
}

absl::Status Bootstrap::LookAtHeld() {
  for (const MirroredType& type : MirroredTypes()) {
    PDP_RETURN_IF_ERROR(
        reads_.mirror().VisitHeads(reads_.project(), type.name,
                                   [this](std::string_view, std::string_view) {
                                     holds_anything_ = true;
                                     return false;
                                   }));
  }
  return absl::OkStatus();
}

absl::Status Bootstrap::Run(absl::Time server_time) {
  PDP_ASSIGN_OR_RETURN(FeedPosition position, cursors_.Get());
  if (position.phase == FeedPosition::Phase::kNone) {
    position.phase = FeedPosition::Phase::kLoading;
    position.through = server_time;
    if (!holds_anything_) position.full = server_time;
    const store::Cursor cursor = cursors_.At(position);
    PDP_RETURN_IF_ERROR(reads_.Apply({}, std::span(&cursor, 1)).status());
  }
  for (const FeedSearch& search : FeedSearches(reads_.project())) {
    PDP_RETURN_IF_ERROR(Load(search));
  }
  return absl::OkStatus();
}

absl::Status Bootstrap::Load(const FeedSearch& search) {
  PDP_ASSIGN_OR_RETURN(TypePosition position, cursors_.Get(search.type));
  if (position.phase > PhaseOf(search)) return absl::OkStatus();
  if (position.phase < PhaseOf(search)) {
    position = {.phase = PhaseOf(search), .through = absl::InfinitePast()};
  }
  Listing listing(reads_, search, position.through);
  while (!listing.done()) {
    PDP_ASSIGN_OR_RETURN(std::vector<Observation> observations, listing.Next());
    if (!search.deleted) loaded_ += observations.size();
    position.through = listing.last_updated();
    if (listing.done()) {
      // The deleted come last.
      position = search.deleted
                     ? TypePosition{.phase = TypePosition::Phase::kDone}
                     : TypePosition{.phase = TypePosition::Phase::kDeleted};
    }
    const store::Cursor cursor = cursors_.At(search.type, position);
    PDP_RETURN_IF_ERROR(
        reads_.Apply(std::move(observations), std::span(&cursor, 1)).status());
    progress_(search.type, loaded_);
  }
  return absl::OkStatus();
}

}  // namespace pdp::sync
