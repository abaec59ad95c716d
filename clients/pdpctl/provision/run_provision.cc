#include "clients/pdpctl/provision/run_provision.h"

#include <utility>

#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/provision/lint_file.h"
#include "clients/pdpctl/provision/run_diff.h"
#include "clients/pdpctl/provision/run_organization.h"
#include "clients/pdpctl/provision/run_plan.h"
#include "clients/pdpctl/provision/run_tenants.h"
#include "clients/pdpctl/requests.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::provision {
namespace {

using Action = ctl::ProvisionCommand::Action;

absl::StatusOr<ProvisionFile> ReadFile(const std::string& path) {
  PDP_ASSIGN_OR_RETURN(const std::string text, ctl::ReadInput(path));
  return ParseProvisionFile(text, path);
}

bool IsOfOneOrganization(Action action) {
  return action == Action::kOnboard || action == Action::kSuspend ||
         action == Action::kOffboard;
}

absl::Status Check(const ProvisionFile& file,
                   const ctl::ProvisionCommand& command) {
  for (const std::string& name :
       {command.environment, command.other_environment}) {
    if (!name.empty() && file.FindEnvironment(name) == nullptr) {
      std::string names;
      for (const Environment& one : file.environments) {
        names += StrCat(names.empty() ? "" : ", ", one.name);
      }
      return absl::InvalidArgumentError(
          StrCat(file.path, ": there is no environment `", name,
                 "`; the environments are: ", names));
    }
  }
  if (!command.organization.empty() &&
      file.FindOrganization(command.organization) == nullptr) {
    return absl::InvalidArgumentError(StrCat(
        file.path, ": there is no organization `", command.organization, "`"));
  }
  return absl::OkStatus();
}

// Prints what lint finds.  Returns whether nothing of it is an error.
absl::StatusOr<bool> Lint(const ProvisionFile& file, const Environment& one,
                          std::ostream& err) {
  PDP_ASSIGN_OR_RETURN(const FileFindings findings,
                       LintFile(file, DesiredOf(file, one)));
  for (const std::string& text : findings.warnings) {
    err << "warning: " << text << '\n';
  }
  for (const std::string& text : findings.errors) {
    err << "error: " << text << '\n';
  }
  return findings.errors.empty();
}

absl::StatusOr<int> RunFile(const ctl::ProvisionLine& line,
                            ctl::OutputFormat output, std::ostream& out,
                            std::ostream& err) {
  const ctl::ProvisionCommand& command = line.command;
  PDP_ASSIGN_OR_RETURN(const ProvisionFile file, ReadFile(command.file));
  PDP_RETURN_IF_ERROR(Check(file, command));
  const Environment& environment = *file.FindEnvironment(command.environment);
  const RunContext context{file, environment, command, output, out, err};
  if (command.action == Action::kDiff) return RunDiff(context);
  if (command.action == Action::kSuspend ||
      command.action == Action::kOffboard) {
    // What takes access away waits for no lint.
    return RunOrganization(context, line.connection);
  }
  if (command.action == Action::kTenantsCoverage ||
      command.action == Action::kTenantsAssign) {
    return RunTenants(context);
  }
  PDP_ASSIGN_OR_RETURN(const bool is_sound, Lint(file, environment, err));
  if (!is_sound) {
    return absl::InvalidArgumentError(
        "nothing was sent: mend the errors above; docs/lint.md has the rules");
  }
  return IsOfOneOrganization(command.action)
             ? RunOrganization(context, line.connection)
             : RunPlan(context);
}

}  // namespace

int Run(const ctl::ProvisionLine& line, ctl::OutputFormat output,
        std::ostream& out, std::ostream& err) {
  const auto code = RunFile(line, output, out, err);
  out << std::flush;
  if (code.ok()) return *code;
  err << "pdpctl: " << code.status().message() << std::endl;
  return ctl::kExitError;
}

}  // namespace pdp::provision
