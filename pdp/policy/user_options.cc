#include "pdp/policy/user_options.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "absl/strings/numbers.h"
#include "pdp/base/strings.h"

namespace pdp::policy {
namespace {

using fhir::JsonElement;

// The value of an option, whatever its type; nothing where it has none.
std::optional<JsonElement> ValueOf(JsonElement option) {
  fhir::JsonObject object;
  if (option.get(object) != simdjson::SUCCESS) return std::nullopt;
  for (const auto member : object) {
    if (member.key.starts_with("value")) return member.value;
  }
  return std::nullopt;
}

// Nothing: no number of minutes.
std::optional<absl::Duration> Minutes(JsonElement value) {
  double minutes = 0;
  const auto text = fhir::AsString(value);
  const bool is_number = text ? absl::SimpleAtod(ToAbsl(*text), &minutes)
                              : value.get(minutes) == simdjson::SUCCESS;
  if (!is_number || !std::isfinite(minutes) || minutes <= 0) {
    return std::nullopt;
  }
  return minutes * absl::Minutes(1);
}

}  // namespace

UserOptions ParseUserOptions(const fhir::Resource& resource) {
  UserOptions options;
  fhir::ForEachItem(resource.root(), "option", [&](JsonElement option) {
    const std::string_view id = fhir::StringMember(option, "id");
    const auto value = ValueOf(option);
    if (id == "activeTenant") {
      const auto text = value ? fhir::AsString(*value) : std::nullopt;
      options.active_tenants.emplace_back(text.value_or(std::string_view()));
    } else if (id == "sessionTimeoutMinutes") {
      const auto timeout = value ? Minutes(*value) : std::nullopt;
      options.session_timeout_is_wrong |= !timeout;
      if (timeout) {
        options.session_timeout =
            std::min(options.session_timeout.value_or(*timeout), *timeout);
      }
    }
  });
  return options;
}

}  // namespace pdp::policy
