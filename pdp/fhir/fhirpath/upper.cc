#include "pdp/fhir/fhirpath/upper.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "pdp/base/unicode.h"
#include "pdp/fhir/fhirpath/utf16.h"

namespace pdp::fhir::fhirpath {
namespace {

struct Run {
  uint32_t first;
  uint32_t last;
  uint32_t stride;
  int32_t distance;
};

struct Special {
  uint32_t code_point;
  uint32_t letters[3];  // Zeros at the end are none.
};

#include "pdp/fhir/fhirpath/upper.inc"

void AppendUpper(uint32_t code_point, std::string& out) {
  const Run* const run = std::lower_bound(
      std::begin(kRuns), std::end(kRuns), code_point,
      [](const Run& candidate, uint32_t c) { return candidate.last < c; });
  if (run != std::end(kRuns) && run->first <= code_point &&
      (code_point - run->first) % run->stride == 0) {
    AppendUtf8(code_point + static_cast<uint32_t>(run->distance), out);
    return;
  }
  const Special* const special =
      std::lower_bound(std::begin(kSpecials), std::end(kSpecials), code_point,
                       [](const Special& candidate, uint32_t c) {
                         return candidate.code_point < c;
                       });
  if (special == std::end(kSpecials) || special->code_point != code_point) {
    AppendUtf8(code_point, out);
    return;
  }
  for (const uint32_t letter : special->letters) {
    if (letter != 0) AppendUtf8(letter, out);
  }
}

}  // namespace

std::string ToUpper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char c = text[0];
    if (static_cast<unsigned char>(c) >= 0x80) {
      AppendUpper(TakeCodePoint(text), out);
      continue;
    }
    out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace pdp::fhir::fhirpath
