// ListMemberships of PdpAdmin.

#include <algorithm>
#include <string>

#include "medplum/pdp/v1/admin.pb.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/membership.h"
#include "pdp/service/admin_service.h"

namespace pdp::service {
namespace {

constexpr uint32_t kDefaultPage = 1'000;
constexpr uint32_t kMaxPage = 10'000;
// Of an answer; clients take four times as much.
constexpr size_t kMaxBytes = size_t{1} << 20;

v1::MembershipSummary Summary(const fhir::Resource& resource) {
  v1::MembershipSummary summary;
  summary.set_membership(resource.key().ToString());
  summary.set_project(std::string(resource.project()));
  const auto membership = policy::ParseMembership(resource);
  if (!membership.ok()) {
    summary.set_problem(std::string(membership.status().message()));
    return summary;
  }
  summary.set_profile(membership->profile);
  summary.set_user(membership->user);
  summary.set_active(membership->active);
  summary.set_admin(membership->admin);
  if (membership->access_policy) {
    summary.add_policies(membership->access_policy->reference);
  }
  for (const policy::AccessItem& item : membership->access) {
    summary.add_policies(item.policy.reference);
  }
  return summary;
}

}  // namespace

absl::Status AdminService::ListMemberships(
    const v1::ListMembershipsRequest& request,
    v1::ListMembershipsResponse& response) const {
  const std::string& after = request.page_token();
  if (!after.empty() &&
      !fhir::ResourceKey::Parse(StrCat("ProjectMembership/", after))) {
    return absl::InvalidArgumentError(
        "page_token: send the next_page_token of a page");
  }
  const uint32_t asked =
      request.page_size() == 0 ? kDefaultPage : request.page_size();
  const int most = static_cast<int>(std::min(asked, kMaxPage));
  size_t bytes = 0;
  std::string last;
  const fhir::LookupState state = backend_.ScanMemberships(
      request.project(), after, [&](const fhir::ResourcePtr& resource) {
        if (response.memberships_size() == most || bytes >= kMaxBytes) {
          response.set_next_page_token(last);
          return false;
        }
        v1::MembershipSummary& added = *response.add_memberships();
        added = Summary(*resource);
        bytes += added.ByteSizeLong();
        last = resource->id();
        return true;
      });
  if (state != fhir::LookupState::kFound) {
    return absl::UnavailableError("the memberships cannot be listed now");
  }
  return absl::OkStatus();
}

}  // namespace pdp::service
