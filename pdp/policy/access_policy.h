// AccessPolicy: what a policy says, parsed and not yet bound to a member
// (semantics S-2).

#ifndef PDP_POLICY_ACCESS_POLICY_H_
#define PDP_POLICY_ACCESS_POLICY_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/resource.h"

namespace pdp::policy {

// One element of AccessPolicy.resource.
struct PolicyEntry {
  std::string resource_type;  // A type's name or `*`.

  // `interaction`, where it is present and not empty.
  bool has_interaction = false;
  fhir::InteractionSet interactions = 0;
  std::vector<std::string> interaction_names;  // As written.
  // The list is present and empty.  Medplum's storage drops such a list, which
  // makes it unrestricted.
  bool interaction_is_empty_list = false;
  // Decides only where there is no `interaction`.
  bool readonly = false;
  bool has_readonly = false;  // The member is present.

  std::string compartment;       // Deprecated; a reference, empty for none.
  std::string compartment_json;  // The whole Reference.
  // `compartment` is there and has no `reference`.
  bool compartment_names_nothing = false;
  std::string criteria;  // Empty for none.

  std::vector<std::string> hidden_fields;
  std::vector<std::string> readonly_fields;
  // A list of fields holds something other than text (semantics S-2.17): what
  // comes to use it is an error.
  bool fields_are_broken = false;

  std::vector<std::string> write_constraints;       // The expressions.
  std::vector<std::string> write_constraint_jsons;  // The whole Expressions.
};

// A Reference to an AccessPolicy, as a membership or a Project holds it.
struct PolicyReference {
  std::string reference;  // `AccessPolicy/id`; empty where it has none.
  std::string json;       // The whole Reference.
};

struct IpAccessRule {
  std::string value;
  std::string action;  // `allow` or `block`.
  std::string json;    // The whole rule.
};

struct AccessPolicy {
  std::string id;
  std::string version_id;
  std::string project;  // The id in meta.project.
  std::string name;
  std::string compartment;       // A reference, empty for none.
  std::string compartment_json;  // The whole Reference.
  std::vector<PolicyEntry> entries;
  std::vector<IpAccessRule> ip_access_rules;
};

// Reads an AccessPolicy from `root`, the JSON of one.
//
// InvalidArgument, naming the element: a member has a JSON type that it cannot
// have, or an entry has no resourceType.
absl::StatusOr<AccessPolicy> ParseAccessPolicy(fhir::JsonElement root);

// Calls `visit` with every text of the entry, to be replaced in place.
void ForEachText(PolicyEntry& entry,
                 const std::function<void(std::string&)>& visit);

// Whether any text of the entry has a percent sign, and so may change when it
// is bound.
bool MentionsParameters(const PolicyEntry& entry);

}  // namespace pdp::policy

#endif  // PDP_POLICY_ACCESS_POLICY_H_
