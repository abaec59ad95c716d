// empty(), exists(), all(), count(), distinct(), subsetOf() and their like.

#include <algorithm>

#include "pdp/base/status_macros.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/functions.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/operators.h"
#include "pdp/fhir/fhirpath/types.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Node;

absl::Status Empty(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_RETURN_IF_ERROR(e.Spend(input.size()));
  return AppendBoolean(e, std::all_of(input.begin(), input.end(), IsEmpty),
                       out);
}

absl::Status HasValue(Evaluator& e, const Node&, Items input, Collection& out) {
  return AppendBoolean(e, !input.empty(), out);
}

// Whether the criterion holds for `item`: its first value is truthy.
absl::StatusOr<bool> Holds(Evaluator& e, const Node& criterion,
                           const Value& item) {
  PDP_ASSIGN_OR_RETURN(const Value result, e.First(criterion, Items(&item, 1)));
  return IsTruthy(result);
}

absl::Status Exists(Evaluator& e, const Node& call, Items input,
                    Collection& out) {
  if (call.children.empty()) {
    PDP_RETURN_IF_ERROR(e.Spend(input.size()));
    return AppendBoolean(
        e, !input.empty() && std::none_of(input.begin(), input.end(), IsEmpty),
        out);
  }
  for (const Value& item : input) {
    PDP_ASSIGN_OR_RETURN(const bool holds, Holds(e, *call.children[0], item));
    if (holds) return AppendBoolean(e, true, out);
  }
  return AppendBoolean(e, false, out);
}

absl::Status All(Evaluator& e, const Node& call, Items input, Collection& out) {
  for (const Value& item : input) {
    PDP_ASSIGN_OR_RETURN(const bool holds, Holds(e, *call.children[0], item));
    if (!holds) return AppendBoolean(e, false, out);
  }
  return AppendBoolean(e, true, out);
}

bool Truthy(const Value& value) { return IsTruthy(value); }

absl::Status AllTrue(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_RETURN_IF_ERROR(e.Spend(input.size()));
  return AppendBoolean(e, std::all_of(input.begin(), input.end(), Truthy), out);
}

absl::Status AnyTrue(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_RETURN_IF_ERROR(e.Spend(input.size()));
  return AppendBoolean(e, std::any_of(input.begin(), input.end(), Truthy), out);
}

absl::Status AllFalse(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_RETURN_IF_ERROR(e.Spend(input.size()));
  return AppendBoolean(e, std::none_of(input.begin(), input.end(), Truthy),
                       out);
}

absl::Status AnyFalse(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_RETURN_IF_ERROR(e.Spend(input.size()));
  return AppendBoolean(e, !std::all_of(input.begin(), input.end(), Truthy),
                       out);
}

// By identity, not by equality.
absl::StatusOr<bool> IsAmong(Evaluator& e, const Value& item, Items others) {
  for (const Value& other : others) {
    PDP_RETURN_IF_ERROR(e.Spend());
    if (StrictlyEqual(item, other)) return true;
  }
  return false;
}

absl::StatusOr<bool> AreAllAmong(Evaluator& e, Items items, Items others) {
  for (const Value& item : items) {
    PDP_ASSIGN_OR_RETURN(const bool found, IsAmong(e, item, others));
    if (!found) return false;
  }
  return true;
}

absl::Status SubsetOf(Evaluator& e, const Node& call, Items input,
                      Collection& out) {
  if (input.empty()) return AppendBoolean(e, true, out);
  Temporary other(e);
  PDP_RETURN_IF_ERROR(
      e.Evaluate(*call.children[0], Items(&e.root(), 1), *other));
  PDP_ASSIGN_OR_RETURN(const bool result, AreAllAmong(e, input, *other));
  return AppendBoolean(e, result, out);
}

absl::Status SupersetOf(Evaluator& e, const Node& call, Items input,
                        Collection& out) {
  Temporary other(e);
  PDP_RETURN_IF_ERROR(
      e.Evaluate(*call.children[0], Items(&e.root(), 1), *other));
  PDP_ASSIGN_OR_RETURN(const bool result, AreAllAmong(e, *other, input));
  return AppendBoolean(e, result, out);
}

absl::Status Count(Evaluator& e, const Node&, Items input, Collection& out) {
  return e.Append(
      Value::Number(static_cast<double>(input.size()), Types().integer), out);
}

absl::Status Distinct(Evaluator& e, const Node&, Items input, Collection& out) {
  Temporary kept(e);
  for (const Value& item : input) {
    PDP_ASSIGN_OR_RETURN(const bool found, IsAmong(e, item, *kept));
    if (!found) PDP_RETURN_IF_ERROR(e.Append(item, *kept));
  }
  return e.AppendAll(*kept, out);
}

absl::Status IsDistinct(Evaluator& e, const Node& call, Items input,
                        Collection& out) {
  Temporary kept(e);
  PDP_RETURN_IF_ERROR(Distinct(e, call, input, *kept));
  return AppendBoolean(e, kept->size() == input.size(), out);
}

constexpr Function kFunctions[] = {
    {"empty", 0, Empty},           {"hasValue", 0, HasValue},
    {"exists", 0, Exists},         {"all", 1, All},
    {"allTrue", 0, AllTrue},       {"anyTrue", 0, AnyTrue},
    {"allFalse", 0, AllFalse},     {"anyFalse", 0, AnyFalse},
    {"subsetOf", 1, SubsetOf},     {"supersetOf", 1, SupersetOf},
    {"count", 0, Count},           {"distinct", 0, Distinct},
    {"isDistinct", 0, IsDistinct},
};

}  // namespace

std::span<const Function> ExistenceFunctions() { return kFunctions; }

}  // namespace pdp::fhir::fhirpath
