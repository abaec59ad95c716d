#include "clients/pdpctl/run_lint.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/fhir_files.h"
#include "clients/pdpctl/print.h"
#include "clients/pdpctl/rpc_client.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/lint.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

absl::StatusOr<v1::LintPoliciesResponse> LintDirectory(
    const LintCommand& command) {
  PDP_ASSIGN_OR_RETURN(std::vector<fhir::ResourcePtr> resources,
                       ReadFhirFiles(command.directory));
  const fhir::MemoryLookup lookup(std::move(resources), {});
  PDP_ASSIGN_OR_RETURN(const std::vector<policy::LintFinding> findings,
                       policy::Lint(lookup, command.project));
  v1::LintPoliciesResponse response;
  for (const policy::LintFinding& finding : findings) {
    const policy::LintRuleInfo& info = InfoOf(finding.rule);
    v1::LintFinding& added = *response.add_findings();
    added.set_severity(static_cast<v1::Severity>(info.severity));
    added.set_policy(finding.subject);
    added.set_path(finding.path);
    added.set_message(finding.message);
    added.set_rule(std::string(info.id));
  }
  return response;
}

std::string ToText(const v1::LintPoliciesResponse& response) {
  std::string out;
  std::array<int, v1::Severity_ARRAYSIZE> counts{};
  std::string_view before;
  for (const v1::LintFinding& finding : response.findings()) {
    if (finding.policy() != before) {
      out += StrCat(before.empty() ? "" : "\n", finding.policy(), "\n");
      before = finding.policy();
    }
    const std::string severity(policy::SeverityName(
        static_cast<policy::Severity>(finding.severity())));
    out += StrCat("  ", absl::AsciiStrToLower(severity), ": ", finding.path(),
                  finding.path().empty() ? "" : ": ", finding.message(), " [",
                  finding.rule(), "]\n");
    if (v1::Severity_IsValid(finding.severity())) ++counts[finding.severity()];
  }
  out += StrCat(out.empty() ? "" : "\n", "errors: ", counts[v1::SEVERITY_ERROR],
                ", warnings: ", counts[v1::SEVERITY_WARNING],
                ", remarks: ", counts[v1::SEVERITY_INFO], "\n");
  return out;
}

}  // namespace

int RunLint(const LintCommand& command, OutputFormat output, std::ostream& out,
            std::ostream& err) {
  v1::LintPoliciesRequest request;
  request.set_project(command.project);
  const absl::StatusOr<v1::LintPoliciesResponse> response =
      command.directory.empty()
          ? RpcClient(command.connection).LintPolicies(request)
          : LintDirectory(command);
  if (!response.ok()) {
    err << "pdpctl: " << response.status().message() << '\n';
    return kExitError;
  }
  out << (output == OutputFormat::kJson ? ToJsonLine(*response)
                                        : ToText(*response))
      << std::flush;
  for (const v1::LintFinding& finding : response->findings()) {
    if (finding.severity() >= v1::SEVERITY_WARNING) return kExitFindings;
  }
  return kExitOk;
}

}  // namespace pdp::ctl
