// Unicode text in UTF-8: the few things that JavaScript does with strings and
// that decisions depend on.

#ifndef PDP_BASE_UNICODE_H_
#define PDP_BASE_UNICODE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pdp {

// `text` as String.prototype.toLowerCase gives it: the full, locale-free
// mapping, with the dotted capital I that becomes two characters and the sigma
// that looks different at the end of a word.  `text` is valid UTF-8; bytes that
// are not are kept as they are.
std::string ToLower(std::string_view text);

// Whether ToLower(text) contains `lowered`, which is in lower case already.
bool ContainsLowered(std::string_view text, std::string_view lowered);

// Whether ToLower(text) is `lowered`.
bool EqualsLowered(std::string_view text, std::string_view lowered);

// `text` without the white space at its ends that String.prototype.trim
// removes.
std::string_view TrimWhitespace(std::string_view text);

// `bytes` as valid UTF-8: every maximal ill-formed part becomes U+FFFD, as the
// WHATWG decoder does it.
std::string ToValidUtf8(std::string_view bytes);

// The first character of a text, which is not empty; U+FFFD where it is
// ill-formed.
struct DecodedUtf8 {
  uint32_t code_point = 0;
  size_t size = 0;  // In bytes.
};
DecodedUtf8 DecodeUtf8(std::string_view text);

// Appends the encoding of `code_point`, which is no surrogate.
void AppendUtf8(uint32_t code_point, std::string& text);

}  // namespace pdp

#endif  // PDP_BASE_UNICODE_H_
