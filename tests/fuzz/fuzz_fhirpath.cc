// FHIRPath: compiling and evaluating, within bounds.

#include <string>
#include <string_view>

#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/fhirpath/test_support.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/samples.h"

namespace pdp::fuzz {
namespace {

using fhir::fhirpath::Collection;
using fhir::fhirpath::Expression;
using fhir::fhirpath::Limits;
using fhir::fhirpath::Scratch;
using fhir::fhirpath::Value;
using fhir::fhirpath::Variable;

std::string Outcome(const absl::StatusOr<Collection>& result) {
  return result.ok() ? fhir::fhirpath::Describe(*result)
                     : result.status().ToString();
}

void Evaluate(const Expression& expression, const fhir::Resource& resource,
              Scratch& used) {
  const Value root = fhir::fhirpath::RootOf(resource.root());
  const Variable variables[] = {
      {"resource", root},
      {"before", Value()},
      {"after", root},
      {"previous", fhir::fhirpath::RootOf(Samples().front()->root())}};
  Limits limits;
  limits.now = absl::FromUnixSeconds(1'714'564'800);
  Scratch fresh;
  const auto result = expression.Evaluate(root, variables, fresh, limits);
  const std::string outcome = Outcome(result);
  if (result.ok()) {
    Require(result->size() <= limits.max_collection,
            "a collection stays within its bound");
    IsExactlyTrue(*result);
  }
  used.Reset();
  Require(
      Outcome(expression.Evaluate(root, variables, used, limits)) == outcome,
      "used memory changes no result");

  limits.max_steps = 50;
  limits.max_collection = 8;
  limits.max_string_bytes = 64;
  used.Reset();
  const auto bounded = expression.Evaluate(root, variables, used, limits);
  Require(bounded.status().code() == absl::StatusCode::kResourceExhausted ||
              Outcome(bounded) == outcome,
          "a bound changes no result but ends it");
}

}  // namespace

void RunInput(std::string_view input) {
  const auto expression = Expression::Compile(input);
  if (!expression.ok()) return;
  (*expression)->Print();
  static auto* const used = new Scratch();
  for (const fhir::ResourcePtr& sample : Samples()) {
    Evaluate(**expression, *sample, *used);
  }
}

}  // namespace pdp::fuzz
