// The rules of lint: a closed table.  Ids are stable: scripts name them.

#ifndef PDP_POLICY_LINT_RULES_H_
#define PDP_POLICY_LINT_RULES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pdp::policy {

// The numbers are those of medplum.pdp.v1.Severity.
enum class Severity : uint8_t {
  kUnspecified = 0,
  kInfo = 1,
  kWarning = 2,
  kError = 3,
};

enum class LintRule : uint8_t {
  // Criteria.
  kCriteriaPrefix,
  kCriteriaEmpty,
  kCriteriaUnreadable,
  kCriteriaUnknownParameter,
  kCriteriaReachesFurther,
  kCriteriaNumber,
  kCriteriaModifierIgnored,
  kCriteriaModifierDropped,
  kCriteriaPartialText,
  kCriteriaNotOfAbsent,
  kCriteriaDateAlways,
  kCriteriaDatePart,
  kCriteriaMissingValue,
  kCriteriaBareId,
  kCriteriaForeignReference,
  kCriteriaIdNoUuid,
  kCriteriaEmptyValue,
  kCriteriaSecondQuestion,
  kCriteriaControl,
  kCriteriaWildcard,
  // Entries.
  kTypeUnknown,
  kTypeProtected,
  kTypeAdministrative,
  kGrantEverything,
  kGrantWholeType,
  kInteractionEmpty,
  kInteractionUnknown,
  kReadonlyIgnored,
  kCompartmentDeprecated,
  kCompartmentOverCriteria,
  kWriteWithoutRead,
  kEntryUnreachable,
  kEntryHidesLess,
  kEntryConstrainsLess,
  kFieldUnknown,
  kFieldErased,
  kFieldsBroken,
  kConstraintUnreadable,
  kConstraintUnused,
  // Policies.
  kPolicyUnreadable,
  kPolicyEmpty,
  kPolicyUnused,
  kCreateAboutAnyone,
  kIpRuleUnmatchable,
  kIpRuleUnreachable,
  kIpRuleBoundary,
  // Memberships and what they bind.
  kMembershipUnreadable,
  kMembershipWithoutPolicy,
  kMembershipPolicyMissing,
  kMembershipPolicyForeign,
  kMembershipTenantAdmin,
  kMembershipTwice,
  kParameterUnbound,
  kParameterUnused,
  kParameterRepeated,
  kParameterPrefix,
  kParameterStructure,
  kParameterEmpty,
  kParameterReserved,
  kParameterPatient,
};
inline constexpr size_t kLintRules =
    static_cast<size_t>(LintRule::kParameterPatient) + 1;

struct LintRuleInfo {
  LintRule rule;
  std::string_view id;  // "criteria-prefix".
  Severity severity;
  std::string_view about;  // What it means, as a sentence.
};

const LintRuleInfo& InfoOf(LintRule rule);

// "ERROR".
std::string_view SeverityName(Severity severity);

}  // namespace pdp::policy

#endif  // PDP_POLICY_LINT_RULES_H_
