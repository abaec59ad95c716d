#include "medplum_pdp/hidden_fields.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/field_path.h"
#include "pdp/fhir/json_scan.h"

namespace medplum_pdp {
namespace {

constexpr size_t kMaxDepth = 64;

// The text of a member that is a string; empty for anything else.
std::string TextOf(const pdp::fhir::JsonSpan& object, std::string_view name) {
  const auto member = pdp::fhir::MemberOf(object, name);
  return member ? pdp::fhir::StringOf(*member).value_or("") : "";
}

// The text of meta.versionId; empty where there is none.
std::string VersionOf(std::string_view resource) {
  const auto meta = pdp::fhir::MemberOf(pdp::fhir::RootOf(resource), "meta");
  return meta ? TextOf(*meta, "versionId") : "";
}

// Whether it is the answer to a search or a history, and not a resource that a
// decision can be about: its fields would be looked for in the wrong place.
bool IsAnswer(std::string_view resource) {
  const pdp::fhir::JsonSpan root = pdp::fhir::RootOf(resource);
  const std::string type = TextOf(root, "type");
  return TextOf(root, "resourceType") == "Bundle" &&
         (type == "history" || type == "searchset");
}

// The fields that `decision` hides of `resource`.
std::vector<std::string_view> HiddenOf(std::string_view resource,
                                       const v1::Decision& decision) {
  if (decision.versions_size() > 0) {
    const std::string version_id = VersionOf(resource);
    for (const v1::VersionFields& version : decision.versions()) {
      if (version.version_id() != version_id) continue;
      return {version.hidden_fields().begin(), version.hidden_fields().end()};
    }
  }
  return {decision.hidden_fields().begin(), decision.hidden_fields().end()};
}

}  // namespace

absl::StatusOr<std::string> RemoveHiddenFields(std::string_view resource,
                                               const Decision& decision) {
  if (!decision.permitted() && !decision.permitted_with_obligations()) {
    return absl::FailedPreconditionError(
        "nothing may be shown: the decision does not permit it");
  }
  if (pdp::fhir::FindJsonFault(resource, kMaxDepth) ||
      !pdp::fhir::RootOf(resource).is_object()) {
    return absl::InvalidArgumentError(
        "hidden fields cannot be removed: not the JSON of a resource");
  }
  if (IsAnswer(resource)) {
    return absl::InvalidArgumentError(
        "hidden fields cannot be removed from a Bundle: from each of its "
        "resources");
  }
  PDP_ASSIGN_OR_RETURN(pdp::fhir::FieldRemoval removal,
                       pdp::fhir::RemoveFields(
                           resource, HiddenOf(resource, decision.message())));
  return std::move(removal.json);
}

}  // namespace medplum_pdp
