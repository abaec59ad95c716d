#include "pdp/base/unicode.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>

namespace pdp {
namespace {

struct LowerRun {
  uint32_t begin;
  uint32_t end;
  uint32_t stride;
  int32_t delta;
};

struct Range {
  uint32_t begin;
  uint32_t end;
};

#include "pdp/base/unicode.inc"

constexpr uint32_t kReplacement = 0xFFFD;
constexpr uint32_t kCapitalSigma = 0x3A3;
constexpr uint32_t kFinalSigma = 0x3C2;
constexpr uint32_t kSmallSigma = 0x3C3;
constexpr uint32_t kCapitalDottedI = 0x130;
constexpr uint32_t kDotAbove = 0x307;

constexpr char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// One step of a decoder: a code point, or an ill-formed part of `size` bytes.
struct Decoded {
  uint32_t code_point;
  size_t size;
  bool valid;
};

// The Unicode standard's table of well-formed sequences: the second byte is
// what tells overlong forms, surrogates and values past U+10FFFF.
Decoded Decode(std::string_view text, size_t at) {
  const auto byte = [&](size_t offset) -> uint32_t {
    return at + offset < text.size()
               ? static_cast<unsigned char>(text[at + offset])
               : 0;
  };
  const uint32_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  size_t size = 0;
  uint32_t low = 0x80;
  uint32_t high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    size = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    size = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    size = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return {kReplacement, 1, false};
  }
  uint32_t code_point = first & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if (byte(i) < low || byte(i) > high) return {kReplacement, i, false};
    code_point = code_point << 6 | (byte(i) & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {code_point, size, true};
}

template <size_t N>
bool Contains(const Range (&ranges)[N], uint32_t code_point) {
  const Range* const found =
      std::ranges::lower_bound(ranges, code_point, {}, &Range::end);
  return found != std::end(ranges) && found->begin <= code_point;
}

uint32_t LowerCodePoint(uint32_t code_point) {
  const LowerRun* const run =
      std::ranges::lower_bound(kLowerRuns, code_point, {}, &LowerRun::end);
  if (run == std::end(kLowerRuns) || code_point < run->begin ||
      (code_point - run->begin) % run->stride != 0) {
    return code_point;
  }
  return static_cast<uint32_t>(static_cast<int32_t>(code_point) + run->delta);
}

// The code point before `at`.
Decoded DecodeBefore(std::string_view text, size_t at) {
  size_t begin = at - 1;
  while (begin > 0 && at - begin < 4 &&
         (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) {
    --begin;
  }
  const Decoded decoded = Decode(text, begin);
  if (decoded.valid && begin + decoded.size == at) return decoded;
  return {kReplacement, 1, false};
}

// Unicode's Final_Sigma: a cased letter before, none after, case-ignorable
// characters not counted.
bool IsFinal(std::string_view text, size_t begin, size_t end) {
  bool cased_before = false;
  while (begin > 0 && !cased_before) {
    const Decoded before = DecodeBefore(text, begin);
    begin -= before.size;
    if (Contains(kCaseIgnorable, before.code_point)) continue;
    if (!Contains(kCased, before.code_point)) return false;
    cased_before = true;
  }
  if (!cased_before) return false;
  while (end < text.size()) {
    const Decoded after = Decode(text, end);
    end += after.size;
    if (Contains(kCaseIgnorable, after.code_point)) continue;
    return !Contains(kCased, after.code_point);
  }
  return true;
}

bool IsWhitespace(uint32_t code_point) {
  switch (code_point) {
    case ' ':
    case '\t':
    case '\n':
    case '\v':
    case '\f':
    case '\r':
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
    case 0xFEFF:
      return true;
    default:
      return code_point >= 0x2000 && code_point <= 0x200A;
  }
}

}  // namespace

DecodedUtf8 DecodeUtf8(std::string_view text) {
  const Decoded decoded = Decode(text, 0);
  return {decoded.code_point, decoded.size};
}

void AppendUtf8(uint32_t code_point, std::string& text) {
  const auto append = [&](uint32_t byte) {
    text.push_back(static_cast<char>(byte));
  };
  if (code_point < 0x80) {
    append(code_point);
  } else if (code_point < 0x800) {
    append(0xC0 | code_point >> 6);
    append(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    append(0xE0 | code_point >> 12);
    append(0x80 | (code_point >> 6 & 0x3F));
    append(0x80 | (code_point & 0x3F));
  } else {
    append(0xF0 | code_point >> 18);
    append(0x80 | (code_point >> 12 & 0x3F));
    append(0x80 | (code_point >> 6 & 0x3F));
    append(0x80 | (code_point & 0x3F));
  }
}

std::string ToLower(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      lower.push_back(LowerAscii(text[at]));
      ++at;
      continue;
    }
    const Decoded decoded = Decode(text, at);
    const size_t end = at + decoded.size;
    if (!decoded.valid) {
      lower.append(text.substr(at, decoded.size));
    } else if (decoded.code_point == kCapitalDottedI) {
      AppendUtf8('i', lower);
      AppendUtf8(kDotAbove, lower);
    } else if (decoded.code_point == kCapitalSigma) {
      AppendUtf8(IsFinal(text, at, end) ? kFinalSigma : kSmallSigma, lower);
    } else {
      AppendUtf8(LowerCodePoint(decoded.code_point), lower);
    }
    at = end;
  }
  return lower;
}

bool ContainsLowered(std::string_view text, std::string_view lowered) {
  if (!IsAscii(text)) {
    return ToLower(text).find(lowered) != std::string::npos;
  }
  const auto found =
      std::search(text.begin(), text.end(), lowered.begin(), lowered.end(),
                  [](char c, char wanted) { return LowerAscii(c) == wanted; });
  return found != text.end() || lowered.empty();
}

bool EqualsLowered(std::string_view text, std::string_view lowered) {
  if (!IsAscii(text)) return ToLower(text) == lowered;
  return text.size() == lowered.size() &&
         std::equal(
             text.begin(), text.end(), lowered.begin(),
             [](char c, char wanted) { return LowerAscii(c) == wanted; });
}

std::string_view TrimWhitespace(std::string_view text) {
  while (!text.empty()) {
    const Decoded first = Decode(text, 0);
    if (!IsWhitespace(first.code_point)) break;
    text.remove_prefix(first.size);
  }
  while (!text.empty()) {
    const Decoded last = DecodeBefore(text, text.size());
    if (!IsWhitespace(last.code_point)) break;
    text.remove_suffix(last.size);
  }
  return text;
}

std::string ToValidUtf8(std::string_view bytes) {
  unsigned char all = 0;
  for (const char c : bytes) all |= static_cast<unsigned char>(c);
  if (all < 0x80) return std::string(bytes);  // ASCII.
  std::string valid;
  valid.reserve(bytes.size());
  for (size_t at = 0; at < bytes.size();) {
    const Decoded decoded = Decode(bytes, at);
    AppendUtf8(decoded.code_point, valid);
    at += decoded.size;
  }
  return valid;
}

}  // namespace pdp
