// StoreLookup answers what a decision asks of other resources, from a Store.
//
// Thread-safe.  Parsed resources are kept in a bounded cache, and so is what is
// known not to exist.  The lookup observes its store: once an Apply has
// returned, no call that begins later is answered from before it.
//
// What the store cannot read is kUnavailable, and counted; kAbsent is only what
// the store says it does not have.  Of a store that mirrors some types only
// (mirrored_types.h) it is kAbsent for these alone: of others nothing is known
// but what an attribute cache knows in part, and nothing of the older versions
// of all types.

#ifndef PDP_SYNC_STORE_LOOKUP_H_
#define PDP_SYNC_STORE_LOOKUP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/sync/attribute_cache.h"
#include "pdp/sync/sharded_cache.h"
#include "store/store.h"

namespace pdp::sync {

// The largest resource that is stored and read again.
inline constexpr size_t kMaxStoredResourceBytes = size_t{16} << 20;

class StoreLookup : public fhir::ResourceLookup {
 public:
  struct Options {
    // Of parsed resources and of look-ups by subject, as they are in memory: a
    // parsed resource takes some 16 times its JSON.
    size_t max_cache_bytes = size_t{128} << 20;
    fhir::ParseLimits parse_limits = {.max_bytes = kMaxStoredResourceBytes};
    // Whether the store holds nothing but the mirrored types, rather than all
    // that there is of its source.
    bool mirrored_types_only = false;
    // Where parts of what is not mirrored are; null: nowhere.  Must outlive the
    // lookup.
    AttributeCache* attributes = nullptr;
  };

  struct Statistics {
    CacheStatistics resources;
    CacheStatistics subjects;
    uint64_t errors = 0;  // What the store could not read.
  };

  // `store` must outlive the lookup.
  StoreLookup(store::Store& store, const Options& options);
  explicit StoreLookup(store::Store& store) : StoreLookup(store, Options()) {}
  ~StoreLookup() override;
  StoreLookup(const StoreLookup&) = delete;
  StoreLookup& operator=(const StoreLookup&) = delete;

  fhir::LookupResult Read(const fhir::ResourceKey& key) const override;
  fhir::LookupResult ReadPart(const fhir::ResourceKey& key,
                              const fhir::ElementSet& elements,
                              std::string_view project) const override;
  fhir::LookupResult FindHeld(const fhir::ResourceKey& key,
                              std::string_view project) const override;
  fhir::LookupState FindDeletion(const fhir::ResourceKey& key) const override;
  fhir::LookupResult ReadVersion(const fhir::ResourceKey& key,
                                 std::string_view version_id) const override;
  fhir::LookupState FindVersions(
      const fhir::ResourceKey& key,
      const std::function<void(const fhir::ResourcePtr&)>& visit)
      const override;
  fhir::LookupState FindMemberships(
      std::string_view reference,
      const std::function<void(const fhir::ResourcePtr&)>& visit)
      const override;
  fhir::LookupState Scan(std::string_view type, std::string_view project,
                         const std::function<bool(const fhir::ResourcePtr&)>&
                             visit) const override;
  // As Scan, from the resource that follows the id `after`.
  fhir::LookupState ScanAfter(
      std::string_view type, std::string_view project, std::string_view after,
      const std::function<bool(const fhir::ResourcePtr&)>& visit) const;

  Statistics statistics() const;

 private:
  // Most subjects have one membership or a few.
  using Memberships = absl::InlinedVector<fhir::ResourcePtr, 4>;
  using Keys = std::vector<fhir::ResourceKey>;
  using ResourceCache =
      ShardedCache<fhir::ResourceKey, fhir::LookupResult,
                   absl::flat_hash_map<fhir::ResourceKey, int>::hasher,
                   absl::flat_hash_map<fhir::ResourceKey, int>::key_equal>;
  using SubjectCache = ShardedCache<std::string, std::shared_ptr<const Keys>,
                                    StringHash, StringEqual>;

  // Whether what the store does not hold of `type` does not exist.
  bool IsWhole(std::string_view type) const;
  // What the store holds: kAbsent where that is nothing.
  fhir::LookupResult ReadKept(const fhir::ResourceKey& key) const;
  fhir::LookupResult ReadStore(const fhir::ResourceKey& key) const;
  fhir::LookupResult FromRecord(const fhir::ResourceKey& key,
                                const store::Record& record) const;
  // The resource in `record`; null where it cannot be parsed.
  fhir::ResourcePtr ParseRecord(const fhir::ResourceKey& key,
                                const store::Record& record) const;
  // Likewise, from the cache where that holds the same bytes.
  fhir::ResourcePtr ReuseOrParse(const fhir::ResourceKey& key,
                                 const store::Record& record) const;
  bool FindCachedMemberships(std::string_view reference, const Keys& keys,
                             Memberships& found) const;
  void CountError() const;

  store::Store& store_;
  const Options options_;
  mutable ResourceCache resources_;
  mutable SubjectCache subjects_;
  mutable std::atomic<uint64_t> errors_{0};
  int observer_ = 0;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_STORE_LOOKUP_H_
