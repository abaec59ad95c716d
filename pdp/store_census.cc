#include "pdp/store_census.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource.h"
#include "pdp/policy/bind.h"
#include "pdp/policy/membership.h"
#include "pdp/policy/project.h"

namespace pdp {
namespace {

using fhir::ResourceKey;
using store::Record;

fhir::ResourcePtr Parse(const Record& record) {
  auto resource = fhir::Resource::Parse(record.bytes);
  return resource.ok() ? *std::move(resource) : nullptr;
}

// A project admin has Medplum's own entries, a super admin everything.
bool NeedsPolicy(const policy::Membership& membership,
                 const absl::flat_hash_set<std::string>& super_projects) {
  return membership.active && !membership.admin &&
         !super_projects.contains(membership.project);
}

}  // namespace

absl::StatusOr<Census> CountStore(const store::Store& store) {
  Census census;
  absl::flat_hash_set<std::string> super_projects;
  PDP_RETURN_IF_ERROR(store.Scan(
      "Project", "", [&](const ResourceKey& key, const Record& record) {
        const fhir::ResourcePtr resource = Parse(record);
        if (resource != nullptr &&
            policy::ParseProject(*resource).super_admin) {
          super_projects.insert(key.ToString());
        }
        return true;
      }));
  PDP_RETURN_IF_ERROR(store.Scan(
      "AccessPolicy", "", [&](const ResourceKey&, const Record& record) {
        ++census.policies;
        const fhir::ResourcePtr resource = Parse(record);
        if (resource == nullptr || !policy::CompilePolicy(*resource).ok()) {
          ++census.refused_policies;
        }
        return true;
      }));
  PDP_RETURN_IF_ERROR(store.Scan(
      "ProjectMembership", "", [&](const ResourceKey&, const Record& record) {
        ++census.memberships;
        const fhir::ResourcePtr resource = Parse(record);
        if (resource == nullptr) return true;
        const auto membership = policy::ParseMembership(*resource);
        if (membership.ok() && !membership->access_policy &&
            membership->access.empty() &&
            NeedsPolicy(*membership, super_projects)) {
          ++census.memberships_without_policy;
        }
        return true;
      }));
  return census;
}

void StoreCensus::Take() {
  const uint64_t revision = store_.revision();
  const absl::Duration begun = clock_.SinceBoot();
  if (revision == revision_ || begun < next_) return;
  const absl::StatusOr<Census> census = CountStore(store_);
  const absl::Duration ended = clock_.SinceBoot();
  next_ = ended + (ended - begun) / kShareOfTime;
  if (!census.ok()) return;
  revision_ = revision;
  MutexLock lock(mutex_);
  counts_ = *census;
}

}  // namespace pdp
