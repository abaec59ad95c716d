#include "pdp/fhir/resource_key.h"

#include <algorithm>
#include <array>

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
  // What stands for itself, and 'x' for a digit.
  static constexpr std::array<char, 256> kKinds = [] {
    std::array<char, 256> kinds{};
    for (const char c : std::string_view("0123456789abcdefABCDEF")) {
      kinds[static_cast<unsigned char>(c)] = 'x';
    }
    kinds['-'] = '-';
    return kinds;
  }();
  if (id.size() != kShape.size()) return false;
  int different = 0;
  for (size_t i = 0; i < kShape.size(); ++i) {
    different |= kKinds[static_cast<unsigned char>(id[i])] ^ kShape[i];
  }
  return different == 0;
}

}  // namespace pdp::fhir
