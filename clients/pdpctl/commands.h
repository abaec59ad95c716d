// The commands of pdpctl that ask a server one question.  Each returns the exit
// code.

#ifndef PDP_CLIENTS_PDPCTL_COMMANDS_H_
#define PDP_CLIENTS_PDPCTL_COMMANDS_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {

int RunCheck(const CheckCommand& command, OutputFormat output,
             std::ostream& out, std::ostream& err);
int RunExplain(const ExplainCommand& command, OutputFormat output,
               std::ostream& out, std::ostream& err);
int RunFilter(const FilterCommand& command, OutputFormat output,
              std::ostream& out, std::ostream& err);
// Prints each resource that is permitted, and the summary to `err`; as JSON,
// the server's messages.
int RunFilterResources(const FilterResourcesCommand& command,
                       OutputFormat output, std::ostream& out,
                       std::ostream& err);
int RunDescribe(const DescribeCommand& command, OutputFormat output,
                std::ostream& out, std::ostream& err);
int RunBlock(const BlockCommand& command, OutputFormat output,
             std::ostream& out, std::ostream& err);
int RunUnblock(const UnblockCommand& command, OutputFormat output,
               std::ostream& out, std::ostream& err);
int RunStatus(const StatusCommand& command, OutputFormat output,
              std::ostream& out, std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_COMMANDS_H_
