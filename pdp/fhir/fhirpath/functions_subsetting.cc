// first(), skip(), union() and other functions that take some of the items.

#include <cmath>

#include "pdp/base/status_macros.h"
#include "pdp/fhir/fhirpath/equality.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/functions.h"
#include "pdp/fhir/fhirpath/js.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Node;

absl::Status Single(Evaluator& e, const Node&, Items input, Collection& out) {
  if (input.size() > 1) {
    return EvaluationError("`single` of more than one item");
  }
  return e.AppendAll(input, out);
}

absl::Status First(Evaluator& e, const Node&, Items input, Collection& out) {
  if (input.empty()) return absl::OkStatus();
  return e.Append(input.front(), out);
}

absl::Status Last(Evaluator& e, const Node&, Items input, Collection& out) {
  if (input.empty()) return absl::OkStatus();
  return e.Append(input.back(), out);
}

absl::Status Tail(Evaluator& e, const Node&, Items input, Collection& out) {
  if (input.empty()) return absl::OkStatus();
  return e.AppendAll(input.subspan(1), out);
}

// The first argument as a number of items: what is not positive is none.
absl::StatusOr<size_t> CountArgument(Evaluator& e, const Node& call,
                                     Items input) {
  PDP_ASSIGN_OR_RETURN(const Value count, e.First(*call.children[0], input));
  if (!IsNumber(count)) return EvaluationError("a count that is no number");
  const double number = std::trunc(count.number());
  if (!(number > 0)) return 0;
  if (number >= static_cast<double>(input.size())) return input.size();
  return static_cast<size_t>(number);
}

absl::Status Skip(Evaluator& e, const Node& call, Items input,
                  Collection& out) {
  PDP_ASSIGN_OR_RETURN(const size_t count, CountArgument(e, call, input));
  return e.AppendAll(input.subspan(count), out);
}

absl::Status Take(Evaluator& e, const Node& call, Items input,
                  Collection& out) {
  PDP_ASSIGN_OR_RETURN(const size_t count, CountArgument(e, call, input));
  return e.AppendAll(input.first(count), out);
}

absl::Status EvaluateOther(Evaluator& e, const Node& call, Collection& other) {
  return e.Evaluate(*call.children[0], Items(&e.root(), 1), other);
}

// By identity, not by equality.
absl::StatusOr<bool> IsAmong(Evaluator& e, const Value& item, Items others) {
  for (const Value& other : others) {
    PDP_RETURN_IF_ERROR(e.Spend());
    if (StrictlyEqual(item, other)) return true;
  }
  return false;
}

absl::Status Intersect(Evaluator& e, const Node& call, Items input,
                       Collection& out) {
  if (call.children.empty()) return e.AppendAll(input, out);
  Temporary other(e);
  PDP_RETURN_IF_ERROR(EvaluateOther(e, call, *other));
  Temporary kept(e);
  for (const Value& item : input) {
    PDP_ASSIGN_OR_RETURN(const bool is_repeated, IsAmong(e, item, *kept));
    if (is_repeated) continue;
    PDP_ASSIGN_OR_RETURN(const bool is_other, IsAmong(e, item, *other));
    if (is_other) PDP_RETURN_IF_ERROR(e.Append(item, *kept));
  }
  return e.AppendAll(*kept, out);
}

absl::Status Exclude(Evaluator& e, const Node& call, Items input,
                     Collection& out) {
  if (call.children.empty()) return e.AppendAll(input, out);
  Temporary other(e);
  PDP_RETURN_IF_ERROR(EvaluateOther(e, call, *other));
  for (const Value& item : input) {
    PDP_ASSIGN_OR_RETURN(const bool is_other, IsAmong(e, item, *other));
    if (!is_other) PDP_RETURN_IF_ERROR(e.Append(item, out));
  }
  return absl::OkStatus();
}

absl::Status Combine(Evaluator& e, const Node& call, Items input,
                     Collection& out) {
  PDP_RETURN_IF_ERROR(e.AppendAll(input, out));
  if (call.children.empty()) return absl::OkStatus();
  Temporary other(e);
  PDP_RETURN_IF_ERROR(EvaluateOther(e, call, *other));
  return e.AppendAll(*other, out);
}

absl::Status Union(Evaluator& e, const Node& call, Items input,
                   Collection& out) {
  if (call.children.empty()) return e.AppendAll(input, out);
  Temporary all(e);
  PDP_RETURN_IF_ERROR(Combine(e, call, input, *all));
  return AppendDistinct(e, *all, out);
}

constexpr Function kFunctions[] = {
    {"single", 0, Single},       {"first", 0, First},     {"last", 0, Last},
    {"tail", 0, Tail},           {"skip", 1, Skip},       {"take", 1, Take},
    {"intersect", 0, Intersect}, {"exclude", 0, Exclude}, {"union", 0, Union},
    {"combine", 0, Combine},
};

}  // namespace

std::span<const Function> SubsettingFunctions() { return kFunctions; }

}  // namespace pdp::fhir::fhirpath
