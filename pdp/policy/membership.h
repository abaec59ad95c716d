// ProjectMembership: what binds a user to a project, a profile and
// AccessPolicies (semantics S-1).

#ifndef PDP_POLICY_MEMBERSHIP_H_
#define PDP_POLICY_MEMBERSHIP_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/resource.h"
#include "pdp/policy/access_policy.h"

namespace pdp::policy {

struct Parameter {
  std::string name;  // Without the percent sign.
  // What `%name` becomes.  Empty and not a reference: `%name` stays as it is.
  std::string value;
  // From valueReference: `%name.id` becomes the reference's second segment.
  bool is_reference = false;
};

struct AccessItem {
  PolicyReference policy;
  std::vector<Parameter> parameters;
};

struct Membership {
  std::string id;
  std::string project;  // `Project/id`.
  std::string user;     // `User/id`, `Bot/id`, ...
  std::string profile;  // `Practitioner/id`, ...
  bool has_user_configuration = false;
  std::string user_configuration;
  std::optional<PolicyReference> access_policy;
  std::vector<AccessItem> access;
  bool admin = false;
  bool active = true;
};

// InvalidArgument: not a ProjectMembership, or one whose members have the wrong
// JSON types (nothing of it is guessed).
absl::StatusOr<Membership> ParseMembership(const fhir::Resource& resource);

}  // namespace pdp::policy

#endif  // PDP_POLICY_MEMBERSHIP_H_
