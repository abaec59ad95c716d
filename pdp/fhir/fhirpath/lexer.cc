#include "pdp/fhir/fhirpath/lexer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/fhirpath/utf16.h"

namespace pdp::fhir::fhirpath {
namespace {

constexpr std::string_view kUnits[] = {
    "year",   "years",   "month",       "months",      "week",   "weeks",
    "day",    "days",    "hour",        "hours",       "minute", "minutes",
    "second", "seconds", "millisecond", "milliseconds"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsWord(char c) { return IsDigit(c) || IsLetter(c) || c == '_'; }
bool IsSymbol(char c) { return IsWord(c) || c == '$' || c == '%'; }
bool IsQuote(char c) { return c == '\'' || c == '"' || c == '`'; }

std::optional<uint32_t> FourHexDigits(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    value <<= 4;
    if (IsDigit(c)) {
      value |= static_cast<uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value |= static_cast<uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      value |= static_cast<uint32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

class Lexer {
 public:
  Lexer(std::string_view text, Dialect dialect)
      : text_(text), dialect_(dialect) {}

  absl::StatusOr<std::vector<Token>> Run() {
    std::vector<Token> tokens;
    while (true) {
      SkipSpace();
      if (AtEnd()) return tokens;
      const bool after_dot = !tokens.empty() && tokens.back().text == ".";
      PDP_ASSIGN_OR_RETURN(Token token, Next(after_dot));
      tokens.push_back(std::move(token));
    }
  }

 private:
  bool AtEnd() const { return position_ >= text_.size(); }
  // NUL past the end.
  char Peek(size_t ahead = 0) const {
    const size_t at = position_ + ahead;
    return at < text_.size() ? text_[at] : '\0';
  }
  std::string_view Rest() const { return text_.substr(position_); }

  template <typename Predicate>
  void SkipWhile(Predicate predicate) {
    while (!AtEnd() && predicate(text_[position_])) ++position_;
  }

  bool AtSpace() const {
    std::string_view rest = Rest();
    return IsJsSpace(TakeCodePoint(rest));
  }

  // The rest of a name, or of a text without quotes.
  void SkipWord() {
    if (dialect_ == Dialect::kFhirPath) {
      SkipWhile(IsSymbol);
      return;
    }
    while (!AtEnd() && Peek() != ']' && Peek() != ')' && !AtSpace()) {
      std::string_view rest = Rest();
      TakeCodePoint(rest);
      position_ = text_.size() - rest.size();
    }
  }

  void SkipSpace() {
    while (!AtEnd()) {
      std::string_view rest = Rest();
      if (!IsJsSpace(TakeCodePoint(rest))) return;
      position_ = text_.size() - rest.size();
    }
  }

  Token Make(TokenKind kind, size_t begin) const {
    return {kind, std::string(text_.substr(begin, position_ - begin)), begin};
  }

  absl::Status Error(std::string_view what, size_t offset) const {
    return absl::InvalidArgumentError(
        StrCat("FHIRPath: ", what, " at ", DescribePosition(text_, offset)));
  }

  absl::StatusOr<Token> Next(bool after_dot) {
    const char c = Peek();
    if (c == '/' && (Peek(1) == '*' || Peek(1) == '/')) return Comment();
    if (IsQuote(c)) return String();
    if (c == '@') return DateTime();
    if (IsDigit(c)) return Number();
    if (IsWord(c) || ((c == '$' || c == '%') && IsWord(Peek(1)))) {
      return Symbol(after_dot);
    }
    if ((c == '$' || c == '%') && IsQuote(Peek(1))) {
      const size_t begin = position_++;
      PDP_RETURN_IF_ERROR(String().status());
      return Make(TokenKind::kSymbol, begin);
    }
    return Operator();
  }

  Token Comment() {
    const size_t begin = position_;
    const bool is_block = Peek(1) == '*';
    const size_t end = text_.find(is_block ? "*/" : "\n", position_);
    position_ =
        end == std::string_view::npos ? text_.size() : end + (is_block ? 2 : 0);
    return Make(TokenKind::kComment, begin);
  }

  absl::StatusOr<Token> String() {
    const size_t begin = position_;
    const char quote = text_[position_++];
    std::string value;
    while (!AtEnd() && Peek() != quote) {
      if (Peek() != '\\') {
        value += text_[position_++];
        continue;
      }
      ++position_;
      PDP_RETURN_IF_ERROR(Escape(value));
    }
    if (!AtEnd()) ++position_;
    return Token{quote == '`' ? TokenKind::kSymbol : TokenKind::kString,
                 std::move(value), begin};
  }

  // After a backslash.  One that escapes nothing is dropped.
  absl::Status Escape(std::string& value) {
    if (AtEnd()) return absl::OkStatus();
    static constexpr std::string_view kEscaped = "'\"`rntf\\";
    static constexpr std::string_view kMeaning = "'\"`\r\n\t\f\\";
    if (const size_t i = kEscaped.find(Peek()); i != kEscaped.npos) {
      value += kMeaning[i];
      ++position_;
      return absl::OkStatus();
    }
    if (Peek() != 'u') return absl::OkStatus();
    const size_t begin = position_++;
    const std::optional<uint32_t> unit = FourHexDigits(Rest());
    if (!unit) {
      value += 'u';
      return absl::OkStatus();
    }
    position_ += 4;
    uint32_t code_point = *unit;
    if (code_point >= 0xD800 && code_point < 0xDC00 &&
        Rest().starts_with("\\u")) {
      const std::optional<uint32_t> low = FourHexDigits(Rest().substr(2));
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        position_ += 6;
        code_point = 0x10000 + ((code_point - 0xD800) << 10) + (*low - 0xDC00);
      }
    }
    if (code_point >= 0xD800 && code_point < 0xE000) {
      return Error("half a surrogate pair", begin);
    }
    AppendUtf8(code_point, value);
    return absl::OkStatus();
  }

  absl::StatusOr<Token> DateTime() {
    const size_t at = position_++;
    return DateTimeAfter(at);
  }

  absl::StatusOr<Token> DateTimeAfter(size_t at) {
    const size_t begin = position_;
    const auto is_date = [](char c) { return IsDigit(c) || c == '-'; };
    const auto is_time = [](char c) { return IsDigit(c) || c == ':'; };
    SkipWhile(is_date);
    bool has_time = false;
    bool has_zone = false;
    if (Peek() == 'T') {
      has_time = true;
      ++position_;
      SkipWhile(is_time);
      if (Peek() == '.' && IsDigit(Peek(1))) {
        ++position_;
        SkipWhile(IsDigit);
      }
      if (Peek() == 'Z') {
        has_zone = true;
        ++position_;
      } else if (Peek() == '+' || Peek() == '-') {
        has_zone = true;
        ++position_;
        SkipWhile(is_time);
      }
    }
    if (position_ == begin) return Error("`@` without a date", at);
    Token token = Make(TokenKind::kDateTime, begin);
    token.offset = at;
    if (token.text.back() == 'T') {
      token.text.pop_back();
    } else if (token.text[0] != 'T' && has_time && !has_zone) {
      token.text += 'Z';
    }
    return token;
  }

  absl::StatusOr<Token> Number() {
    const size_t begin = position_;
    SkipNumber();
    if (EndsAsWord()) {
      position_ = begin;
      if (IsDate(Rest())) return DateTimeAfter(begin);
      SkipWord();
      return Make(TokenKind::kString, begin);
    }
    if (Peek() == ' ') {
      const size_t end = position_;
      PDP_ASSIGN_OR_RETURN(const bool has_unit, SkipUnit());
      if (has_unit) return Make(TokenKind::kQuantity, begin);
      position_ = end;
    }
    return Make(TokenKind::kNumber, begin);
  }

  // Whether what follows a number makes a text without quotes of it.
  bool EndsAsWord() const {
    const char c = Peek();
    return IsLetter(c) || c == '_' || c == '$' ||
           (c == '-' && dialect_ == Dialect::kFilter);
  }

  // A date of `_filter`: year, month, what dates are written with, the end.
  bool IsDate(std::string_view text) const {
    static constexpr std::string_view kShape = "0000-00";
    if (dialect_ != Dialect::kFilter || text.size() < kShape.size()) {
      return false;
    }
    for (size_t i = 0; i < kShape.size(); ++i) {
      const bool fits = kShape[i] == '0' ? IsDigit(text[i]) : text[i] == '-';
      if (!fits) return false;
    }
    const size_t size = std::min(
        text.find_first_not_of("0123456789T:.+-Z", kShape.size()), text.size());
    std::string_view rest = text.substr(size);
    return rest.empty() || rest[0] == ')' || rest[0] == ']' ||
           IsJsSpace(TakeCodePoint(rest));
  }

  void SkipNumber() {
    SkipWhile(IsDigit);
    if (Peek() == '.' && IsDigit(Peek(1))) {
      ++position_;
      SkipWhile(IsDigit);
    }
  }

  // Whether the next token can be a unit: any string, or a word for a time.
  absl::StatusOr<bool> SkipUnit() {
    SkipSpace();
    if (AtEnd()) return false;
    const char c = Peek();
    if (IsQuote(c)) {
      PDP_ASSIGN_OR_RETURN(const Token token, String());
      return token.kind == TokenKind::kString || IsUnit(token.text);
    }
    if (IsDigit(c)) {
      const size_t begin = position_;
      SkipNumber();
      if (!EndsAsWord()) return false;
      position_ = begin;
      if (IsDate(Rest())) return false;
      SkipWord();
      return true;
    }
    if (!IsWord(c)) return false;
    const size_t begin = position_;
    SkipWord();
    return IsUnit(text_.substr(begin, position_ - begin));
  }

  static bool IsUnit(std::string_view text) {
    return std::find(std::begin(kUnits), std::end(kUnits), text) !=
           std::end(kUnits);
  }

  Token Symbol(bool after_dot) {
    const size_t begin = position_;
    SkipWord();
    Token token = Make(TokenKind::kSymbol, begin);
    if (!after_dot && (token.text == "true" || token.text == "false")) {
      token.kind = TokenKind::kBoolean;
    }
    return token;
  }

  Token Operator() {
    static constexpr std::string_view kPairs[] = {
        "!=", "!~", "<=", ">=", "{}", "->"};
    const size_t begin = position_;
    const std::string_view pair = Rest().substr(0, 2);
    if (std::find(std::begin(kPairs), std::end(kPairs), pair) !=
        std::end(kPairs)) {
      position_ += 2;
    } else {
      std::string_view rest = Rest();
      TakeCodePoint(rest);
      position_ = text_.size() - rest.size();
    }
    return Make(TokenKind::kOperator, begin);
  }

  const std::string_view text_;
  const Dialect dialect_;
  size_t position_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<Token>> Tokenize(std::string_view text,
                                            Dialect dialect) {
  return Lexer(text, dialect).Run();
}

std::string DescribePosition(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column =
      newline == std::string_view::npos ? offset + 1 : offset - newline;
  return StrCat("line ", line, ", column ", column);
}

}  // namespace pdp::fhir::fhirpath
