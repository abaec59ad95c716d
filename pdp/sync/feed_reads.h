// FeedReads: what one feed asks of its Medplum server, and how the answers get
// into the mirror.
//
// Thread-safe.

#ifndef PDP_SYNC_FEED_READS_H_
#define PDP_SYNC_FEED_READS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/mutex.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/medplum/api.h"
#include "pdp/sync/mirror.h"
#include "pdp/sync/search_budget.h"
#include "store/store.h"

namespace pdp::sync {

// What one search of a feed is for: the living or the deleted of a type.
struct FeedSearch {
  std::string_view type;
  bool deleted = false;
};

// All that a feed searches.  A feed of one project reads its Project by id, and
// does not search for others.
std::vector<FeedSearch> FeedSearches(std::string_view project);

class FeedReads {
 public:
  struct Options {
    std::string project;  // Empty: every project that has no feed of its own.
    medplum::Api* api = nullptr;
    Mirror* mirror = nullptr;
    SearchBudget* budget = nullptr;
    // Waits; Cancelled where the feed is stopped.
    std::function<absl::Status(absl::Duration)> wait;
  };

  explicit FeedReads(Options options) : options_(std::move(options)) {}

  const std::string& project() const { return options_.project; }
  Mirror& mirror() { return *options_.mirror; }
  medplum::Api& api() { return *options_.api; }

  struct Answer {
    Observation observation;
    // InfinitePast where the server did not say.
    absl::Time server_time = absl::InfinitePast();
  };

  absl::Status Wait(absl::Duration time) { return options_.wait(time); }

  // Reads by id, at once.
  absl::StatusOr<Answer> Read(const fhir::ResourceKey& key);

  // Likewise all of `keys`, each in its place of the budget, and applies them.
  // Returns how many resources changed.
  enum class Refused : uint8_t {
    kIsAnError,
    kIsAbsent,  // What may not be read is as if it were not there.
  };
  absl::StatusOr<size_t> ReadAndApply(std::span<const fhir::ResourceKey> keys,
                                      Refused refused = Refused::kIsAnError);

  // Waits for a place of the budget, then searches.
  struct Page {
    ReadTicket ticket;
    medplum::SearchPage page;
  };
  absl::StatusOr<Page> Search(std::string_view query);
  absl::StatusOr<Page> NextPage(std::string_view next);

  // Applies, and reads by id what cannot be ordered.  The cursors have moved
  // where it is OK.  Returns how many resources changed.
  absl::StatusOr<size_t> Apply(std::vector<Observation> observations,
                               std::span<const store::Cursor> cursors = {});

  // Reads what these observations, and earlier ones, name of other projects:
  // what is new since the last call, or all of it.
  enum class Elsewhere : uint8_t { kNew, kAll };
  absl::Status ReadElsewhere(Elsewhere which);

  // Finds anew what lies elsewhere, and forgets the rest.
  absl::Status FindElsewhere();

  // Since the start.
  uint64_t changes_applied() const { return changes_applied_; }
  // Places taken of the budget.
  uint64_t places_taken() const { return places_taken_; }

 private:
  using KeySet = std::set<fhir::ResourceKey>;

  absl::Status TakePlace();
  const Options options_;
  Mutex elsewhere_mutex_;
  KeySet elsewhere_ ABSL_GUARDED_BY(elsewhere_mutex_);
  KeySet new_elsewhere_ ABSL_GUARDED_BY(elsewhere_mutex_);
  std::atomic<uint64_t> changes_applied_{0};
  std::atomic<uint64_t> places_taken_{0};
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_FEED_READS_H_
