// The patient that a resource is about, for the audit log.

#ifndef PDP_POLICY_PATIENT_OF_H_
#define PDP_POLICY_PATIENT_OF_H_

#include <string>

#include "pdp/fhir/resource.h"

namespace pdp::policy {

// `Patient/id`: the resource itself where it is a Patient, or else the first
// patient in its `meta.compartment`; without that member the first whose
// compartment its elements put it into.  Empty: none, or it cannot be told.
std::string PatientOf(const fhir::Resource& resource);

}  // namespace pdp::policy

#endif  // PDP_POLICY_PATIENT_OF_H_
