#include "pdp/fhir/search/filter_expression.h"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/lexer.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Token;
using fhirpath::TokenKind;

constexpr int kMaxDepth = 64;

constexpr std::pair<std::string_view, Operator> kOperators[] = {
    {"eq", Operator::kExact},
    {"ne", Operator::kNotEquals},
    {"co", Operator::kContains},
    {"sw", Operator::kStartsWith},
    {"gt", Operator::kGreaterThan},
    {"lt", Operator::kLessThan},
    {"ge", Operator::kGreaterThanOrEquals},
    {"le", Operator::kLessThanOrEquals},
    {"ap", Operator::kApproximately},
    {"sa", Operator::kStartsAfter},
    {"eb", Operator::kEndsBefore},
    {"pr", Operator::kPresent},
    {"in", Operator::kIn},
    {"ni", Operator::kNotIn},
    {"re", Operator::kEquals},
    {"identifier", Operator::kIdentifier},
};

std::optional<Operator> FindOperator(std::string_view name) {
  for (const auto& [known, op] : kOperators) {
    if (known == name) return op;
  }
  return std::nullopt;
}

using Result = absl::StatusOr<std::unique_ptr<FilterExpression>>;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result Parse() {
    PDP_ASSIGN_OR_RETURN(auto expression, ParseExpression(0));
    if (Peek() != nullptr) return Malformed("the end");
    return expression;
  }

 private:
  Result ParseExpression(int depth) {
    if (depth > kMaxDepth) {
      return absl::ResourceExhaustedError("_filter is nested too deep");
    }
    PDP_ASSIGN_OR_RETURN(auto left, ParseTerm(depth));
    const bool is_and = Reads("and");
    if (!is_and && !Reads("or")) return left;
    PDP_RETURN_IF_ERROR(Take(TokenKind::kSymbol, "a word").status());
    auto expression = std::make_unique<FilterExpression>();
    expression->kind =
        is_and ? FilterExpression::Kind::kAnd : FilterExpression::Kind::kOr;
    expression->left = std::move(left);
    PDP_ASSIGN_OR_RETURN(expression->right, ParseExpression(depth + 1));
    return expression;
  }

  Result ParseTerm(int depth) {
    if (Reads("(")) return ParseParentheses(depth);
    if (Reads("not")) {
      PDP_RETURN_IF_ERROR(Take(TokenKind::kSymbol, "a word").status());
      auto expression = std::make_unique<FilterExpression>();
      expression->kind = FilterExpression::Kind::kNot;
      PDP_ASSIGN_OR_RETURN(expression->left, ParseParentheses(depth));
      return expression;
    }
    auto comparison = std::make_unique<FilterExpression>();
    PDP_ASSIGN_OR_RETURN(comparison->path, Take(TokenKind::kSymbol, "a path"));
    PDP_ASSIGN_OR_RETURN(comparison->op,
                         Take(TokenKind::kSymbol, "an operator"));
    if (!FindOperator(comparison->op)) {
      return absl::InvalidArgumentError(
          StrCat("_filter has no operator `", comparison->op, "`"));
    }
    if (Peek() == nullptr) return Malformed("a value");
    comparison->value = tokens_[next_++].text;
    return comparison;
  }

  Result ParseParentheses(int depth) {
    PDP_RETURN_IF_ERROR(TakeOperator("("));
    PDP_ASSIGN_OR_RETURN(auto expression, ParseExpression(depth + 1));
    PDP_RETURN_IF_ERROR(TakeOperator(")"));
    return expression;
  }

  const Token* Peek() const {
    return next_ < tokens_.size() ? &tokens_[next_] : nullptr;
  }

  // As Medplum looks ahead: at the text of the next token, whatever it is.
  bool Reads(std::string_view text) const {
    return Peek() != nullptr && Peek()->text == text;
  }

  absl::StatusOr<std::string> Take(TokenKind kind, std::string_view wanted) {
    if (Peek() == nullptr || Peek()->kind != kind) return Malformed(wanted);
    return std::move(tokens_[next_++].text);
  }

  absl::Status TakeOperator(std::string_view text) {
    if (!Reads(text)) return Malformed(text);
    return Take(TokenKind::kOperator, text).status();
  }

  absl::Status Malformed(std::string_view wanted) const {
    const std::string there =
        Peek() == nullptr ? "the end" : StrCat("`", Peek()->text, "`");
    return absl::InvalidArgumentError(
        StrCat("_filter: expected ", wanted, ", not ", there));
  }

  std::vector<Token> tokens_;
  size_t next_ = 0;
};

}  // namespace

Result ParseFilterExpression(std::string_view text) {
  PDP_ASSIGN_OR_RETURN(std::vector<Token> tokens,
                       fhirpath::Tokenize(text, fhirpath::Dialect::kFilter));
  std::erase_if(tokens, [](const Token& token) {
    return token.kind == TokenKind::kComment;
  });
  return Parser(std::move(tokens)).Parse();
}

Filter ToFilter(const FilterExpression& comparison,
                std::string_view resource_type) {
  Filter filter;
  filter.code = comparison.path;
  filter.value = comparison.value;
  filter.op = FindOperator(comparison.op).value_or(Operator::kOther);
  filter.is_chained = filter.code.find('.') != std::string::npos ||
                      filter.code.starts_with("_has:");
  if (!filter.is_chained) {
    filter.parameter = FindSearchParameter(resource_type, filter.code);
  }
  PrepareFilter(filter);
  return filter;
}

}  // namespace pdp::fhir::search
