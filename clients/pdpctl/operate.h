// The commands of pdpctl that operate a server or follow it.  Each returns the
// exit code.

#ifndef PDP_CLIENTS_PDPCTL_OPERATE_H_
#define PDP_CLIENTS_PDPCTL_OPERATE_H_

#include <ostream>

#include "clients/pdpctl/command_line.h"

namespace pdp::ctl {

// Ends with kExitOk only where the server serves.
int RunHealth(const HealthCommand& command, OutputFormat output,
              std::ostream& out, std::ostream& err);
int RunResync(const ResyncCommand& command, OutputFormat output,
              std::ostream& out, std::ostream& err);
int RunCheckpoint(const CheckpointCommand& command, OutputFormat output,
                  std::ostream& out, std::ostream& err);
int RunRecordAccess(const RecordAccessCommand& command, OutputFormat output,
                    std::ostream& out, std::ostream& err);
// Prints every message as it comes, until the server ends the stream.
int RunWatch(const WatchCommand& command, OutputFormat output,
             std::ostream& out, std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_OPERATE_H_
