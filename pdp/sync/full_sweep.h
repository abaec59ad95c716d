// FullSweep: compares all that is held with all that the server has.
//
// It finds what no search by time can: what is gone for good, and what a sweep
// passed by.  It goes a step at a time, so that sweeps go on in between.

#ifndef PDP_SYNC_FULL_SWEEP_H_
#define PDP_SYNC_FULL_SWEEP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/sync/feed_reads.h"
#include "pdp/sync/listing.h"
#include "pdp/sync/sweep.h"

namespace pdp::sync {

// Confined to one thread.
class FullSweep {
 public:
  // Compares what is so at `began` or later.  `reads` must outlive this.
  FullSweep(FeedReads& reads, const Moment& began);

  const Moment& began() const { return began_; }
  bool done() const { return at_ == searches_.size(); }

  // Reads one more page, or some resources by id.  After an error a new full
  // sweep must be made.
  // REQUIRES: !done()
  absl::Status Step();

  // Live resources that the server has.  REQUIRES: done()
  uint64_t resources() const { return resources_; }

 private:
  absl::Status StepThroughListing();
  // What is held and was not listed: some of it.
  absl::Status FindExtra();
  absl::Status ReadExtra();

  FeedReads& reads_;
  const Moment began_;
  const std::vector<FeedSearch> searches_;
  size_t at_ = 0;  // In searches_.
  std::optional<Listing> listing_;
  // Hashes of the ids that were listed: one of a million ids that is taken for
  // another is found the next time, with another seed.
  const uint64_t seed_;
  absl::flat_hash_set<uint64_t> listed_;
  std::vector<fhir::ResourceKey> extra_;
  uint64_t resources_ = 0;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_FULL_SWEEP_H_
