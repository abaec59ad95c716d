// OverlayLookup: what a lookup would answer if some resources were otherwise.
//
// Beside what it is laid over it is immutable, and as thread-safe as that.

#ifndef PDP_POLICY_OVERLAY_LOOKUP_H_
#define PDP_POLICY_OVERLAY_LOOKUP_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"

namespace pdp::policy {

class OverlayLookup final : public fhir::ResourceLookup {
 public:
  // `put` take the place of the resources with the same key in `base`, or stand
  // beside them; `deleted` have been deleted, with what `base` holds as their
  // last versions.  `base` must outlive the overlay.
  // REQUIRES: no key is there twice.
  OverlayLookup(const fhir::ResourceLookup& base,
                const std::vector<fhir::ResourcePtr>& put,
                const std::vector<fhir::ResourceKey>& deleted);

  fhir::LookupResult Read(const fhir::ResourceKey& key) const override;
  // Nothing is fetched into `base`: kUnavailable where it would have to be.
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

 private:
  using Resources = std::map<fhir::ResourceKey, fhir::ResourcePtr>;

  bool IsCovered(const fhir::ResourceKey& key) const {
    return put_.contains(key) || deleted_.contains(key);
  }

  const fhir::ResourceLookup& base_;
  Resources put_;
  std::set<fhir::ResourceKey> deleted_;
  // The memberships of `put_` by profile and by user.
  StringMap<Resources> members_;
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_OVERLAY_LOOKUP_H_
