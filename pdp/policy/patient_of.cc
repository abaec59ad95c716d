#include "pdp/policy/patient_of.h"

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/search/compartment.h"

namespace pdp::policy {
namespace {

constexpr std::string_view kPrefix = "Patient/";

std::string ComputedPatient(const fhir::Resource& resource) {
  thread_local fhir::fhirpath::Scratch scratch;
  scratch.Reset();
  const absl::StatusOr<std::vector<std::string>> patients =
      fhir::search::PatientsOf(resource, scratch);
  return patients.ok() && !patients->empty() ? patients->front()
                                             : std::string();
}

}  // namespace

std::string PatientOf(const fhir::Resource& resource) {
  if (resource.type() == "Patient") {
    return resource.id().empty() ? std::string()
                                 : StrCat(kPrefix, resource.id());
  }
  const std::optional<fhir::JsonElement> meta =
      fhir::Member(resource.root(), "meta");
  if (!meta || !fhir::Member(*meta, "compartment")) {
    return ComputedPatient(resource);
  }
  std::string patient;
  fhir::ForEachItem(*meta, "compartment", [&](fhir::JsonElement item) {
    const std::string_view reference = fhir::StringMember(item, "reference");
    if (patient.empty() && reference.starts_with(kPrefix)) patient = reference;
  });
  return patient;
}

}  // namespace pdp::policy
