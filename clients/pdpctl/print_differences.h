// What the other mode would have answered otherwise, as a table for an
// administrator.

#ifndef PDP_CLIENTS_PDPCTL_PRINT_DIFFERENCES_H_
#define PDP_CLIENTS_PDPCTL_PRINT_DIFFERENCES_H_

#include <string>

#include "medplum/pdp/v1/admin.pb.h"

namespace pdp::ctl {

std::string ToText(const medplum::pdp::v1::ShadowStatus& shadow);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_PRINT_DIFFERENCES_H_
