#include "pdp/fhir/search/filter_expression.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::fhir::search {
namespace {

constexpr int kMaxDepth = 64;

using Result = absl::StatusOr<std::unique_ptr<FilterExpression>>;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result Parse() {
    PDP_ASSIGN_OR_RETURN(auto expression, ParseExpression(0));
    SkipSpace();
    if (!rest_.empty()) return Malformed("the end");
    return expression;
  }

 private:
  Result ParseExpression(int depth) {
    if (depth > kMaxDepth) {
      return absl::ResourceExhaustedError("_filter is nested too deep");
    }
    PDP_ASSIGN_OR_RETURN(auto left, ParseTerm(depth));
    const bool is_and = TakeWord("and");
    if (!is_and && !TakeWord("or")) return left;
    auto expression = std::make_unique<FilterExpression>();
    expression->kind =
        is_and ? FilterExpression::Kind::kAnd : FilterExpression::Kind::kOr;
    expression->left = std::move(left);
    PDP_ASSIGN_OR_RETURN(expression->right, ParseExpression(depth + 1));
    return expression;
  }

  Result ParseTerm(int depth) {
    if (Take('(')) return ParseRestOfParentheses(depth);
    if (TakeWord("not")) {
      if (!Take('(')) return Malformed("(");
      auto expression = std::make_unique<FilterExpression>();
      expression->kind = FilterExpression::Kind::kNot;
      PDP_ASSIGN_OR_RETURN(expression->left, ParseRestOfParentheses(depth));
      return expression;
    }
    auto comparison = std::make_unique<FilterExpression>();
    PDP_ASSIGN_OR_RETURN(comparison->path, TakeBare());
    PDP_ASSIGN_OR_RETURN(comparison->op, TakeBare());
    PDP_ASSIGN_OR_RETURN(comparison->value, TakeValue());
    return comparison;
  }

  Result ParseRestOfParentheses(int depth) {
    PDP_ASSIGN_OR_RETURN(auto expression, ParseExpression(depth + 1));
    if (!Take(')')) return Malformed(")");
    return expression;
  }

  absl::StatusOr<std::string> TakeBare() {
    SkipSpace();
    size_t size = 0;
    while (size < rest_.size() && !IsSpace(rest_[size]) && rest_[size] != '(' &&
           rest_[size] != ')' && rest_[size] != '"' && rest_[size] != '\'') {
      ++size;
    }
    if (size == 0) return Malformed("a word");
    std::string word(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return word;
  }

  absl::StatusOr<std::string> TakeValue() {
    SkipSpace();
    if (!rest_.starts_with('"') && !rest_.starts_with('\'')) return TakeBare();
    const char quote = rest_[0];
    std::string value;
    for (size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return value;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      value.push_back(rest_[i]);
    }
    return Malformed("a closing quote");
  }

  bool Take(char c) {
    SkipSpace();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // A word that stands by itself.
  bool TakeWord(std::string_view word) {
    SkipSpace();
    if (!rest_.starts_with(word) || rest_.size() == word.size() ||
        !(IsSpace(rest_[word.size()]) || rest_[word.size()] == '(')) {
      return false;
    }
    rest_.remove_prefix(word.size());
    return true;
  }

  void SkipSpace() {
    while (!rest_.empty() && IsSpace(rest_[0])) rest_.remove_prefix(1);
  }

  absl::Status Malformed(std::string_view wanted) const {
    return absl::InvalidArgumentError(
        StrCat("_filter: expected ", wanted, " before `", rest_, "`"));
  }

  std::string_view rest_;
};

}  // namespace

Result ParseFilterExpression(std::string_view text) {
  return Parser(text).Parse();
}

}  // namespace pdp::fhir::search
