#include "clients/pdpctl/provision/tenants.h"

#include <algorithm>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/search/compartment.h"

namespace pdp::provision {
namespace {

using Kind = TenantFinding::Kind;
using fhir::search::CompartmentAccountsOf;

std::set<std::string> TenantsAmong(const std::vector<std::string>& accounts,
                                   const std::set<std::string>& tenants) {
  std::set<std::string> found;
  for (const std::string& account : accounts) {
    if (tenants.contains(account)) found.insert(account);
  }
  return found;
}

Lines NamesOf(const std::set<std::string>& tenants, const Observed& observed) {
  Lines names;
  for (const std::string& tenant : tenants) {
    names.push_back(observed.ToName(tenant));
  }
  return names;
}

}  // namespace

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kNone:
      return "none";
    case Kind::kSeveral:
      return "several";
    case Kind::kOther:
      return "other";
  }
  return "";
}

absl::StatusOr<bool> TenantSurvey::LookAtPatient(TenantFinding& finding) {
  const auto manager =
      fhir::Member(finding.resource->root(), "managingOrganization");
  if (finding.tenants.empty() && manager) {
    std::string reference(fhir::StringMember(*manager, "reference"));
    if (tenants_.contains(reference)) {
      finding.belongs_to.insert(std::move(reference));
    }
  }
  // What is about the patient is compared with what the patient will have.
  of_patient_[finding.resource->key().ToString()] =
      finding.belongs_to.empty() ? finding.tenants : finding.belongs_to;
  finding.kind = finding.tenants.empty() ? Kind::kNone : Kind::kSeveral;
  return finding.tenants.size() != 1;
}

absl::StatusOr<bool> TenantSurvey::Look(const fhir::ResourcePtr& resource,
                                        TenantFinding& finding) {
  finding = TenantFinding();
  finding.resource = resource;
  finding.tenants = TenantsAmong(CompartmentAccountsOf(*resource), tenants_);
  if (resource->type() == "Patient") return LookAtPatient(finding);
  PDP_ASSIGN_OR_RETURN(const std::vector<std::string> patients,
                       fhir::search::PatientsOf(*resource, scratch_));
  for (const std::string& patient : patients) {
    const auto known = of_patient_.find(patient);
    if (known == of_patient_.end()) continue;
    finding.patient_tenants.insert(known->second.begin(), known->second.end());
  }
  if (!finding.patient_tenants.empty() &&
      finding.patient_tenants != finding.tenants) {
    finding.belongs_to = finding.patient_tenants;
    finding.kind = finding.tenants.empty() ? Kind::kNone : Kind::kOther;
    return true;
  }
  finding.kind = finding.tenants.empty() ? Kind::kNone : Kind::kSeveral;
  return finding.tenants.size() != 1;
}

std::vector<Step> PlanAssignment(const std::vector<TenantFinding>& findings,
                                 const std::set<std::string>& tenants,
                                 const std::string& wanted,
                                 const Observed& observed) {
  std::vector<Step> steps;
  for (const TenantFinding& finding : findings) {
    Step step{.kind = "accounts"};
    step.before = finding.resource;
    step.reference = finding.resource->key().ToString();
    step.version = std::string(finding.resource->version_id());
    std::set<std::string> after = finding.belongs_to;
    if (after.empty() && finding.tenants.empty() && !wanted.empty()) {
      after.insert(wanted);
    }
    if (after.empty()) {
      step.action = Action::kUnmanaged;
      step.reason =
          finding.kind == Kind::kSeveral
              ? "is of several organizations: which one is meant cannot be told"
              : "is of no organization, and what it belongs to cannot be told: "
                "use --organization with --query";
      steps.push_back(std::move(step));
      continue;
    }
    step.action = Action::kUpdate;
    step.propagate = finding.resource->type() == "Patient";
    for (const std::string& account :
         CompartmentAccountsOf(*finding.resource)) {
      if (!tenants.contains(account)) step.accounts.push_back(account);
    }
    step.accounts.insert(step.accounts.begin(), after.begin(), after.end());
    step.changes = Difference(NamesOf(finding.tenants, observed),
                              NamesOf(after, observed));
    // Whose it becomes may see it.
    step.widens = !std::includes(finding.tenants.begin(), finding.tenants.end(),
                                 after.begin(), after.end());
    steps.push_back(std::move(step));
  }
  // What is changed for its own sake comes first: what a Patient then passes on
  // finds nothing left to do.
  std::stable_partition(steps.begin(), steps.end(),
                        [](const Step& step) { return !step.propagate; });
  return steps;
}

}  // namespace pdp::provision
