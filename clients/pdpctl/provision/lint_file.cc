#include "clients/pdpctl/provision/lint_file.h"

#include <map>
#include <set>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/lint.h"

namespace pdp::provision {
namespace {

// What stands for ids that are not known before something is made.
constexpr char kProject[] = "00000000-0000-4000-8000-000000000001";
constexpr char kUnknownId[] = "00000000-0000-4000-8000-000000000002";

std::string MetaJson() { return StrCat(R"({"project":")", kProject, "\"}"); }

std::string ReferenceOf(const policy::Parameter& parameter) {
  if (!parameter.value.starts_with("@")) return parameter.value;
  const bool is_profile = parameter.value.starts_with("@profile/");
  return StrCat(is_profile ? "Patient/" : "Organization/", kUnknownId);
}

std::string ItemJson(const policy::AccessItem& item) {
  std::string json =
      StrCat(R"({"policy":{"reference":"AccessPolicy/)",
             item.policy.reference.substr(item.policy.reference.find('/') + 1),
             R"("},"parameter":[)");
  for (size_t i = 0; i < item.parameters.size(); ++i) {
    const policy::Parameter& parameter = item.parameters[i];
    json += StrCat(i == 0 ? "" : ",", R"({"name":)",
                   fhir::QuoteJson(parameter.name));
    json += parameter.is_reference
                ? StrCat(R"(,"valueReference":{"reference":)",
                         fhir::QuoteJson(ReferenceOf(parameter)), "}}")
                : StrCat(R"(,"valueString":)", fhir::QuoteJson(parameter.value),
                         "}");
  }
  return json + "]}";
}

std::string MemberJson(const DesiredMember& member, const std::string& id) {
  std::string access;
  for (const policy::AccessItem& item : member.content.access) {
    access += StrCat(access.empty() ? "" : ",", ItemJson(item));
  }
  const std::string profile =
      StrCat(R"({"reference":")", member.person.type, "/", kUnknownId, "\"}");
  return StrCat(R"({"resourceType":"ProjectMembership","id":)",
                fhir::QuoteJson(id), R"(,"meta":)", MetaJson(),
                R"(,"project":{"reference":"Project/)", kProject,
                R"("},"user":)", profile, R"(,"profile":)", profile,
                R"(,"admin":)", member.content.admin ? "true" : "false",
                R"(,"access":[)", access, "]}");
}

}  // namespace

absl::StatusOr<FileFindings> LintFile(
    const ProvisionFile& file, const std::vector<DesiredProject>& projects) {
  std::vector<fhir::ResourcePtr> resources;
  std::map<std::string, std::string> places;  // By reference.
  for (const Role& role : file.roles) {
    PDP_ASSIGN_OR_RETURN(const fhir::ResourcePtr policy,
                         fhir::Resource::Parse(role.policy));
    PDP_ASSIGN_OR_RETURN(
        fhir::ResourcePtr whole,
        fhir::Resource::Parse(fhir::EditObject(
            policy->root(),
            {{"id", fhir::QuoteJson(role.name)}, {"meta", MetaJson()}})));
    places.emplace(StrCat("AccessPolicy/", role.name),
                   StrCat(role.where, ": role `", role.name, "`"));
    resources.push_back(std::move(whole));
  }
  std::set<std::string> seen;
  for (const DesiredProject& project : projects) {
    for (const DesiredMember& member : project.members) {
      if (member.is_absent || !seen.insert(member.key).second) continue;
      const std::string id = StrCat("m", seen.size());
      PDP_ASSIGN_OR_RETURN(fhir::ResourcePtr membership,
                           fhir::Resource::Parse(MemberJson(member, id)));
      places.emplace(
          StrCat("ProjectMembership/", id),
          StrCat(member.person.where, ": `", member.person.name, "`"));
      resources.push_back(std::move(membership));
    }
  }
  const fhir::MemoryLookup lookup(std::move(resources), {});
  PDP_ASSIGN_OR_RETURN(const std::vector<policy::LintFinding> found,
                       policy::Lint(lookup, ""));
  FileFindings findings;
  for (const policy::LintFinding& one : found) {
    const policy::LintRuleInfo& info = policy::InfoOf(one.rule);
    if (info.severity < policy::Severity::kWarning) continue;
    const auto place = places.find(one.subject);
    std::string text = StrCat(
        place == places.end() ? one.subject : place->second, ": ", one.path,
        one.path.empty() ? "" : ": ", one.message, " [", info.id, "]");
    (info.severity == policy::Severity::kWarning ? findings.warnings
                                                 : findings.errors)
        .push_back(std::move(text));
  }
  return findings;
}

}  // namespace pdp::provision
