// UniqueJson: a JSON object that says nothing twice.
//
// Readers differ in which of two members of one name they take; so such an
// object is refused wherever something is to be trusted for what it says.

#ifndef PDP_MEDPLUM_UNIQUE_JSON_H_
#define PDP_MEDPLUM_UNIQUE_JSON_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/fhir/json.h"

namespace pdp::medplum {

// Whether `element` is an object without two members of one name.  What is
// inside of its members is not looked at.
bool HasUniqueNames(fhir::JsonElement element);

class UniqueJson {
 public:
  // DataLoss where `text` is no such object.
  static absl::StatusOr<std::unique_ptr<UniqueJson>> Parse(
      std::string_view text);

  fhir::JsonElement root() const { return root_; }

 private:
  UniqueJson() = default;

  simdjson::dom::parser parser_;
  fhir::JsonElement root_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_UNIQUE_JSON_H_
