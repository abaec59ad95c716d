// A FHIR resource: its JSON text, parsed once, and the members that every
// decision looks at.
//
// A Resource is immutable and may be read by any number of threads at once.  It
// owns the parsed document together with all text that its elements point into,
// so a JsonElement or string_view taken from it lives as long as the Resource.

#ifndef PDP_FHIR_RESOURCE_H_
#define PDP_FHIR_RESOURCE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/fhir/element_set.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::fhir {

struct ParseLimits {
  size_t max_bytes = size_t{1} << 20;  // Of JSON text.
  size_t max_depth = 64;               // Nested objects and arrays.
};

class Resource {
 public:
  // Parses one resource.
  //
  // InvalidArgument: not JSON, not UTF-8, no object, no `resourceType` string,
  // or an object that names a member twice (readers disagree on which of the
  // two counts, so a decision about one would not hold for the other).
  // ResourceExhausted: past a limit.
  static absl::StatusOr<std::shared_ptr<const Resource>> Parse(
      std::string_view json, const ParseLimits& limits = {});

  // Parses one resource, and keeps nothing of it but `elements`.  Errors as
  // above.
  static absl::StatusOr<std::shared_ptr<const Resource>> ParsePart(
      std::string_view json, const ElementSet& elements,
      const ParseLimits& limits = {});

  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;

  JsonElement root() const { return root_; }
  std::string_view type() const { return type_; }
  std::string_view id() const { return id_; }                  // May be empty.
  std::string_view version_id() const { return version_id_; }  // May be empty.
  std::string_view last_updated() const { return last_updated_; }
  // Meta.project (Medplum): the id of the Project, empty where absent.
  std::string_view project() const { return project_; }
  ResourceKey key() const { return {std::string(type_), std::string(id_)}; }
  // The text that was parsed, or what was kept of it.
  std::string_view json() const { return json_; }
  // What was kept: of other elements nothing is known.
  const ElementSet& elements() const { return elements_; }
  bool Has(const ElementSet& elements) const {
    return elements_.is_whole() || elements_.Covers(elements);
  }

 private:
  Resource() = default;
  static absl::StatusOr<std::shared_ptr<Resource>> ParseText(
      std::string_view json, const ParseLimits& limits);

  std::string json_;
  simdjson::dom::parser parser_;
  JsonElement root_;
  std::string_view type_;
  std::string_view id_;
  std::string_view version_id_;
  std::string_view last_updated_;
  std::string_view project_;
  ElementSet elements_;
};

using ResourcePtr = std::shared_ptr<const Resource>;

}  // namespace pdp::fhir

#endif  // PDP_FHIR_RESOURCE_H_
