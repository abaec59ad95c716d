#include "pdp/policy/filter_text.h"

#include <algorithm>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/search/filter_expression.h"
#include "pdp/fhir/search/search_chain.h"

namespace pdp::policy {
namespace {

using fhir::search::Filter;
using fhir::search::FilterExpression;
using fhir::search::Operator;
using Kind = fhir::search::DurableColumn::Kind;

// A word that the server's lexer takes for one.
bool IsPlainPath(std::string_view path) {
  const size_t first = path.find_first_not_of('_');
  return first != std::string_view::npos &&
         absl::ascii_isalpha(static_cast<unsigned char>(path[first])) &&
         std::ranges::all_of(path, [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '_' || c == '-' || c == '.' || c == ':';
         });
}

bool HasControlCharacter(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
}

std::string_view EqualityOf(const Filter& filter) {
  return filter.op == Operator::kNot || filter.op == Operator::kNotEquals
             ? "ne"
             : "eq";
}

// Empty: there is none.
std::string_view OrderingOf(Operator op) {
  switch (op) {
    case Operator::kEquals:
    case Operator::kExact:
      return "eq";
    case Operator::kNot:
    case Operator::kNotEquals:
      return "ne";
    case Operator::kLessThan:
      return "lt";
    case Operator::kLessThanOrEquals:
      return "le";
    case Operator::kGreaterThan:
      return "gt";
    case Operator::kGreaterThanOrEquals:
      return "ge";
    case Operator::kStartsAfter:
      return "sa";
    case Operator::kEndsBefore:
      return "eb";
    case Operator::kApproximately:
      return "ap";
    default:
      return "";
  }
}

// Of texts that are compared by their beginning.
std::string_view TextOperatorOf(const Filter& filter, bool has_negation) {
  switch (filter.op) {
    case Operator::kEquals:
    case Operator::kStartsWith:
      return "sw";
    case Operator::kExact:
      return "eq";
    case Operator::kContains:
      return "co";
    case Operator::kNot:
    case Operator::kNotEquals:
      return has_negation ? "ne" : "";
    default:
      return "";
  }
}

bool AsksPresence(const Filter& filter) {
  if (filter.op != Operator::kMissing && filter.op != Operator::kPresent) {
    return false;
  }
  // These columns take it for an ordinary value.
  const Kind kind = filter.parameter->column.kind;
  return kind != Kind::kId && kind != Kind::kCompartments &&
         kind != Kind::kNames && kind != Kind::kAddresses;
}

// Empty: it cannot be said.
std::string_view OperatorOf(const Filter& filter) {
  const Kind kind = filter.parameter->column.kind;
  if (filter.op == Operator::kIdentifier && kind == Kind::kReferences) {
    return "identifier";
  }
  switch (kind) {
    case Kind::kId:
    case Kind::kProject:
    case Kind::kCompartments:
    case Kind::kBoolean:
    case Kind::kText:
    case Kind::kReferences:
      return EqualityOf(filter);
    case Kind::kCanonicals:
      return filter.op == Operator::kIdentifier ? "" : EqualityOf(filter);
    case Kind::kTokens:
    case Kind::kLowerTokens:
      return filter.op == Operator::kText || filter.op == Operator::kContains
                 ? ""
                 : EqualityOf(filter);
    case Kind::kStrings:
      return TextOperatorOf(filter, /*has_negation=*/false);
    case Kind::kNames:
    case Kind::kAddresses:
      return TextOperatorOf(filter, /*has_negation=*/true);
    case Kind::kDate:
    case Kind::kInstant:
    case Kind::kNumber:
    case Kind::kQuantity:
      return OrderingOf(filter.op);
    case Kind::kUnknown:
      break;
  }
  return "";
}

std::optional<std::string> ComparisonText(std::string_view path,
                                          const Filter& filter) {
  if (!IsPlainPath(path) || HasControlCharacter(filter.value)) {
    return std::nullopt;
  }
  if (AsksPresence(filter)) {
    // Whatever is not `true` stands for `false`.
    const bool wants_value =
        (filter.op == Operator::kPresent) == (filter.value == "true");
    return StrCat(path, " pr ", wants_value ? "true" : "false");
  }
  const std::string_view op = OperatorOf(filter);
  if (op.empty()) return std::nullopt;
  return StrCat(path, " ", op, " ", QuoteFilterValue(filter.value));
}

std::optional<std::string> ChainText(const Filter& filter,
                                     std::string_view type) {
  if (filter.code.find("_has") != std::string::npos) return std::nullopt;
  const auto chain = fhir::search::ParseSearchChain(type, filter);
  if (!chain.ok() || chain->last.parameter == nullptr) return std::nullopt;
  // Servers of some versions drop these.
  if (OperatorOf(chain->last) == "ne") return std::nullopt;
  const size_t last = filter.code.rfind('.') + 1;
  return ComparisonText(filter.code.substr(0, filter.code.find(':', last)),
                        chain->last);
}

// A `_filter` of the policy's own: said again, whatever comments it has.
std::optional<std::string> ExpressionText(const FilterExpression& node) {
  if (node.kind == FilterExpression::Kind::kComparison) {
    if (!IsPlainPath(node.path) || HasControlCharacter(node.value)) {
      return std::nullopt;
    }
    return StrCat(node.path, " ", node.op, " ", QuoteFilterValue(node.value));
  }
  const auto left = ExpressionText(*node.left);
  if (!left) return std::nullopt;
  if (node.kind == FilterExpression::Kind::kNot) {
    return StrCat("not (", *left, ")");
  }
  const auto right = ExpressionText(*node.right);
  if (!right) return std::nullopt;
  const bool is_and = node.kind == FilterExpression::Kind::kAnd;
  return StrCat("(", *left, ") ", is_and ? "and" : "or", " (", *right, ")");
}

// `(a) and ((b) and (c))`, from the right.
template <typename Item, typename ToText>
std::optional<std::string> Join(std::span<const Item> items,
                                std::string_view connective, ToText to_text) {
  std::optional<std::string> joined = to_text(items.back());
  for (size_t i = items.size() - 1; joined && i-- > 0;) {
    const std::optional<std::string> text = to_text(items[i]);
    if (!text) return std::nullopt;
    joined = StrCat("(", *text, ") ", connective, " (", *joined, ")");
  }
  return joined;
}

}  // namespace

std::string QuoteFilterValue(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string BothTexts(std::string_view a, std::string_view b) {
  return StrCat("(", a, ") and (", b, ")");
}

std::optional<std::string> FilterText(const Filter& filter,
                                      std::string_view type) {
  if (filter.is_chained) return ChainText(filter, type);
  if (filter.code == "_filter" && filter.parameter == nullptr) {
    const auto expression = fhir::search::ParseFilterExpression(filter.value);
    return expression.ok() ? ExpressionText(**expression) : std::nullopt;
  }
  if (filter.parameter == nullptr) return std::nullopt;
  return ComparisonText(filter.code, filter);
}

std::optional<std::string> FilterTextOfAll(std::span<const Filter> filters,
                                           std::string_view type) {
  return Join(filters, "and", [type](const Filter& filter) {
    return FilterText(filter, type);
  });
}

std::optional<std::string> FilterTextOfAny(std::span<const EntryFilter> any_of,
                                           std::string_view type) {
  return Join(any_of, "or", [type](const EntryFilter& entry) {
    return FilterTextOfAll(entry.filters, type);
  });
}

}  // namespace pdp::policy
