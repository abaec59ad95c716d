// Running a program and waiting for it.

#ifndef PDP_AUDIT_RUN_COMMAND_H_
#define PDP_AUDIT_RUN_COMMAND_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace pdp::audit {

// Runs `command`, a program (looked for in PATH) and its arguments, without a
// shell, and returns what it prints, up to 64 KiB.  Unavailable: it could not
// be run, ended with another exit code than 0, or took longer than `limit`,
// when it is killed with what it started.
absl::StatusOr<std::string> RunCommand(const std::vector<std::string>& command,
                                       absl::Duration limit);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_RUN_COMMAND_H_
