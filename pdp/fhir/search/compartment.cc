#include "pdp/fhir/search/compartment.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {
namespace {

struct CompartmentType {
  std::string_view resource_type;
  uint16_t first_code;  // In kCodes.
  uint16_t code_count;
};

#include "pdp/fhir/definitions/patient_compartment.inc"

constexpr std::string_view kPatientPrefix = "Patient/";

void AddOnce(std::string_view reference, std::vector<std::string>& list) {
  if (std::ranges::find(list, reference) == list.end()) {
    list.emplace_back(reference);
  }
}

// Adds a reference whose second segment is a UUID.
void AddCompartment(std::string_view reference,
                    std::vector<std::string>& compartments) {
  const size_t slash = reference.find('/');
  if (slash == std::string_view::npos) return;
  const std::string_view rest = reference.substr(slash + 1);
  if (IsUuid(rest.substr(0, rest.find('/')))) AddOnce(reference, compartments);
}

}  // namespace

std::span<const std::string_view> PatientCompartmentCodes(
    std::string_view resource_type) {
  const auto found = std::ranges::lower_bound(
      kCompartmentTypes, resource_type, {}, &CompartmentType::resource_type);
  if (found == std::end(kCompartmentTypes) ||
      found->resource_type != resource_type) {
    return {};
  }
  return {kCodes + found->first_code, found->code_count};
}

absl::StatusOr<std::vector<std::string>> PatientsOf(
    const Resource& resource, fhirpath::Scratch& scratch) {
  std::vector<std::string> patients;
  if (resource.type() == "Patient" && !resource.id().empty()) {
    patients.push_back(StrCat(kPatientPrefix, resource.id()));
  }
  for (const std::string_view code : PatientCompartmentCodes(resource.type())) {
    const SearchParameter* const parameter =
        FindSearchParameter(resource.type(), code);
    if (parameter == nullptr) continue;
    PDP_ASSIGN_OR_RETURN(const fhirpath::Collection values,
                         ValuesOf(*parameter, resource, scratch));
    for (const fhirpath::Value& value : values) {
      if (value.kind() != fhirpath::Value::Kind::kObject) continue;
      const std::string_view reference =
          StringMember(value.object(), "reference");
      if (reference.starts_with(kPatientPrefix)) AddOnce(reference, patients);
    }
  }
  return patients;
}

absl::StatusOr<std::vector<std::string>> CompartmentsOf(
    const Resource& resource, fhirpath::Scratch& scratch) {
  PDP_ASSIGN_OR_RETURN(const std::vector<std::string> patients,
                       PatientsOf(resource, scratch));
  std::vector<std::string> compartments;
  AddCompartment(StrCat("Project/", resource.project()), compartments);
  const JsonElement root = resource.root();
  if (resource.type() == "User") {
    if (const std::optional<JsonElement> project = Member(root, "project")) {
      AddCompartment(StringMember(*project, "reference"), compartments);
    }
  }
  if (const std::optional<JsonElement> meta = Member(root, "meta")) {
    const bool has_accounts = Member(*meta, "accounts").has_value();
    ForEachItem(
        *meta, has_accounts ? "accounts" : "account", [&](JsonElement account) {
          const std::string_view reference = StringMember(account, "reference");
          if (!reference.starts_with("Project/")) {
            AddCompartment(reference, compartments);
          }
        });
  }
  for (const std::string& patient : patients) {
    AddCompartment(patient, compartments);
  }
  return compartments;
}

}  // namespace pdp::fhir::search
