// Suspending and offboarding an organization: what is taken away from the
// memberships that reach it, as they are at the server, whatever the file says
// of them.  Nothing here ever adds access.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_TENANT_EXIT_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_TENANT_EXIT_H_

#include <string>
#include <string_view>
#include <vector>

#include "clients/pdpctl/provision/observed.h"
#include "clients/pdpctl/provision/plan.h"

namespace pdp::provision {

struct ExitOptions {
  bool offboard = false;  // Suspend only.
  // The name `@organization/north`; empty: the whole project is the
  // organization's.
  std::string tenant;
  // Also memberships that provisioning did not make; these are made inactive
  // where they would be deleted.
  bool all_members = false;
  // Of the login that does it: left as it is.
  std::string own_membership;
};

// A membership that reaches other organizations too loses the access to this
// one; one that does not is made inactive or, to offboard, deleted.  It never
// loses its last access, which would be full access at Medplum.
std::vector<Step> PlanExit(const Observed& observed,
                           const ExitOptions& options);

// The memberships that have to do with the organization, made by whomever.
std::vector<fhir::ResourcePtr> MembersOf(const Observed& observed,
                                         std::string_view tenant);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_TENANT_EXIT_H_
