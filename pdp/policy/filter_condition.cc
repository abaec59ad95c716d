#include "pdp/policy/filter_condition.h"

#include <string>
#include <utility>

namespace pdp::policy {
namespace {

using fhir::search::Filter;
using fhir::search::Operator;
using fhir::search::ParameterType;

std::optional<Condition::Operator> OperatorOf(const Filter& filter) {
  using enum Condition::Operator;
  const bool is_text = filter.parameter->type == ParameterType::kString;
  switch (filter.op) {
    case Operator::kEquals:
      if (filter.parameter->type == ParameterType::kDate) return std::nullopt;
      return is_text ? kStartsWith : kEquals;
    case Operator::kExact:
      return kEquals;
    case Operator::kContains:
      return kContains;
    case Operator::kNot:
    case Operator::kNotEquals:
      return kNotEquals;
    case Operator::kLessThan:
      return kLessThan;
    case Operator::kLessThanOrEquals:
      return kLessThanOrEquals;
    case Operator::kGreaterThan:
      return kGreaterThan;
    case Operator::kGreaterThanOrEquals:
      return kGreaterThanOrEquals;
    case Operator::kMissing:
    case Operator::kPresent:
      return kExists;
    case Operator::kStartsAfter:
    case Operator::kEndsBefore:
    case Operator::kApproximately:
    case Operator::kStartsWith:
    case Operator::kAbove:
    case Operator::kBelow:
    case Operator::kText:
    case Operator::kIn:
    case Operator::kNotIn:
    case Operator::kOfType:
    case Operator::kIdentifier:
    case Operator::kIterate:
    case Operator::kOther:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Condition> ConditionOf(const Filter& filter) {
  if (filter.parameter == nullptr) return std::nullopt;
  const auto op = OperatorOf(filter);
  if (!op) return std::nullopt;
  Condition condition;
  condition.kind = Condition::Kind::kComparison;
  condition.parameter = filter.code;
  condition.path = filter.parameter->expression;
  condition.op = *op;
  if (*op == Condition::Operator::kExists) {
    const bool wants_present =
        (filter.op == Operator::kMissing) == (filter.value == "false");
    condition.values = {wants_present ? "true" : "false"};
  } else {
    condition.values = filter.alternatives;
  }
  return condition;
}

}  // namespace

std::optional<Condition> ConditionOf(const fhir::search::Criteria& criteria) {
  Condition all;
  all.kind = Condition::Kind::kAllOf;
  for (const Filter& filter : criteria.filters) {
    std::optional<Condition> condition = ConditionOf(filter);
    if (!condition) return std::nullopt;
    all.children.push_back(*std::move(condition));
  }
  return all;
}

}  // namespace pdp::policy
