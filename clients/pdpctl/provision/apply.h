// Does at a server what a plan says.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_APPLY_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_APPLY_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "clients/pdpctl/provision/observed.h"
#include "clients/pdpctl/provision/plan.h"
#include "clients/pdpctl/provision/record.h"
#include "clients/pdpctl/provision/server.h"

namespace pdp::provision {

struct ApplyTarget {
  const Environment* environment = nullptr;
  std::string project;       // The id of the Project.
  bool super_admin = false;  // The login's.
};

// Does the steps in their order, and tells `done` of each.  `observed` learns
// what was made.  Ends at the first that fails: what was done stays done, and
// a new plan begins where this one ended.
absl::Status Apply(const std::vector<Step>& plan, const ApplyTarget& target,
                   Server& server, Observed& observed, Record& record,
                   const std::function<void(const Step&)>& done);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_APPLY_H_
