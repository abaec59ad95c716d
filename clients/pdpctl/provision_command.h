// The command line of `pdpctl provision`.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_COMMAND_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_COMMAND_H_

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace pdp::ctl {

struct ProvisionCommand {
  enum class Action : uint8_t {
    kPlan,
    kApply,
    kDrift,
    kDiff,
    kOnboard,
    kSuspend,
    kOffboard,
    kTenantsCoverage,
    kTenantsAssign,
  };

  Action action = Action::kPlan;
  std::string file;
  std::string environment;
  std::string other_environment;  // diff.
  std::string organization;       // onboard, suspend, offboard, assign.

  bool yes = false;  // Do it.
  bool prune = false;
  bool all_members = false;
  std::string record;  // Empty: beside `file`.

  // onboard, suspend, offboard: how long a running server is waited for.
  double proof_seconds = 60;

  // tenants.
  std::vector<std::string> types;
  std::string query;  // assign.
};

// Adds the command to `app`; `is_json` is its --output.  The action is set when
// the command line is parsed.
CLI::App* AddProvision(CLI::App& app, ProvisionCommand& command, bool& is_json);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_COMMAND_H_
