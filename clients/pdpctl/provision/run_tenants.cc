#include "clients/pdpctl/provision/run_tenants.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_join.h"
#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/provision/tenants.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/compartment.h"

namespace pdp::provision {
namespace {

using Command = ctl::ProvisionCommand::Action;

constexpr char kPatient[] = "Patient";

// Those of the patient compartment that the roles of the file name.
absl::StatusOr<std::set<std::string>> TypesOf(const ProvisionFile& file) {
  std::set<std::string> types = {kPatient};
  for (const Role& role : file.roles) {
    PDP_ASSIGN_OR_RETURN(const fhir::ResourcePtr policy,
                         fhir::Resource::Parse(role.policy));
    fhir::ForEachItem(policy->root(), "resource", [&](fhir::JsonElement entry) {
      const std::string_view type = fhir::StringMember(entry, "resourceType");
      if (!fhir::search::PatientCompartmentCodes(type).empty()) {
        types.emplace(type);
      }
    });
  }
  return types;
}

// Confined.
class Surveyor {
 public:
  explicit Surveyor(const RunContext& context) : context_(context) {}

  absl::StatusOr<int> Run() {
    PDP_ASSIGN_OR_RETURN(const std::set<std::string> types, Types());
    auto projects = DesiredOf(context_.file, context_.environment);
    PDP_ASSIGN_OR_RETURN(ProjectRun run,
                         OpenProject(context_.file, context_.environment,
                                     std::move(projects.front())));
    for (const Organization& one : run.desired.organizations) {
      const std::string tenant =
          run.observed->ToReference(StrCat("@", OrganizationKey(one.name)));
      if (!tenant.empty()) tenants_.insert(tenant);
    }
    if (tenants_.empty()) {
      return absl::FailedPreconditionError(
          "none of the file's organizations is there: apply it first");
    }
    PDP_RETURN_IF_ERROR(Survey(run, types));
    if (context_.command.action == Command::kTenantsCoverage) {
      PrintCoverage(*run.observed);
      return findings_.empty() ? ctl::kExitOk : ctl::kExitFindings;
    }
    return Assign(std::move(run));
  }

 private:
  absl::StatusOr<std::set<std::string>> Types() const {
    std::set<std::string> types(context_.command.types.begin(),
                                context_.command.types.end());
    if (!context_.command.query.empty()) {
      const std::string type =
          context_.command.query.substr(0, context_.command.query.find('?'));
      if (type.size() == context_.command.query.size()) {
        return absl::InvalidArgumentError(
            "--query: write Type?parameters, as in Patient?name=smith");
      }
      types = {type};
    }
    for (const std::string& type : types) {
      if (!fhir::IsResourceType(type)) {
        return absl::InvalidArgumentError(
            StrCat("`", type, "` is no resource type"));
      }
    }
    if (types.empty()) return TypesOf(context_.file);
    return types;
  }

  absl::Status Survey(ProjectRun& run, const std::set<std::string>& types) {
    TenantSurvey survey(tenants_);
    const auto look = [&](fhir::ResourcePtr resource) -> absl::Status {
      const std::string type(resource->type());
      if (resource->project() != run.plan.project) return absl::OkStatus();
      TenantFinding finding;
      PDP_ASSIGN_OR_RETURN(const bool is_found, survey.Look(resource, finding));
      if (!types.contains(type)) return absl::OkStatus();
      ++seen_;
      if (is_found) findings_.push_back(std::move(finding));
      return absl::OkStatus();
    };
    const std::string page = StrCat("_project=", run.plan.project,
                                    "&_sort=_lastUpdated&_count=1000");
    const std::string& query = context_.command.query;
    // Patients before what is about them.
    if (!query.starts_with("Patient?")) {
      PDP_RETURN_IF_ERROR(run.server->Search(StrCat("Patient?", page), look));
    }
    if (!query.empty()) {
      return run.server->Search(StrCat(query, "&", page), look);
    }
    for (const std::string& type : types) {
      if (type == kPatient) continue;
      PDP_RETURN_IF_ERROR(run.server->Search(StrCat(type, "?", page), look));
    }
    return absl::OkStatus();
  }

  static std::string Names(const std::set<std::string>& tenants,
                           const Observed& observed) {
    std::vector<std::string> names;
    for (const std::string& tenant : tenants) {
      names.push_back(observed.ToName(tenant));
    }
    return names.empty() ? "nobody" : absl::StrJoin(names, ", ");
  }

  void PrintCoverage(const Observed& observed) const {
    for (const TenantFinding& finding : findings_) {
      const std::string reference = finding.resource->key().ToString();
      if (context_.output == ctl::OutputFormat::kJson) {
        context_.out << "{\"resource\":" << fhir::QuoteJson(reference)
                     << ",\"found\":" << fhir::QuoteJson(KindName(finding.kind))
                     << ",\"of\":"
                     << fhir::QuoteJson(Names(finding.tenants, observed))
                     << ",\"patients\":"
                     << fhir::QuoteJson(
                            Names(finding.patient_tenants, observed))
                     << ",\"belongs_to\":"
                     << fhir::QuoteJson(Names(finding.belongs_to, observed))
                     << "}\n";
        continue;
      }
      const std::string_view kind = KindName(finding.kind);
      context_.out << kind << std::string(9 - kind.size(), ' ') << reference
                   << ": of " << Names(finding.tenants, observed);
      if (!finding.belongs_to.empty()) {
        context_.out << "; belongs to " << Names(finding.belongs_to, observed);
      }
      context_.out << "\n";
    }
    if (context_.output == ctl::OutputFormat::kText) {
      context_.out << findings_.size() << " of " << seen_
                   << " are not of one organization, their patient's\n";
    }
  }

  absl::StatusOr<int> Assign(ProjectRun run) {
    std::string wanted;
    if (!context_.command.organization.empty()) {
      wanted = run.observed->ToReference(
          StrCat("@", OrganizationKey(context_.command.organization)));
      if (wanted.empty()) {
        return absl::FailedPreconditionError(
            StrCat("`", context_.command.organization,
                   "` is not there: onboard it first"));
      }
    }
    run.plan.steps = PlanAssignment(findings_, tenants_, wanted, *run.observed);
    std::vector<ProjectRun> runs;
    runs.push_back(std::move(run));
    Print(runs, context_);
    PDP_RETURN_IF_ERROR(ApplyAll(runs, context_));
    return ctl::kExitOk;
  }

  const RunContext& context_;
  std::set<std::string> tenants_;
  std::vector<TenantFinding> findings_;
  size_t seen_ = 0;
};

}  // namespace

absl::StatusOr<int> RunTenants(const RunContext& context) {
  if (context.file.tenancy == Tenancy::kProjectPerOrganization) {
    return absl::FailedPreconditionError(
        "every organization has a project of its own: all that is in it is "
        "its own");
  }
  return Surveyor(context).Run();
}

}  // namespace pdp::provision
