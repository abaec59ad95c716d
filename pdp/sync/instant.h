// FHIR instants, as servers write them.

#ifndef PDP_SYNC_INSTANT_H_
#define PDP_SYNC_INSTANT_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "pdp/base/strings.h"

namespace pdp::sync {

// `2026-11-21T01:35:47.436Z`; nothing for anything else.
inline std::optional<absl::Time> ReadInstant(std::string_view text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, ToAbsl(text), &time, &error) ||
      !absl::StrContains(ToAbsl(text), "T")) {
    return std::nullopt;
  }
  return time;
}

}  // namespace pdp::sync

#endif  // PDP_SYNC_INSTANT_H_
