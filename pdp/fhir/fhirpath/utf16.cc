#include "pdp/fhir/fhirpath/utf16.h"

namespace pdp::fhir::fhirpath {
namespace {

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// A code unit's place in the order of UTF-8 bytes, moved to that of UTF-16:
// surrogates (lead byte F0 and above) come before U+E000 (EE, EF).
int Utf16Rank(unsigned char byte) {
  if (byte >= 0xF0) return byte - 2;
  if (byte >= 0xEE) return byte + 0x10;
  return byte;
}

}  // namespace

uint32_t TakeCodePoint(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  size_t size = 1;
  uint32_t code_point = lead;
  if (lead >= 0xF0) {
    size = 4;
    code_point = lead & 0x07;
  } else if (lead >= 0xE0) {
    size = 3;
    code_point = lead & 0x0F;
  } else if (lead >= 0xC0) {
    size = 2;
    code_point = lead & 0x1F;
  } else if (lead >= 0x80) {
    code_point = 0xFFFD;
  }
  if (size > text.size()) {
    text.remove_prefix(1);
    return 0xFFFD;
  }
  for (size_t i = 1; i < size; ++i) {
    if (!IsContinuation(text[i])) {
      text.remove_prefix(1);
      return 0xFFFD;
    }
    code_point = code_point << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  text.remove_prefix(size);
  return code_point;
}

size_t Utf16Length(std::string_view text) {
  size_t length = 0;
  for (const char c : text) {
    if (!IsContinuation(c)) ++length;
    if (static_cast<unsigned char>(c) >= 0xF0) ++length;
  }
  return length;
}

std::optional<size_t> ByteOffset(std::string_view text, size_t index) {
  std::string_view rest = text;
  while (index > 0 && !rest.empty()) {
    const uint32_t code_point = TakeCodePoint(rest);
    if (code_point >= 0x10000) {
      if (index == 1) return std::nullopt;
      --index;
    }
    --index;
  }
  return text.size() - rest.size();
}

int CompareUtf16(std::string_view a, std::string_view b) {
  const size_t common = a.size() < b.size() ? a.size() : b.size();
  for (size_t i = 0; i < common; ++i) {
    if (a[i] == b[i]) continue;
    return Utf16Rank(static_cast<unsigned char>(a[i])) -
           Utf16Rank(static_cast<unsigned char>(b[i]));
  }
  if (a.size() == b.size()) return 0;
  return a.size() < b.size() ? -1 : 1;
}

bool IsJsSpace(uint32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

std::string_view TrimJsSpace(std::string_view text) {
  while (!text.empty()) {
    std::string_view rest = text;
    if (!IsJsSpace(TakeCodePoint(rest))) break;
    text = rest;
  }
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && IsContinuation(text[begin])) --begin;
    std::string_view last = text.substr(begin);
    if (!IsJsSpace(TakeCodePoint(last)) || !last.empty()) break;
    text = text.substr(0, begin);
  }
  return text;
}

}  // namespace pdp::fhir::fhirpath
