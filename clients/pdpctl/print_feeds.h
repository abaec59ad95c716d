// How the feeds of a source stand, as a table for people.

#ifndef PDP_CLIENTS_PDPCTL_PRINT_FEEDS_H_
#define PDP_CLIENTS_PDPCTL_PRINT_FEEDS_H_

#include <string>

#include "medplum/pdp/v1/admin.pb.h"

namespace pdp::ctl {

// A heading and a line for each feed, below it what is wrong with it.  Empty
// where the source has none.
std::string FeedTable(const medplum::pdp::v1::SourceStatus& source);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_PRINT_FEEDS_H_
