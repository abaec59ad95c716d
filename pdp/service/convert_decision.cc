#include "pdp/service/convert_decision.h"

#include <string_view>
#include <type_traits>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/interaction.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/service/metrics.h"

namespace pdp::service {
namespace {

// The enums of the decision point carry the numbers of the API's, so that
// converting one is a cast.
template <typename Ours>
constexpr int Number(Ours value) {
  return static_cast<int>(value);
}
using fhir::Interaction;
using policy::Condition;
using policy::Effect;
using policy::FilterKind;
using policy::Match;
using policy::NoteCode;
using policy::Reason;
using policy::StrictRule;

static_assert(Number(Interaction::kRead) == v1::INTERACTION_READ);
static_assert(Number(Interaction::kVread) == v1::INTERACTION_VREAD);
static_assert(Number(Interaction::kUpdate) == v1::INTERACTION_UPDATE);
static_assert(Number(Interaction::kDelete) == v1::INTERACTION_DELETE);
static_assert(Number(Interaction::kHistory) == v1::INTERACTION_HISTORY);
static_assert(Number(Interaction::kCreate) == v1::INTERACTION_CREATE);
static_assert(Number(Interaction::kSearch) == v1::INTERACTION_SEARCH);
static_assert(Number(Interaction::kPatch) == v1::INTERACTION_PATCH);
static_assert(Number(Interaction::kPatch) == v1::Interaction_MAX);

static_assert(Number(Effect::kDeny) == v1::EFFECT_DENY);
static_assert(Number(Effect::kPermit) == v1::EFFECT_PERMIT);
static_assert(Number(Effect::kPermitWithObligations) ==
              v1::EFFECT_PERMIT_WITH_OBLIGATIONS);
static_assert(v1::Effect_MAX == v1::EFFECT_PERMIT_WITH_OBLIGATIONS);

#define PDP_SAME_REASON(ours, theirs) \
  static_assert(Number(Reason::ours) == v1::REASON_##theirs)
PDP_SAME_REASON(kPermitted, PERMITTED);
PDP_SAME_REASON(kInteractionNotGranted, INTERACTION_NOT_GRANTED);
PDP_SAME_REASON(kResourceNotGranted, RESOURCE_NOT_GRANTED);
PDP_SAME_REASON(kResultNotGranted, RESULT_NOT_GRANTED);
PDP_SAME_REASON(kWriteConstraint, WRITE_CONSTRAINT);
PDP_SAME_REASON(kProjectBoundary, PROJECT_BOUNDARY);
PDP_SAME_REASON(kProtectedType, PROTECTED_TYPE);
PDP_SAME_REASON(kSecurityContext, SECURITY_CONTEXT);
PDP_SAME_REASON(kResourceNotFound, RESOURCE_NOT_FOUND);
PDP_SAME_REASON(kResourceDeleted, RESOURCE_DELETED);
PDP_SAME_REASON(kResourceUnavailable, RESOURCE_UNAVAILABLE);
PDP_SAME_REASON(kIncompleteResource, INCOMPLETE_RESOURCE);
PDP_SAME_REASON(kResourceTypeUnknown, RESOURCE_TYPE_UNKNOWN);
PDP_SAME_REASON(kInvalidResource, INVALID_RESOURCE);
PDP_SAME_REASON(kVersionConflict, VERSION_CONFLICT);
PDP_SAME_REASON(kSubjectUnknown, SUBJECT_UNKNOWN);
PDP_SAME_REASON(kAmbiguousSubject, AMBIGUOUS_SUBJECT);
PDP_SAME_REASON(kSubjectInactive, SUBJECT_INACTIVE);
PDP_SAME_REASON(kSubjectIncomplete, SUBJECT_INCOMPLETE);
PDP_SAME_REASON(kPolicyMissing, POLICY_MISSING);
PDP_SAME_REASON(kPolicyUnavailable, POLICY_UNAVAILABLE);
PDP_SAME_REASON(kPolicyInvalid, POLICY_INVALID);
PDP_SAME_REASON(kEvaluationError, EVALUATION_ERROR);
PDP_SAME_REASON(kAddressNotAllowed, ADDRESS_NOT_ALLOWED);
PDP_SAME_REASON(kTenantNotAllowed, TENANT_NOT_ALLOWED);
PDP_SAME_REASON(kAccountNotAllowed, ACCOUNT_NOT_ALLOWED);
PDP_SAME_REASON(kOnBehalfOf, ON_BEHALF_OF);
PDP_SAME_REASON(kScope, SCOPE);
PDP_SAME_REASON(kFactMissing, FACT_MISSING);
PDP_SAME_REASON(kQueryNotSafe, QUERY_NOT_SAFE);
PDP_SAME_REASON(kBlocked, BLOCKED);
PDP_SAME_REASON(kNotSupported, NOT_SUPPORTED);
PDP_SAME_REASON(kLimitExceeded, LIMIT_EXCEEDED);
PDP_SAME_REASON(kInternal, INTERNAL);
PDP_SAME_REASON(kSessionExpired, SESSION_EXPIRED);
PDP_SAME_REASON(kAccountLocked, ACCOUNT_LOCKED);
PDP_SAME_REASON(kMfaRequired, MFA_REQUIRED);
PDP_SAME_REASON(kSessionFactMissing, SESSION_FACT_MISSING);
PDP_SAME_REASON(kTokenInvalid, TOKEN_INVALID);
static_assert(v1::Reason_MAX == v1::REASON_TOKEN_INVALID);
static_assert(Metrics::kReasons == v1::Reason_ARRAYSIZE);
#undef PDP_SAME_REASON

static_assert(Number(Match::kYes) == v1::MATCH_YES);
static_assert(Number(Match::kNo) == v1::MATCH_NO);
static_assert(Number(Match::kUnknown) == v1::MATCH_UNKNOWN);
static_assert(Number(Match::kError) == v1::MATCH_ERROR);
static_assert(v1::Match_MAX == v1::MATCH_ERROR);

#define PDP_SAME_RULE(ours, theirs) \
  static_assert(Number(StrictRule::ours) == v1::STRICT_RULE_##theirs)
PDP_SAME_RULE(kMalformedCriteria, MALFORMED_CRITERIA);
PDP_SAME_RULE(kWildcardCriteriaFields, WILDCARD_CRITERIA_FIELDS);
PDP_SAME_RULE(kCreateNamesGrantedPatient, CREATE_NAMES_GRANTED_PATIENT);
PDP_SAME_RULE(kDeletedNeedsGrant, DELETED_NEEDS_GRANT);
PDP_SAME_RULE(kParameterStructure, PARAMETER_STRUCTURE);
PDP_SAME_RULE(kSmartLetters, SMART_LETTERS);
PDP_SAME_RULE(kOnBehalfOfActive, ON_BEHALF_OF_ACTIVE);
PDP_SAME_RULE(kAddressBoundary, ADDRESS_BOUNDARY);
PDP_SAME_RULE(kDurableRead, DURABLE_READ);
PDP_SAME_RULE(kPolicyRequired, POLICY_REQUIRED);
PDP_SAME_RULE(kEmptyInteraction, EMPTY_INTERACTION);
PDP_SAME_RULE(kPolicyProject, POLICY_PROJECT);
PDP_SAME_RULE(kAccountAllowed, ACCOUNT_ALLOWED);
PDP_SAME_RULE(kDurableFields, DURABLE_FIELDS);
PDP_SAME_RULE(kFactRequired, FACT_REQUIRED);
PDP_SAME_RULE(kSafeQuery, SAFE_QUERY);
static_assert(v1::StrictRule_MAX == v1::STRICT_RULE_SAFE_QUERY);
#undef PDP_SAME_RULE

static_assert(Number(NoteCode::kStrictRule) == v1::NOTE_CODE_STRICT_RULE);
static_assert(Number(NoteCode::kRepeatedParameter) ==
              v1::NOTE_CODE_REPEATED_PARAMETER);
static_assert(Number(NoteCode::kDurableUnknown) ==
              v1::NOTE_CODE_DURABLE_UNKNOWN);
static_assert(Number(NoteCode::kCompartmentComputed) ==
              v1::NOTE_CODE_COMPARTMENT_COMPUTED);
static_assert(Number(NoteCode::kProjectAssumed) ==
              v1::NOTE_CODE_PROJECT_ASSUMED);
static_assert(Number(NoteCode::kStale) == v1::NOTE_CODE_STALE);
static_assert(Number(NoteCode::kServerVersion) == v1::NOTE_CODE_SERVER_VERSION);
static_assert(Number(NoteCode::kNoChange) == v1::NOTE_CODE_NO_CHANGE);
static_assert(Number(NoteCode::kStaleResource) == v1::NOTE_CODE_STALE_RESOURCE);
static_assert(v1::NoteCode_MAX == v1::NOTE_CODE_STALE_RESOURCE);

static_assert(Number(FilterKind::kAlwaysDenied) ==
              v1::FILTER_KIND_ALWAYS_DENIED);
static_assert(Number(FilterKind::kAlwaysPermitted) ==
              v1::FILTER_KIND_ALWAYS_PERMITTED);
static_assert(Number(FilterKind::kConditional) == v1::FILTER_KIND_CONDITIONAL);
static_assert(v1::FilterKind_MAX == v1::FILTER_KIND_CONDITIONAL);

static_assert(Number(Condition::Operator::kEquals) ==
              v1::COMPARISON_OPERATOR_EQUALS);
static_assert(Number(Condition::Operator::kStartsWith) ==
              v1::COMPARISON_OPERATOR_STARTS_WITH);
static_assert(Number(Condition::Operator::kContains) ==
              v1::COMPARISON_OPERATOR_CONTAINS);
static_assert(Number(Condition::Operator::kLessThan) ==
              v1::COMPARISON_OPERATOR_LESS_THAN);
static_assert(Number(Condition::Operator::kLessThanOrEquals) ==
              v1::COMPARISON_OPERATOR_LESS_THAN_OR_EQUALS);
static_assert(Number(Condition::Operator::kGreaterThan) ==
              v1::COMPARISON_OPERATOR_GREATER_THAN);
static_assert(Number(Condition::Operator::kGreaterThanOrEquals) ==
              v1::COMPARISON_OPERATOR_GREATER_THAN_OR_EQUALS);
static_assert(Number(Condition::Operator::kExists) ==
              v1::COMPARISON_OPERATOR_EXISTS);
static_assert(Number(Condition::Operator::kNotEquals) ==
              v1::COMPARISON_OPERATOR_NOT_EQUALS);
static_assert(v1::ComparisonOperator_MAX == v1::COMPARISON_OPERATOR_NOT_EQUALS);

template <typename Theirs, typename Ours>
Theirs Cast(Ours value) {
  return static_cast<Theirs>(Number(value));
}

template <typename Message>
void ConvertNotes(const std::vector<policy::Note>& notes, Message& message) {
  for (const policy::Note& note : notes) {
    ConvertNote(note, *message.add_notes());
  }
}

void ConvertWrite(const policy::WriteOutcome& write,
                  v1::WriteOutcome& message) {
  for (const std::string& account : write.accounts) {
    message.add_accounts(account);
  }
  for (const std::string& compartment : write.compartments) {
    message.add_compartments(compartment);
  }
  for (const std::string& field : write.restored_fields) {
    message.add_restored_fields(field);
  }
  message.set_resource(write.resource);
}

void ConvertCondition(const policy::Condition& condition,
                      v1::Condition& message) {
  switch (condition.kind) {
    case policy::Condition::Kind::kConstant:
      message.set_constant(condition.constant);
      return;
    case policy::Condition::Kind::kAllOf:
    case policy::Condition::Kind::kAnyOf: {
      v1::ConditionList& list =
          condition.kind == policy::Condition::Kind::kAllOf
              ? *message.mutable_all_of()
              : *message.mutable_any_of();
      for (const policy::Condition& child : condition.children) {
        ConvertCondition(child, *list.add_conditions());
      }
      return;
    }
    case policy::Condition::Kind::kNot:
      ConvertCondition(condition.children.front(), *message.mutable_not_());
      return;
    case policy::Condition::Kind::kComparison: {
      v1::Comparison& comparison = *message.mutable_comparison();
      comparison.set_parameter(condition.parameter);
      comparison.set_path(condition.path);
      comparison.set_operator_(Cast<v1::ComparisonOperator>(condition.op));
      comparison.set_parameter_type(condition.parameter_type.data(),
                                    condition.parameter_type.size());
      for (const std::string& value : condition.values) {
        comparison.add_values(value);
      }
      return;
    }
  }
}

}  // namespace

void ConvertEntry(const policy::EntrySource& source, v1::PolicyEntry& message) {
  message.set_policy(source.policy);
  message.set_policy_version_id(source.policy_version_id);
  message.set_policy_name(source.policy_name);
  message.set_index(source.index);
  message.set_source(source.source);
  message.set_built_in(std::string(source.built_in));
}

void ConvertNote(const policy::Note& note, v1::Note& message) {
  message.set_code(Cast<v1::NoteCode>(note.code));
  message.set_strict_rule(Cast<v1::StrictRule>(note.strict_rule));
  message.set_text(note.text);
}

void ConvertDecision(const policy::Decision& decision, v1::Decision& message) {
  message.set_effect(Cast<v1::Effect>(decision.effect));
  message.set_reason(Cast<v1::Reason>(decision.reason));
  message.set_message(decision.message);
  if (decision.entry != nullptr) {
    ConvertEntry(decision.entry->source, *message.mutable_entry());
  }
  for (const std::string_view field : decision.hidden_fields) {
    message.add_hidden_fields(field.data(), field.size());
  }
  for (const std::string_view field : decision.readonly_fields) {
    message.add_readonly_fields(field.data(), field.size());
  }
  message.set_enforcement_http_status(policy::EnforcementHttpStatus(decision));
  message.set_medplum_http_status(decision.medplum_http_status);
  message.set_memory_match(Cast<v1::Match>(decision.memory_match));
  message.set_durable_match(Cast<v1::Match>(decision.durable_match));
  message.set_revision(decision.revision);
  ConvertNotes(decision.notes, message);
  if (decision.write) ConvertWrite(*decision.write, *message.mutable_write());
  for (const policy::VersionFields& version : decision.versions) {
    v1::VersionFields& added = *message.add_versions();
    added.set_version_id(version.version_id);
    for (const std::string& field : version.hidden_fields) {
      added.add_hidden_fields(field);
    }
  }
}

void ConvertFilterAnswer(const policy::FilterAnswer& answer,
                         v1::FilterResponse& message) {
  message.set_kind(Cast<v1::FilterKind>(answer.kind));
  message.set_reason(Cast<v1::Reason>(answer.reason));
  message.set_message(answer.message);
  for (const std::string& query : answer.queries) message.add_queries(query);
  message.set_single_query(answer.single_query);
  if (answer.condition) {
    ConvertCondition(*answer.condition, *message.mutable_condition());
  }
  for (const std::string& field : answer.hidden_fields) {
    message.add_hidden_fields(field);
  }
  message.set_strip_fields_required(answer.strip_fields_required);
  message.set_enforcement_http_status(policy::EnforcementHttpStatus(answer));
  message.set_medplum_http_status(answer.medplum_http_status);
  message.set_revision(answer.revision);
  ConvertNotes(answer.notes, message);
  for (const std::string& sentence : answer.inexact) {
    message.add_inexact(sentence);
  }
}

void ConvertEffectivePolicy(
    const policy::DecisionPoint::EffectivePolicy& answer,
    v1::DescribeAccessResponse& message) {
  message.set_membership(answer.membership);
  message.set_project(answer.project);
  message.set_profile(answer.profile);
  message.set_effective_policy(answer.json);
  for (const policy::TypeAccess& type : answer.types) {
    v1::TypeAccess& added = *message.add_types();
    added.set_resource_type(type.resource_type);
    for (int i = 1; i <= v1::Interaction_MAX; ++i) {
      const fhir::InteractionSet bit =
          fhir::Bit(static_cast<fhir::Interaction>(i));
      const auto interaction = static_cast<v1::Interaction>(i);
      if (i == v1::INTERACTION_PATCH) continue;  // Is granted by update.
      if (type.interactions & bit) added.add_interactions(interaction);
      if (type.unrestricted & bit) {
        added.add_unrestricted_interactions(interaction);
      }
    }
  }
  for (const policy::TenantDescription& tenant : answer.tenants) {
    v1::Tenant& added = *message.add_tenants();
    added.set_reference(tenant.reference);
    added.set_granted_by(tenant.granted_by);
    added.set_policy(tenant.policy);
    added.set_source(tenant.source);
    added.set_parameter(tenant.parameter);
  }
  for (const policy::RoleDescription& role : answer.roles) {
    v1::Role& added = *message.add_roles();
    added.set_policy(role.policy);
    added.set_name(role.name);
    added.set_tenant(role.tenant);
    added.set_source(role.source);
  }
  ConvertNotes(answer.denial.notes, message);
  if (!answer.json.empty()) {
    message.set_reason(v1::REASON_PERMITTED);
    message.set_medplum_http_status(200);
    return;
  }
  message.set_reason(Cast<v1::Reason>(answer.denial.reason));
  message.set_message(answer.denial.message);
  message.set_medplum_http_status(answer.denial.medplum_http_status);
}

}  // namespace pdp::service
