#include "pdp/fhir/fhirpath/regex_translator.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/utf16.h"

namespace pdp::fhir::fhirpath {
namespace {

constexpr int kMaxDepth = 32;
constexpr size_t kMaxPatternBytes = 4096;
constexpr uint32_t kLastUnit = 0xFFFF;

// First and last code unit.
using Range = std::pair<uint32_t, uint32_t>;
using Set = std::vector<Range>;

const Set& Digits() {
  static const Set& set = *new Set{{'0', '9'}};
  return set;
}
const Set& Words() {
  static const Set& set =
      *new Set{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  return set;
}
const Set& Spaces() {
  static const Set& set = *new Set{
      {0x09, 0x0D},     {0x20, 0x20},     {0xA0, 0xA0},     {0x1680, 0x1680},
      {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
      {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
  return set;
}
const Set& LineEnds() {
  static const Set& set =
      *new Set{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
  return set;
}

Set Complement(Set set) {
  std::sort(set.begin(), set.end());
  Set result;
  uint32_t next = 0;
  for (const auto& [first, last] : set) {
    if (first > next) result.push_back({next, first - 1});
    next = std::max(next, last + 1);
  }
  if (next <= kLastUnit) result.push_back({next, kLastUnit});
  return result;
}

uint32_t ToCodePoint(uint32_t unit) {
  return unit >= 0xD800 && unit < 0xE000 ? unit - 0xD800 + kSurrogateBase
                                         : unit;
}

std::string WriteUnit(uint32_t unit) {
  return absl::StrFormat("\\x{%X}", ToCodePoint(unit));
}

std::string WriteSet(const Set& set) {
  if (set.empty()) return "[^\\x{0}-\\x{10FFFF}]";
  std::string out = "[";
  const auto write = [&out](uint32_t first, uint32_t last) {
    if (first > last) return;
    out += StrCat(WriteUnit(first), "-", WriteUnit(last));
  };
  for (const auto& [first, last] : set) {
    // Surrogates are elsewhere for RE2.
    write(first, std::min<uint32_t>(last, 0xD7FF));
    write(std::max<uint32_t>(first, 0xD800), std::min<uint32_t>(last, 0xDFFF));
    write(std::max<uint32_t>(first, 0xE000), last);
  }
  return out + "]";
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class Translator {
 public:
  explicit Translator(std::string_view source) : rest_(source) {}

  absl::StatusOr<TranslatedPattern> Run() {
    if (rest_.size() > kMaxPatternBytes) {
      return absl::UnimplementedError(
          "FHIRPath: a regular expression that is too long");
    }
    PDP_ASSIGN_OR_RETURN(Part part, Alternatives());
    if (!rest_.empty()) return Invalid("an unmatched `)`");
    result_.re2 = std::move(part.re2);
    return std::move(result_);
  }

 private:
  struct Part {
    std::string re2;
    bool may_be_empty = false;
    bool is_assertion = false;
    bool has_group = false;
  };
  using PartOr = absl::StatusOr<Part>;

  // Code units of an escape, or a class of them.
  struct Escape {
    Set set;
    bool is_unit = false;
  };

  static absl::Status Invalid(std::string_view what) {
    return absl::InvalidArgumentError(
        StrCat("FHIRPath: a regular expression with ", what));
  }
  static absl::Status Refused(std::string_view what) {
    return absl::UnimplementedError(StrCat(
        "FHIRPath: a regular expression with ", what, " is not supported"));
  }

  bool Take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  PartOr Alternatives() {
    if (++depth_ > kMaxDepth) return Refused("that many nested groups");
    Part whole;
    bool first = true;
    do {
      if (!first) whole.re2 += '|';
      PDP_ASSIGN_OR_RETURN(const Part part, Sequence());
      whole.re2 += part.re2;
      whole.may_be_empty |= part.may_be_empty;
      whole.has_group |= part.has_group;
      first = false;
    } while (Take("|"));
    --depth_;
    return whole;
  }

  PartOr Sequence() {
    Part whole;
    whole.may_be_empty = true;
    while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
      PDP_ASSIGN_OR_RETURN(const Part part, Term());
      whole.re2 += part.re2;
      whole.may_be_empty &= part.may_be_empty;
      whole.has_group |= part.has_group;
    }
    return whole;
  }

  PartOr Term() {
    PDP_ASSIGN_OR_RETURN(Part part, Atom());
    PDP_ASSIGN_OR_RETURN(const std::optional<std::string> count, Quantifier());
    if (!count) return part;
    if (part.is_assertion) return Invalid("nothing to repeat");
    const bool once_at_most =
        count->starts_with('?') || count->starts_with("{0,1}") ||
        count->starts_with("{1}") || count->starts_with("{0}");
    if (!once_at_most) {
      result_.has_repeated_group |= part.has_group;
    }
    result_.has_empty_repetition |= part.may_be_empty;
    part.may_be_empty |= count->starts_with('*') || count->starts_with('?') ||
                         count->starts_with("{0");
    // A unit may be the second half of a pair; the first is not repeated.
    part.re2 += *count;
    return part;
  }

  // Nothing where there is none.
  absl::StatusOr<std::optional<std::string>> Quantifier() {
    std::string count;
    if (Take("*")) {
      count = "*";
    } else if (Take("+")) {
      count = "+";
    } else if (Take("?")) {
      count = "?";
    } else {
      PDP_ASSIGN_OR_RETURN(count, Braces());
      if (count.empty()) return std::optional<std::string>();
    }
    if (Take("?")) count += '?';
    return std::optional<std::string>(std::move(count));
  }

  static bool TakeNumber(std::string_view& text, std::string& number) {
    while (!text.empty() && IsDigit(text[0])) {
      if (!number.empty() || text[0] != '0' || text.size() < 2 ||
          !IsDigit(text[1])) {
        number += text[0];
      }
      text.remove_prefix(1);
    }
    return !number.empty();
  }

  // `{2}`, `{2,}`, `{2,3}`; empty for braces that are plain characters.
  absl::StatusOr<std::string> Braces() {
    std::string_view text = rest_;
    if (!text.starts_with('{')) return std::string();
    text.remove_prefix(1);
    std::string low;
    std::string high;
    if (!TakeNumber(text, low)) return std::string();
    std::string count = StrCat("{", low);
    if (text.starts_with(',')) {
      text.remove_prefix(1);
      count += ',';
      if (TakeNumber(text, high)) count += high;
    }
    if (!text.starts_with('}')) return std::string();
    text.remove_prefix(1);
    rest_ = text;
    if (low.size() > 4 || high.size() > 4) return Refused("that many turns");
    if (!high.empty() && std::stoi(low) > std::stoi(high)) {
      return Invalid("numbers out of order in `{}`");
    }
    return count + "}";
  }

  PartOr Atom() {
    if (Take("^")) return Part{"^", true, true};
    if (Take("$")) return Part{"$", true, true};
    if (Take(".")) return Part{WriteSet(Complement(LineEnds()))};
    if (Take("(")) return Group();
    if (Take("[")) return Class();
    if (Take("\\")) return EscapedAtom();
    if (rest_[0] == '*' || rest_[0] == '+' || rest_[0] == '?') {
      return Invalid("nothing to repeat");
    }
    PDP_ASSIGN_OR_RETURN(const std::string braces, Braces());
    if (!braces.empty()) return Invalid("nothing to repeat");
    return Part{WriteUnit(TakeUnit())};
  }

  // A code point above U+FFFF is two units.
  uint32_t TakeUnit() {
    if (pending_low_ != 0) {
      rest_.remove_prefix(4);
      return std::exchange(pending_low_, 0);
    }
    std::string_view after = rest_;
    const uint32_t code_point = TakeCodePoint(after);
    if (code_point < 0x10000) {
      rest_ = after;
      return code_point;
    }
    pending_low_ = 0xDC00 + ((code_point - 0x10000) & 0x3FF);
    return 0xD800 + ((code_point - 0x10000) >> 10);
  }

  PartOr Group() {
    Part part;
    std::string open = "(";
    if (Take("?:")) {
      open = "(?:";
    } else if (rest_.starts_with("?=") || rest_.starts_with("?!") ||
               rest_.starts_with("?<=") || rest_.starts_with("?<!")) {
      return Refused("look-around");
    } else if (Take("?<")) {
      PDP_ASSIGN_OR_RETURN(const std::string name, GroupName());
      open = StrCat("(?P<", name, ">");
      result_.group_names.push_back(name);
      part.has_group = true;
    } else if (rest_.starts_with('?')) {
      return Invalid("an unknown kind of group");
    } else {
      result_.group_names.emplace_back();
      part.has_group = true;
    }
    PDP_ASSIGN_OR_RETURN(const Part body, Alternatives());
    if (!Take(")")) return Invalid("an unmatched `(`");
    part.re2 = StrCat(open, body.re2, ")");
    part.may_be_empty = body.may_be_empty;
    part.has_group |= body.has_group;
    return part;
  }

  absl::StatusOr<std::string> GroupName() {
    std::string name;
    while (!rest_.empty() &&
           (IsLetter(rest_[0]) || IsDigit(rest_[0]) || rest_[0] == '_')) {
      name += rest_[0];
      rest_.remove_prefix(1);
    }
    if (name.empty() || IsDigit(name[0]) || !Take(">")) {
      return Refused("this name of a group");
    }
    const auto& names = result_.group_names;
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return Invalid("two groups of one name");
    }
    return name;
  }

  PartOr EscapedAtom() {
    if (Take("b")) return Part{"\\b", true, true};
    if (Take("B")) return Part{"\\B", true, true};
    PDP_ASSIGN_OR_RETURN(const Escape escape, TakeEscape());
    return Part{WriteSet(escape.set)};
  }

  static Escape One(uint32_t unit) { return {{{unit, unit}}, true}; }

  // After a backslash, in and out of classes.
  absl::StatusOr<Escape> TakeEscape() {
    if (rest_.empty()) return Invalid("a backslash at the end");
    const char c = rest_[0];
    if (static_cast<unsigned char>(c) >= 0x80) return One(TakeUnit());
    rest_.remove_prefix(1);
    switch (c) {
      case 'd':
        return Escape{Digits()};
      case 'D':
        return Escape{Complement(Digits())};
      case 'w':
        return Escape{Words()};
      case 'W':
        return Escape{Complement(Words())};
      case 's':
        return Escape{Spaces()};
      case 'S':
        return Escape{Complement(Spaces())};
      case 't':
        return One('\t');
      case 'n':
        return One('\n');
      case 'v':
        return One('\v');
      case 'f':
        return One('\f');
      case 'r':
        return One('\r');
      case 'x':
        return One(TakeHex(2).value_or('x'));
      case 'u':
        return One(TakeHex(4).value_or('u'));
      case '0':
        if (rest_.empty() || !IsDigit(rest_[0])) return One(0);
        return Refused("an octal escape");
      case 'c':
        return Refused("a control escape");
      case 'k':
        return Refused("a back-reference");
      default:
        if (IsDigit(c)) return Refused("a back-reference");
        return One(static_cast<unsigned char>(c));
    }
  }

  std::optional<uint32_t> TakeHex(size_t size) {
    if (rest_.size() < size) return std::nullopt;
    uint32_t value = 0;
    for (const char c : rest_.substr(0, size)) {
      const std::string_view digits = "0123456789abcdef";
      const char lower =
          c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
      const size_t digit = digits.find(lower);
      if (digit == std::string_view::npos) return std::nullopt;
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    rest_.remove_prefix(size);
    return value;
  }

  absl::StatusOr<Escape> ClassAtom() {
    if (rest_.starts_with('\\') && pending_low_ == 0) {
      rest_.remove_prefix(1);
      if (Take("b")) return One('\b');
      return TakeEscape();
    }
    return One(TakeUnit());
  }

  PartOr Class() {
    const bool negated = Take("^");
    Set set;
    while (true) {
      if (rest_.empty()) return Invalid("an unmatched `[`");
      if (pending_low_ == 0 && Take("]")) break;
      PDP_ASSIGN_OR_RETURN(const Escape first, ClassAtom());
      const bool is_range = pending_low_ == 0 && rest_.starts_with('-') &&
                            rest_.size() > 1 && rest_[1] != ']';
      if (!is_range) {
        set.insert(set.end(), first.set.begin(), first.set.end());
        continue;
      }
      rest_.remove_prefix(1);
      PDP_ASSIGN_OR_RETURN(const Escape last, ClassAtom());
      if (!first.is_unit || !last.is_unit) {
        // A class is no end of a range: the hyphen is itself.
        set.push_back({'-', '-'});
        set.insert(set.end(), first.set.begin(), first.set.end());
        set.insert(set.end(), last.set.begin(), last.set.end());
        continue;
      }
      if (first.set[0].first > last.set[0].first) {
        return Invalid("a range out of order");
      }
      set.push_back({first.set[0].first, last.set[0].first});
    }
    return Part{WriteSet(negated ? Complement(std::move(set)) : set)};
  }

  std::string_view rest_;
  // The second unit of the code point in front, where its first is taken.
  uint32_t pending_low_ = 0;
  int depth_ = 0;
  TranslatedPattern result_;
};

}  // namespace

absl::StatusOr<TranslatedPattern> TranslatePattern(std::string_view source) {
  return Translator(source).Run();
}

}  // namespace pdp::fhir::fhirpath
