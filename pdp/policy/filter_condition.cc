#include "pdp/policy/filter_condition.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/datetime.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/filter_expression.h"
#include "pdp/fhir/search/match_durable.h"

namespace pdp::policy {
namespace {

using fhir::search::DurableColumn;
using fhir::search::Filter;
using fhir::search::FilterExpression;
using fhir::search::Operator;
using fhir::search::SearchParameter;
using Kind = DurableColumn::Kind;
using Compare = Condition::Operator;

// Where resources without a project are kept.
constexpr std::string_view kNoProject = "65897e4f-7add-55f3-9b17-035b5a4e6d52";
constexpr size_t kDaySize = std::string_view("2024-01-01").size();

// When a filter is true, and when it is false; when neither, it is null.
struct Sides {
  Condition yes;
  Condition no;
};

Condition Constant(bool value) {
  return {.kind = Condition::Kind::kConstant, .constant = value};
}

Condition Not(Condition condition) {
  Condition negation{.kind = Condition::Kind::kNot};
  negation.children.push_back(std::move(condition));
  return negation;
}

Condition Join(Condition::Kind kind, std::vector<Condition> children) {
  if (children.size() == 1) return std::move(children.front());
  Condition joined{.kind = kind};
  joined.children = std::move(children);
  return joined;
}

Condition Both(Condition a, Condition b) {
  return AllOf({std::move(a), std::move(b)});
}

// ---------------------------------------------------------------------------
// Paths.

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return absl::ascii_isascii(static_cast<unsigned char>(c));
  });
}

std::string_view Trim(std::string_view text) {
  return ToStd(absl::StripAsciiWhitespace(ToAbsl(text)));
}

// The alternatives of an expression, cut at the bars outside parentheses.
std::vector<std::string_view> BranchesOf(std::string_view expression) {
  std::vector<std::string_view> branches;
  int depth = 0;
  bool quoted = false;
  size_t begin = 0;
  for (size_t i = 0; i <= expression.size(); ++i) {
    const char c = i < expression.size() ? expression[i] : '|';
    if (c == '\'') quoted = !quoted;
    if (quoted && i < expression.size()) continue;
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c != '|' || depth > 0) continue;
    branches.push_back(Trim(expression.substr(begin, i - begin)));
    begin = i + 1;
  }
  return branches;
}

// Those that speak of resources of `type`; all, where it does not say.
std::vector<std::string_view> BranchesFor(std::string_view type,
                                          std::string_view expression) {
  std::vector<std::string_view> branches = BranchesOf(expression);
  std::vector<std::string_view> own;
  for (const std::string_view branch : branches) {
    const std::string_view inner =
        branch.substr(std::min(branch.find_first_not_of('('), branch.size()));
    if (inner.starts_with(StrCat(type, "."))) own.push_back(branch);
  }
  return own.empty() ? branches : own;
}

// Whether the branches are the types of one choice element,
// `(X.value.ofType(Quantity))`: then there is at most one value.
bool AreOneChoice(std::span<const std::string_view> branches) {
  const auto element = [](std::string_view branch) {
    return branch.substr(0, branch.find(".ofType("));
  };
  return std::ranges::all_of(branches, [&](std::string_view branch) {
    return element(branch).size() < branch.size() &&
           element(branch) == element(branches.front());
  });
}

// Whether `path` is `Type.a.b` and its values are primitive texts.
bool IsPlainText(std::string_view type, std::string_view path) {
  fhir::TypeId at = fhir::FindType(type);
  if (!path.starts_with(StrCat(type, "."))) return false;
  path.remove_prefix(type.size() + 1);
  while (true) {
    const std::string_view name = path.substr(0, path.find('.'));
    const fhir::ElementInfo* const element = fhir::FindElement(at, name);
    if (element == nullptr || element->types.size() != 1) return false;
    at = element->types[0];
    if (name.size() == path.size()) break;
    path.remove_prefix(name.size() + 1);
  }
  const std::string_view found = fhir::TypeName(at);
  return found == "string" || found == "markdown" || found == "code" ||
         found == "id" || found == "uri" || found == "url";
}

// ---------------------------------------------------------------------------
// One filter.

bool IsNegated(const Filter& filter) {
  return filter.op == Operator::kNot || filter.op == Operator::kNotEquals;
}

Compare OrderOf(Operator op) {
  switch (op) {
    case Operator::kEquals:
    case Operator::kExact:
      return Compare::kEquals;
    case Operator::kNot:
    case Operator::kNotEquals:
      return Compare::kNotEquals;
    case Operator::kLessThan:
    case Operator::kEndsBefore:
      return Compare::kLessThan;
    case Operator::kLessThanOrEquals:
      return Compare::kLessThanOrEquals;
    case Operator::kGreaterThan:
    case Operator::kStartsAfter:
      return Compare::kGreaterThan;
    case Operator::kGreaterThanOrEquals:
      return Compare::kGreaterThanOrEquals;
    default:
      return Compare::kUnspecified;
  }
}

// The UUIDs among the values, in lower case; others name nothing.
std::vector<std::string> IdsOf(const Filter& filter, bool keep_types) {
  std::vector<std::string> ids;
  for (const std::string& alternative : filter.alternatives) {
    const size_t begin = alternative.rfind('/') + 1;
    const std::string_view id = std::string_view(alternative).substr(begin);
    if (!fhir::IsUuid(id)) continue;
    ids.push_back(StrCat(keep_types ? alternative.substr(0, begin) : "",
                         absl::AsciiStrToLower(ToAbsl(id))));
  }
  return ids;
}

// The type that a bare value stands for one of; empty: none.
std::string_view CompletingType(const Filter& filter,
                                std::string_view alternative) {
  const DurableColumn& column = filter.parameter->column;
  if (alternative.find('/') != std::string_view::npos) return "";
  if (!column.target.empty() && fhir::IsUuid(alternative)) return column.target;
  const bool is_patient = filter.code == "subject" || filter.code == "patient";
  return is_patient ? "Patient" : "";
}

class Sayer {
 public:
  Sayer(std::string_view type, bool has_ranges)
      : type_(type), has_ranges_(has_ranges) {}

  std::optional<Sides> Say(const Filter& filter) const {
    if (filter.code == "_filter" && filter.parameter == nullptr) {
      const auto expression = fhir::search::ParseFilterExpression(filter.value);
      return expression.ok() ? Say(**expression) : std::nullopt;
    }
    if (filter.parameter == nullptr) return std::nullopt;
    fhir::search::Criteria criteria;
    criteria.filters.push_back(filter);
    // What the server would refuse is no condition.
    if (fhir::search::CheckDurable(criteria, type_, {}).match !=
        fhir::search::DurableMatch::kYes) {
      return std::nullopt;
    }
    return SayColumn(filter);
  }

 private:
  std::optional<Sides> Say(const FilterExpression& node) const {
    if (node.kind == FilterExpression::Kind::kComparison) {
      return Say(fhir::search::ToFilter(node, type_));
    }
    std::optional<Sides> left = Say(*node.left);
    if (!left) return std::nullopt;
    if (node.kind == FilterExpression::Kind::kNot) {
      return Sides{std::move(left->no), std::move(left->yes)};
    }
    std::optional<Sides> right = Say(*node.right);
    if (!right) return std::nullopt;
    if (node.kind == FilterExpression::Kind::kAnd) {
      return Sides{AllOf({std::move(left->yes), std::move(right->yes)}),
                   AnyOf({std::move(left->no), std::move(right->no)})};
    }
    return Sides{AnyOf({std::move(left->yes), std::move(right->yes)}),
                 AllOf({std::move(left->no), std::move(right->no)})};
  }

  std::string PathOf(const SearchParameter& parameter) const {
    std::string path;
    for (const auto branch : BranchesFor(type_, parameter.expression)) {
      path += StrCat(path.empty() ? "" : " | ", branch);
    }
    return path;
  }

  Condition Comparison(const Filter& filter, Compare op,
                       std::vector<std::string> values) const {
    Condition condition{.kind = Condition::Kind::kComparison};
    condition.parameter = filter.code;
    condition.path = PathOf(*filter.parameter);
    condition.parameter_type =
        fhir::search::ParameterTypeName(filter.parameter->type);
    condition.op = op;
    condition.values = std::move(values);
    return condition;
  }

  Condition Exists(const Filter& filter, bool wanted = true) const {
    return Comparison(filter, Compare::kExists, {wanted ? "true" : "false"});
  }

  // True and false are opposites: no value is some value of its own.
  static Sides Opposites(const Filter& filter, Condition equal,
                         Condition other) {
    if (IsNegated(filter)) return {std::move(other), std::move(equal)};
    return {std::move(equal), std::move(other)};
  }

  Sides Opposites(const Filter& filter, std::vector<std::string> values) const {
    if (values.empty()) {
      return Opposites(filter, Constant(false), Constant(true));
    }
    return Opposites(filter, Comparison(filter, Compare::kEquals, values),
                     Comparison(filter, Compare::kNotEquals, values));
  }

  // Neither is true of a resource without a value.
  Sides OfPresent(const Filter& filter, std::vector<std::string> values) const {
    return Opposites(
        filter, Comparison(filter, Compare::kEquals, values),
        Both(Exists(filter), Comparison(filter, Compare::kNotEquals, values)));
  }

  // The database keeps one value: exact where there cannot be more.
  bool KeepsAll(const Filter& filter) const {
    const auto branches = BranchesFor(type_, filter.parameter->expression);
    return filter.parameter->column.is_array || branches.size() == 1 ||
           AreOneChoice(branches);
  }

  std::optional<Sides> SayColumn(const Filter& filter) const {
    const DurableColumn& column = filter.parameter->column;
    const bool takes_presence =
        column.kind != Kind::kId && column.kind != Kind::kCompartments &&
        column.kind != Kind::kNames && column.kind != Kind::kAddresses;
    const bool asks_presence =
        filter.op == Operator::kMissing || filter.op == Operator::kPresent;
    if (asks_presence && takes_presence) return SayPresence(filter);
    switch (column.kind) {
      case Kind::kId:
        return Opposites(filter, IdsOf(filter, /*keep_types=*/false));
      case Kind::kProject:
        return SayProject(filter);
      case Kind::kCompartments:
        return Opposites(filter, IdsOf(filter, /*keep_types=*/true));
      case Kind::kBoolean:
        return IsNegated(filter) ? Opposites(filter, {filter.value})
                                 : OfPresent(filter, {filter.value});
      case Kind::kText:
        return SayText(filter);
      case Kind::kTokens:
      case Kind::kLowerTokens:
        return SayTokens(filter);
      case Kind::kReferences:
      case Kind::kCanonicals:
        return SayReferences(filter);
      case Kind::kStrings:
        return SayStrings(filter);
      case Kind::kDate:
      case Kind::kInstant:
        return SayDate(filter);
      case Kind::kNumber:
      case Kind::kQuantity:
        return SayNumbers(filter);
      case Kind::kNames:
      case Kind::kAddresses:
      case Kind::kUnknown:
        break;
    }
    return std::nullopt;
  }

  std::optional<Sides> SayPresence(const Filter& filter) const {
    const Kind kind = filter.parameter->column.kind;
    const bool is_token = kind == Kind::kTokens || kind == Kind::kLowerTokens;
    const std::string value =
        is_token ? absl::AsciiStrToLower(filter.value) : filter.value;
    // Whatever is not `true` stands for `false`.
    const bool wanted = (filter.op == Operator::kPresent) == (value == "true");
    return Sides{Exists(filter, wanted), Exists(filter, !wanted)};
  }

  std::optional<Sides> SayProject(const Filter& filter) const {
    std::vector<std::string> ids = IdsOf(filter, /*keep_types=*/false);
    if (std::ranges::find(ids, kNoProject) != ids.end()) return std::nullopt;
    return Opposites(filter, std::move(ids));
  }

  std::optional<Sides> SayText(const Filter& filter) const {
    if (!KeepsAll(filter)) return std::nullopt;
    const bool has_answer =
        filter.parameter->column.is_array ||
        (IsNegated(filter) && filter.alternatives.size() == 1);
    return has_answer ? Opposites(filter, filter.alternatives)
                      : OfPresent(filter, filter.alternatives);
  }

  std::optional<Sides> SayTokens(const Filter& filter) const {
    if (filter.op == Operator::kText || filter.op == Operator::kContains) {
      return std::nullopt;
    }
    std::vector<std::string> values;
    for (const std::string& alternative : filter.alternatives) {
      if (!IsAscii(alternative)) return std::nullopt;
      const std::string_view value = Trim(alternative);
      if (value.empty() || value == "|") continue;  // Finds nothing.
      values.emplace_back(value);
    }
    return Opposites(filter, std::move(values));
  }

  std::optional<Sides> SayReferences(const Filter& filter) const {
    if (filter.op == Operator::kIdentifier || !KeepsAll(filter)) {
      return std::nullopt;
    }
    std::vector<std::string> values;
    for (const std::string& alternative : filter.alternatives) {
      const std::string_view type = CompletingType(filter, alternative);
      values.push_back(type.empty() ? alternative
                                    : StrCat(type, "/", alternative));
    }
    return filter.parameter->column.is_array
               ? Opposites(filter, std::move(values))
               : OfPresent(filter, std::move(values));
  }

  std::optional<Sides> SayStrings(const Filter& filter) const {
    const auto branches = BranchesFor(type_, filter.parameter->expression);
    const bool is_plain = std::ranges::all_of(
        branches, [this](std::string_view b) { return IsPlainText(type_, b); });
    if (!is_plain || !KeepsAll(filter)) return std::nullopt;
    const bool is_exact = filter.op == Operator::kExact;
    if (!is_exact && !std::ranges::all_of(filter.alternatives, IsAscii)) {
      return std::nullopt;
    }
    const Compare op = is_exact ? Compare::kEquals
                       : filter.op == Operator::kContains
                           ? Compare::kContains
                           : Compare::kStartsWith;
    Condition yes = Comparison(filter, op, filter.alternatives);
    Condition no = Not(yes);
    if (!filter.parameter->column.is_array) {
      no = Both(Exists(filter), std::move(no));
    }
    return Sides{std::move(yes), std::move(no)};
  }

  std::optional<Sides> SayDate(const Filter& filter) const {
    const Compare op = OrderOf(filter.op);
    const bool is_said = op != Compare::kUnspecified && !has_ranges_ &&
                         !filter.parameter->column.is_array && KeepsAll(filter);
    if (!is_said) return std::nullopt;
    const bool is_day = filter.parameter->column.kind == Kind::kDate;
    const auto period = fhir::ToPeriod(filter.value);
    if (!period.ok()) return std::nullopt;
    std::string value =
        is_day ? filter.value.substr(0, kDaySize) : period->start.ToString();
    Condition test = Comparison(filter, op, {std::move(value)});
    Condition other = Both(Exists(filter), Not(test));
    if (op == Compare::kNotEquals) {
      test = Both(Exists(filter), std::move(test));
    }
    return Sides{std::move(test), std::move(other)};
  }

  std::optional<Sides> SayNumbers(const Filter& filter) const {
    const DurableColumn& column = filter.parameter->column;
    const Compare op = OrderOf(filter.op);
    const bool is_said = op != Compare::kUnspecified && !has_ranges_ &&
                         !column.is_array && KeepsAll(filter);
    if (!is_said) return std::nullopt;
    std::vector<std::string> values = filter.alternatives;
    if (column.kind == Kind::kQuantity) {  // Units are not looked at.
      values = {filter.value.substr(0, filter.value.find('|'))};
    }
    std::vector<Condition> any;
    for (std::string& value : values) {
      any.push_back(Comparison(filter, op, {std::move(value)}));
    }
    Condition test = AnyOf(std::move(any));
    Condition other = Both(Exists(filter), Not(test));
    if (op == Compare::kNotEquals) {
      test = Both(Exists(filter), std::move(test));
    }
    return Sides{std::move(test), std::move(other)};
  }

  const std::string_view type_;
  const bool has_ranges_;
};

}  // namespace

Condition AllOf(std::vector<Condition> children) {
  if (children.empty()) return Constant(true);
  return Join(Condition::Kind::kAllOf, std::move(children));
}

Condition AnyOf(std::vector<Condition> children) {
  if (children.empty()) return Constant(false);
  return Join(Condition::Kind::kAnyOf, std::move(children));
}

std::optional<Condition> ConditionOfAll(std::span<const Filter> filters,
                                        std::string_view type,
                                        bool has_ranges) {
  const Sayer sayer(type, has_ranges);
  std::vector<Condition> all;
  for (const Filter& filter : filters) {
    std::optional<Sides> sides = sayer.Say(filter);
    if (!sides) return std::nullopt;
    all.push_back(std::move(sides->yes));
  }
  return AllOf(std::move(all));
}

Condition ProjectCondition(std::string_view type,
                           std::vector<std::string> ids) {
  Condition condition{.kind = Condition::Kind::kComparison};
  condition.parameter = "_project";
  condition.path = StrCat(type, ".meta.project");
  condition.parameter_type = "token";
  condition.op = Compare::kEquals;
  condition.values = std::move(ids);
  return condition;
}

}  // namespace pdp::policy
