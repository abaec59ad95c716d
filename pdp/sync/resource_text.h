// Edits of a resource's JSON text that leave every other byte as it is.

#ifndef PDP_SYNC_RESOURCE_TEXT_H_
#define PDP_SYNC_RESOURCE_TEXT_H_

#include <span>
#include <string>
#include <string_view>

#include "pdp/fhir/json_scan.h"

namespace pdp::sync {

struct TextMember {
  std::string_view name;
  std::string_view value;  // Becomes a JSON string.
};

// The text of `resource` with `members` added to its `meta`, which is added
// where there is none.
// REQUIRES: `resource` is an object; its `meta` is absent, or an object without
// these members.
std::string AddToMeta(const fhir::JsonSpan& resource,
                      std::span<const TextMember> members);

// A versionId for a resource that has none: a UUID that depends on nothing but
// `text`.
std::string VersionIdOf(std::string_view text);

}  // namespace pdp::sync

#endif  // PDP_SYNC_RESOURCE_TEXT_H_
