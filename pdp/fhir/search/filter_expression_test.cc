#include "pdp/fhir/search/filter_expression.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pdp::fhir::search {
namespace {

std::string Print(const FilterExpression& node) {
  switch (node.kind) {
    case FilterExpression::Kind::kComparison:
      return node.path + " " + node.op + " <" + node.value + ">";
    case FilterExpression::Kind::kNot:
      return "not(" + Print(*node.left) + ")";
    case FilterExpression::Kind::kAnd:
      return "(" + Print(*node.left) + " and " + Print(*node.right) + ")";
    case FilterExpression::Kind::kOr:
      return "(" + Print(*node.left) + " or " + Print(*node.right) + ")";
  }
  return "";
}

std::string Describe(std::string_view text) {
  const auto expression = ParseFilterExpression(text);
  return expression.ok() ? Print(**expression) : "error";
}

TEST(FilterExpressionTest, BindsToTheRightWithoutPrecedence) {
  const struct {
    std::string_view text;
    std::string_view want;
  } cases[] = {
      {"name eq x", "name eq <x>"},
      {"(name eq x)", "name eq <x>"},
      {"a eq 1 and b eq 2 or c eq 3", "(a eq <1> and (b eq <2> or c eq <3>))"},
      {"(a eq 1 and b eq 2) or c eq 3",
       "((a eq <1> and b eq <2>) or c eq <3>)"},
      {"not (a eq 1) and b eq 2", "(not(a eq <1>) and b eq <2>)"},
      {"a.b co \"x y\"", "a.b co <x y>"},
      {"a eq 'it\\'s'", "a eq <it's>"},
      {"a eq \"p|q,r)\"", "a eq <p|q,r)>"},
      {"android eq and", "android eq <and>"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.text);
    EXPECT_EQ(Describe(test.text), test.want);
  }
}

TEST(FilterExpressionTest, ReadsWordsToTheNextSpaceOrBracket) {
  const struct {
    std::string_view text;
    std::string_view want;
  } cases[] = {
      {"a eq x'y", "a eq <x'y>"},
      {"a eq x(y", "a eq <x(y>"},
      {"a-b:c eq http://x/y?z=1", "a-b:c eq <http://x/y?z=1>"},
      {"(a eq x/*y)", "a eq <x/*y>"},
      {"a eq 2024-01-02", "a eq <2024-01-02>"},
      {"a eq 2024-01-02T10:00", "a eq <2024-01-02T10:00Z>"},
      {"a eq 2024-x", "a eq <2024-x>"},
      {"a eq 12-34-56", "a eq <12-34-56>"},
      {"a eq 5.4", "a eq <5.4>"},
      {"a eq 5abc-d", "a eq <5abc-d>"},
      {"a eq |", "a eq <|>"},
      {"a eq \"x", "a eq <x>"},
      {"a eq 'x\\ny'", "a eq <x\ny>"},
      {"a eq 1 // or b eq 2", "a eq <1>"},
      {"a/*b*/eq eq 1", "a/*b*/eq eq <1>"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.text);
    EXPECT_EQ(Describe(test.text), test.want);
  }
}

TEST(FilterExpressionTest, RefusesWhatIsIncomplete) {
  for (const std::string_view text :
       {"", " ", "a", "a eq", "(a eq 1", "a eq 1)", "a eq 1 b eq 2",
        "a eq 1 and", "not a eq 1", "()", "a xx 1", ": eq 1",
        "a eq 1 'and' b eq 2", "'a' eq 1", "a eq x\"y z\"", "a eq @"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(Describe(text), "error");
  }
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += '(';
  EXPECT_EQ(ParseFilterExpression(deep).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace pdp::fhir::search
