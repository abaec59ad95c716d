#include "clients/pdpctl/run_doctor.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/clock.h"
#include "clients/pdpctl/doctor.h"
#include "clients/pdpctl/examine_medplum.h"
#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/rpc_client.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {
namespace {

using Level = Finding::Level;

void Add(Findings more, Findings& all) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

void ExamineServer(const Connection& connection, Findings& all) {
  const RpcClient client(connection);
  const auto status = client.GetStatus();
  if (!status.ok()) return all.push_back(ProblemOf(status.status()));
  Add(ExamineStatus(*status, absl::Now()), all);
  const auto lint = client.LintPolicies({});
  if (!lint.ok()) return all.push_back(ProblemOf(lint.status()));
  all.push_back(ExamineLint(*lint));
}

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kOk:
      return "ok";
    case Level::kWarning:
      return "warning";
    case Level::kProblem:
      return "PROBLEM";
  }
  return "";
}

std::string ToText(const Findings& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    const std::string_view name = LevelName(finding.level);
    text +=
        StrCat(name, std::string(10 - name.size(), ' '), finding.text, "\n");
  }
  return text;
}

std::string ToJson(const Findings& findings) {
  static constexpr std::string_view kNames[] = {"ok", "warning", "problem"};
  std::string json;
  for (const Finding& finding : findings) {
    json += StrCat("{\"level\":\"", kNames[static_cast<size_t>(finding.level)],
                   "\",\"text\":", fhir::QuoteJson(finding.text), "}\n");
  }
  return json;
}

}  // namespace

int RunDoctor(const DoctorCommand& command, OutputFormat output,
              std::ostream& out) {
  Findings findings;
  ExamineServer(command.connection, findings);
  if (!command.login.base_url.empty()) {
    Add(ExamineMedplum(command.login), findings);
  }
  std::stable_sort(
      findings.begin(), findings.end(),
      [](const Finding& a, const Finding& b) { return a.level < b.level; });
  out << (output == OutputFormat::kJson ? ToJson(findings) : ToText(findings))
      << std::flush;
  return findings.back().level == Level::kProblem ? kExitError : kExitOk;
}

}  // namespace pdp::ctl
