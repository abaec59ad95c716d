// Reads from a server what a plan needs to know.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_READ_OBSERVED_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_READ_OBSERVED_H_

#include <memory>

#include "absl/status/statusor.h"
#include "clients/pdpctl/provision/desired.h"
#include "clients/pdpctl/provision/observed.h"
#include "clients/pdpctl/provision/server.h"

namespace pdp::provision {

// All AccessPolicies and the memberships of the project that matter: those that
// provisioning made, and those that reach an organization of the file or are
// somebody's of it; and the organizations, clients and bots that `desired` has.
absl::StatusOr<std::unique_ptr<Observed>> ReadObserved(
    Server& server, const ProvisionFile& file, const DesiredProject& desired);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_READ_OBSERVED_H_
