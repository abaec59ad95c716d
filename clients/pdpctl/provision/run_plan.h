// `pdpctl provision plan`, `apply` and `drift`; and what the other commands
// share with them.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_RUN_PLAN_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_RUN_PLAN_H_

#include <memory>
#include <ostream>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/pdpctl/command_line.h"
#include "clients/pdpctl/provision/desired.h"
#include "clients/pdpctl/provision/observed.h"
#include "clients/pdpctl/provision/print_plan.h"
#include "clients/pdpctl/provision/server.h"

namespace pdp::provision {

struct RunContext {
  const ProvisionFile& file;
  const Environment& environment;
  const ctl::ProvisionCommand& command;
  ctl::OutputFormat output;
  std::ostream& out;
  std::ostream& err;
};

// One project, as it is and as it is to be.
struct ProjectRun {
  DesiredProject desired;
  std::unique_ptr<Server> server;
  medplum::LoginInfo login;
  std::unique_ptr<Observed> observed;
  ProjectPlan plan;
};

// Logs in and reads; the plan is empty.
absl::StatusOr<ProjectRun> OpenProject(const ProvisionFile& file,
                                       const Environment& environment,
                                       DesiredProject desired);

// Prints the plans.
void Print(const std::vector<ProjectRun>& runs, const RunContext& context);

// Does the plans, where that was asked for; else says how to.
// FailedPrecondition: one is in conflict, and nothing was done.
absl::Status ApplyAll(std::vector<ProjectRun>& runs, const RunContext& context);

// The exit code.
absl::StatusOr<int> RunPlan(const RunContext& context);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_RUN_PLAN_H_
