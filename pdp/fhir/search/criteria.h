// Criteria: the parsed form of a FHIR search string such as
// `Task?status:not=draft&subject=Patient/1` (semantics S-8).
//
// Parsed once when a policy is bound, evaluated many times.  Immutable.

#ifndef PDP_FHIR_SEARCH_CRITERIA_H_
#define PDP_FHIR_SEARCH_CRITERIA_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/datetime.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {

// What a filter asks of a value; Medplum's search operators.
enum class Operator : uint8_t {
  kEquals,  // None was written, or an unknown modifier of a known parameter.
  kNotEquals,
  kLessThan,
  kLessThanOrEquals,
  kGreaterThan,
  kGreaterThanOrEquals,
  kStartsAfter,
  kEndsBefore,
  kApproximately,
  kStartsWith,
  kContains,
  kExact,
  kAbove,
  kBelow,
  kText,
  kNot,
  kIn,
  kNotIn,
  kOfType,
  kMissing,
  kPresent,
  kIdentifier,
  kIterate,
  kOther,  // `modifier` holds the text.
};

// One alternative of a token parameter.
struct TokenTest {
  std::string system;
  std::string value;
  bool has_bar = false;  // `system|value` was written, not `value`.
};

struct Filter {
  // As written, before the `:`; for chains and `_has` the whole key.
  std::string code;
  Operator op = Operator::kEquals;
  std::string modifier;  // The raw modifier, empty where none was written.
  // The decoded value, without the prefix that became `op`.
  std::string value;
  // `value` split at its commas, escapes resolved (semantics S-8).
  std::vector<std::string> alternatives;
  // Null for a code that the registry does not know for the parsed type, for
  // chains, `_has` and `_filter`: such a filter never matches in memory.
  const SearchParameter* parameter = nullptr;
  // The key has a dot or is `_has`.
  bool is_chained = false;

  // What matching in memory compares with, worked out once; each has one item
  // for every alternative.
  std::vector<TokenTest> token_tests;  // Of token parameters.
  // The same for the database's rules: trimmed, letter case kept.
  std::vector<TokenTest> durable_token_tests;
  std::vector<std::string> lowered;  // Of string and uri parameters.
  // Of date parameters; an error where JavaScript makes no date of the value.
  absl::StatusOr<Period> period = absl::UnknownError("no date parameter");
};

struct Criteria {
  std::string text;           // As given.
  std::string resource_type;  // Last segment of the path; not validated.
  std::vector<Filter> filters;
  // `_sort`, `_count`, ...: keys and values as written, never filters.
  std::vector<std::pair<std::string, std::string>> control_parameters;
};

// Parses `text` as Medplum's search parser does.
//
// InvalidArgument: what that parser raises an exception for (an empty string, a
// malformed date, a composite or special parameter, a bad `_include`).
// ResourceExhausted: more than kMaxFilters filters or kMaxTextBytes bytes.
absl::StatusOr<Criteria> ParseCriteria(std::string_view text);

// The same for the query of a search that somebody asks for, which has no
// second question mark: all are part of its text.
absl::StatusOr<Criteria> ParseCallersQuery(std::string_view resource_type,
                                           std::string_view query);

// One parameter of a search, `key` (code and modifier) and `value` decoded, for
// resources of `resource_type`.  Errors as above; control parameters are none.
absl::StatusOr<Filter> ParseFilter(std::string_view resource_type,
                                   std::string_view key,
                                   std::string_view value);

// Works out what matching compares with, from the filter's other members.
void PrepareFilter(Filter& filter);

inline constexpr size_t kMaxFilters = 100;
inline constexpr size_t kMaxTextBytes = 16 * 1024;

// One filter a line: "token status ne draft".  For tests and `pdpctl`.
std::string Print(const Criteria& criteria);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_CRITERIA_H_
