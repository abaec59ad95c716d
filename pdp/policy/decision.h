// Decision: the answer to one AccessRequest.

#ifndef PDP_POLICY_DECISION_H_
#define PDP_POLICY_DECISION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pdp::policy {

struct BoundEntry;
class BoundPolicy;

// The numbers of these enums are those of the enums of the same name in
// medplum.pdp.v1; what each member means stands there.
enum class Effect : uint8_t {
  kUnspecified = 0,
  kDeny = 1,
  kPermit = 2,
  kPermitWithObligations = 3,
};

enum class Reason : uint8_t {
  kUnspecified = 0,
  kPermitted = 1,
  kInteractionNotGranted = 10,
  kResourceNotGranted = 11,
  kResultNotGranted = 12,
  kWriteConstraint = 13,
  kProjectBoundary = 14,
  kProtectedType = 15,
  kSecurityContext = 16,
  kResourceNotFound = 20,
  kResourceDeleted = 21,
  kResourceUnavailable = 22,
  kIncompleteResource = 23,
  kResourceTypeUnknown = 24,
  kInvalidResource = 25,
  kVersionConflict = 26,
  kSubjectUnknown = 30,
  kAmbiguousSubject = 31,
  kSubjectInactive = 32,
  kSubjectIncomplete = 33,
  kPolicyMissing = 34,
  kPolicyUnavailable = 35,
  kPolicyInvalid = 36,
  kEvaluationError = 37,
  kAddressNotAllowed = 38,
  kTenantNotAllowed = 39,
  kAccountNotAllowed = 40,
  kOnBehalfOf = 41,
  kScope = 42,
  kFactMissing = 44,
  kQueryNotSafe = 45,
  kBlocked = 46,
  kNotSupported = 50,
  kLimitExceeded = 51,
  kInternal = 52,
  kSessionExpired = 60,
  kAccountLocked = 61,
  kMfaRequired = 62,
  kSessionFactMissing = 63,
  kTokenInvalid = 64,
};

// "RESOURCE_NOT_GRANTED".
std::string_view ReasonName(Reason reason);

enum class Match : uint8_t {
  kUnspecified = 0,
  kYes = 1,
  kNo = 2,
  kUnknown = 3,
  kError = 4,
};

enum class StrictRule : uint8_t {
  kUnspecified = 0,
  kMalformedCriteria = 1,
  kWildcardCriteriaFields = 2,
  kCreateNamesGrantedPatient = 3,
  kDeletedNeedsGrant = 4,
  kParameterStructure = 5,
  kSmartLetters = 6,
  kOnBehalfOfActive = 7,
  kAddressBoundary = 8,
  kDurableRead = 9,
  kPolicyRequired = 10,
  kEmptyInteraction = 11,
  kPolicyProject = 12,
  kAccountAllowed = 13,
  kDurableFields = 14,
  kFactRequired = 15,
  kSafeQuery = 16,
};

inline constexpr size_t kStrictRules = 17;

// "MALFORMED_CRITERIA".
std::string_view StrictRuleName(StrictRule rule);

enum class NoteCode : uint8_t {
  kUnspecified = 0,
  kStrictRule = 1,
  kRepeatedParameter = 2,
  kDurableUnknown = 3,
  kCompartmentComputed = 4,
  kProjectAssumed = 5,
  kStale = 6,
  kServerVersion = 7,
  kNoChange = 8,
  kStaleResource = 9,
};

struct Note {
  NoteCode code = NoteCode::kUnspecified;
  StrictRule strict_rule = StrictRule::kUnspecified;
  std::string text;
};

// What Medplum would store (semantics S-16 to S-18).
struct WriteOutcome {
  std::vector<std::string> accounts;
  std::vector<std::string> compartments;
  std::vector<std::string> restored_fields;
  std::string resource;  // JSON, where the request asked for it.
};

struct VersionFields {
  std::string version_id;
  std::vector<std::string> hidden_fields;
};

struct Decision {
  Effect effect = Effect::kDeny;
  Reason reason = Reason::kInternal;
  std::string message;

  // What `entry` belongs to; kept alive by the decision.
  std::shared_ptr<const BoundPolicy> policy;
  // The entry that permitted, or null.
  const BoundEntry* entry = nullptr;

  // Of a history: what a version that is not in `versions` may have to hide.
  std::vector<std::string_view> hidden_fields;    // Into `policy`.
  std::vector<std::string_view> readonly_fields;  // Into `policy`.

  uint16_t medplum_http_status = 0;
  Match memory_match = Match::kUnspecified;
  Match durable_match = Match::kUnspecified;
  std::vector<Note> notes;
  std::optional<WriteOutcome> write;
  std::vector<VersionFields> versions;
  // The revision of the data that the decision was made from.
  uint64_t revision = 0;

  bool permitted() const {
    return effect == Effect::kPermit ||
           effect == Effect::kPermitWithObligations;
  }
};

// What an enforcement point should answer (proto:
// Decision.enforcement_http_status).
uint16_t EnforcementHttpStatus(const Decision& decision);

enum class FilterKind : uint8_t {
  kUnspecified = 0,
  kAlwaysDenied = 1,
  kAlwaysPermitted = 2,
  kConditional = 3,
};

// A condition over a resource as a tree (proto: Condition).
struct Condition {
  enum class Kind : uint8_t { kConstant, kAllOf, kAnyOf, kNot, kComparison };
  // The numbers are those of medplum.pdp.v1.ComparisonOperator.
  enum class Operator : uint8_t {
    kUnspecified = 0,
    kEquals = 1,
    kStartsWith = 2,
    kContains = 3,
    kLessThan = 4,
    kLessThanOrEquals = 5,
    kGreaterThan = 6,
    kGreaterThanOrEquals = 7,
    kExists = 8,
    kNotEquals = 9,
  };
  Kind kind = Kind::kConstant;
  bool constant = false;
  std::vector<Condition> children;
  std::string parameter;
  std::string path;
  std::string_view parameter_type;  // "token"; static text.
  Operator op = Operator::kUnspecified;
  std::vector<std::string> values;
};

struct FilterAnswer {
  FilterKind kind = FilterKind::kAlwaysDenied;
  Reason reason = Reason::kInternal;
  std::string message;
  std::vector<std::string> queries;
  std::string single_query;
  std::optional<Condition> condition;
  std::vector<std::string> hidden_fields;
  bool strip_fields_required = false;
  uint16_t medplum_http_status = 0;
  std::vector<Note> notes;
  std::vector<std::string> inexact;
  uint64_t revision = 0;
};

uint16_t EnforcementHttpStatus(const FilterAnswer& answer);

}  // namespace pdp::policy

#endif  // PDP_POLICY_DECISION_H_
