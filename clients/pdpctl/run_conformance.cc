#include "clients/pdpctl/run_conformance.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/pdpctl/conformance.h"
#include "clients/pdpctl/conformance_report.h"
#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/local_judge.h"
#include "clients/pdpctl/remote_judge.h"
#include "pdp/policy/mode.h"

namespace pdp::ctl {
namespace {

ReportStyle StyleOf(const ConformanceCommand& command, OutputFormat output) {
  if (output == OutputFormat::kJson) return ReportStyle::kJson;
  return command.summary ? ReportStyle::kSummary : ReportStyle::kLines;
}

std::vector<CaseKind> KindsOf(const ConformanceCommand& command) {
  std::vector<CaseKind> kinds;
  for (const CaseKind kind : kCaseKinds) {
    const bool named = std::find(command.kinds.begin(), command.kinds.end(),
                                 CaseKindName(kind)) != command.kinds.end();
    if (command.kinds.empty() || named) kinds.push_back(kind);
  }
  return kinds;
}

absl::StatusOr<std::vector<std::unique_ptr<const VectorFile>>> LoadFiles(
    const ConformanceCommand& command) {
  auto paths = ListVectorFiles(command.directory);
  if (!paths.ok()) return paths.status();
  std::vector<std::unique_ptr<const VectorFile>> files;
  for (const std::string& path : *paths) {
    auto file = VectorFile::Load(path);
    if (!file.ok()) return file.status();
    const bool named = std::find(command.only.begin(), command.only.end(),
                                 (*file)->scenario()) != command.only.end();
    if (command.only.empty() || named) files.push_back(*std::move(file));
  }
  return files;
}

// Null after a message: the server cannot be asked, and `exit_code` says why.
std::unique_ptr<Judge> NewJudge(const ConformanceCommand& command,
                                policy::Mode mode, std::ostream& err,
                                int& exit_code) {
  if (!command.connection) {
    policy::DecisionPointOptions options;
    options.mode = mode;
    options.parameter_semantics = command.parameter_semantics == "documented"
                                      ? policy::ParameterSemantics::kDocumented
                                      : policy::ParameterSemantics::kServer;
    return std::make_unique<LocalJudge>(options);
  }
  auto judge = RemoteJudge::Connect(*command.connection);
  if (!judge.ok()) {
    err << "pdpctl: " << judge.status().message() << '\n';
    exit_code = kExitError;
    return nullptr;
  }
  if ((*judge)->mode() != command.mode) {
    err << "pdpctl: the server at " << command.connection->target << " is in "
        << (*judge)->mode() << " mode; ask for --mode " << (*judge)->mode()
        << ", or start it with --mode " << command.mode << '\n';
    exit_code = kExitUsage;
    return nullptr;
  }
  const std::string& semantics = (*judge)->parameter_semantics();
  if (semantics != command.parameter_semantics) {
    err << "pdpctl: a repeated parameter means " << semantics
        << " to the server at " << command.connection->target
        << "; recorded answers need a server started with "
           "--parameter-semantics server (or say --parameter-semantics "
        << semantics << " here)\n";
    exit_code = kExitUsage;
    return nullptr;
  }
  return *std::move(judge);
}

}  // namespace

int RunConformanceCommand(const ConformanceCommand& command,
                          OutputFormat output, std::ostream& out,
                          std::ostream& err) {
  const auto files = LoadFiles(command);
  if (!files.ok()) {
    err << "pdpctl: " << files.status().message() << '\n';
    return absl::IsNotFound(files.status()) ? kExitUsage : kExitError;
  }
  for (const std::string& scenario : command.only) {
    const bool exists = std::any_of(
        files->begin(), files->end(),
        [&](const auto& file) { return file->scenario() == scenario; });
    if (!exists) {
      err << "pdpctl: --only " << scenario << ": there is no such scenario in "
          << command.directory << '\n';
      return kExitUsage;
    }
  }

  const policy::Mode mode =
      command.mode == "strict" ? policy::Mode::kStrict : policy::Mode::kParity;
  int exit_code = kExitError;
  const std::unique_ptr<Judge> judge = NewJudge(command, mode, err, exit_code);
  if (judge == nullptr) return exit_code;

  ConformanceOptions options;
  options.kinds = KindsOf(command);
  if (mode == policy::Mode::kStrict) {
    options.explain_departures = true;
    options.no_cold_reads = "reads past the cache exist in parity mode only";
    options.search_as_subject = false;
  }
  ConformanceReport report(StyleOf(command, output), options.explain_departures,
                           out);
  for (const auto& file : *files) {
    RunConformance(*file, options, *judge,
                   [&](const CaseResult& result) { report.Add(result); });
  }
  report.Finish(output == OutputFormat::kJson ? err : out);
  return report.failed() == 0 ? kExitOk : kExitError;
}

}  // namespace pdp::ctl
