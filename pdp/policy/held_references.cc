#include "pdp/policy/held_references.h"

#include <algorithm>

#include "pdp/base/strings.h"

namespace pdp::policy {
namespace {

using fhir::JsonArray;
using fhir::JsonElement;
using fhir::JsonObject;

constexpr std::string_view kBySystem[] = {
    "Project.link.project", "Project.owner", "ProjectMembership.invitedBy",
    "ProjectMembership.user"};

void Collect(JsonElement element, const std::string& path,
             std::vector<HeldReference>& found) {
  if (JsonArray array; element.get(array) == simdjson::SUCCESS) {
    for (const JsonElement item : array) Collect(item, path, found);
    return;
  }
  JsonObject object;
  if (element.get(object) != simdjson::SUCCESS) return;
  if (const std::string_view value = fhir::StringMember(element, "reference");
      !value.empty()) {
    const bool is_by_system =
        std::find(std::begin(kBySystem), std::end(kBySystem), path) !=
        std::end(kBySystem);
    found.push_back({path, value, is_by_system});
  }
  for (const auto field : object) {
    if (field.key == "meta") continue;
    if (!field.value.is_object() && !field.value.is_array()) continue;
    Collect(field.value, StrCat(path, ".", field.key), found);
  }
}

}  // namespace

std::vector<HeldReference> HeldReferences(const fhir::Resource& resource) {
  std::vector<HeldReference> found;
  Collect(resource.root(), std::string(resource.type()), found);
  return found;
}

}  // namespace pdp::policy
