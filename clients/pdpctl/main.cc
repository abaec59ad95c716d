// pdpctl: the command line client of medplum-pdp.

#include <iostream>
#include <type_traits>
#include <variant>

#include "clients/pdpctl/access_report.h"
#include "clients/pdpctl/command_line.h"
#include "clients/pdpctl/commands.h"
#include "clients/pdpctl/operate.h"
#include "clients/pdpctl/provision/run_provision.h"
#include "clients/pdpctl/run_audit.h"
#include "clients/pdpctl/run_conformance.h"
#include "clients/pdpctl/run_doctor.h"
#include "clients/pdpctl/run_lint.h"
#include "clients/pdpctl/run_setup.h"
#include "clients/pdpctl/run_simulate.h"
#include "clients/pdpctl/run_tests.h"

namespace {

using namespace pdp::ctl;

struct Runner {
  OutputFormat output;

  int operator()(const CheckCommand& command) const {
    return RunCheck(command, output, std::cout, std::cerr);
  }
  int operator()(const ExplainCommand& command) const {
    return RunExplain(command, output, std::cout, std::cerr);
  }
  int operator()(const FilterCommand& command) const {
    return RunFilter(command, output, std::cout, std::cerr);
  }
  int operator()(const FilterResourcesCommand& command) const {
    return RunFilterResources(command, output, std::cout, std::cerr);
  }
  int operator()(const DescribeCommand& command) const {
    return RunDescribe(command, output, std::cout, std::cerr);
  }
  int operator()(const StatusCommand& command) const {
    return RunStatus(command, output, std::cout, std::cerr);
  }
  int operator()(const HealthCommand& command) const {
    return RunHealth(command, output, std::cout, std::cerr);
  }
  int operator()(const BlockCommand& command) const {
    return RunBlock(command, output, std::cout, std::cerr);
  }
  int operator()(const UnblockCommand& command) const {
    return RunUnblock(command, output, std::cout, std::cerr);
  }
  int operator()(const ResyncCommand& command) const {
    return RunResync(command, output, std::cout, std::cerr);
  }
  int operator()(const RecordAccessCommand& command) const {
    return RunRecordAccess(command, output, std::cout, std::cerr);
  }
  int operator()(const CheckpointCommand& command) const {
    return RunCheckpoint(command, output, std::cout, std::cerr);
  }
  int operator()(const WatchCommand& command) const {
    return RunWatch(command, output, std::cout, std::cerr);
  }
  int operator()(const SimulateCommand& command) const {
    return RunSimulate(command, output, std::cout, std::cerr);
  }
  int operator()(const LintCommand& command) const {
    return RunLint(command, output, std::cout, std::cerr);
  }
  int operator()(const TestCommand& command) const {
    return RunTest(command, output, std::cout, std::cerr);
  }
  int operator()(const ConformanceCommand& command) const {
    return RunConformanceCommand(command, output, std::cout, std::cerr);
  }
  int operator()(const SetupCommand& command) const {
    return RunSetup(command, std::cout, std::cerr);
  }
  int operator()(const AuditCommand& command) const {
    return RunAudit(command, output, std::cout, std::cerr);
  }
  int operator()(const ProvisionLine& line) const {
    return pdp::provision::Run(line, output, std::cout, std::cerr);
  }
  int operator()(const AccessReportCommand& command) const {
    return RunAccessReport(command, output, std::cout, std::cerr);
  }
  int operator()(const DoctorCommand& command) const {
    return RunDoctor(command, output, std::cout);
  }
};

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const std::variant<CommandLine, int> parsed =
      ParseCommandLine(argc, argv, std::cout, std::cerr);
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  const CommandLine& line = std::get<CommandLine>(parsed);
  return std::visit(Runner{line.output}, line.command);
}
