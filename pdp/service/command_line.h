// The command line of pdpd.

#ifndef PDP_SERVICE_COMMAND_LINE_H_
#define PDP_SERVICE_COMMAND_LINE_H_

#include <optional>
#include <string>

#include "pdp/service/settings.h"

namespace pdp::service {

struct CommandLine {
  ConfigInputs inputs;
  // Set where there is nothing to run: --help, --version, or a mistake.
  struct Exit {
    int code = 0;         // 0, or 2 for a mistake.
    std::string message;  // For stdout where code is 0, else for stderr.
  };
  std::optional<Exit> exit;
};

CommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace pdp::service

#endif  // PDP_SERVICE_COMMAND_LINE_H_
