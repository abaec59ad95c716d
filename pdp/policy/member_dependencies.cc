#include "pdp/policy/member_dependencies.h"

#include <string>
#include <utility>

#include "pdp/fhir/reference.h"
#include "pdp/policy/bind.h"
#include "pdp/policy/membership.h"
#include "pdp/policy/project.h"

namespace pdp::policy {
namespace {

using fhir::LookupState;
using fhir::ResourceKey;

class Collector {
 public:
  explicit Collector(const fhir::ResourceLookup& lookup) : lookup_(lookup) {}

  // False where it cannot be told.
  bool CollectFrom(std::string_view reference) {
    const std::optional<ResourceKey> key = ResourceKey::Parse(reference);
    if (!key) return true;
    keys_.push_back(*key);
    fhir::ResourcePtr resource;
    if (!Read(*key, resource)) return false;
    if (resource == nullptr) return true;
    const auto membership = ParseMembership(*resource);
    // One that cannot be used changes only by its own change.
    return !membership.ok() || CollectFrom(*membership);
  }

  std::vector<ResourceKey> TakeKeys() && { return std::move(keys_); }

 private:
  bool CollectFrom(const Membership& membership) {
    Add(membership.user_configuration);
    Add(membership.profile);
    for (const AccessItem& item : membership.access) Add(item.policy.reference);
    if (membership.access_policy) Add(membership.access_policy->reference);
    const std::optional<ResourceKey> key =
        fhir::KeyOfReference(membership.project);
    if (!key) return true;
    keys_.push_back(*key);
    fhir::ResourcePtr resource;
    if (!Read(*key, resource)) return false;
    if (resource == nullptr || resource->type() != "Project") return true;
    const Project project = ParseProject(*resource);
    for (const std::string& link : project.links) Add(link);
    if (membership.access_policy) {
      Add(ReconciledAccessPolicy(project, membership.admin,
                                 *membership.access_policy)
              .reference);
    }
    return true;
  }

  void Add(std::string_view reference) {
    if (auto key = fhir::KeyOfReference(reference)) {
      keys_.push_back(*std::move(key));
    }
  }

  // `resource` is null where there is none.
  bool Read(const ResourceKey& key, fhir::ResourcePtr& resource) const {
    fhir::LookupResult found = lookup_.Read(key);
    if (found.state == LookupState::kUnavailable ||
        found.state == LookupState::kPending) {
      return false;
    }
    if (found.state == LookupState::kFound) {
      resource = std::move(found.resource);
    }
    return true;
  }

  const fhir::ResourceLookup& lookup_;
  std::vector<ResourceKey> keys_;
};

}  // namespace

std::optional<std::vector<ResourceKey>> MemberDependencies(
    std::string_view reference, const fhir::ResourceLookup& lookup) {
  Collector collector(lookup);
  if (!collector.CollectFrom(reference)) return std::nullopt;
  return std::move(collector).TakeKeys();
}

}  // namespace pdp::policy
