// `pdpctl test`.

#ifndef PDP_CLIENTS_PDPCTL_RUN_TESTS_H_
#define PDP_CLIENTS_PDPCTL_RUN_TESTS_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {

// Runs suites (suite.h) in this process, and tables (case_table.h) by a server.
// kExitDeny where an expectation of a suite does not hold; kExitError where a
// case of a table does not; kExitUsage where a file cannot be read.
int RunTest(const TestCommand& command, OutputFormat output, std::ostream& out,
            std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RUN_TESTS_H_
