// The patients a resource belongs to, and the compartments that follow
// (semantics S-17).

#ifndef PDP_FHIR_SEARCH_COMPARTMENT_H_
#define PDP_FHIR_SEARCH_COMPARTMENT_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/resource.h"

namespace pdp::fhir::search {

// The codes of the search parameters that put a resource of this type into the
// patient compartment; empty for types outside it.
std::span<const std::string_view> PatientCompartmentCodes(
    std::string_view resource_type);

// Reference strings beginning `Patient/`, in Medplum's order, each once: the
// resource itself where it is a Patient, then every such reference that a
// compartment parameter of its type finds.
absl::StatusOr<std::vector<std::string>> PatientsOf(const Resource& resource,
                                                    fhirpath::Scratch& scratch);
// Likewise, as if the resource had the id `id`.
absl::StatusOr<std::vector<std::string>> PatientsOf(const Resource& resource,
                                                    std::string_view id,
                                                    fhirpath::Scratch& scratch);

// The references in `meta.accounts`, or, without that member, in
// `meta.account`.
std::vector<std::string> CompartmentAccountsOf(const Resource& resource);

// What the server would write to `meta.compartment`: `Project/<project>`, for a
// User its `project`, the accounts, the patients; only those whose id is a
// UUID, each once.
std::vector<std::string> CompartmentsOf(const Resource& resource,
                                        std::string_view project,
                                        std::span<const std::string> accounts,
                                        std::span<const std::string> patients);

// Likewise, of the resource as it is: by its own `meta.project` and accounts,
// and its patients.
absl::StatusOr<std::vector<std::string>> CompartmentsOf(
    const Resource& resource, fhirpath::Scratch& scratch);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_COMPARTMENT_H_
