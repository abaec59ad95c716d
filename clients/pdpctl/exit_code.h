// What the exit codes of pdpctl mean.

#ifndef PDP_CLIENTS_PDPCTL_EXIT_CODE_H_
#define PDP_CLIENTS_PDPCTL_EXIT_CODE_H_

namespace pdp::ctl {

inline constexpr int kExitOk = 0;        // Permitted; all passed.
inline constexpr int kExitError = 1;     // No answer; something failed.
inline constexpr int kExitUsage = 2;     // The command line is wrong.
inline constexpr int kExitDeny = 3;      // Denied.
inline constexpr int kExitFindings = 3;  // Of lint.

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_EXIT_CODE_H_
