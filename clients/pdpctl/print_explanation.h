// An explanation as text for people.

#ifndef PDP_CLIENTS_PDPCTL_PRINT_EXPLANATION_H_
#define PDP_CLIENTS_PDPCTL_PRINT_EXPLANATION_H_

#include <string>

#include "medplum/pdp/v1/decision.pb.h"

namespace pdp::ctl {

// `all`: entries for other resource types are listed too, not only counted.
std::string ToText(const medplum::pdp::v1::ExplainResponse& explanation,
                   bool all);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_PRINT_EXPLANATION_H_
