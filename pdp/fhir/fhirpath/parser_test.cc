#include "pdp/fhir/fhirpath/parser.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"

namespace pdp::fhir::fhirpath {
namespace {

std::string ParseToText(std::string_view text) {
  const auto expression = Expression::Compile(text);
  if (!expression.ok()) return expression.status().ToString();
  return (*expression)->Print();
}

struct Case {
  std::string_view text;
  std::string_view tree;
};

void Check(const Case& test) {
  SCOPED_TRACE(test.text);
  EXPECT_EQ(ParseToText(test.text), test.tree);
}

TEST(ParserTest, OperatorsBindInTheOrderOfFhirPath) {
  constexpr Case kCases[] = {
      {"a.b.c", "a.b.c"},
      {"a.b[0].c", "a.b[0].c"},
      {"a[b.c]", "a[b.c]"},
      {"1 + 2 * 3", "(1 + (2 * 3))"},
      {"1 - 2 - 3", "((1 - 2) - 3)"},
      {"(1 - (2 - 3))", "(1 - (2 - 3))"},
      {"1 div 2 mod 3 / 4", "(((1 div 2) mod 3) / 4)"},
      {"a & b + c", "((a & b) + c)"},
      {"a | b = c | d", "((a | b) = (c | d))"},
      {"a + b is c", "((a + b) is c)"},
      {"a as b | c", "((a as b) | c)"},
      {"a | b < c", "((a | b) < c)"},
      {"a < b = c > d", "((a < b) = (c > d))"},
      {"a = b in c", "((a = b) in c)"},
      {"a contains b and c", "((a contains b) and c)"},
      {"a and b or c and d", "((a and b) or (c and d))"},
      {"a or b xor c", "((a or b) xor c)"},
      {"a implies b or c implies d", "((a implies (b or c)) implies d)"},
      {"a ~ b != c !~ d", "(((a ~ b) != c) !~ d)"},
      {"a <= b >= c", "((a <= b) >= c)"},
      {"-a.b", "(-a.b)"},
      {"-1 + +2", "((-1) + (+2))"},
      {"- - a", "(-(-a))"},
      {"a is FHIR.Patient", "(a is FHIR.Patient)"},
  };
  for (const Case& test : kCases) Check(test);
}

TEST(ParserTest, LiteralsKeepTheirMeaning) {
  constexpr Case kCases[] = {
      {"'a\\'b'", "\"a'b\""},
      {"1.50", "1.5"},
      {"true", "true"},
      {"{}", "{}"},
      {"4 'mg'", "4 \"mg\""},
      {"4 days", "4 \"{days}\""},
      {"4 \"mg\"", "4 \"{\\\"mg\\\"}\""},
      {"4  'mg'", "4 \"{}\""},
      {"4 'a b'", "4 \"{'a}\""},
      {"@2020-01", "@\"2020-01\""},
      {"@2020-01-02T03:04", "@\"2020-01-02T03:04:00.000Z\""},
      {"@2020-01-02T03:04:05+01:00", "@\"2020-01-02T02:04:05.000Z\""},
      {"@2020-01-02T03", "@\"2020-01-02T03Z\""},
      {"@T10:30", "@\"T10:30:00.000Z\""},
      {"$this", "$this"},
      {"%before.a", "%before.a"},
      {"`div`", "div"},
  };
  for (const Case& test : kCases) Check(test);
}

TEST(ParserTest, CallsTakeArguments) {
  constexpr Case kCases[] = {
      {"exists()", "exists()"},
      {"a.where(b = 1).first()", "a.where((b = 1)).first()"},
      {"iif(a, b, c)", "iif(a, b, c)"},
      {"iif(a b c,)", "iif(a, b, c)"},
      {"(exists)()", "exists()"},
      {"a.contains('b')", "a.contains(\"b\")"},
      {"a.is(Patient)", "a.is(Patient)"},
      {"a.toString()", "a.toString()"},
  };
  for (const Case& test : kCases) Check(test);
}

TEST(ParserTest, WhatFollowsAnExpressionIsIgnored) {
  constexpr Case kCases[] = {
      {"a b", "a"},   {"a // b", "a"}, {"a)", "a"},
      {"a ! b", "a"}, {"1 -> 2", "1"}, {"a 'b' and c", "a"},
  };
  for (const Case& test : kCases) Check(test);
}

TEST(ParserTest, ErrorsSayWhere) {
  constexpr Case kCases[] = {
      {"", "INVALID_ARGUMENT: FHIRPath: expected an expression at the end"},
      {"a +", "INVALID_ARGUMENT: FHIRPath: expected an expression at the end"},
      {"a + )",
       "INVALID_ARGUMENT: FHIRPath: expected an expression at line 1, column "
       "5"},
      {"a and\n  * b",
       "INVALID_ARGUMENT: FHIRPath: expected an expression at line 2, column "
       "3"},
      {"(a", "INVALID_ARGUMENT: FHIRPath: expected `)` at the end"},
      {"(a]", "INVALID_ARGUMENT: FHIRPath: expected `)` at line 1, column 3"},
      {"a[0", "INVALID_ARGUMENT: FHIRPath: expected `]` at the end"},
      {"where(a",
       "INVALID_ARGUMENT: FHIRPath: expected an expression at the end"},
      {"'a'(b)",
       "INVALID_ARGUMENT: FHIRPath: unexpected `(` at line 1, column 4"},
      {"a.where()",
       "INVALID_ARGUMENT: FHIRPath: too few arguments of `where` at line 1, "
       "column 8"},
      {"a as 1",
       "INVALID_ARGUMENT: FHIRPath: expected the name of a type after `as` at "
       "line 1, column 3"},
      {"a.as('x')",
       "INVALID_ARGUMENT: FHIRPath: expected the name of a type in `as` at "
       "line 1, column 5"},
      {"@2020-01-02-03",
       "INVALID_ARGUMENT: FHIRPath: a date that is not ISO 8601 at line 1, "
       "column 1"},
      {"a.matches('(')",
       "INVALID_ARGUMENT: FHIRPath: a regular expression with an unmatched "
       "`(`"},
  };
  for (const Case& test : kCases) Check(test);
}

TEST(ParserTest, WhatIsNotSupportedIsRefusedAtOnce) {
  constexpr Case kCases[] = {
      {"a.aggregate(b)",
       "UNIMPLEMENTED: FHIRPath: the function `aggregate` is not supported"},
      {"false and constructor()",
       "UNIMPLEMENTED: FHIRPath: the function `constructor` is not supported"},
      {"a.constructor",
       "UNIMPLEMENTED: FHIRPath: the name `constructor` is not supported"},
      {"toString",
       "UNIMPLEMENTED: FHIRPath: the name `toString` is not supported"},
      {"a.matches('(?=b)')",
       "UNIMPLEMENTED: FHIRPath: a regular expression with look-around is not "
       "supported"},
      {"a.matches('(b)\\\\1')",
       "UNIMPLEMENTED: FHIRPath: a regular expression with a back-reference "
       "is not supported"},
  };
  for (const Case& test : kCases) Check(test);
}

std::string Nested(size_t levels) {
  return StrCat(std::string(levels, '('), "a", std::string(levels, ')'));
}

TEST(ParserTest, DepthIsBounded) {
  EXPECT_TRUE(Expression::Compile(Nested(Expression::kMaxDepth)).ok());
  const std::string signs(Expression::kMaxDepth, '-');
  EXPECT_TRUE(Expression::Compile(signs + "a").ok());
  for (const std::string& text :
       {Nested(Expression::kMaxDepth + 1), signs + "-a", Nested(8000)}) {
    EXPECT_EQ(Expression::Compile(text).status().code(),
              absl::StatusCode::kResourceExhausted);
  }
}

std::string Chain(size_t operators) {
  std::string text = "a";
  for (size_t i = 0; i < operators; ++i) text += "|a";
  return text;
}

TEST(ParserTest, ChainsAreBounded) {
  EXPECT_TRUE(Expression::Compile(Chain(Expression::kMaxChain - 1)).ok());
  EXPECT_EQ(Expression::Compile(Chain(Expression::kMaxChain)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(ParserTest, TextIsBounded) {
  std::string text(Expression::kMaxTextBytes, ' ');
  text[0] = 'a';
  EXPECT_TRUE(Expression::Compile(text).ok());
  EXPECT_EQ(Expression::Compile(text + " ").status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace pdp::fhir::fhirpath
