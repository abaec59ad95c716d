// Evaluates a Filter's condition as another data store would: by what the
// comments of medplum.pdp.v1.Comparison say, and nothing else.

#ifndef TESTS_SUPPORT_CONDITION_EVALUATOR_H_
#define TESTS_SUPPORT_CONDITION_EVALUATOR_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/datetime.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/schema.h"
#include "pdp/policy/decision.h"

namespace pdp::testing {

class ConditionEvaluator {
 public:
  explicit ConditionEvaluator(const fhir::Resource& resource)
      : resource_(resource) {}

  bool Holds(const policy::Condition& condition) {
    using Kind = policy::Condition::Kind;
    const auto holds = [this](const policy::Condition& child) {
      return Holds(child);
    };
    switch (condition.kind) {
      case Kind::kConstant:
        return condition.constant;
      case Kind::kAllOf:
        return std::ranges::all_of(condition.children, holds);
      case Kind::kAnyOf:
        return std::ranges::any_of(condition.children, holds);
      case Kind::kNot:
        return !Holds(condition.children.front());
      case Kind::kComparison:
        return Compares(condition);
    }
    return false;
  }

 private:
  using Value = fhir::fhirpath::Value;
  using Compare = policy::Condition::Operator;

  bool Compares(const policy::Condition& condition) {
    scratch_.Reset();
    const auto expression = fhir::fhirpath::Expression::Compile(condition.path);
    EXPECT_TRUE(expression.ok()) << condition.path;
    if (!expression.ok()) return false;
    const auto values =
        (*expression)
            ->Evaluate(fhir::fhirpath::RootOf(resource_.root()), {}, scratch_);
    EXPECT_TRUE(values.ok()) << condition.path;
    if (!values.ok()) return false;
    const auto any = [&](Compare op) {
      return std::ranges::any_of(*values, [&](const Value& element) {
        return std::ranges::any_of(
            condition.values, [&](const std::string& value) {
              return Passes(condition, op, element, value);
            });
      });
    };
    switch (condition.op) {
      case Compare::kExists: {
        const bool exists =
            std::ranges::any_of(*values, [&](const Value& element) {
              return HasValue(condition.parameter_type, element);
            });
        return exists == (condition.values.at(0) == "true");
      }
      case Compare::kNotEquals:
        return !any(Compare::kEquals);
      default:
        return any(condition.op);
    }
  }

  bool Passes(const policy::Condition& condition, Compare op,
              const Value& element, const std::string& value) {
    const std::string_view type = condition.parameter_type;
    if (condition.parameter == "_compartment") {
      const auto reference = Reference(element);
      return reference && AfterSlash(*reference) == AfterSlash(value);
    }
    if (type == "reference") return Reference(element) == value;
    if (type == "token") {
      return IsToken(element, value, condition.parameter == "_id");
    }
    if (type == "date") return Orders(op, Point(element), value);
    if (type == "number" || type == "quantity") {
      double wanted = 0;
      EXPECT_TRUE(absl::SimpleAtod(value, &wanted)) << value;
      const auto number = Number(element);
      return number && InOrder(op, *number, wanted);
    }
    return MatchesText(op, Text(element), value);
  }

  bool HasValue(std::string_view type, const Value& element) {
    if (type == "date") return Point(element).has_value();
    if (type == "number" || type == "quantity") {
      return Number(element).has_value();
    }
    if (type == "reference") {
      return element.kind() != Value::Kind::kObject ||
             fhir::Member(element.object(), "reference") ||
             fhir::Member(element.object(), "identifier");
    }
    return true;
  }

  static std::string_view AfterSlash(std::string_view reference) {
    return reference.substr(reference.find('/') + 1);
  }

  static std::string Text(const Value& element) {
    switch (element.kind()) {
      case Value::Kind::kString:
        return std::string(element.string());
      case Value::Kind::kBoolean:
        return element.boolean() ? "true" : "false";
      default:
        return "";
    }
  }

  static std::optional<std::string> Reference(const Value& element) {
    if (element.kind() == Value::Kind::kString) return Text(element);
    if (element.kind() != Value::Kind::kObject) return std::nullopt;
    return std::string(fhir::StringMember(element.object(), "reference"));
  }

  // Of an identifier, a coding, a concept, a contact point.
  static bool IsToken(const Value& element, const std::string& value,
                      bool ignores_case) {
    if (element.kind() != Value::Kind::kObject) {
      return ignores_case ? absl::EqualsIgnoreCase(Text(element), value)
                          : Text(element) == value;
    }
    const fhir::JsonElement object = element.object();
    const std::string_view type = fhir::TypeName(element.type());
    if (type == "CodeableConcept") {
      if (fhir::StringMember(object, "text") == value) return true;
      bool found = false;
      fhir::ForEachItem(object, "coding", [&](fhir::JsonElement coding) {
        found = found || IsCoding(coding, "code", value) ||
                fhir::StringMember(coding, "display") == value;
      });
      return found;
    }
    if (type == "Coding") {
      return IsCoding(object, "code", value) ||
             fhir::StringMember(object, "display") == value;
    }
    return IsCoding(
        object, "value",
        type == "ContactPoint" ? absl::AsciiStrToLower(value) : value,
        type == "ContactPoint");
  }

  static bool IsCoding(fhir::JsonElement object, std::string_view member,
                       std::string_view value, bool lowers = false) {
    const std::string_view system = fhir::StringMember(object, "system");
    std::string code(fhir::StringMember(object, member));
    if (lowers) absl::AsciiStrToLower(&code);
    const size_t bar = value.find('|');
    if (bar == std::string_view::npos) return code == value;
    if (value.substr(0, bar) != system) return false;
    return bar + 1 == value.size() ? bar > 0 : code == value.substr(bar + 1);
  }

  static std::optional<fhir::Instant> Point(const Value& element) {
    std::string_view text;
    bool is_end = false;
    if (element.kind() == Value::Kind::kString) {
      text = element.string();
    } else if (element.kind() == Value::Kind::kObject) {
      text = fhir::StringMember(element.object(), "start");
      is_end = text.empty();
      if (is_end) text = fhir::StringMember(element.object(), "end");
    }
    const auto period = fhir::ToPeriod(text);
    if (!period.ok()) return std::nullopt;
    return is_end ? period->end : period->start;
  }

  static bool Orders(Compare op, const std::optional<fhir::Instant>& point,
                     const std::string& value) {
    return point &&
           InOrder(op, point->ToString().substr(0, value.size()), value);
  }

  static std::optional<double> Number(const Value& element) {
    if (element.kind() == Value::Kind::kNumber) return element.number();
    double number = 0;
    if (element.kind() != Value::Kind::kObject) return std::nullopt;
    const auto member = fhir::Member(element.object(), "value");
    if (!member || member->get(number) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    return number;
  }

  template <typename T>
  static bool InOrder(Compare op, const T& a, const T& b) {
    switch (op) {
      case Compare::kEquals:
        return a == b;
      case Compare::kLessThan:
        return a < b;
      case Compare::kLessThanOrEquals:
        return a <= b;
      case Compare::kGreaterThan:
        return a > b;
      case Compare::kGreaterThanOrEquals:
        return a >= b;
      default:
        ADD_FAILURE() << "no order";
        return false;
    }
  }

  static bool MatchesText(Compare op, const std::string& text,
                          const std::string& value) {
    switch (op) {
      case Compare::kEquals:
        return text == value;
      case Compare::kStartsWith:
        return absl::StartsWithIgnoreCase(text, value);
      case Compare::kContains:
        return absl::StrContains(absl::AsciiStrToLower(text),
                                 absl::AsciiStrToLower(value));
      default:
        ADD_FAILURE() << "no comparison of texts";
        return false;
    }
  }

  const fhir::Resource& resource_;
  fhir::fhirpath::Scratch scratch_;
};

}  // namespace pdp::testing

#endif  // TESTS_SUPPORT_CONDITION_EVALUATOR_H_
