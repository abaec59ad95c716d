#include "pdp/fhir/json_scan.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"

namespace pdp::fhir {
namespace {

constexpr char kEnd = '\0';  // Never part of JSON outside of a string.

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Walks over JSON text, and stops at the first fault.
class Scanner {
 public:
  Scanner(std::string_view text, size_t max_depth)
      : text_(text), max_depth_(max_depth) {}

  // All of the text.
  bool Document() {
    Space();
    if (!Value()) return false;
    Space();
    return at_ == text_.size() || Fail("text after the end of the JSON value");
  }

  const JsonFault& fault() const { return fault_; }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : kEnd; }

  bool Fail(std::string reason) { return FailAt(at_, std::move(reason)); }
  bool FailAt(size_t offset, std::string reason) {
    fault_ = {offset, std::move(reason)};
    return false;
  }
  bool Expected(std::string_view what) {
    return Fail(at_ < text_.size()
                    ? StrCat("expected ", what)
                    : StrCat("the file ends where ", what, " is expected"));
  }

  void Space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' ||
                                  text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  bool Value() {
    switch (Peek()) {
      case '{':
        return Nested([this] { return Object(); });
      case '[':
        return Nested([this] { return Array(); });
      case '"': {
        std::string_view raw;
        return String(raw);
      }
      case 't':
        return Word("true");
      case 'f':
        return Word("false");
      case 'n':
        return Word("null");
      default:
        if (Peek() == '-' || IsDigit(Peek())) return Number();
        return Expected("a JSON value");
    }
  }

  template <typename Body>
  bool Nested(Body body) {
    if (depth_ == max_depth_) {
      return Fail(StrCat("nested deeper than ", max_depth_));
    }
    ++depth_;
    ++at_;
    Space();
    const bool ok = body();
    --depth_;
    return ok;
  }

  bool Object() {
    std::vector<std::string_view> few;
    absl::flat_hash_set<std::string> many;
    if (Peek() == '}') return ++at_, true;
    for (;;) {
      const size_t name_at = at_;
      std::string_view raw;
      if (Peek() != '"') return Expected("a member name");
      if (!String(raw)) return false;
      if (!NewName(raw, few, many)) {
        return FailAt(name_at, StrCat("the member ", raw, " occurs twice"));
      }
      Space();
      if (Peek() != ':') return Expected("`:`");
      ++at_;
      Space();
      if (!Value()) return false;
      Space();
      if (Peek() == '}') return ++at_, true;
      if (Peek() != ',') return Expected("`,` or `}`");
      ++at_;
      Space();
    }
  }

  // Few names are compared, many are hashed.  `raw` is a literal with quotes.
  static bool NewName(std::string_view raw, std::vector<std::string_view>& few,
                      absl::flat_hash_set<std::string>& many) {
    constexpr size_t kFew = 16;
    const bool plain = raw.find('\\') == std::string_view::npos;
    if (many.empty() && plain && few.size() < kFew) {
      if (std::find(few.begin(), few.end(), raw) != few.end()) return false;
      few.push_back(raw);
      return true;
    }
    const auto text = [](std::string_view literal) {
      return StringOf({.text = literal}).value_or(std::string(literal));
    };
    if (many.empty()) {
      for (const std::string_view name : few) many.insert(text(name));
    }
    return many.insert(text(raw)).second;
  }

  bool Array() {
    if (Peek() == ']') return ++at_, true;
    for (;;) {
      if (!Value()) return false;
      Space();
      if (Peek() == ']') return ++at_, true;
      if (Peek() != ',') return Expected("`,` or `]`");
      ++at_;
      Space();
    }
  }

  bool Word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return Expected("a JSON value");
    at_ += word.size();
    return true;
  }

  bool Number() {
    if (Peek() == '-') ++at_;
    if (Peek() == '0') {
      ++at_;
    } else if (!Digits()) {
      return Expected("a digit");
    }
    if (Peek() == '.') {
      ++at_;
      if (!Digits()) return Expected("a digit");
    }
    if (Peek() == 'e' || Peek() == 'E') {
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      if (!Digits()) return Expected("a digit");
    }
    if (absl::ascii_isalnum(static_cast<unsigned char>(Peek()))) {
      return Fail("a malformed number");
    }
    return true;
  }

  bool Digits() {
    const size_t begin = at_;
    while (IsDigit(Peek())) ++at_;
    return at_ != begin;
  }

  // `raw` becomes the literal, quotes included.
  bool String(std::string_view& raw) {
    const size_t begin = at_++;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        raw = text_.substr(begin, at_ - begin);
        return true;
      }
      if (c < 0x20) return Fail("a control character in a string");
      if (c == '\\') {
        if (!Escape()) return false;
      } else if (c < 0x80) {
        ++at_;
      } else if (!Character()) {
        return false;
      }
    }
    return FailAt(begin, "a string without an end");
  }

  bool Character() {
    const DecodedUtf8 decoded = DecodeUtf8(text_.substr(at_));
    // U+FFFD itself has three bytes.
    if (decoded.code_point == 0xfffd &&
        !text_.substr(at_).starts_with("\xEF\xBF\xBD")) {
      return Fail("not UTF-8");
    }
    at_ += decoded.size;
    return true;
  }

  bool Escape() {
    const size_t begin = at_++;
    constexpr std::string_view kSimple = "\"\\/bfnrt";
    const char c = Peek();
    if (c != kEnd && kSimple.find(c) != std::string_view::npos) {
      return ++at_, true;
    }
    uint32_t unit = 0;
    if (c != 'u' || !CodeUnit(unit)) return FailAt(begin, "a malformed escape");
    if (unit < 0xd800 || unit > 0xdfff) return true;
    uint32_t low = 0;
    if (unit > 0xdbff || Peek() != '\\' || (++at_, Peek() != 'u') ||
        !CodeUnit(low) || low < 0xdc00 || low > 0xdfff) {
      return FailAt(begin, "half of a surrogate pair");
    }
    return true;
  }

  // At the `u` of an escape.
  bool CodeUnit(uint32_t& unit) {
    ++at_;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = Peek();
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return false;
      const int digit = IsDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
      unit = unit * 16 + static_cast<uint32_t>(digit);
    }
    return true;
  }

  const std::string_view text_;
  const size_t max_depth_;
  size_t at_ = 0;
  size_t depth_ = 0;
  JsonFault fault_;
};

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

size_t SkipString(std::string_view text, size_t at) {
  for (++at; text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

// The end of the value that begins at `at`.  REQUIRES: the text is valid.
size_t SkipValue(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    switch (text[at]) {
      case '"':
        at = SkipString(text, at);
        break;
      case '{':
      case '[':
        ++depth;
        ++at;
        continue;
      case '}':
      case ']':
        --depth;
        ++at;
        break;
      case ',':
      case ':':
        ++at;
        continue;
      default:
        if (IsSpace(text[at])) {
          ++at;
          continue;
        }
        while (at < text.size() && !IsSpace(text[at]) && text[at] != ',' &&
               text[at] != '}' && text[at] != ']') {
          ++at;
        }
    }
    if (depth == 0) return at;
  }
  return at;
}

JsonSpan Sub(const JsonSpan& span, size_t begin, size_t end) {
  return {.text = span.text.substr(begin, end - begin),
          .offset = span.offset + begin};
}

}  // namespace

JsonPosition PositionAt(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const size_t line_feed = before.rfind('\n');
  return {.line = 1 + static_cast<size_t>(
                          std::count(before.begin(), before.end(), '\n')),
          .column = line_feed == std::string_view::npos ? offset + 1
                                                        : offset - line_feed};
}

std::optional<JsonFault> FindJsonFault(std::string_view text,
                                       size_t max_depth) {
  Scanner scanner(text, max_depth);
  if (scanner.Document()) return std::nullopt;
  return scanner.fault();
}

JsonSpan RootOf(std::string_view text) {
  const size_t begin = SkipSpace(text, 0);
  return Sub({.text = text}, begin, SkipValue(text, begin));
}

std::vector<JsonMember> MembersOf(const JsonSpan& object) {
  std::vector<JsonMember> members;
  if (!object.is_object()) return members;
  const std::string_view text = object.text;
  size_t at = SkipSpace(text, 1);
  while (text[at] != '}') {
    const size_t name_end = SkipString(text, at);
    const size_t offset = object.offset + at;
    std::optional<std::string> name = StringOf(Sub(object, at, name_end));
    at = SkipSpace(text, name_end);  // At the colon.
    at = SkipSpace(text, at + 1);
    const size_t end = SkipValue(text, at);
    members.push_back({.name = *std::move(name),
                       .value = Sub(object, at, end),
                       .offset = offset});
    at = SkipSpace(text, end);
    if (text[at] == ',') at = SkipSpace(text, at + 1);
  }
  return members;
}

std::optional<JsonSpan> MemberOf(const JsonSpan& object,
                                 std::string_view name) {
  for (const JsonMember& member : MembersOf(object)) {
    if (member.name == name) return member.value;
  }
  return std::nullopt;
}

std::vector<JsonSpan> ItemsOf(const JsonSpan& array) {
  std::vector<JsonSpan> items;
  if (!array.is_array()) return items;
  const std::string_view text = array.text;
  size_t at = SkipSpace(text, 1);
  while (text[at] != ']') {
    const size_t end = SkipValue(text, at);
    items.push_back(Sub(array, at, end));
    at = SkipSpace(text, end);
    if (text[at] == ',') at = SkipSpace(text, at + 1);
  }
  return items;
}

std::optional<std::string> StringOf(const JsonSpan& value) {
  if (!value.is_string()) return std::nullopt;
  const std::string_view raw = value.text.substr(1, value.text.size() - 2);
  std::string text;
  text.reserve(raw.size());
  const auto unit_at = [raw](size_t at) {
    uint32_t unit = 0;
    for (size_t i = at; i < at + 4; ++i) {
      const char c = raw[i];
      const int digit = IsDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
      unit = unit * 16 + static_cast<uint32_t>(digit);
    }
    return unit;
  };
  for (size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] != '\\') {
      text += raw[at];
      continue;
    }
    switch (raw[++at]) {
      case 'b':
        text += '\b';
        break;
      case 'f':
        text += '\f';
        break;
      case 'n':
        text += '\n';
        break;
      case 'r':
        text += '\r';
        break;
      case 't':
        text += '\t';
        break;
      case 'u': {
        uint32_t code_point = unit_at(at + 1);
        at += 4;
        if (code_point >= 0xd800 && code_point <= 0xdbff) {
          code_point = 0x10000 + ((code_point - 0xd800) << 10) +
                       (unit_at(at + 3) - 0xdc00);
          at += 6;
        }
        AppendUtf8(code_point, text);
        break;
      }
      default:
        text += raw[at];
    }
  }
  return text;
}

}  // namespace pdp::fhir
