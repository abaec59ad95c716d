// abs(), round(), power() and the other functions of one number.

#include <cmath>
#include <limits>
#include <optional>

#include "pdp/base/status_macros.h"
#include "pdp/fhir/fhirpath/arithmetic.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/functions.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/types.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Node;

// The number that a function is of; nothing of an empty collection.
absl::StatusOr<std::optional<double>> NumberOf(Items input) {
  if (input.empty()) return std::optional<double>();
  if (input.size() > 1) {
    return EvaluationError("a math function of more than one item");
  }
  if (const auto number = QuantityNumber(input.front())) return number;
  if (!IsNumber(input.front())) {
    return EvaluationError("a math function of what is no number");
  }
  return std::optional<double>(input.front().number());
}

absl::Status AppendResult(Evaluator& e, const Value& input, double number,
                          Collection& out) {
  if (QuantityNumber(input)) {
    return e.Append(WithNumber(e, input, number), out);
  }
  return e.Append(Value::Number(number, input.type()), out);
}

template <double (*function)(double)>
absl::Status Apply(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const std::optional<double> number, NumberOf(input));
  if (!number) return absl::OkStatus();
  return AppendResult(e, input.front(), function(*number), out);
}

double Abs(double x) { return std::fabs(x); }
double Ceiling(double x) { return std::ceil(x); }
double Exp(double x) { return std::exp(x); }
double Floor(double x) { return std::floor(x); }
double Ln(double x) { return std::log(x); }
double Sqrt(double x) { return std::sqrt(x); }
double Truncate(double x) { return std::trunc(x); }

// Halves go up.
double RoundHalfUp(double x) {
  const double floor = std::floor(x);
  return x - floor >= 0.5 ? floor + 1 : floor;
}

double Power(double base, double exponent) {
  // JavaScript does not follow C in these.
  if (std::isnan(exponent) || (std::fabs(base) == 1 && std::isinf(exponent))) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return std::pow(base, exponent);
}

absl::Status Log(Evaluator& e, const Node& call, Items input, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const std::optional<double> number, NumberOf(input));
  if (!number) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const Value argument, e.First(*call.children[0], input));
  PDP_ASSIGN_OR_RETURN(const double base, ToNumber(argument));
  return AppendResult(e, input.front(), std::log(*number) / std::log(base),
                      out);
}

absl::Status PowerOf(Evaluator& e, const Node& call, Items input,
                     Collection& out) {
  PDP_ASSIGN_OR_RETURN(const std::optional<double> number, NumberOf(input));
  if (!number) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const Value argument, e.First(*call.children[0], input));
  PDP_ASSIGN_OR_RETURN(const double exponent, ToNumber(argument));
  return AppendResult(e, input.front(), Power(*number, exponent), out);
}

absl::Status Round(Evaluator& e, const Node& call, Items input,
                   Collection& out) {
  PDP_ASSIGN_OR_RETURN(const std::optional<double> number, NumberOf(input));
  if (!number) return absl::OkStatus();
  double precision = 0;
  if (!call.children.empty()) {
    PDP_ASSIGN_OR_RETURN(const Value argument,
                         e.First(*call.children[0], input));
    const bool is_absent =
        argument.kind() == Value::Kind::kUndefined && !argument.is_null();
    if (!is_absent) {
      if (!IsNumber(argument) || argument.number() < 0) {
        return EvaluationError("a precision of `round` that is no number");
      }
      precision = argument.number();
    }
  }
  const double scale = Power(10, precision);
  return AppendResult(e, input.front(), RoundHalfUp(*number * scale) / scale,
                      out);
}

constexpr Function kFunctions[] = {
    {"abs", 0, Apply<Abs>},   {"ceiling", 0, Apply<Ceiling>},
    {"exp", 0, Apply<Exp>},   {"floor", 0, Apply<Floor>},
    {"ln", 0, Apply<Ln>},     {"log", 1, Log},
    {"power", 1, PowerOf},    {"round", 0, Round},
    {"sqrt", 0, Apply<Sqrt>}, {"truncate", 0, Apply<Truncate>},
};

}  // namespace

std::span<const Function> MathFunctions() { return kFunctions; }

}  // namespace pdp::fhir::fhirpath
