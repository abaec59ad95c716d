// Making a changed copy of a JSON object, and comparing JSON as Medplum does.

#ifndef PDP_FHIR_JSON_EDIT_H_
#define PDP_FHIR_JSON_EDIT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/fhir/json.h"

namespace pdp::fhir {

// A change of one member: its new JSON text, or empty to leave it out.
struct MemberEdit {
  std::string name;
  std::string json;
};

// The object as JSON text with `edits` applied: members that are named are
// replaced where they stand or left out; those not there yet follow at the end.
// REQUIRES: `object` is a JSON object, and no two edits have the same name.
std::string EditObject(JsonElement object,
                       const std::vector<MemberEdit>& edits);

// A JSON array of {"reference": ...} objects.
std::string ReferencesJson(const std::vector<std::string>& references);

// Whether two resources are the same to Medplum, which then writes no new
// version: members of the value null, "", {} or [] count as absent, and so do
// versionId, lastUpdated and author of any member `meta` (semantics S-16).
bool IsSameContent(JsonElement a, JsonElement b);

}  // namespace pdp::fhir

#endif  // PDP_FHIR_JSON_EDIT_H_
