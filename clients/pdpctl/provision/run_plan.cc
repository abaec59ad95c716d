#include "clients/pdpctl/provision/run_plan.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/provision/apply.h"
#include "clients/pdpctl/provision/read_observed.h"
#include "clients/pdpctl/provision/record.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::provision {
namespace {

using Command = ctl::ProvisionCommand::Action;

std::string SystemUser() {
  const passwd* user = getpwuid(geteuid());
  return user == nullptr ? StrCat(geteuid()) : std::string(user->pw_name);
}

// What every line of the record has.
std::string RecordHead(const ProjectRun& run) {
  return StrCat("\"environment\":", fhir::QuoteJson(run.plan.environment),
                ",\"project\":", fhir::QuoteJson(run.plan.project),
                ",\"by\":", fhir::QuoteJson(run.login.profile),
                ",\"user\":", fhir::QuoteJson(SystemUser()));
}

bool IsAsWanted(const std::vector<ProjectRun>& runs) {
  return std::all_of(runs.begin(), runs.end(), [](const ProjectRun& run) {
    return std::all_of(
        run.plan.steps.begin(), run.plan.steps.end(),
        [](const Step& step) { return step.action == Action::kUnchanged; });
  });
}

}  // namespace

absl::StatusOr<ProjectRun> OpenProject(const ProvisionFile& file,
                                       const Environment& environment,
                                       DesiredProject desired) {
  ProjectRun run;
  run.plan.environment = environment.name;
  run.plan.project = desired.login.project;
  run.plan.organization = desired.organization;
  PDP_ASSIGN_OR_RETURN(run.server, Server::Open(environment, desired.login));
  PDP_ASSIGN_OR_RETURN(run.login, run.server->WhoAmI());
  PDP_ASSIGN_OR_RETURN(run.observed, ReadObserved(*run.server, file, desired));
  run.desired = std::move(desired);
  return run;
}

void Print(const std::vector<ProjectRun>& runs, const RunContext& context) {
  const bool is_json = context.output == ctl::OutputFormat::kJson;
  for (const ProjectRun& run : runs) {
    context.out << (is_json ? ToJsonLine(run.plan) : ToText(run.plan));
  }
  context.out << std::flush;
}

absl::Status ApplyAll(std::vector<ProjectRun>& runs,
                      const RunContext& context) {
  const bool is_text = context.output == ctl::OutputFormat::kText;
  bool has_changes = false;
  for (const ProjectRun& run : runs) {
    if (HasConflicts(run.plan.steps)) {
      return absl::FailedPreconditionError(
          "nothing was done: end the conflicts first");
    }
    has_changes = has_changes || HasChanges(run.plan.steps);
  }
  if (!has_changes) {
    if (is_text) context.out << "nothing is to be done\n";
    return absl::OkStatus();
  }
  if (!context.command.yes) {
    if (is_text) context.out << "nothing was done; --yes does it\n";
    return absl::OkStatus();
  }
  const std::string path =
      context.command.record.empty()
          ? StrCat(context.file.path, ".", context.environment.name, ".jsonl")
          : context.command.record;
  PDP_ASSIGN_OR_RETURN(const auto record, Record::Open(path, ""));
  for (ProjectRun& run : runs) {
    record->set_head(RecordHead(run));
    const ApplyTarget target{.environment = &context.environment,
                             .project = run.plan.project,
                             .super_admin = run.login.super_admin};
    PDP_RETURN_IF_ERROR(Apply(run.plan.steps, target, *run.server,
                              *run.observed, *record, [&](const Step& step) {
                                if (!is_text) return;
                                context.out
                                    << "done: " << ActionName(step.action)
                                    << " " << TargetOf(step) << std::endl;
                              }));
  }
  if (is_text) context.out << "the record is " << path << "\n";
  return absl::OkStatus();
}

absl::StatusOr<int> RunPlan(const RunContext& context) {
  std::vector<ProjectRun> runs;
  for (DesiredProject& desired : DesiredOf(context.file, context.environment)) {
    PDP_ASSIGN_OR_RETURN(
        ProjectRun run,
        OpenProject(context.file, context.environment, std::move(desired)));
    run.plan.steps =
        MakePlan(run.desired, *run.observed, {.prune = context.command.prune});
    runs.push_back(std::move(run));
  }
  Print(runs, context);
  if (context.command.action == Command::kDrift) {
    return IsAsWanted(runs) ? ctl::kExitOk : ctl::kExitFindings;
  }
  if (context.command.action == Command::kApply) {
    PDP_RETURN_IF_ERROR(ApplyAll(runs, context));
    return ctl::kExitOk;
  }
  const bool is_in_conflict = std::any_of(
      runs.begin(), runs.end(),
      [](const ProjectRun& run) { return HasConflicts(run.plan.steps); });
  return is_in_conflict ? ctl::kExitError : ctl::kExitOk;
}

}  // namespace pdp::provision
