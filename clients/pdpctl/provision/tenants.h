// Which organizations resources belong to: by their accounts, which are their
// compartments (semantics S-17), and by those of the patients they are about.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_TENANTS_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_TENANTS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/pdpctl/provision/observed.h"
#include "clients/pdpctl/provision/plan.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/resource.h"

namespace pdp::provision {

struct TenantFinding {
  enum class Kind : uint8_t {
    kNone,     // It is of no organization.
    kSeveral,  // It is of more than one, and so are its patients, if any.
    kOther,    // It is of others than its patients.
  };
  Kind kind = Kind::kNone;
  fhir::ResourcePtr resource;
  std::set<std::string> tenants;
  std::set<std::string> patient_tenants;
  // What it belongs to: its patients', or a Patient's managingOrganization.
  // Empty: that cannot be told.
  std::set<std::string> belongs_to;
};

std::string_view KindName(TenantFinding::Kind kind);  // "none".

// Confined.
class TenantSurvey {
 public:
  // `tenants`: the references of all organizations that count.
  explicit TenantSurvey(std::set<std::string> tenants)
      : tenants_(std::move(tenants)) {}

  // Looks at one resource.  REQUIRES: all Patients come before the others.
  // False: nothing was found; else `finding` says what.
  absl::StatusOr<bool> Look(const fhir::ResourcePtr& resource,
                            TenantFinding& finding);

 private:
  absl::StatusOr<bool> LookAtPatient(TenantFinding& finding);

  const std::set<std::string> tenants_;
  std::map<std::string, std::set<std::string>, std::less<>> of_patient_;
  fhir::fhirpath::Scratch scratch_;
};

// The steps that give resources what they belong to, Patients first, and these
// with all that is about them.  `wanted`: what those of no organization get
// that belong to none; empty: nothing.  What cannot be told is `unmanaged`.
std::vector<Step> PlanAssignment(const std::vector<TenantFinding>& findings,
                                 const std::set<std::string>& tenants,
                                 const std::string& wanted,
                                 const Observed& observed);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_TENANTS_H_
