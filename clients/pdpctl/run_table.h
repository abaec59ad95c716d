// A table of checks and filters (case_table.h), put to a server.

#ifndef PDP_CLIENTS_PDPCTL_RUN_TABLE_H_
#define PDP_CLIENTS_PDPCTL_RUN_TABLE_H_

#include <ostream>
#include <string>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {

// Prints each answer.  kExitError where one is not as expected.
int RunTable(const Connection& connection, const std::string& file,
             OutputFormat output, std::ostream& out, std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RUN_TABLE_H_
