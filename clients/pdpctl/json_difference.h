// Where two JSON documents differ, as far as it matters.

#ifndef PDP_CLIENTS_PDPCTL_JSON_DIFFERENCE_H_
#define PDP_CLIENTS_PDPCTL_JSON_DIFFERENCE_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pdp/fhir/json.h"

namespace pdp::ctl {

struct DifferenceOptions {
  // Paths that are not compared, such as `id`, `meta.versionId`.
  std::span<const std::string_view> ignored;
  // Paths of which it only matters whether they are there.
  std::span<const std::string_view> any_value;
  // Paths of arrays whose order does not matter.
  std::span<const std::string_view> unordered;
  // Two strings that count as the same: the id that a server gave, and ours.
  std::string_view expected_id;
  std::string_view got_id;
  // null, "", {} and [] are the same as an absent member, and so is an object
  // of ignored members alone.
  bool empty_is_absent = true;
};

struct Difference {
  // "`name[0].family`: expected "A", got nothing".
  std::string text;
  // Something is there that was not expected at all.
  bool is_surplus = false;
};

// The first difference, or nothing.  The order of members does not matter.
std::optional<Difference> FindDifference(fhir::JsonElement expected,
                                         fhir::JsonElement got,
                                         const DifferenceOptions& options);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_JSON_DIFFERENCE_H_
