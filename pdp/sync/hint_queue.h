// HintQueue: resources that are to be read again, by id.
//
// Thread-safe.  A resource is in the queue once, however often it is named; one
// that was taken may be put in again meanwhile, since the read that is under
// way may have begun before the change.

#ifndef PDP_SYNC_HINT_QUEUE_H_
#define PDP_SYNC_HINT_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::sync {

struct Hint {
  using Done = std::function<void(absl::Status)>;

  fhir::ResourceKey key;
  // It was said to be deleted.
  bool deleted = false;
  // How often it was read and found to live, since.
  int looks = 0;
  // Who waits for the read.
  std::vector<Done> waiting;
};

class HintQueue {
 public:
  HintQueue(size_t max_hints, const Clock& clock)
      : max_hints_(max_hints), clock_(clock) {}

  // Puts `hint` in, to be taken in `delay`; the sooner time counts where it is
  // there already.  False where there is no room or the queue was stopped:
  // `hint` was left as it is.
  bool Offer(Hint&& hint, absl::Duration delay = absl::ZeroDuration());

  // The next hint that is due, if any.
  std::optional<Hint> Poll();

  // Waits for a hint to be due.  Nothing once the queue was stopped.
  std::optional<Hint> Take();

  // Returns what was in the queue.
  std::vector<Hint> Stop();

  size_t size() const;

 private:
  using Place = std::pair<absl::Duration, uint64_t>;  // When due; in order.
  struct Entry {
    Hint hint;
    Place place;
  };

  // REQUIRES: mutex_ is held.
  std::optional<Hint> PollLocked();

  const size_t max_hints_;
  const Clock& clock_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  uint64_t last_place_ = 0;
  absl::flat_hash_map<fhir::ResourceKey, Entry> entries_;
  std::map<Place, fhir::ResourceKey> order_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_HINT_QUEUE_H_
