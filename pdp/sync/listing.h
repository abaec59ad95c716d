// Listing: the living, or the deleted, of one type, page by page.
//
// Pages are asked for in the order of lastUpdated, since only then does the
// server continue by what it sent last instead of by counting:
// rows that change between two pages move to the end, and none is passed over.
// What is not in that order, or does not get on, is refused.

#ifndef PDP_SYNC_LISTING_H_
#define PDP_SYNC_LISTING_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/strings.h"
#include "pdp/sync/feed_reads.h"

namespace pdp::sync {

// Confined to one thread.
class Listing {
 public:
  // All that was updated (or deleted) at `since` or later; from InfinitePast,
  // everything.  `reads` must outlive the listing.
  Listing(FeedReads& reads, const FeedSearch& search, absl::Time since);

  bool done() const { return done_; }

  // The next page.
  // REQUIRES: !done()
  absl::StatusOr<std::vector<Observation>> Next();

  // Of the last entry so far; `since` where there was none.
  absl::Time last_updated() const { return last_updated_; }

 private:
  absl::StatusOr<std::vector<Observation>> Observe(FeedReads::Page page);
  absl::Status Refused(std::string_view why) const;

  FeedReads& reads_;
  const FeedSearch search_;
  const std::string query_;
  std::string next_;
  bool begun_ = false;
  bool done_ = false;
  absl::Time last_updated_;
  // Those with exactly that time.
  StringSet last_ids_;
};

// "2024-02-29T00:00:00.000Z", rounded down.
std::string ToInstantText(absl::Time time);

// Nothing but a FHIR instant.
absl::StatusOr<absl::Time> ParseInstant(std::string_view text);

}  // namespace pdp::sync

#endif  // PDP_SYNC_LISTING_H_
