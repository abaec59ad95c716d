#include "pdp/policy/lint_members.h"

#include <algorithm>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/policy/bind.h"
#include "pdp/policy/lint_report.h"
#include "pdp/policy/membership.h"
#include "pdp/policy/parameters.h"
#include "pdp/policy/repeated_parameters.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {
namespace {

std::string Quoted(std::string_view name) { return StrCat("`", name, "`."); }

// One policy that a membership names, with the parameters given to it.
class UseLint {
 public:
  UseLint(const Membership& membership, const LintedPolicy& policy,
          const std::vector<Parameter>& parameters, std::string path,
          LintReport& report)
      : membership_(membership),
        policy_(policy),
        parameters_(parameters),
        path_(std::move(path)),
        report_(report) {}

  void Run() {
    for (const Parameter& parameter : parameters_) LintParameter(parameter);
    for (const RepeatedParameter& repeated :
         RepeatedParametersOf(parameters_)) {
      report_.Add(
          LintRule::kParameterRepeated, At(),
          StrCat("`", repeated.name, "`, ", repeated.values, " values."));
    }
    for (const std::string& name : policy_.parameters) {
      if (IsBound(name)) continue;
      // `%organization_x` where only `organization` is given.
      const auto beginning = std::find_if(
          parameters_.begin(), parameters_.end(), [&](const Parameter& given) {
            return !given.name.empty() && name.starts_with(given.name);
          });
      if (beginning != parameters_.end()) {
        report_.Add(LintRule::kParameterPrefix, At(),
                    StrCat("`", beginning->name, "` and `%", name, "`."));
      } else {
        report_.Add(LintRule::kParameterUnbound, path_,
                    StrCat("`%", name, "`."));
      }
    }
    const bool gives_patient = Gives("patient");
    if (policy_.parameters.contains("patient") && !gives_patient &&
        !membership_.profile.starts_with("Patient/")) {
      report_.Add(LintRule::kParameterPatient, path_, "");
    }
  }

 private:
  std::string At() const { return StrCat(path_, ".parameter"); }

  bool Gives(std::string_view name) const {
    return std::any_of(
        parameters_.begin(), parameters_.end(),
        [&](const Parameter& parameter) { return parameter.name == name; });
  }

  bool IsBound(std::string_view name) const {
    return name == "profile" || name == "patient" || Gives(name);
  }

  void LintParameter(const Parameter& parameter) {
    if (parameter.value.empty()) {
      report_.Add(LintRule::kParameterEmpty, At(), Quoted(parameter.name));
      return;
    }
    if (parameter.name == "profile") {
      report_.Add(LintRule::kParameterReserved, At(), Quoted(parameter.name));
    }
    if (!Mentions(policy_.text, parameter)) {
      report_.Add(LintRule::kParameterUnused, At(), Quoted(parameter.name));
      return;
    }
    if (ChangesStructure(parameter,
                         BindingParameters(parameters_, membership_.profile))) {
      report_.Add(LintRule::kParameterStructure, At(), Quoted(parameter.name));
    }
    for (const Parameter& other : parameters_) {
      // A name that comes later is spoiled by one that came before.
      if (&other > &parameter && other.name.size() > parameter.name.size() &&
          other.name.starts_with(parameter.name)) {
        report_.Add(
            LintRule::kParameterPrefix, At(),
            StrCat("`", parameter.name, "` before `", other.name, "`."));
      }
    }
  }

  const Membership& membership_;
  const LintedPolicy& policy_;
  const std::vector<Parameter>& parameters_;
  const std::string path_;
  LintReport& report_;
};

class MembershipLint {
 public:
  MembershipLint(const Membership& membership, const Project* project,
                 const LintedPolicies& policies,
                 std::set<std::string, std::less<>>& used, LintReport& report)
      : membership_(membership),
        project_(project),
        policies_(policies),
        used_(used),
        report_(report) {}

  void Run() {
    if (!membership_.access_policy && membership_.access.empty()) {
      if (!membership_.admin) {
        report_.Add(LintRule::kMembershipWithoutPolicy, "", "");
      }
      return;
    }
    static const std::vector<Parameter> kNone;
    if (membership_.access_policy) {
      const PolicyReference& named = *membership_.access_policy;
      const PolicyReference& policy =
          project_ == nullptr
              ? named
              : ReconciledAccessPolicy(*project_, membership_.admin, named);
      LintUse(policy.reference, kNone, "accessPolicy", "accessPolicy");
    }
    for (size_t i = 0; i < membership_.access.size(); ++i) {
      const AccessItem& item = membership_.access[i];
      const std::string path = StrCat("access[", i, "]");
      LintUse(item.policy.reference, item.parameters, path,
              StrCat(path, ".policy"));
      LintRepetition(i, path);
      LintTenants(item, path);
    }
  }

 private:
  void LintUse(const std::string& reference,
               const std::vector<Parameter>& parameters,
               const std::string& path, const std::string& at) {
    const auto found = policies_.find(reference);
    if (found == policies_.end()) {
      report_.Add(LintRule::kMembershipPolicyMissing, at, Quoted(reference));
      return;
    }
    used_.insert(reference);
    if (project_ != nullptr && !found->second.project.empty() &&
        found->second.project != project_->id &&
        std::find(project_->links.begin(), project_->links.end(),
                  StrCat("Project/", found->second.project)) ==
            project_->links.end()) {
      report_.Add(LintRule::kMembershipPolicyForeign, at, Quoted(reference));
    }
    UseLint(membership_, found->second, parameters, path, report_).Run();
  }

  void LintRepetition(size_t index, const std::string& path) {
    const AccessItem& item = membership_.access[index];
    for (size_t i = 0; i < index; ++i) {
      const AccessItem& other = membership_.access[i];
      const bool is_same =
          other.policy.reference == item.policy.reference &&
          std::equal(other.parameters.begin(), other.parameters.end(),
                     item.parameters.begin(), item.parameters.end(),
                     [](const Parameter& a, const Parameter& b) {
                       return a.name == b.name && a.value == b.value;
                     });
      if (!is_same) continue;
      report_.Add(LintRule::kMembershipTwice, path,
                  StrCat("As `access[", i, "]`."));
      return;
    }
  }

  void LintTenants(const AccessItem& item, const std::string& path) {
    if (!membership_.admin) return;
    static const SubjectAccessOptions kDefaults;
    for (const Parameter& parameter : item.parameters) {
      const auto& names = kDefaults.tenant_parameters;
      if (std::find(names.begin(), names.end(), parameter.name) !=
          names.end()) {
        report_.Add(LintRule::kMembershipTenantAdmin, path,
                    Quoted(parameter.name));
        return;
      }
    }
  }

  const Membership& membership_;
  const Project* const project_;
  const LintedPolicies& policies_;
  std::set<std::string, std::less<>>& used_;
  LintReport& report_;
};

}  // namespace

LintedPolicy ForMembers(const fhir::Resource& policy) {
  LintedPolicy linted;
  linted.project = policy.project();
  linted.text = fhir::ToJson(policy.root());
  linted.parameters = MentionedParameters(linted.text);
  return linted;
}

void LintMembership(const fhir::Resource& resource, const Project* project,
                    const LintedPolicies& policies,
                    std::set<std::string, std::less<>>& used,
                    std::vector<LintFinding>& findings) {
  LintReport report(StrCat("ProjectMembership/", resource.id()), findings);
  const absl::StatusOr<Membership> membership = ParseMembership(resource);
  if (!membership.ok()) {
    report.Add(LintRule::kMembershipUnreadable, "",
               StrCat(membership.status().message(), "."));
    return;
  }
  MembershipLint(*membership, project, policies, used, report).Run();
}

}  // namespace pdp::policy
