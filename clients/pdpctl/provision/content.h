// What provisioning manages of a resource, as lines that can be compared and
// shown: the same content has the same lines.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_CONTENT_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_CONTENT_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/json.h"
#include "pdp/policy/membership.h"

namespace pdp::provision {

using Lines = std::vector<std::string>;

// `element` with its members in the order of their names, and without those
// that Medplum does not store: null, "", {} and [].  Empty: nothing is left.
std::string CanonicalJson(fhir::JsonElement element);

// The AccessPolicy `root` as JSON without its id and meta, named `name`.
std::string PolicyContent(fhir::JsonElement root, std::string_view name);

// Of an AccessPolicy: one for each entry and IP rule.
Lines PolicyLines(fhir::JsonElement policy);

struct MembershipContent {
  bool active = true;
  bool admin = false;
  std::string access_policy;  // Empty: none.
  std::vector<policy::AccessItem> access;
};

// `@role/nurse with organization = @organization/north`.
std::string ToText(const policy::AccessItem& item);
Lines MembershipLines(const MembershipContent& content);

// `+ line` and `- line`, in order, of what turns `before` into `after`.
Lines Difference(const Lines& before, const Lines& after);

// Whether taking this, JSON of a policy or of an entry, away can give
// something: it hides, protects, constrains or blocks.
bool HoldsBack(std::string_view policy);

// Whether a change may let a member do more.  `difference` is that of two
// PolicyLines; `holds_back` tells it of the policy that an access item names.
bool PolicyChangeWidens(const Lines& difference);
bool MembershipChangeWidens(
    const MembershipContent& before, const MembershipContent& after,
    const std::function<bool(const std::string&)>& holds_back);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_CONTENT_H_
