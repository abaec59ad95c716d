#include "pdp/policy/lint_rules.h"

#include <array>

namespace pdp::policy {
namespace {

using enum LintRule;
using enum Severity;

constexpr std::array<LintRuleInfo, kLintRules> kRules = {{
    {kCriteriaPrefix, "criteria-prefix", kError,
     "Criteria have to begin with the entry's own type and `?`; otherwise "
     "Medplum's search ignores them, and all others of the type with them."},
    {kCriteriaEmpty, "criteria-empty", kError,
     "Criteria without a condition restrict nothing in Medplum."},
    {kCriteriaUnreadable, "criteria-unreadable", kError,
     "Medplum answers 400 to whatever comes to such criteria."},
    {kCriteriaUnknownParameter, "criteria-unknown-parameter", kError,
     "The type has no such search parameter: searches end with 400, and "
     "nothing can be written."},
    {kCriteriaReachesFurther, "criteria-reaches-further", kWarning,
     "Chains, `_has` and `_filter` hold in searches alone: nothing can be "
     "written through the entry."},
    {kCriteriaNumber, "criteria-number", kWarning,
     "Numbers and quantities are compared in searches alone: nothing can be "
     "written through the entry."},
    {kCriteriaModifierIgnored, "criteria-modifier-ignored", kError,
     "Medplum takes this modifier for plain equality when it judges a single "
     "resource."},
    {kCriteriaModifierDropped, "criteria-modifier-dropped", kWarning,
     "Medplum does not know this modifier and drops it."},
    {kCriteriaPartialText, "criteria-partial-text", kWarning,
     "Texts and URIs match wherever the value occurs in them."},
    {kCriteriaNotOfAbsent, "criteria-not-of-absent", kWarning,
     "Without a value `:not` holds in memory and not in Medplum's database: "
     "what may be read depends on its cache."},
    {kCriteriaDateAlways, "criteria-date-always", kError,
     "`:not` of a date always holds, `sw` never does."},
    {kCriteriaDatePart, "criteria-date-part", kWarning,
     "Medplum's database refuses dates without a day: searches end with 400."},
    {kCriteriaMissingValue, "criteria-missing-value", kError,
     "`:missing` and `:present` take `true` or `false`; anything else means "
     "one in memory and the other in the database."},
    {kCriteriaBareId, "criteria-bare-id", kWarning,
     "An id without its type is matched only where one type is possible."},
    {kCriteriaForeignReference, "criteria-foreign-reference", kWarning,
     "Absolute and versioned references never equal `Type/id`."},
    {kCriteriaIdNoUuid, "criteria-id-no-uuid", kWarning,
     "Medplum's ids are UUIDs: no search finds another."},
    {kCriteriaEmptyValue, "criteria-empty-value", kError,
     "A condition without a value matches what has no value, or everything."},
    {kCriteriaSecondQuestion, "criteria-second-question-mark", kError,
     "What stands behind a second `?` is lost."},
    {kCriteriaControl, "criteria-control", kInfo,
     "Parameters such as `_sort` and `_count` restrict nothing."},
    {kCriteriaWildcard, "criteria-wildcard", kWarning,
     "Criteria for `*` hold in searches and reads alone, and hide no fields "
     "in Medplum."},
    {kTypeUnknown, "type-unknown", kError,
     "No FHIR or Medplum resource type has this name: the entry grants "
     "nothing."},
    {kTypeProtected, "type-protected", kWarning,
     "Only super administrators reach this type: the entry grants nothing."},
    {kTypeAdministrative, "type-administrative", kWarning,
     "Medplum removes entries for this type, and has its own for "
     "administrators of the project."},
    {kGrantEverything, "grant-everything", kWarning,
     "Everything in the project is granted."},
    {kGrantWholeType, "grant-whole-type", kInfo,
     "Every patient's resources of this type are granted."},
    {kInteractionEmpty, "interaction-empty", kError,
     "Medplum stores an empty list as none, which grants everything; strict "
     "mode grants nothing."},
    {kInteractionUnknown, "interaction-unknown", kError,
     "No interaction has this name: it grants nothing."},
    {kReadonlyIgnored, "readonly-ignored", kWarning,
     "Beside `interaction` the old `readonly` decides nothing."},
    {kCompartmentDeprecated, "compartment-deprecated", kInfo,
     "`compartment` of an entry is deprecated; write `_compartment=` in its "
     "criteria."},
    {kCompartmentOverCriteria, "compartment-over-criteria", kError,
     "Medplum's searches ignore the criteria of an entry with a "
     "`compartment`."},
    {kWriteWithoutRead, "write-without-read", kWarning,
     "Updates and deletions begin with a read, which the policy does not "
     "grant."},
    {kEntryUnreachable, "entry-unreachable", kWarning,
     "An earlier entry grants all of this: the entry never decides."},
    {kEntryHidesLess, "entry-hides-less", kWarning,
     "Fields come from the first entry that matches: what a later one hides "
     "is shown where this one matches too."},
    {kEntryConstrainsLess, "entry-constrains-less", kWarning,
     "Write constraints come from the first entry that matches: those of a "
     "later one do not count where this one matches too."},
    {kFieldUnknown, "field-unknown", kWarning,
     "The type has no such element: nothing is hidden or protected."},
    {kFieldErased, "field-erased", kWarning,
     "Medplum erases nested and `[x]` fields on update instead of keeping "
     "them."},
    {kFieldsBroken, "fields-broken", kError,
     "A list of fields with anything but names ends every read through the "
     "entry with 400."},
    {kConstraintUnreadable, "constraint-unreadable", kError,
     "The write constraint is no FHIRPath that can be evaluated: every write "
     "through the entry fails."},
    {kConstraintUnused, "constraint-unused", kInfo,
     "The entry grants no create or update, so its write constraint is never "
     "tested."},
    {kPolicyUnreadable, "policy-unreadable", kError,
     "The AccessPolicy cannot be read: whoever names it has no access."},
    {kPolicyEmpty, "policy-empty", kWarning,
     "A policy without entries grants nothing."},
    {kPolicyUnused, "policy-unused", kInfo,
     "No membership and no default of the project names the policy."},
    {kCreateAboutAnyone, "create-about-anyone", kWarning,
     "The policy's compartment is stamped on what is created, so the criteria "
     "holds for new resources about anybody; strict mode refuses those."},
    {kIpRuleUnmatchable, "ip-rule-unmatchable", kError,
     "An IP rule compares the beginning of an address as text; this one "
     "matches none."},
    {kIpRuleUnreachable, "ip-rule-unreachable", kWarning,
     "An earlier IP rule matches all of its addresses."},
    {kIpRuleBoundary, "ip-rule-boundary", kWarning,
     "The rule also matches addresses that only begin alike, as `10.1` does "
     "`10.10.0.1`; end it with a dot where it is a part of an address."},
    {kMembershipUnreadable, "membership-unreadable", kError,
     "The ProjectMembership cannot be read: its member has no access."},
    {kMembershipWithoutPolicy, "membership-without-policy", kWarning,
     "Medplum gives a member without a policy full access; strict mode gives "
     "none."},
    {kMembershipPolicyMissing, "membership-policy-missing", kError,
     "The policy does not exist: Medplum refuses every request of the "
     "member."},
    {kMembershipPolicyForeign, "membership-policy-foreign", kWarning,
     "The policy is of a project that is neither the member's nor linked by "
     "it; in strict mode it grants nothing."},
    {kMembershipTenantAdmin, "membership-tenant-admin", kWarning,
     "An administrator of the whole project is bound to a tenant: the "
     "administration is not."},
    {kMembershipTwice, "membership-twice", kInfo,
     "The membership names the policy twice with the same parameters."},
    {kParameterUnbound, "parameter-unbound", kError,
     "The policy uses a parameter that the membership does not give: it stays "
     "as text and matches nothing."},
    {kParameterUnused, "parameter-unused", kWarning,
     "The membership gives a parameter that the policy does not use."},
    {kParameterRepeated, "parameter-repeated", kWarning,
     "Medplum's server uses the first value of a repeated parameter alone; "
     "write one access item for each value."},
    {kParameterPrefix, "parameter-prefix", kError,
     "Parameters are replaced as text: a name that is the beginning of "
     "another spoils it."},
    {kParameterStructure, "parameter-structure", kError,
     "The value would change what the policy says; strict mode refuses the "
     "policy."},
    {kParameterEmpty, "parameter-empty", kError,
     "A parameter without a value stays in the policy as text."},
    {kParameterReserved, "parameter-reserved", kWarning,
     "Medplum gives every member this parameter itself."},
    {kParameterPatient, "parameter-patient", kWarning,
     "`%patient` stands for the member's profile, and that is no Patient."},
}};

constexpr bool AreInOrder() {
  for (size_t i = 0; i < kRules.size(); ++i) {
    if (static_cast<size_t>(kRules[i].rule) != i) return false;
  }
  return true;
}
static_assert(AreInOrder());

}  // namespace

const LintRuleInfo& InfoOf(LintRule rule) {
  return kRules[static_cast<size_t>(rule)];
}

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case kInfo:
      return "INFO";
    case kWarning:
      return "WARNING";
    case kError:
      return "ERROR";
    case kUnspecified:
      break;
  }
  return "UNSPECIFIED";
}

}  // namespace pdp::policy
