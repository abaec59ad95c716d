#include "pdp/medplum/unique_json.h"

#include "absl/status/status.h"
#include "pdp/base/strings.h"

namespace pdp::medplum {
namespace {

constexpr size_t kMaxDepth = 32;

}  // namespace

bool HasUniqueNames(fhir::JsonElement element) {
  fhir::JsonObject object;
  if (element.get(object) != simdjson::SUCCESS) return false;
  StringSet names;
  for (const auto& field : object) {
    if (!names.emplace(field.key).second) return false;
  }
  return true;
}

absl::StatusOr<std::unique_ptr<UniqueJson>> UniqueJson::Parse(
    std::string_view text) {
  std::unique_ptr<UniqueJson> document(new UniqueJson());
  if (document->parser_.allocate(text.size(), kMaxDepth) != simdjson::SUCCESS ||
      document->parser_.parse(simdjson::padded_string(text))
              .get(document->root_) != simdjson::SUCCESS ||
      !HasUniqueNames(document->root_)) {
    return absl::DataLossError("not a JSON object with unique names");
  }
  return document;
}

}  // namespace pdp::medplum
