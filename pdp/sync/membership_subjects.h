// The references under which a ProjectMembership is found.

#ifndef PDP_SYNC_MEMBERSHIP_SUBJECTS_H_
#define PDP_SYNC_MEMBERSHIP_SUBJECTS_H_

#include <array>
#include <string_view>

#include "pdp/fhir/resource.h"

namespace pdp::sync {

// `profile` and `user`; empty where they are absent or no references.
inline std::array<std::string_view, 2> MembershipSubjects(
    const fhir::Resource& membership) {
  const auto reference = [&membership](std::string_view name) {
    const auto member = fhir::Member(membership.root(), name);
    return member ? fhir::StringMember(*member, "reference")
                  : std::string_view();
  };
  return {reference("profile"), reference("user")};
}

}  // namespace pdp::sync

#endif  // PDP_SYNC_MEMBERSHIP_SUBJECTS_H_
