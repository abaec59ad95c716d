#include "pdp/service/trace_context.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"

namespace pdp::service {
namespace {

constexpr std::string_view kShape =
    "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
constexpr std::string_view kZeros = "00000000000000000000000000000000";
constexpr size_t kMaxRequestId = 128;

bool HasShape(std::string_view text) {
  return std::equal(text.begin(), text.end(), kShape.begin(), kShape.end(),
                    [](char c, char shape) {
                      if (shape == '-') return c == '-';
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                    });
}

}  // namespace

std::string_view AsTraceparent(std::string_view text) {
  const std::string_view known = text.substr(0, kShape.size());
  if (!HasShape(known)) return {};
  const std::string_view version = known.substr(0, 2);
  const std::string_view trace_id = known.substr(3, 32);
  const std::string_view parent_id = known.substr(36, 16);
  const std::string_view rest = text.substr(known.size());
  if (version == "ff" || trace_id == kZeros ||
      parent_id == kZeros.substr(0, parent_id.size())) {
    return {};
  }
  const bool may_go_on = version != "00" && rest.starts_with('-');
  return rest.empty() || may_go_on ? known : std::string_view();
}

std::string_view AsRequestId(std::string_view text) {
  const bool fits = text.size() <= kMaxRequestId &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return absl::ascii_isgraph(static_cast<unsigned char>(c));
                    });
  return fits ? text : std::string_view();
}

}  // namespace pdp::service
