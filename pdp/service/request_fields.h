// What the fields of requests have in common: names and ids, and how is said
// what is wrong with one.

#ifndef PDP_SERVICE_REQUEST_FIELDS_H_
#define PDP_SERVICE_REQUEST_FIELDS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/fhir/interaction.h"

namespace pdp::service {

// InvalidArgument, "field: message".
absl::Status Wrong(std::string_view field, std::string_view message);

// FHIR's [A-Za-z0-9-.]{1,64}, but for what means another place in a path.
bool IsId(std::string_view text);

bool IsTypeName(std::string_view text);

// The field names another project than an access token is of.
absl::Status OtherProject(std::string_view field);

// Text from the request in a message: short, and printable.
std::string Quoted(std::string_view text);

// `id` is empty, or the id of a Project.
absl::Status CheckProjectId(std::string_view field, std::string_view id);

// As the API has it: `READ`.
std::string_view UpperName(fhir::Interaction interaction);

}  // namespace pdp::service

#endif  // PDP_SERVICE_REQUEST_FIELDS_H_
