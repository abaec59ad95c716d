#include "pdp/fhir/search/url_query.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "pdp/base/unicode.h"

namespace pdp::fhir::search {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A key or value with its `%` sequences resolved.
struct Unescaped {
  std::string bytes;
  bool has_escape = false;   // `%` and two hexadecimal digits.
  bool has_percent = false;  // `%` and something else.
};

// `append_raw` appends the first character of a text that is no escape and
// returns how many bytes it was.
template <typename AppendRaw>
Unescaped Unescape(std::string_view text, AppendRaw append_raw) {
  Unescaped result;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        result.bytes.push_back(static_cast<char>(high << 4 | low));
        result.has_escape = true;
        i += 3;
        continue;
      }
    }
    if (text[i] == '%') result.has_percent = true;
    if (text[i] == '+') {
      result.bytes.push_back(' ');
      ++i;
    } else {
      i += append_raw(text.substr(i), result.bytes);
    }
  }
  return result;
}

size_t AppendByte(std::string_view text, std::string& bytes) {
  bytes.push_back(text[0]);
  return 1;
}

// Appends the low byte of every UTF-16 unit of the first character.
size_t AppendLowBytes(std::string_view text, std::string& bytes) {
  const DecodedUtf8 decoded = DecodeUtf8(text);
  const uint32_t code_point = decoded.code_point;
  if (code_point >= 0x10000) {
    const uint32_t offset = code_point - 0x10000;
    bytes.push_back(static_cast<char>((0xD800 + (offset >> 10)) & 0xFF));
    bytes.push_back(static_cast<char>((0xDC00 + (offset & 0x3FF)) & 0xFF));
  } else {
    bytes.push_back(static_cast<char>(code_point & 0xFF));
  }
  return decoded.size;
}

std::string Decode(std::string_view text) {
  if (text.find_first_of("%+") == std::string_view::npos) {
    return ToValidUtf8(text);
  }
  const Unescaped unescaped = Unescape(text, AppendByte);
  std::string valid = ToValidUtf8(unescaped.bytes);
  const bool is_clean = !unescaped.has_percent && valid == unescaped.bytes;
  if (!unescaped.has_escape || is_clean) return valid;
  // Node.js, on which Medplum runs, then starts over with bytes, to which it
  // cuts every other character.
  return ToValidUtf8(Unescape(text, AppendLowBytes).bytes);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ParseUrlQuery(
    std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const std::string_view piece = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), piece.size() + 1));
    if (piece.empty()) continue;
    const size_t equals = piece.find('=');
    pairs.emplace_back(Decode(piece.substr(0, equals)),
                       equals == std::string_view::npos
                           ? std::string()
                           : Decode(piece.substr(equals + 1)));
  }
  return pairs;
}

}  // namespace pdp::fhir::search
