#include "pdp/policy/decision.h"

namespace pdp::policy {

std::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kUnspecified:
      return "REASON_UNSPECIFIED";
    case Reason::kPermitted:
      return "PERMITTED";
    case Reason::kInteractionNotGranted:
      return "INTERACTION_NOT_GRANTED";
    case Reason::kResourceNotGranted:
      return "RESOURCE_NOT_GRANTED";
    case Reason::kResultNotGranted:
      return "RESULT_NOT_GRANTED";
    case Reason::kWriteConstraint:
      return "WRITE_CONSTRAINT";
    case Reason::kProjectBoundary:
      return "PROJECT_BOUNDARY";
    case Reason::kProtectedType:
      return "PROTECTED_TYPE";
    case Reason::kSecurityContext:
      return "SECURITY_CONTEXT";
    case Reason::kResourceNotFound:
      return "RESOURCE_NOT_FOUND";
    case Reason::kResourceDeleted:
      return "RESOURCE_DELETED";
    case Reason::kResourceUnavailable:
      return "RESOURCE_UNAVAILABLE";
    case Reason::kIncompleteResource:
      return "INCOMPLETE_RESOURCE";
    case Reason::kResourceTypeUnknown:
      return "RESOURCE_TYPE_UNKNOWN";
    case Reason::kInvalidResource:
      return "INVALID_RESOURCE";
    case Reason::kVersionConflict:
      return "VERSION_CONFLICT";
    case Reason::kSubjectUnknown:
      return "SUBJECT_UNKNOWN";
    case Reason::kAmbiguousSubject:
      return "AMBIGUOUS_SUBJECT";
    case Reason::kSubjectInactive:
      return "SUBJECT_INACTIVE";
    case Reason::kSubjectIncomplete:
      return "SUBJECT_INCOMPLETE";
    case Reason::kPolicyMissing:
      return "POLICY_MISSING";
    case Reason::kPolicyUnavailable:
      return "POLICY_UNAVAILABLE";
    case Reason::kPolicyInvalid:
      return "POLICY_INVALID";
    case Reason::kEvaluationError:
      return "EVALUATION_ERROR";
    case Reason::kAddressNotAllowed:
      return "ADDRESS_NOT_ALLOWED";
    case Reason::kTenantNotAllowed:
      return "TENANT_NOT_ALLOWED";
    case Reason::kAccountNotAllowed:
      return "ACCOUNT_NOT_ALLOWED";
    case Reason::kOnBehalfOf:
      return "ON_BEHALF_OF";
    case Reason::kScope:
      return "SCOPE";
    case Reason::kFactMissing:
      return "FACT_MISSING";
    case Reason::kQueryNotSafe:
      return "QUERY_NOT_SAFE";
    case Reason::kBlocked:
      return "BLOCKED";
    case Reason::kNotSupported:
      return "NOT_SUPPORTED";
    case Reason::kLimitExceeded:
      return "LIMIT_EXCEEDED";
    case Reason::kInternal:
      return "INTERNAL";
    case Reason::kSessionExpired:
      return "SESSION_EXPIRED";
    case Reason::kAccountLocked:
      return "ACCOUNT_LOCKED";
    case Reason::kMfaRequired:
      return "MFA_REQUIRED";
    case Reason::kSessionFactMissing:
      return "SESSION_FACT_MISSING";
    case Reason::kTokenInvalid:
      return "TOKEN_INVALID";
  }
  return "REASON_UNSPECIFIED";
}

std::string_view StrictRuleName(StrictRule rule) {
  switch (rule) {
    case StrictRule::kUnspecified:
      return "UNSPECIFIED";
    case StrictRule::kMalformedCriteria:
      return "MALFORMED_CRITERIA";
    case StrictRule::kWildcardCriteriaFields:
      return "WILDCARD_CRITERIA_FIELDS";
    case StrictRule::kCreateNamesGrantedPatient:
      return "CREATE_NAMES_GRANTED_PATIENT";
    case StrictRule::kDeletedNeedsGrant:
      return "DELETED_NEEDS_GRANT";
    case StrictRule::kParameterStructure:
      return "PARAMETER_STRUCTURE";
    case StrictRule::kSmartLetters:
      return "SMART_LETTERS";
    case StrictRule::kOnBehalfOfActive:
      return "ON_BEHALF_OF_ACTIVE";
    case StrictRule::kAddressBoundary:
      return "ADDRESS_BOUNDARY";
    case StrictRule::kDurableRead:
      return "DURABLE_READ";
    case StrictRule::kPolicyRequired:
      return "POLICY_REQUIRED";
    case StrictRule::kEmptyInteraction:
      return "EMPTY_INTERACTION";
    case StrictRule::kPolicyProject:
      return "POLICY_PROJECT";
    case StrictRule::kAccountAllowed:
      return "ACCOUNT_ALLOWED";
    case StrictRule::kDurableFields:
      return "DURABLE_FIELDS";
    case StrictRule::kFactRequired:
      return "FACT_REQUIRED";
    case StrictRule::kSafeQuery:
      return "SAFE_QUERY";
  }
  return "UNSPECIFIED";
}

namespace {

uint16_t EnforcementHttpStatus(Reason reason) {
  switch (reason) {
    case Reason::kSubjectUnknown:
    case Reason::kSubjectInactive:
    case Reason::kSessionExpired:
    case Reason::kAccountLocked:
    case Reason::kMfaRequired:
    case Reason::kTokenInvalid:
      return 401;
    case Reason::kResourceUnavailable:
    case Reason::kInternal:
      return 503;
    default:
      return 403;
  }
}

}  // namespace

uint16_t EnforcementHttpStatus(const Decision& decision) {
  return decision.permitted() ? 200 : EnforcementHttpStatus(decision.reason);
}

uint16_t EnforcementHttpStatus(const FilterAnswer& answer) {
  const bool denied = answer.kind != FilterKind::kAlwaysPermitted &&
                      answer.kind != FilterKind::kConditional;
  return denied ? EnforcementHttpStatus(answer.reason) : 200;
}

}  // namespace pdp::policy
