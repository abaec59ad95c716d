#include "clients/pdpctl/provision_command.h"

#include <CLI/CLI.hpp>

namespace pdp::ctl {
namespace {

using Action = ProvisionCommand::Action;

// Reads them where they are used.  Confined.
class Adder {
 public:
  Adder(ProvisionCommand& command, bool& is_json)
      : command_(command), is_json_(is_json) {}

  CLI::App* Add(CLI::App* parent, Action action, const char* name,
                const char* about) {
    CLI::App* app = parent->add_subcommand(name, about);
    app->callback(
        [this_command = &command_, action] { this_command->action = action; });
    bool& is_json = is_json_;
    app->add_option_function<std::string>(
           "--output",
           [&is_json](const std::string& format) {
             is_json = format == "json";
           },
           "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->type_name("FORMAT");
    return app;
  }

  void AddEnvironment(CLI::App* app) {
    app->add_option("--env", command_.environment,
                    "which of the file's environments")
        ->required();
  }

  void AddFile(CLI::App* app) {
    app->add_option("FILE", command_.file,
                    "what is wanted, YAML: see docs/provisioning.md")
        ->required()
        ->check(CLI::ExistingFile);
  }

  void AddWrite(CLI::App* app) {
    app->add_flag("--yes", command_.yes, "do it; without it nothing is done");
    app->add_option("--record", command_.record,
                    "the file that what is done is added to (default: "
                    "FILE.ENV.jsonl)");
  }

  void AddPrune(CLI::App* app) {
    app->add_flag("--prune", command_.prune,
                  "delete memberships that provisioning made and the file does "
                  "not have, and take away access that is not in it");
  }

  void AddOrganization(CLI::App* app) {
    app->add_option("ORGANIZATION", command_.organization,
                    "the name of an organization of the file")
        ->required();
    app->add_option("--wait", command_.proof_seconds,
                    "with --target: how long to wait for its answers, in "
                    "seconds")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
  }

  void AddExit(CLI::App* app) {
    app->add_flag("--all-members", command_.all_members,
                  "also memberships that provisioning did not make");
  }

  void AddTypes(CLI::App* app) {
    app->add_option("--type", command_.types,
                    "a resource type to look at; may be repeated (default: "
                    "Patient and those of the patient compartment that the "
                    "roles name)");
  }

 private:
  ProvisionCommand& command_;
  bool& is_json_;
};

}  // namespace

CLI::App* AddProvision(CLI::App& app, ProvisionCommand& command,
                       bool& is_json) {
  CLI::App* provision = app.add_subcommand(
      "provision",
      "policies, organizations and members at a Medplum server, as a file says "
      "(exit code 3: drift or diff found something)");
  provision->require_subcommand(1);
  Adder adder(command, is_json);

  CLI::App* plan = adder.Add(provision, Action::kPlan, "plan",
                             "what would be done; changes nothing");
  adder.AddEnvironment(plan);
  adder.AddPrune(plan);
  adder.AddFile(plan);

  CLI::App* apply = adder.Add(provision, Action::kApply, "apply",
                              "do what plan shows (--yes)");
  adder.AddEnvironment(apply);
  adder.AddPrune(apply);
  adder.AddWrite(apply);
  adder.AddFile(apply);

  CLI::App* drift = adder.Add(provision, Action::kDrift, "drift",
                              "does the server have what the file says?");
  adder.AddEnvironment(drift);
  adder.AddFile(drift);

  CLI::App* diff = adder.Add(provision, Action::kDiff, "diff",
                             "how do the servers of two environments differ?");
  diff->add_option("ENV", command.environment, "one")->required();
  diff->add_option("OTHER-ENV", command.other_environment, "the other")
      ->required();
  adder.AddFile(diff);

  CLI::App* onboard =
      adder.Add(provision, Action::kOnboard, "onboard",
                "make one organization and its members (--yes)");
  CLI::App* suspend = adder.Add(
      provision, Action::kSuspend, "suspend",
      "take the access of an organization's members away until it is onboarded "
      "again (--yes)");
  CLI::App* offboard = adder.Add(
      provision, Action::kOffboard, "offboard",
      "take the access of an organization's members away for good (--yes)");
  for (CLI::App* one : {onboard, suspend, offboard}) {
    adder.AddEnvironment(one);
    adder.AddWrite(one);
    adder.AddFile(one);
    adder.AddOrganization(one);
  }
  adder.AddExit(suspend);
  adder.AddExit(offboard);

  CLI::App* tenants = provision->add_subcommand(
      "tenants", "which organizations do resources belong to?");
  tenants->require_subcommand(1);
  CLI::App* coverage =
      adder.Add(tenants, Action::kTenantsCoverage, "coverage",
                "resources of no organization, of several, or of another than "
                "their patient's");
  adder.AddEnvironment(coverage);
  adder.AddTypes(coverage);
  adder.AddFile(coverage);
  CLI::App* assign =
      adder.Add(tenants, Action::kTenantsAssign, "assign",
                "give resources the organization that they belong to (--yes)");
  adder.AddEnvironment(assign);
  adder.AddTypes(assign);
  assign->add_option("--organization", command.organization,
                     "give this one to what belongs to none; needs --query");
  assign
      ->add_option("--query", command.query,
                   "which resources: Patient?name=smith")
      ->needs("--organization");
  assign->get_option("--organization")->needs("--query");
  adder.AddWrite(assign);
  adder.AddFile(assign);
  return provision;
}

}  // namespace pdp::ctl
