#include "clients/pdpctl/provision/run_organization.h"

#include <algorithm>
#include <string>
#include <utility>

#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/provision/proof.h"
#include "clients/pdpctl/provision/tenant_exit.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::provision {
namespace {

using Command = ctl::ProvisionCommand::Action;

// Confined.
class Organizer {
 public:
  Organizer(const RunContext& context, const ctl::Connection& connection)
      : context_(context),
        connection_(connection),
        name_(context.command.organization),
        is_onboarding_(context.command.action == Command::kOnboard) {}

  absl::StatusOr<int> Run() {
    PDP_ASSIGN_OR_RETURN(ProjectRun run, Open());
    if (!is_onboarding_ && !tenant_.empty() &&
        run.observed->ToReference(tenant_).empty()) {
      return absl::NotFoundError(
          StrCat("`", name_, "` is not at ", context_.environment.base_url,
                 ": nothing has been onboarded under that name"));
    }
    if (is_onboarding_) {
      run.plan.steps =
          MakePlan(run.desired, *run.observed, {.is_partial = true});
    } else {
      PlanEnd(run);
    }
    std::vector<ProjectRun> runs;
    runs.push_back(std::move(run));
    Print(runs, context_);
    if (proves() && !is_onboarding_) AskBefore(runs.front());
    PDP_RETURN_IF_ERROR(ApplyAll(runs, context_));
    const ProjectRun& done = runs.front();
    if (!context_.command.yes) return ExitCode(done, true);
    bool is_proved = true;
    if (proves()) is_proved = Prove(done);
    SayState();
    return ExitCode(done, is_proved);
  }

 private:
  bool proves() const {
    return !connection_.target.empty() && context_.command.yes;
  }
  bool is_text() const { return context_.output == ctl::OutputFormat::kText; }

  absl::StatusOr<ProjectRun> Open() {
    ProvisionFile file = context_.file;
    for (Organization& one : file.organizations) {
      if (one.name == name_) one.state = OrganizationState::kActive;
    }
    for (const DesiredProject& project :
         DesiredOf(file, context_.environment)) {
      const bool has_it = std::any_of(
          project.organizations.begin(), project.organizations.end(),
          [&](const Organization& one) { return one.name == name_; });
      if (!has_it) continue;
      if (project.organization.empty()) tenant_ = Symbol();
      return OpenProject(file, context_.environment, Only(project, name_));
    }
    return absl::NotFoundError(StrCat(
        "`", name_, "` is not in the environment ", context_.environment.name));
  }

  std::string Symbol() const { return StrCat("@", OrganizationKey(name_)); }

  void PlanEnd(ProjectRun& run) {
    const bool offboard = context_.command.action == Command::kOffboard;
    run.plan.steps =
        PlanExit(*run.observed, {.offboard = offboard,
                                 .tenant = tenant_,
                                 .all_members = context_.command.all_members,
                                 .own_membership = run.login.membership});
    if (!offboard) return;
    for (const auto& resource : run.observed->Find(OrganizationKey(name_))) {
      if (!fhir::BoolMember(resource->root(), "active").value_or(true)) {
        continue;
      }
      Step step{.action = Action::kUpdate,
                .kind = "Organization",
                .key = OrganizationKey(name_)};
      step.before = resource;
      step.reference = resource->key().ToString();
      step.version = std::string(resource->version_id());
      step.changes = {"- active", "+ inactive"};
      step.organization = *context_.file.FindOrganization(name_);
      step.organization.state = OrganizationState::kOffboarded;
      step.organization.title =
          std::string(fhir::StringMember(resource->root(), "name"));
      run.plan.steps.push_back(std::move(step));
    }
  }

  void AskBefore(const ProjectRun& run) {
    for (const Step& step : run.plan.steps) {
      if (!step.before || step.before->type() != "ProjectMembership") continue;
      questions_.push_back(QuestionOf(*run.observed, *step.before, tenant_));
      // Whoever is denied before and after proves nothing.
      loses_access_.push_back(
          step.is_to_be_done() &&
          fhir::BoolMember(step.before->root(), "active").value_or(true));
    }
    before_ = AskAll(ctl::RpcClient(connection_), questions_);
  }

  // Whether the server answers of every member as it should.
  bool Prove(const ProjectRun& run) {
    const Answer::Kind wanted =
        is_onboarding_ ? Answer::Kind::kPermitted : Answer::Kind::kDenied;
    if (is_onboarding_) {
      for (const DesiredMember& member : run.desired.members) {
        if (!member.content.active || member.is_absent) continue;
        for (const auto& found : run.observed->Find(member.key)) {
          questions_.push_back(QuestionOf(*run.observed, *found, tenant_));
        }
      }
    }
    const std::vector<Answer> after =
        AskUntil(ctl::RpcClient(connection_), questions_, wanted,
                 absl::Seconds(context_.command.proof_seconds));
    bool is_proved = true;
    for (size_t i = 0; i < questions_.size(); ++i) {
      const bool is_as_wanted = after[i].kind == wanted &&
                                (is_onboarding_ || !loses_access_[i] ||
                                 before_[i].kind == Answer::Kind::kPermitted);
      is_proved = is_proved && is_as_wanted;
      Say(questions_[i], i < before_.size() ? before_[i].text : "",
          after[i].text, is_as_wanted);
    }
    if (is_text()) {
      context_.out << (is_proved ? "proved" : "NOT PROVED") << " by "
                   << connection_.target << ", of " << questions_.size()
                   << " members\n";
    }
    return is_proved;
  }

  void Say(const Question& question, const std::string& before,
           const std::string& after, bool is_as_wanted) {
    if (is_text()) {
      context_.out << (is_as_wanted ? "proof: " : "NO PROOF: ")
                   << question.membership
                   << (question.name.empty() ? ""
                                             : StrCat(" (", question.name, ")"))
                   << ": search of " << question.type << ": "
                   << (before.empty() ? "" : StrCat("before ", before, "; "))
                   << "after " << after << "\n";
      return;
    }
    context_.out << "{\"proof\":" << fhir::QuoteJson(question.membership)
                 << ",\"name\":" << fhir::QuoteJson(question.name)
                 << ",\"type\":" << fhir::QuoteJson(question.type)
                 << ",\"before\":" << fhir::QuoteJson(before)
                 << ",\"after\":" << fhir::QuoteJson(after)
                 << ",\"proved\":" << (is_as_wanted ? "true" : "false")
                 << "}\n";
  }

  // What the file has to say, so that the next apply does not undo it.
  void SayState() {
    static constexpr std::string_view kStates[] = {"active", "suspended",
                                                   "offboarded"};
    OrganizationState state = OrganizationState::kActive;
    if (context_.command.action == Command::kSuspend) {
      state = OrganizationState::kSuspended;
    } else if (context_.command.action == Command::kOffboard) {
      state = OrganizationState::kOffboarded;
    }
    const Organization& one = *context_.file.FindOrganization(name_);
    if (!is_text() || one.state == state) return;
    context_.out << "write `state: " << kStates[static_cast<size_t>(state)]
                 << "` at " << one.where
                 << ": otherwise the next apply undoes this\n";
  }

  static int ExitCode(const ProjectRun& run, bool is_proved) {
    const bool keeps_access = std::any_of(
        run.plan.steps.begin(), run.plan.steps.end(), [](const Step& step) {
          return step.action == Action::kUnmanaged ||
                 step.action == Action::kConflict;
        });
    return is_proved && !keeps_access ? ctl::kExitOk : ctl::kExitError;
  }

  const RunContext& context_;
  const ctl::Connection& connection_;
  const std::string name_;
  const bool is_onboarding_;
  std::string tenant_;  // `@organization/north`, or empty.
  std::vector<Question> questions_;
  std::vector<Answer> before_;
  std::vector<bool> loses_access_;
};

}  // namespace

absl::StatusOr<int> RunOrganization(const RunContext& context,
                                    const ctl::Connection& connection) {
  return Organizer(context, connection).Run();
}

}  // namespace pdp::provision
