// MemoryLookup: a handful of resources in memory, for tests and for judging
// recorded decisions in process.

#ifndef PDP_FHIR_MEMORY_LOOKUP_H_
#define PDP_FHIR_MEMORY_LOOKUP_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"

namespace pdp::fhir {

// Immutable once filled.
class MemoryLookup : public ResourceLookup {
 public:
  // `live`: the current version of every resource that exists.  `versions`:
  // older versions, oldest first for each resource.  What is only in `versions`
  // has been deleted.
  MemoryLookup(std::vector<ResourcePtr> live,
               std::vector<ResourcePtr> versions);

  LookupResult Read(const ResourceKey& key) const override;
  LookupResult ReadVersion(const ResourceKey& key,
                           std::string_view version_id) const override;
  LookupState FindVersions(
      const ResourceKey& key,
      const std::function<void(const ResourcePtr&)>& visit) const override;
  LookupState FindMemberships(
      std::string_view reference,
      const std::function<void(const ResourcePtr&)>& visit) const override;
  LookupState Scan(
      std::string_view type, std::string_view project,
      const std::function<bool(const ResourcePtr&)>& visit) const override;

 private:
  std::map<ResourceKey, ResourcePtr> live_;
  std::map<ResourceKey, ResourcePtr> deleted_;
  std::map<std::pair<ResourceKey, std::string>, ResourcePtr> versions_;
};

}  // namespace pdp::fhir

#endif  // PDP_FHIR_MEMORY_LOOKUP_H_
