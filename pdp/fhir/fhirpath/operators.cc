#include "pdp/fhir/fhirpath/operators.h"

#include <optional>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/datetime.h"
#include "pdp/fhir/fhirpath/equality.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/types.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Kind;
using ast::TypeSpecifier;

absl::StatusOr<const Value*> BooleanOperand(const Collection& operand) {
  PDP_ASSIGN_OR_RETURN(const Value* const value, Singleton(operand));
  if (value != nullptr && value->type() != Types().boolean) {
    return EvaluationError("an operand that is no boolean");
  }
  return value;
}

// Wrapped booleans are neither.
bool IsTrue(const Value* value) {
  return value != nullptr && IsBoolean(*value) && value->boolean();
}
bool IsFalse(const Value* value) {
  return value != nullptr && IsBoolean(*value) && !value->boolean();
}

absl::StatusOr<std::string_view> TextOperand(const Collection& operand) {
  PDP_ASSIGN_OR_RETURN(const Value* const value, Singleton(operand));
  if (value == nullptr) return std::string_view();
  if (!IsString(*value)) {
    return EvaluationError("an operand of `&` that is no string");
  }
  return value->string();
}

bool IsPeriodValue(const Value& value) {
  if (!IsJsObject(value)) return false;
  for (const std::string_view name : {"start", "end"}) {
    const std::optional<Value> limit = Property(value, name);
    if (limit && IsString(*limit) && IsDateTimeText(limit->string())) {
      return true;
    }
  }
  return false;
}

bool HasResourceType(const Value& value, std::string_view name) {
  if (!IsJsObject(value)) return false;
  const std::optional<Value> type = Property(value, "resourceType");
  return type && IsString(*type) && type->string() == name;
}

}  // namespace

absl::Status AppendBoolean(Evaluator& evaluator, bool value, Collection& out) {
  return evaluator.Append(Value::Boolean(value, Types().boolean), out);
}

absl::Status CombineBooleans(Evaluator& evaluator, Kind kind,
                             const Collection& left_items,
                             const Collection& right_items, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const Value* const left, BooleanOperand(left_items));
  PDP_ASSIGN_OR_RETURN(const Value* const right, BooleanOperand(right_items));
  std::optional<bool> result;
  switch (kind) {
    case Kind::kAnd:
      if (IsTrue(left) && IsTrue(right)) {
        result = true;
      } else if (IsFalse(left) || IsFalse(right)) {
        result = false;
      }
      break;
    case Kind::kOr:
      if (IsFalse(left) && IsFalse(right)) {
        result = false;
      } else if ((left != nullptr && IsTruthy(*left)) ||
                 (right != nullptr && IsTruthy(*right))) {
        result = true;
      }
      break;
    case Kind::kXor:
      if (left != nullptr && right != nullptr) {
        result = !StrictlyEqual(*left, *right);
      }
      break;
    default:
      if (IsTrue(right) || IsFalse(left)) {
        result = true;
      } else if (left != nullptr && right != nullptr) {
        result = false;
      }
  }
  if (!result) return absl::OkStatus();
  return AppendBoolean(evaluator, *result, out);
}

absl::Status Concatenate(Evaluator& evaluator, const Collection& left,
                         const Collection& right, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const std::string_view first, TextOperand(left));
  PDP_ASSIGN_OR_RETURN(const std::string_view second, TextOperand(right));
  PDP_ASSIGN_OR_RETURN(const std::string_view text,
                       evaluator.Keep(StrCat(first, second)));
  return evaluator.Append(Value::String(text, Types().string), out);
}

absl::Status In(Evaluator& evaluator, const Collection& left,
                const Collection& right, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const Value* const wanted, Singleton(left));
  if (wanted == nullptr) return absl::OkStatus();
  for (const Value& item : right) {
    PDP_ASSIGN_OR_RETURN(const bool equal,
                         ItemsEqual(evaluator, *wanted, item));
    if (equal) return AppendBoolean(evaluator, true, out);
  }
  return AppendBoolean(evaluator, false, out);
}

absl::Status Contains(Evaluator& evaluator, const Collection& left,
                      const Collection& right, Collection& out) {
  if (!left.empty() && right.empty()) {
    return EvaluationError("nothing on the right of `contains`");
  }
  PDP_RETURN_IF_ERROR(evaluator.Spend(left.size()));
  for (const Value& item : left) {
    if (StrictlyEqual(item, right.front())) {
      return AppendBoolean(evaluator, true, out);
    }
  }
  return AppendBoolean(evaluator, false, out);
}

bool HasType(const Value& value, const TypeSpecifier& type) {
  if (value.kind() == Value::Kind::kUndefined) return false;
  switch (type.meaning) {
    case TypeSpecifier::Meaning::kNone:
      return false;
    case TypeSpecifier::Meaning::kBoolean:
      return IsBoolean(value);
    case TypeSpecifier::Meaning::kNumber:
      return IsNumber(value);
    case TypeSpecifier::Meaning::kDate:
      return IsString(value) && IsDateText(value.string());
    case TypeSpecifier::Meaning::kDateTime:
      return IsString(value) && IsDateTimeText(value.string());
    case TypeSpecifier::Meaning::kTime:
      return IsString(value) && IsTimeText(value.string());
    case TypeSpecifier::Meaning::kPeriod:
      return IsPeriodValue(value);
    case TypeSpecifier::Meaning::kQuantity:
      return QuantityNumber(value).has_value();
    case TypeSpecifier::Meaning::kNamed:
      break;
  }
  return (type.type != TypeId::kUnknown && value.type() == type.type) ||
         HasResourceType(value, type.name);
}

absl::Status Is(Evaluator& evaluator, const Collection& left,
                const TypeSpecifier& type, Collection& out) {
  if (left.size() != 1 || type.meaning == TypeSpecifier::Meaning::kNone) {
    return absl::OkStatus();
  }
  return AppendBoolean(evaluator, HasType(left.front(), type), out);
}

absl::Status As(Evaluator& evaluator, Items left, const TypeSpecifier& type,
                Collection& out) {
  if (left.size() > 1) {
    return EvaluationError("more than one item on the left of `as`");
  }
  if (left.empty() || !HasType(left.front(), type)) return absl::OkStatus();
  return evaluator.Append(left.front(), out);
}

}  // namespace pdp::fhir::fhirpath
