// The types that the evaluation itself knows.

#ifndef PDP_FHIR_FHIRPATH_TYPES_H_
#define PDP_FHIR_FHIRPATH_TYPES_H_

#include "pdp/fhir/schema.h"

namespace pdp::fhir::fhirpath {

struct KnownTypes {
  TypeId backbone_element = FindType("BackboneElement");
  TypeId boolean = FindType("boolean");
  TypeId codeable_concept = FindType("CodeableConcept");
  TypeId coding = FindType("Coding");
  TypeId date = FindType("date");
  TypeId date_time = FindType("dateTime");
  TypeId decimal = FindType("decimal");
  TypeId extension = FindType("Extension");
  TypeId id = FindType("id");
  TypeId integer = FindType("integer");
  TypeId quantity = FindType("Quantity");
  TypeId resource = FindType("Resource");
  TypeId string = FindType("string");
  TypeId time = FindType("time");
};

inline const KnownTypes& Types() {
  static const KnownTypes types;
  return types;
}

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_TYPES_H_
