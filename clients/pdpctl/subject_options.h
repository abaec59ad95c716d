// The options that say who asks, and under which circumstances.

#ifndef PDP_CLIENTS_PDPCTL_SUBJECT_OPTIONS_H_
#define PDP_CLIENTS_PDPCTL_SUBJECT_OPTIONS_H_

#include "clients/pdpctl/command_line.h"

namespace CLI {
class App;
}  // namespace CLI

namespace pdp::ctl {

void AddSubject(CLI::App& app, SubjectArguments& subject);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SUBJECT_OPTIONS_H_
