// toBoolean(), convertsToBoolean() and the other conversions, and not().

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/fhirpath/datetime.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/functions.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/operators.h"
#include "pdp/fhir/fhirpath/types.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Node;
using ResultOr = absl::StatusOr<std::optional<Value>>;
// Nothing for a value that cannot be converted.
using Conversion = ResultOr (*)(Evaluator&, const Value&);

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

size_t CountDigits(std::string_view text) {
  size_t count = 0;
  while (count < text.size() && IsDigit(text[count])) ++count;
  return count;
}

// As parseFloat reads plain decimals.
double ParseDecimal(std::string_view text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number,
                  std::chars_format::fixed);
  return number;
}

// The size of `-?\d{1,9}(\.\d{1,9})?` in front of `text`; 0 where it is not
// there.
size_t DecimalSize(std::string_view text) {
  size_t size = text.starts_with('-') ? 1 : 0;
  const size_t digits = std::min<size_t>(CountDigits(text.substr(size)), 9);
  if (digits == 0) return 0;
  size += digits;
  if (text.substr(size).starts_with('.')) {
    const size_t fraction =
        std::min<size_t>(CountDigits(text.substr(size + 1)), 9);
    if (fraction > 0) size += 1 + fraction;
  }
  return size;
}

ResultOr ToBoolean(Evaluator&, const Value& value) {
  std::optional<bool> result;
  if (IsBoolean(value)) {
    result = value.boolean();
  } else if (IsNumber(value)) {
    if (value.number() == 0) result = false;
    if (value.number() == 1) result = true;
  } else if (IsString(value) && value.string().size() <= 8) {
    const std::string text = ToLower(value.string());
    for (const char* word : {"true", "t", "yes", "y", "1", "1.0"}) {
      if (text == word) result = true;
    }
    for (const char* word : {"false", "f", "no", "n", "0", "0.0"}) {
      if (text == word) result = false;
    }
  }
  if (!result) return std::optional<Value>();
  return Value::Boolean(*result, Types().boolean);
}

ResultOr ToInteger(Evaluator&, const Value& value) {
  const TypeId type = Types().integer;
  if (IsNumber(value)) return Value::Number(value.number(), type);
  if (IsBoolean(value)) return Value::Number(value.boolean() ? 1 : 0, type);
  if (!IsString(value)) return std::optional<Value>();
  std::string_view text = value.string();
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || CountDigits(text) != text.size()) {
    return std::optional<Value>();
  }
  if (text.size() > 300) return EvaluationError("a number out of range");
  const double number = ParseDecimal(text);
  return Value::Number(negative ? -number : number, type);
}

ResultOr ToDecimal(Evaluator&, const Value& value) {
  const TypeId type = Types().decimal;
  if (IsNumber(value)) return Value::Number(value.number(), type);
  if (IsBoolean(value)) return Value::Number(value.boolean() ? 1 : 0, type);
  if (!IsString(value) || value.string().empty() ||
      DecimalSize(value.string()) != value.string().size()) {
    return std::optional<Value>();
  }
  return Value::Number(ParseDecimal(value.string()), type);
}

bool BeginsWithYear(const Value& value) {
  return IsString(value) && CountDigits(value.string()) >= 4;
}

ResultOr ToDateOf(Evaluator& e, const Value& value, TypeId type) {
  if (!BeginsWithYear(value)) return std::optional<Value>();
  PDP_ASSIGN_OR_RETURN(const std::string text,
                       NormalizeDateTime(value.string()));
  PDP_ASSIGN_OR_RETURN(const std::string_view kept, e.Keep(text));
  return Value::String(kept, type);
}

ResultOr ToDate(Evaluator& e, const Value& value) {
  return ToDateOf(e, value, Types().date);
}

ResultOr ToDateTime(Evaluator& e, const Value& value) {
  return ToDateOf(e, value, Types().date_time);
}

// What is in front: `hh`, `hh:mm` or `hh:mm:ss`.
size_t ClockSize(std::string_view text) {
  if (CountDigits(text) < 2) return 0;
  size_t size = 2;
  while (size < 8 && text.substr(size).starts_with(':') &&
         CountDigits(text.substr(size + 1)) >= 2) {
    size += 3;
  }
  return size;
}

ResultOr ToTime(Evaluator& e, const Value& value) {
  if (!IsString(value)) return std::optional<Value>();
  std::string_view text = value.string();
  if (text.starts_with('T')) text.remove_prefix(1);
  const size_t size = ClockSize(text);
  if (size == 0) return std::optional<Value>();
  PDP_ASSIGN_OR_RETURN(const std::string full,
                       NormalizeDateTime(StrCat("T", text.substr(0, size))));
  PDP_ASSIGN_OR_RETURN(const std::string_view kept, e.Keep(full));
  return Value::String(kept, Types().time);
}

ResultOr ToQuantity(Evaluator& e, const Value& value) {
  Quantity quantity{.unit = "1"};
  if (QuantityNumber(value)) {
    Value result = value;
    result.set_type(Types().quantity);
    return result;
  }
  if (IsNumber(value)) {
    quantity.value = value.number();
  } else if (IsBoolean(value)) {
    quantity.value = value.boolean() ? 1 : 0;
  } else if (IsString(value) && DecimalSize(value.string()) > 0) {
    // Not only what DecimalSize counts: all that parseFloat reads.
    std::string_view text = value.string();
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), quantity.value);
    if (error != std::errc()) return EvaluationError("a number out of range");
  } else {
    return std::optional<Value>();
  }
  return Value::OfQuantity(e.Keep(quantity), Types().quantity);
}

ResultOr ToStringOf(Evaluator& e, const Value& value) {
  if (value.kind() == Value::Kind::kUndefined) return std::optional<Value>();
  if (IsString(value)) return Value::String(value.string(), Types().string);
  std::string text;
  if (const std::optional<double> number = QuantityNumber(value)) {
    PDP_ASSIGN_OR_RETURN(const std::string unit,
                         ToString(Property(value, "unit").value_or(Value())));
    text = StrCat(NumberToString(*number), " '", unit, "'");
  } else {
    PDP_ASSIGN_OR_RETURN(text, ToString(value));
  }
  PDP_ASSIGN_OR_RETURN(const std::string_view kept, e.Keep(text));
  return Value::String(kept, Types().string);
}

ResultOr ConvertSingle(Evaluator& e, Items input, Conversion conversion) {
  if (input.size() > 1) {
    return EvaluationError("a conversion of more than one item");
  }
  return conversion(e, input.front());
}

template <Conversion conversion>
absl::Status To(Evaluator& e, const Node&, Items input, Collection& out) {
  if (input.empty()) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const std::optional<Value> result,
                       ConvertSingle(e, input, conversion));
  if (!result) return absl::OkStatus();
  return e.Append(*result, out);
}

template <Conversion conversion>
absl::Status ConvertsTo(Evaluator& e, const Node&, Items input,
                        Collection& out) {
  if (input.empty()) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const std::optional<Value> result,
                       ConvertSingle(e, input, conversion));
  return AppendBoolean(e, result.has_value(), out);
}

absl::Status Not(Evaluator& e, const Node&, Items input, Collection& out) {
  if (input.empty()) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const std::optional<Value> result,
                       ConvertSingle(e, input, ToBoolean));
  if (!result) return absl::OkStatus();
  return AppendBoolean(e, !result->boolean(), out);
}

constexpr Function kFunctions[] = {
    {"toBoolean", 0, To<ToBoolean>},
    {"convertsToBoolean", 0, ConvertsTo<ToBoolean>},
    {"toInteger", 0, To<ToInteger>},
    {"convertsToInteger", 0, ConvertsTo<ToInteger>},
    {"toDecimal", 0, To<ToDecimal>},
    {"convertsToDecimal", 0, ConvertsTo<ToDecimal>},
    {"toDate", 0, To<ToDate>},
    {"convertsToDate", 0, ConvertsTo<ToDate>},
    {"toDateTime", 0, To<ToDateTime>},
    {"convertsToDateTime", 0, ConvertsTo<ToDateTime>},
    {"toTime", 0, To<ToTime>},
    {"convertsToTime", 0, ConvertsTo<ToTime>},
    {"toQuantity", 0, To<ToQuantity>},
    {"convertsToQuantity", 0, ConvertsTo<ToQuantity>},
    {"toString", 0, To<ToStringOf>},
    {"convertsToString", 0, ConvertsTo<ToStringOf>},
    {"not", 0, Not},
};

}  // namespace

std::span<const Function> ConversionFunctions() { return kFunctions; }

}  // namespace pdp::fhir::fhirpath
