// "Patient/123": the type and id of one resource.

#ifndef PDP_FHIR_RESOURCE_KEY_H_
#define PDP_FHIR_RESOURCE_KEY_H_

#include <optional>
#include <string>
#include <string_view>

namespace pdp::fhir {

struct ResourceKey {
  std::string type;
  std::string id;

  // "Patient/123".
  std::string ToString() const;

  friend bool operator==(const ResourceKey&, const ResourceKey&) = default;
  friend auto operator<=>(const ResourceKey&, const ResourceKey&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const ResourceKey& key) {
    return H::combine(std::move(h), key.type, key.id);
  }

  // Parses a relative reference of exactly two segments, `Type/id`, where the
  // type is a letter followed by letters and digits and the id is FHIR's
  // [A-Za-z0-9-.]{1,64}.  Anything else (absolute, versioned, conditional,
  // contained references) is nothing.
  static std::optional<ResourceKey> Parse(std::string_view reference);
};

// Whether `id` is a UUID as Medplum tests it: 8-4-4-4-12 hexadecimal digits of
// either case.
bool IsUuid(std::string_view id);

}  // namespace pdp::fhir

#endif  // PDP_FHIR_RESOURCE_KEY_H_
