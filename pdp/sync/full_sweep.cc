#include "pdp/sync/full_sweep.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/random/random.h"
#include "pdp/base/status_macros.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

constexpr size_t kExtraAtOnce = 10'000;
constexpr size_t kReadsInAStep = 20;

// Of the deleted, only those of which nothing else is kept: of other types a
// resource that is deleted is one that is held and not listed.
std::vector<FeedSearch> SearchesOf(std::string_view project) {
  std::vector<FeedSearch> searches = FeedSearches(project);
  std::erase_if(searches, [](const FeedSearch& search) {
    return search.deleted &&
           FindMirroredType(search.type)->kept == Mirrored::kWhole;
  });
  return searches;
}

uint64_t HashOf(uint64_t seed, std::string_view id) {
  return absl::HashOf(seed, id);
}

}  // namespace

FullSweep::FullSweep(FeedReads& reads, const Moment& began)
    : reads_(reads),
      began_(began),
      searches_(SearchesOf(reads.project())),
      seed_(absl::Uniform<uint64_t>(absl::BitGen())) {}

absl::Status FullSweep::Step() {
  if (!extra_.empty()) return ReadExtra();
  return StepThroughListing();
}

absl::Status FullSweep::StepThroughListing() {
  const FeedSearch& search = searches_[at_];
  if (!listing_) {
    listed_.clear();
    listing_.emplace(reads_, search, absl::InfinitePast());
  }
  if (!listing_->done()) {
    PDP_ASSIGN_OR_RETURN(std::vector<Observation> observations,
                         listing_->Next());
    if (!search.deleted) {
      for (const Observation& observation : observations) {
        listed_.insert(HashOf(seed_, observation.key.id));
      }
    }
    PDP_RETURN_IF_ERROR(reads_.Apply(std::move(observations)).status());
    if (!listing_->done()) return absl::OkStatus();
    resources_ += listed_.size();
  }
  if (!search.deleted) {
    PDP_RETURN_IF_ERROR(FindExtra());
    if (!extra_.empty()) return absl::OkStatus();
  }
  listing_.reset();
  ++at_;
  return absl::OkStatus();
}

absl::Status FullSweep::FindExtra() {
  const std::string_view type = searches_[at_].type;
  return reads_.mirror().VisitHeads(
      reads_.project(), type, [&](std::string_view id, std::string_view) {
        if (!listed_.contains(HashOf(seed_, id))) {
          extra_.push_back({std::string(type), std::string(id)});
        }
        return extra_.size() < kExtraAtOnce;
      });
}

absl::Status FullSweep::ReadExtra() {
  const size_t count = std::min(extra_.size(), kReadsInAStep);
  const std::span<const fhir::ResourceKey> some(extra_.data(), count);
  PDP_RETURN_IF_ERROR(reads_.ReadAndApply(some).status());
  // What lives all the same is not looked for again.
  for (const fhir::ResourceKey& key : some) {
    listed_.insert(HashOf(seed_, key.id));
  }
  extra_.erase(extra_.begin(),
               extra_.begin() + static_cast<std::ptrdiff_t>(count));
  return absl::OkStatus();
}

}  // namespace pdp::sync
