// now(), today(), between(), trace().

#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "pdp/base/status_macros.h"
#include "pdp/fhir/fhirpath/datetime.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/functions.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/operators.h"
#include "pdp/fhir/fhirpath/types.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Node;

absl::Status AppendNow(Evaluator& e, size_t begin, size_t size, TypeId type,
                       Collection& out) {
  const std::string text = ToIsoString(e.Now());
  PDP_ASSIGN_OR_RETURN(const std::string_view kept,
                       e.Keep(std::string_view(text).substr(begin, size)));
  return e.Append(Value::String(kept, type), out);
}

absl::Status Now(Evaluator& e, const Node&, Items, Collection& out) {
  return AppendNow(e, 0, std::string::npos, Types().date_time, out);
}

absl::Status Today(Evaluator& e, const Node&, Items, Collection& out) {
  return AppendNow(e, 0, 10, Types().date, out);
}

absl::Status TimeOfDay(Evaluator& e, const Node&, Items, Collection& out) {
  return AppendNow(e, 11, std::string::npos, Types().time, out);
}

absl::Status Trace(Evaluator& e, const Node&, Items input, Collection& out) {
  return e.AppendAll(input, out);
}

absl::Status HtmlChecks(Evaluator& e, const Node&, Items, Collection& out) {
  return AppendBoolean(e, true, out);
}

// A day in UTC.
absl::StatusOr<absl::CivilDay> DayArgument(Evaluator& e, const Node& node,
                                           Items input) {
  Temporary items(e);
  PDP_RETURN_IF_ERROR(e.Evaluate(node, input, *items));
  if (items->size() != 1 || !IsString(items->front())) {
    return EvaluationError("`between` of what is no date");
  }
  PDP_ASSIGN_OR_RETURN(const std::string text,
                       NormalizeDateTime(items->front().string()));
  const std::optional<absl::Time> time = ParseIsoDate(text);
  if (!time) return EvaluationError("`between` of what is no date");
  return absl::ToCivilDay(*time, absl::UTCTimeZone());
}

absl::Status Between(Evaluator& e, const Node& call, Items input,
                     Collection& out) {
  PDP_ASSIGN_OR_RETURN(const absl::CivilDay start,
                       DayArgument(e, *call.children[0], input));
  PDP_ASSIGN_OR_RETURN(const absl::CivilDay end,
                       DayArgument(e, *call.children[1], input));
  PDP_ASSIGN_OR_RETURN(const Value unit, e.First(*call.children[2], input));
  if (!IsString(unit)) return EvaluationError("`between` in no unit");
  Quantity quantity{.unit = unit.string()};
  if (unit.string() == "years") {
    const bool before_day =
        end.month() < start.month() ||
        (end.month() == start.month() && end.day() < start.day());
    quantity.value =
        static_cast<double>(end.year() - start.year() - (before_day ? 1 : 0));
  } else if (unit.string() == "months") {
    quantity.value =
        static_cast<double>((end.year() - start.year()) * 12 + end.month() -
                            start.month() - (end.day() < start.day() ? 1 : 0));
  } else if (unit.string() == "days") {
    quantity.value = static_cast<double>(end - start);
  } else {
    return EvaluationError("`between` in an unknown unit");
  }
  return e.Append(Value::OfQuantity(e.Keep(quantity), Types().quantity), out);
}

constexpr Function kFunctions[] = {
    {"now", 0, Now},         {"today", 0, Today},
    {"trace", 0, Trace},     {"timeOfDay", 0, TimeOfDay},
    {"between", 3, Between}, {"htmlChecks", 0, HtmlChecks},
};

}  // namespace

std::span<const Function> UtilityFunctions() { return kFunctions; }

}  // namespace pdp::fhir::fhirpath
