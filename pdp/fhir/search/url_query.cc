#include "pdp/fhir/search/url_query.h"

#include <algorithm>
#include <cstddef>

#include "pdp/base/unicode.h"

namespace pdp::fhir::search {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Decode(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      bytes.push_back(' ');
      continue;
    }
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        bytes.push_back(static_cast<char>(high << 4 | low));
        i += 2;
        continue;
      }
    }
    bytes.push_back(text[i]);
  }
  return ToValidUtf8(bytes);
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
