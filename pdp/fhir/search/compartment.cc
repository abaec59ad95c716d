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
  return PatientsOf(resource, resource.id(), scratch);
}

absl::StatusOr<std::vector<std::string>> PatientsOf(
    const Resource& resource, std::string_view id, fhirpath::Scratch& scratch) {
  std::vector<std::string> patients;
  if (resource.type() == "Patient" && !id.empty()) {
    patients.push_back(StrCat(kPatientPrefix, id));
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

std::vector<std::string> CompartmentAccountsOf(const Resource& resource) {
  std::vector<std::string> accounts;
  const std::optional<JsonElement> meta = Member(resource.root(), "meta");
  if (!meta) return accounts;
  const std::optional<JsonElement> list = Member(*meta, "accounts");
  const bool has_list = list && !list->is_null();
  ForEachItem(*meta, has_list ? "accounts" : "account",
              [&](JsonElement account) {
                accounts.emplace_back(StringMember(account, "reference"));
              });
  return accounts;
}

std::vector<std::string> CompartmentsOf(const Resource& resource,
                                        std::string_view project,
                                        std::span<const std::string> accounts,
                                        std::span<const std::string> patients) {
  std::vector<std::string> compartments;
  AddCompartment(StrCat("Project/", project), compartments);
  if (resource.type() == "User") {
    if (const auto own = Member(resource.root(), "project")) {
      AddCompartment(StringMember(*own, "reference"), compartments);
    }
  }
  for (const std::string& account : accounts) {
    if (!account.starts_with("Project/")) AddCompartment(account, compartments);
  }
  for (const std::string& patient : patients) {
    AddCompartment(patient, compartments);
  }
  return compartments;
}

absl::StatusOr<std::vector<std::string>> CompartmentsOf(
    const Resource& resource, fhirpath::Scratch& scratch) {
  PDP_ASSIGN_OR_RETURN(const std::vector<std::string> patients,
                       PatientsOf(resource, scratch));
  return CompartmentsOf(resource, resource.project(),
                        CompartmentAccountsOf(resource), patients);
}

}  // namespace pdp::fhir::search
