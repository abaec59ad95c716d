#include "pdp/fhir/fhirpath/lexer.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "pdp/base/strings.h"

namespace pdp::fhir::fhirpath {
namespace {

std::string_view KindName(TokenKind kind) {
  switch (kind) {
    case TokenKind::kString:
      return "string";
    case TokenKind::kDateTime:
      return "date";
    case TokenKind::kQuantity:
      return "quantity";
    case TokenKind::kNumber:
      return "number";
    case TokenKind::kBoolean:
      return "boolean";
    case TokenKind::kSymbol:
      return "symbol";
    case TokenKind::kComment:
      return "comment";
    case TokenKind::kOperator:
      return "op";
  }
  return "";
}

std::string Describe(std::string_view text) {
  const auto tokens = Tokenize(text);
  if (!tokens.ok()) return StrCat("error ", tokens.status().message());
  std::string out;
  for (const Token& token : *tokens) {
    if (!out.empty()) out += ' ';
    out += StrCat(KindName(token.kind), "<", token.text, ">");
  }
  return out;
}

struct Case {
  std::string_view text;
  std::string_view tokens;
};

void Check(const Case& test) {
  SCOPED_TRACE(test.text);
  EXPECT_EQ(Describe(test.text), test.tokens);
}

TEST(LexerTest, NamesAndOperatorsAreCut) {
  constexpr Case kCases[] = {
      {"", ""},
      {" \t\n\xC2\xA0", ""},
      {"a.b", "symbol<a> op<.> symbol<b>"},
      {"a!=b", "symbol<a> op<!=> symbol<b>"},
      {"a<=b>=c", "symbol<a> op<<=> symbol<b> op<>=> symbol<c>"},
      {"a!~b", "symbol<a> op<!~> symbol<b>"},
      {"a->b", "symbol<a> op<->> symbol<b>"},
      {"{}", "op<{}>"},
      {"{ }", "op<{> op<}>"},
      {"$this", "symbol<$this>"},
      {"%before", "symbol<%before>"},
      {"%'x-y'", "symbol<%'x-y'>"},
      {"a%b$c", "symbol<a%b$c>"},
      {"% x", "op<%> symbol<x>"},
      {"_a1", "symbol<_a1>"},
      {"true", "boolean<true>"},
      {"a.true", "symbol<a> op<.> symbol<true>"},
      {"truex", "symbol<truex>"},
      {"`a b`", "symbol<a b>"},
      {"\xC3\xA9", "op<\xC3\xA9>"},
  };
  for (const Case& test : kCases) Check(test);
}

TEST(LexerTest, StringsEscapeAndEndWithTheText) {
  constexpr Case kCases[] = {
      {"'a'", "string<a>"},
      {"\"a\"", "string<a>"},
      {"''", "string<>"},
      {"'a", "string<a>"},
      {R"('\'\"\`\\')", R"(string<'"`\>)"},
      {R"('\r\n\t\f')", "string<\r\n\t\f>"},
      {R"('\x\/')", "string<x/>"},
      {R"('a\)", "string<a>"},
      {R"('\u0041\u00e9')", "string<A\xC3\xA9>"},
      {R"('\u00')", "string<u00>"},
      {R"('\ud83d\ude00')", "string<\xF0\x9F\x98\x80>"},
      {R"('\ud83d')",
       "error FHIRPath: half a surrogate pair at line 1, column 3"},
      {R"('\ude00')",
       "error FHIRPath: half a surrogate pair at line 1, column 3"},
  };
  for (const Case& test : kCases) Check(test);
}

TEST(LexerTest, NumbersSwallowTheirUnits) {
  constexpr Case kCases[] = {
      {"12", "number<12>"},
      {"1.5", "number<1.5>"},
      {"1.a", "number<1> op<.> symbol<a>"},
      {"1..5", "number<1> op<.> op<.> number<5>"},
      {"4 'mg'", "quantity<4 'mg'>"},
      {"4  \"mg\"", "quantity<4  \"mg\">"},
      {"4 days", "quantity<4 days>"},
      {"4 `days`", "quantity<4 `days`>"},
      {"4 dayz", "number<4> symbol<dayz>"},
      {"4\tdays", "number<4> symbol<days>"},
      {"4'mg'", "number<4> string<mg>"},
      {"4 5", "number<4> number<5>"},
      {"4 5x", "quantity<4 5x>"},
      {"4 5 days", "number<4> quantity<5 days>"},
      {"4 %days", "number<4> symbol<%days>"},
      {"2a", "string<2a>"},
      {"1.5x", "string<1> op<.> string<5x>"},
      {"4 ", "number<4>"},
  };
  for (const Case& test : kCases) Check(test);
}

TEST(LexerTest, DatesGetTheZoneThatTheyLack) {
  constexpr Case kCases[] = {
      {"@2020", "date<2020>"},
      {"@2020-02-03", "date<2020-02-03>"},
      {"@2020T", "date<2020>"},
      {"@2020-02-03T10:00", "date<2020-02-03T10:00Z>"},
      {"@2020-02-03T10:00Z", "date<2020-02-03T10:00Z>"},
      {"@2020-02-03T10:00:00.5+01:00", "date<2020-02-03T10:00:00.5+01:00>"},
      {"@T10:30", "date<T10:30>"},
      {"@T", "date<>"},
      {"a @", "error FHIRPath: `@` without a date at line 1, column 3"},
      {"\n @x", "error FHIRPath: `@` without a date at line 2, column 2"},
  };
  for (const Case& test : kCases) Check(test);
}

TEST(LexerTest, CommentsAreTokens) {
  constexpr Case kCases[] = {
      {"a // b\nc", "symbol<a> comment<// b> symbol<c>"},
      {"/* a\n*/b", "comment</* a\n*/> symbol<b>"},
      {"/* a", "comment</* a>"},
      {"a/b", "symbol<a> op</> symbol<b>"},
  };
  for (const Case& test : kCases) Check(test);
}

}  // namespace
}  // namespace pdp::fhir::fhirpath
