// The value of `_filter`, as Medplum's parser understands it (semantics S-13):
// comparisons joined by `and` and `or`, which bind alike and to the right.

#ifndef PDP_FHIR_SEARCH_FILTER_EXPRESSION_H_
#define PDP_FHIR_SEARCH_FILTER_EXPRESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/fhir/search/criteria.h"

namespace pdp::fhir::search {

struct FilterExpression {
  enum class Kind : uint8_t { kComparison, kNot, kAnd, kOr };

  Kind kind = Kind::kComparison;
  // Of a comparison.
  std::string path;
  std::string op;  // As written: "eq".
  std::string value;
  // Of the others; `right` only of kAnd and kOr.
  std::unique_ptr<FilterExpression> left;
  std::unique_ptr<FilterExpression> right;
};

// InvalidArgument: not a filter expression.
// ResourceExhausted: nested too deep.
absl::StatusOr<std::unique_ptr<FilterExpression>> ParseFilterExpression(
    std::string_view text);

// `comparison` as the filter of a search for resources of `resource_type`.
//
// REQUIRES: comparison.kind is kComparison.
Filter ToFilter(const FilterExpression& comparison,
                std::string_view resource_type);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_FILTER_EXPRESSION_H_
