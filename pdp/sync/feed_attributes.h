// FeedAttributes: reads what decisions want to know of resources that are not
// mirrored, for one feed, and keeps it in step.
//
// What is read is put into the AttributeCache.  While something of a type is
// there, each sweep of the feed also looks for what changed of that type; it is
// what bounds the age of attributes.  Nothing is kept of a type that the login
// may not read and search in full, or of which fields are hidden from it: what
// it is not shown would look as if it were not there.
//
// Thread-safe; several threads read.

#ifndef PDP_SYNC_FEED_ATTRIBUTES_H_
#define PDP_SYNC_FEED_ATTRIBUTES_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/element_set.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/medplum/required_access.h"
#include "pdp/sync/attribute_cache.h"
#include "pdp/sync/feed_reads.h"
#include "pdp/sync/hint_queue.h"
#include "pdp/sync/search_budget.h"
#include "pdp/sync/source.h"
#include "pdp/sync/sweep.h"

namespace pdp::sync {

class FeedAttributes {
 public:
  struct Options {
    AttributeCache* cache = nullptr;
    AttributeCache::FeedId feed = 0;
    SearchBudget* budget = nullptr;  // Of reads by id.
    size_t max_waiting = 10'000;
    int readers = 4;  // Threads.
  };

  // `reads` and what `options` points to must outlive this.
  FeedAttributes(FeedReads& reads, const Options& options);
  ~FeedAttributes();
  FeedAttributes(const FeedAttributes&) = delete;
  FeedAttributes& operator=(const FeedAttributes&) = delete;

  void Start();
  // Returns once all threads have ended; who waits was answered.
  void Stop();

  // Reads what is wanted of `key`.  OK: it was read, or is not to be had.
  // Unavailable: it could not be read now.
  void Read(const fhir::ResourceKey& key, Source::Done done);

  bool IsWanted(const fhir::ResourceKey& key) const;

  // Something was said of the resource.
  void Invalidate(const fhir::ResourceKey& key);

  // What the login may do, as it was found out.
  void SetLogin(medplum::LoginFacts facts);

  // Learns what changed of the types that are kept, before `began`: part of
  // each sweep, before the feed is confirmed for that moment.  `reach` is how
  // far before the last sweep the server may have stamped it.  What fails ends
  // what is kept of one type, and nothing else; only Cancelled is returned.
  absl::Status Sweep(const Moment& began, absl::Duration reach);

  // Nothing that is kept is given any more: what changes can no longer be told
  // by time.
  void DropAll();

  // The feed was confirmed for that moment.
  void Confirmed(const Moment& began);

 private:
  struct Type {
    std::shared_ptr<Coverage> coverage;
    // The server's clock, before which all changes are known.
    absl::Time through = absl::InfinitePast();
    absl::Duration last_read;
  };
  using Types = std::map<std::string, Type, std::less<>>;

  void ReadWanted();
  void Handle(Hint hint);
  absl::Status ReadOne(const fhir::ResourceKey& key,
                       const fhir::ElementSet& wanted);
  absl::Status TakePlace();
  fhir::LookupResult Understand(const fhir::ResourceKey& key,
                                const fhir::ElementSet& wanted,
                                const Observation& observation) const;
  // What keeps the login from reading all of `type`; empty: nothing.
  std::string MissingAccessTo(std::string_view type);
  // The coverage of `type`, which is swept from now on; null: it is not.
  std::shared_ptr<Coverage> Track(std::string_view type, absl::Duration now);
  // Ends what is kept of `type`.
  void Drop(std::string_view type, const absl::Status& why);
  // Null where nothing of the type is kept any more.
  absl::Status SweepType(const std::string& type, const Moment& began,
                         absl::Duration reach, absl::Time through);
  absl::Status SeeListed(const FeedSearch& search, absl::Time since,
                         int& pages);

  FeedReads& reads_;
  const Options options_;
  HintQueue waiting_;
  std::vector<std::thread> threads_;

  mutable Mutex mutex_;
  // What is being read now, and who else waits for it.
  std::map<fhir::ResourceKey, std::vector<Source::Done>> reading_
      ABSL_GUARDED_BY(mutex_);
  std::optional<Moment> confirmed_ ABSL_GUARDED_BY(mutex_);
  std::optional<medplum::LoginFacts> login_ ABSL_GUARDED_BY(mutex_);
  StringMap<std::string> missing_access_ ABSL_GUARDED_BY(mutex_);
  Types types_ ABSL_GUARDED_BY(mutex_);
  // Types that could not be swept, and until when they are not tried again.
  std::map<std::string, absl::Duration, std::less<>> given_up_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_FEED_ATTRIBUTES_H_
