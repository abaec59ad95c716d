// Project: the settings of a Medplum project that change decisions
// (semantics S-7).

#ifndef PDP_POLICY_PROJECT_H_
#define PDP_POLICY_PROJECT_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pdp/fhir/resource.h"
#include "pdp/policy/access_policy.h"

namespace pdp::policy {

struct Project {
  std::string id;
  bool super_admin = false;
  bool strict_mode = false;
  bool check_references_on_write = false;
  bool transaction_bundles = false;
  bool range_search = false;
  std::vector<std::string> links;           // `Project/id`, in order.
  std::vector<std::string> exported_types;  // Empty: all.
  // The profiles of new versions that name none, as JSON by resource type.
  bool has_default_profiles = false;
  std::map<std::string, std::string, std::less<>> default_profiles;
  // The values of the setting `pdpSessionRules`; empty text: no string.
  std::vector<std::string> session_rules;
  bool has_default_access_policies = false;
  // The first of their kinds; without a reference where there is none.
  PolicyReference default_practitioner_access_policy;
  PolicyReference default_admin_access_policy;
};

// REQUIRES: resource.type() is "Project".
Project ParseProject(const fhir::Resource& resource);

}  // namespace pdp::policy

#endif  // PDP_POLICY_PROJECT_H_
