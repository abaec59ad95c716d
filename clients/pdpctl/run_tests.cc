#include "clients/pdpctl/run_tests.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/requests.h"
#include "clients/pdpctl/run_suite.h"
#include "clients/pdpctl/run_table.h"
#include "clients/pdpctl/suite.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {
namespace {

bool IsSuite(const std::string& file) {
  return file.ends_with(".yaml") || file.ends_with(".yml");
}

absl::StatusOr<std::vector<Suite>> ReadSuites(const TestCommand& command) {
  std::vector<Suite> suites;
  for (const std::string& file : command.files) {
    if (!IsSuite(file)) continue;
    PDP_ASSIGN_OR_RETURN(const std::string text, ReadInput(file));
    PDP_ASSIGN_OR_RETURN(Suite suite, ParseSuite(text, file));
    if (!command.mode.empty()) {
      suite.mode = command.mode == "parity" ? policy::Mode::kParity
                                            : policy::Mode::kStrict;
    }
    suites.push_back(std::move(suite));
  }
  return suites;
}

void PrintText(const Suite& suite, const SuiteResult& result,
               std::ostream& out) {
  out << suite.title << ": " << result.cases.size() - result.failures
      << " passed, " << result.failures << " failed\n";
  for (const SuiteCase& ran : result.cases) {
    if (ran.failure.empty()) continue;
    const Expectation& expectation = *ran.expectation;
    out << suite.path << ':' << expectation.line << ':' << expectation.column
        << ": " << expectation.group << ": " << expectation.name << ": "
        << ran.failure << '\n';
  }
}

void PrintJson(const Suite& suite, const SuiteResult& result,
               std::ostream& out) {
  for (const SuiteCase& ran : result.cases) {
    const Expectation& expectation = *ran.expectation;
    out << "{\"file\":" << fhir::QuoteJson(suite.path)
        << ",\"line\":" << expectation.line
        << ",\"suite\":" << fhir::QuoteJson(suite.title)
        << ",\"group\":" << fhir::QuoteJson(expectation.group)
        << ",\"name\":" << fhir::QuoteJson(expectation.name)
        << ",\"passed\":" << (ran.failure.empty() ? "true" : "false")
        << ",\"failure\":" << fhir::QuoteJson(ran.failure) << "}\n";
  }
}

int RunSuites(const std::vector<Suite>& suites, const TestCommand& command,
              OutputFormat output, std::ostream& out, std::ostream& err) {
  std::vector<SuiteResult> results;
  size_t cases = 0;
  size_t failures = 0;
  for (const Suite& suite : suites) {
    results.push_back(RunSuite(suite));
    cases += results.back().cases.size();
    failures += results.back().failures;
    if (output == OutputFormat::kJson) {
      PrintJson(suite, results.back(), out);
    } else {
      PrintText(suite, results.back(), out);
    }
  }
  (output == OutputFormat::kJson ? err : out)
      << cases - failures << " passed, " << failures << " failed\n"
      << std::flush;
  if (!command.junit_file.empty()) {
    std::ofstream file(command.junit_file, std::ios::binary);
    file << ToJunit(suites, results) << std::flush;
    if (!file) {
      err << "pdpctl: " << command.junit_file << " cannot be written\n";
      return kExitError;
    }
  }
  return failures == 0 ? kExitOk : kExitDeny;
}

}  // namespace

int RunTest(const TestCommand& command, OutputFormat output, std::ostream& out,
            std::ostream& err) {
  const absl::StatusOr<std::vector<Suite>> suites = ReadSuites(command);
  if (!suites.ok()) {
    err << "pdpctl: " << suites.status().message() << '\n';
    return kExitUsage;
  }
  int exit_code = kExitOk;
  if (!suites->empty()) {
    exit_code = RunSuites(*suites, command, output, out, err);
  } else if (!command.junit_file.empty()) {
    err << "pdpctl: --junit is for suites of policy tests, *.yaml\n";
    return kExitUsage;
  }
  for (const std::string& file : command.files) {
    if (IsSuite(file)) continue;
    const int code = RunTable(command.connection, file, output, out, err);
    if (exit_code == kExitOk) exit_code = code;
  }
  return exit_code;
}

}  // namespace pdp::ctl
