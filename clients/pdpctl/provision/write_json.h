// The resources that a step writes, as JSON, with the references that the
// server knows in place of the names of the file.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_WRITE_JSON_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_WRITE_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "clients/pdpctl/provision/observed.h"
#include "clients/pdpctl/provision/plan.h"

namespace pdp::provision {

// Search parameters that find what is marked with `key`.
std::string TagCondition(std::string_view system, std::string_view key);
std::string IdentifierCondition(std::string_view system, std::string_view key);

// `project`: becomes meta.project of what is new, unless it is empty.  Of what
// is there, all that provisioning does not manage stays as it is.
absl::StatusOr<std::string> PolicyJson(const Step& step,
                                       std::string_view system,
                                       std::string_view project);
std::string OrganizationJson(const Step& step, std::string_view project);
// `secret`: of a new ClientApplication.
std::string ProfileJson(const Step& step, std::string_view system,
                        std::string_view project, std::string_view secret);

// FailedPrecondition: a name stands for nothing, or the membership would have
// no access, which Medplum takes for all.
absl::StatusOr<std::string> MembershipJson(const Step& step,
                                           const Observed& observed,
                                           std::string_view project);
// The body of an invite.
absl::StatusOr<std::string> InviteJson(const Step& step,
                                       const Observed& observed,
                                       bool send_email);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_WRITE_JSON_H_
