// AttributeCache: of resources that are not mirrored, the elements that
// decisions by reference read.
//
// In memory alone, and bounded: nothing of it survives the process.  Of a
// resource no more is kept than the entries read that were asked for it.
//
// A decision looks up what it needs; where that is not here it is noted as
// wanted, and has to be fetched (feed_attributes.h).  What is kept was read by
// the login of one feed and is given to members of that feed's projects alone.
//
// It is given only while it is as fresh as the feed says that it is
// (feed_freshness.h), so that whoever bounds the age of a feed bounds that of
// attributes:
//
//   what was read     at a moment, and is kept with it
//   what is covered   all changes of the type are known up to a later moment,
//                     since sweeps looked for them (Coverage)
//   given             while the later of the two is not before the moment that
//                     the feed was confirmed for, and the read was not longer
//                     than `max_age` before that
//
// What is wanted whole, what does not exist and what no sweep covers is kept
// for `hold` alone: for the calls that wait for it.

#ifndef PDP_SYNC_ATTRIBUTE_CACHE_H_
#define PDP_SYNC_ATTRIBUTE_CACHE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/feed_freshness.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/element_set.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/sync/observation.h"
#include "pdp/sync/recent_tickets.h"
#include "pdp/sync/sharded_cache.h"

namespace pdp::sync {

// Up to when all changes of one type are known.  Written by the feed, read by
// every look-up.
class Coverage {
 public:
  absl::Duration as_of() const {
    return absl::Nanoseconds(nanoseconds_.load(std::memory_order_acquire));
  }
  bool has_ended() const { return as_of() < absl::ZeroDuration(); }

  void Confirm(absl::Duration as_of) {
    nanoseconds_.store(absl::ToInt64Nanoseconds(as_of),
                       std::memory_order_release);
  }
  // Nothing that was read under it is given any more.
  void End() { Confirm(absl::Nanoseconds(-1)); }

 private:
  std::atomic<int64_t> nanoseconds_{0};
};

// Thread-safe.
class AttributeCache {
 public:
  struct Options {
    size_t max_bytes = size_t{64} << 20;  // Parsed, as they are in memory.
    // How long before the last sweep something may have been read.
    absl::Duration max_age = absl::Minutes(5);
    absl::Duration hold = absl::Seconds(5);
    const Clock* clock = &Clock::Real();
  };

  struct Statistics {
    uint64_t hits = 0;
    uint64_t misses = 0;  // Something had to be fetched.
    uint64_t evictions = 0;
    uint64_t entries = 0;
    uint64_t bytes = 0;
    uint64_t reads = 0;  // From the server.
    uint64_t failed_reads = 0;
  };

  // One feed's part of the cache.
  using FeedId = uint32_t;

  explicit AttributeCache(const Options& options);
  AttributeCache(const AttributeCache&) = delete;
  AttributeCache& operator=(const AttributeCache&) = delete;

  // To be called before anything else, once for each feed.  `project` is empty
  // for the feed of all others.
  FeedId AddFeed(std::string_view project, const FeedFreshness& freshness);

  // --- What decisions ask. ---------------------------------------------------

  // As ResourceLookup::ReadPart and FindHeld.
  fhir::LookupResult Read(const fhir::ResourceKey& key,
                          const fhir::ElementSet& elements,
                          std::string_view project);
  fhir::LookupResult FindHeld(const fhir::ResourceKey& key,
                              std::string_view project) const;

  // --- What feeds do. --------------------------------------------------------

  // The elements that are wanted of `key` and are not here; nothing where
  // nobody wants it any more.
  std::optional<fhir::ElementSet> Wanted(FeedId feed,
                                         const fhir::ResourceKey& key) const;

  struct Fetched {
    fhir::LookupResult result;  // Not kPending.
    ReadTicket ticket;
    absl::Duration began;  // The read.
    // Null: it is kept for `hold` alone.
    std::shared_ptr<const Coverage> coverage;
  };
  // Keeps what a read said, unless the resource was seen since the read began,
  // and seen to be of another version.
  void Put(FeedId feed, const fhir::ResourceKey& key, Fetched fetched);

  // Something was said of the resource: what was read by now is not given any
  // more.  `last` is the last ticket.
  void Invalidate(FeedId feed, const fhir::ResourceKey& key, ReadTicket last);
  // Likewise, but what is kept stays where it is of the version `version_id`.
  void Seen(FeedId feed, const fhir::ResourceKey& key,
            std::string_view version_id, ReadTicket last);

  // Forgets what is held longer than it is meant to be.
  void Purge();

  void CountRead(bool ok);
  Statistics statistics() const;

  absl::Duration max_age() const { return options_.max_age; }
  const Clock& clock() const { return *options_.clock; }

 private:
  struct Key {
    FeedId feed = 0;
    fhir::ResourceKey resource;
  };
  struct KeyView {
    FeedId feed;
    const fhir::ResourceKey& resource;
  };
  struct Hash {
    using is_transparent = void;
    static size_t Of(FeedId feed, const fhir::ResourceKey& key) {
      return absl::HashOf(feed, key.type, key.id);
    }
    size_t operator()(const Key& key) const {
      return Of(key.feed, key.resource);
    }
    size_t operator()(const KeyView& key) const {
      return Of(key.feed, key.resource);
    }
  };
  struct Equal {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return a.feed == b.feed && a.resource == b.resource;
    }
  };
  struct WantedPart {
    fhir::ElementSet elements;
    // As it was last seen, by now; empty where that is not known.
    std::string version_id;
  };
  using Entry = std::shared_ptr<const Fetched>;
  using Lasting = ShardedCache<Key, Entry, Hash, Equal>;
  template <typename Value>
  using Map = absl::flat_hash_map<Key, Value, Hash, Equal>;

  struct Held {
    Entry entry;
    absl::Duration until;
    size_t bytes = 0;
  };
  struct Feed {
    explicit Feed(const FeedFreshness& freshness_arg)
        : freshness(freshness_arg) {}
    const FeedFreshness& freshness;
    RecentTickets seen{1 << 16};  // Under mutex_.
  };

  std::optional<FeedId> FeedOf(std::string_view project) const;
  // What is kept, whatever its age.
  Entry Peek(const KeyView& key) const;
  bool IsFresh(const Fetched& fetched, FeedId feed) const;
  Entry FindLasting(const KeyView& key) const;
  Entry FindHeldFor(const KeyView& key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Hold(const KeyView& key, Entry entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Drop(const KeyView& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropHeld(const KeyView& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropOldestHeld() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PurgeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Want(const KeyView& key, const fhir::ElementSet& elements)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  std::deque<Feed> feeds_;
  StringMap<FeedId> feed_of_project_;
  Lasting lasting_;

  // Not taken while what is asked for is kept and fresh.
  mutable Mutex mutex_;
  Map<Held> held_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::pair<absl::Duration, Key>> held_order_
      ABSL_GUARDED_BY(mutex_);
  size_t held_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  Map<WantedPart> wanted_ ABSL_GUARDED_BY(mutex_);
  std::deque<Key> wanted_order_ ABSL_GUARDED_BY(mutex_);

  mutable std::atomic<uint64_t> not_given_{0};  // Found, and not given.
  std::atomic<uint64_t> held_hits_{0};
  std::atomic<uint64_t> misses_{0};
  std::atomic<uint64_t> reads_{0};
  std::atomic<uint64_t> failed_reads_{0};
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_ATTRIBUTE_CACHE_H_
