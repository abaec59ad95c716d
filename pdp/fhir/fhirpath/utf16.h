// Strings as JavaScript counts them: in UTF-16 code units, over text in UTF-8.

#ifndef PDP_FHIR_FHIRPATH_UTF16_H_
#define PDP_FHIR_FHIRPATH_UTF16_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pdp::fhir::fhirpath {

// Takes one code point off the front of `text`, which is not empty.  A byte
// that begins no well-formed code point is taken alone, as U+FFFD.
uint32_t TakeCodePoint(std::string_view& text);

size_t Utf16Length(std::string_view text);

// The byte offset of code unit `index`, or of the end where there are fewer.
// Nothing where `index` is within a surrogate pair.
std::optional<size_t> ByteOffset(std::string_view text, size_t index);

// <0, 0, >0, by code units.
int CompareUtf16(std::string_view a, std::string_view b);

// What \s matches in a JavaScript regular expression.
bool IsJsSpace(uint32_t code_point);
std::string_view TrimJsSpace(std::string_view text);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_UTF16_H_
