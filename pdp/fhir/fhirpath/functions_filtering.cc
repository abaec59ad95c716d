// where(), select(), ofType(), iif().

#include "pdp/base/status_macros.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/functions.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/operators.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Node;

absl::Status Where(Evaluator& e, const Node& call, Items input,
                   Collection& out) {
  for (const Value& item : input) {
    PDP_ASSIGN_OR_RETURN(const Value result,
                         e.First(*call.children[0], Items(&item, 1)));
    if (IsTruthy(result)) PDP_RETURN_IF_ERROR(e.Append(item, out));
  }
  return absl::OkStatus();
}

absl::Status Select(Evaluator& e, const Node& call, Items input,
                    Collection& out) {
  for (const Value& item : input) {
    PDP_RETURN_IF_ERROR(e.Evaluate(*call.children[0], Items(&item, 1), out));
  }
  return absl::OkStatus();
}

absl::Status OfType(Evaluator& e, const Node& call, Items input,
                    Collection& out) {
  PDP_RETURN_IF_ERROR(e.Spend(input.size()));
  for (const Value& item : input) {
    if (HasType(item, call.type)) PDP_RETURN_IF_ERROR(e.Append(item, out));
  }
  return absl::OkStatus();
}

absl::Status Iif(Evaluator& e, const Node& call, Items input, Collection& out) {
  bool holds = false;
  {
    Temporary criterion(e);
    PDP_RETURN_IF_ERROR(e.Evaluate(*call.children[0], input, *criterion));
    if (criterion->size() > 1 ||
        (criterion->size() == 1 && !IsBoolean(criterion->front()))) {
      return EvaluationError("a criterion of `iif` that is no boolean");
    }
    holds = !criterion->empty() && criterion->front().boolean();
  }
  if (holds) return e.Evaluate(*call.children[1], input, out);
  if (call.children.size() < 3) return absl::OkStatus();
  return e.Evaluate(*call.children[2], input, out);
}

constexpr Function kFunctions[] = {
    {"where", 1, Where},
    {"select", 1, Select},
    {"ofType", 0, OfType, FirstArgument::kType},
    {"iif", 2, Iif},
};

}  // namespace

std::span<const Function> FilteringFunctions() { return kFunctions; }

}  // namespace pdp::fhir::fhirpath
