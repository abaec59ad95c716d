#include "pdp/fhir/fhirpath/arithmetic.h"

#include <cmath>
#include <optional>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/operators.h"
#include "pdp/fhir/fhirpath/types.h"
#include "pdp/fhir/fhirpath/utf16.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Kind;

// What JavaScript's operators make of an operand: a primitive.
absl::StatusOr<Value> ToPrimitive(Evaluator& evaluator, const Value& value) {
  if (const std::optional<double> number = QuantityNumber(value)) {
    return Value::Number(*number, Types().decimal);
  }
  const Value plain = Unboxed(value);
  if (!IsJsObject(plain)) return plain;
  PDP_ASSIGN_OR_RETURN(const std::string text, ToString(plain));
  PDP_ASSIGN_OR_RETURN(const std::string_view kept, evaluator.Keep(text));
  return Value::String(kept, Types().string);
}

bool Ordered(Kind kind, double a, double b) {
  switch (kind) {
    case Kind::kLess:
      return a < b;
    case Kind::kLessOrEqual:
      return a <= b;
    case Kind::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

bool IsOrder(Kind kind) {
  return kind == Kind::kLess || kind == Kind::kLessOrEqual ||
         kind == Kind::kGreater || kind == Kind::kGreaterOrEqual;
}

double Compute(Kind kind, double a, double b) {
  switch (kind) {
    case Kind::kAdd:
      return a + b;
    case Kind::kSubtract:
      return a - b;
    case Kind::kMultiply:
      return a * b;
    case Kind::kDivide:
      return a / b;
    case Kind::kDiv:
      return std::trunc(a / b);
    default:
      return std::fmod(a, b);
  }
}

absl::Status AppendNumber(Evaluator& evaluator, const Value& left,
                          double number, Collection& out) {
  if (QuantityNumber(left)) {
    return evaluator.Append(WithNumber(evaluator, left, number), out);
  }
  return evaluator.Append(NumberValue(number), out);
}

absl::Status AppendText(Evaluator& evaluator, const Value& left, const Value& a,
                        const Value& b, Collection& out) {
  if (QuantityNumber(left)) {
    return EvaluationError("a text that is added to a quantity");
  }
  PDP_ASSIGN_OR_RETURN(const std::string first, ToString(a));
  PDP_ASSIGN_OR_RETURN(const std::string second, ToString(b));
  PDP_ASSIGN_OR_RETURN(const std::string_view text,
                       evaluator.Keep(StrCat(first, second)));
  return evaluator.Append(Value::String(text, Types().string), out);
}

}  // namespace

absl::Status Calculate(Evaluator& evaluator, Kind kind,
                       const Collection& left_items,
                       const Collection& right_items, Collection& out) {
  if (left_items.empty() || right_items.empty()) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const Value* const left, Singleton(left_items));
  PDP_ASSIGN_OR_RETURN(const Value* const right, Singleton(right_items));
  PDP_ASSIGN_OR_RETURN(const Value a, ToPrimitive(evaluator, *left));
  PDP_ASSIGN_OR_RETURN(const Value b, ToPrimitive(evaluator, *right));
  const bool both_text = IsString(a) && IsString(b);
  if (IsOrder(kind) && both_text) {
    const int order = CompareUtf16(a.string(), b.string());
    return AppendBoolean(evaluator, Ordered(kind, order, 0), out);
  }
  if (kind == Kind::kAdd && (IsString(a) || IsString(b))) {
    return AppendText(evaluator, *left, a, b, out);
  }
  PDP_ASSIGN_OR_RETURN(const double x, ToNumber(a));
  PDP_ASSIGN_OR_RETURN(const double y, ToNumber(b));
  if (IsOrder(kind)) return AppendBoolean(evaluator, Ordered(kind, x, y), out);
  return AppendNumber(evaluator, *left, Compute(kind, x, y), out);
}

absl::Status Negate(Evaluator& evaluator, const Collection& operand,
                    Collection& out) {
  if (operand.empty()) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const Value* const value, Singleton(operand));
  PDP_ASSIGN_OR_RETURN(const Value plain, ToPrimitive(evaluator, *value));
  PDP_ASSIGN_OR_RETURN(const double number, ToNumber(plain));
  return AppendNumber(evaluator, *value, -number, out);
}

Value WithNumber(Evaluator& evaluator, const Value& quantity, double number) {
  Quantity result;
  if (quantity.kind() == Value::Kind::kQuantity) {
    result = quantity.quantity();
  } else {
    result.has_base = true;
    result.base = quantity.extension() != nullptr
                      ? quantity.extension()->members
                      : quantity.object();
    const auto text = [&result](std::string_view name) {
      const std::optional<JsonElement> member = Member(result.base, name);
      return member ? AsString(*member).value_or(std::string_view())
                    : std::string_view();
    };
    result.unit = text("unit");
    result.code = text("code");
  }
  result.value = number;
  return Value::OfQuantity(evaluator.Keep(result), Types().quantity);
}

}  // namespace pdp::fhir::fhirpath
