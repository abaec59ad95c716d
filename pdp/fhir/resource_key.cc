#include "pdp/fhir/resource_key.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/ascii.h"
#include "pdp/base/strings.h"

namespace pdp::fhir {
namespace {

bool IsTypeName(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         absl::ascii_isalpha(static_cast<unsigned char>(text.front())) &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c); });
}

// By FHIR's grammar, but for what means another place in a path.
bool IsId(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '.';
         });
}

using Block [[gnu::vector_size(16)]] = unsigned char;

// Whether each byte is a hexadecimal digit where `shape` has an `x`, and what
// `shape` has elsewhere.
bool HasShape(const char* text, const char* shape) {
  Block bytes;
  Block wanted;
  std::memcpy(&bytes, text, sizeof bytes);
  std::memcpy(&wanted, shape, sizeof wanted);
  const Block lower = bytes | 0x20;
  const auto is_digit = (bytes >= '0') & (bytes <= '9');
  const auto is_letter = (lower >= 'a') & (lower <= 'f');
  const auto has_shape =
      (wanted == 'x') ? (is_digit | is_letter) : (bytes == wanted);
  uint64_t halves[2];
  std::memcpy(halves, &has_shape, sizeof halves);
  return (halves[0] & halves[1]) == ~uint64_t{0};
}

}  // namespace

std::string ResourceKey::ToString() const { return StrCat(type, "/", id); }

std::optional<ResourceKey> ResourceKey::Parse(std::string_view reference) {
  const size_t slash = reference.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view type = reference.substr(0, slash);
  const std::string_view id = reference.substr(slash + 1);
  if (!IsTypeName(type) || !IsId(id)) return std::nullopt;
  return ResourceKey{std::string(type), std::string(id)};
}

bool IsUuid(std::string_view id) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (id.size() != kShape.size()) return false;
  // Two blocks, and one that ends where the text does.
  constexpr size_t kStarts[] = {0, sizeof(Block),
                                kShape.size() - sizeof(Block)};
  for (const size_t start : kStarts) {
    if (!HasShape(id.data() + start, kShape.data() + start)) return false;
  }
  return true;
}

}  // namespace pdp::fhir
