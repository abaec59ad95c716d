// From the command line to requests of the API.

#ifndef PDP_CLIENTS_PDPCTL_REQUESTS_H_
#define PDP_CLIENTS_PDPCTL_REQUESTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "clients/pdpctl/command_line.h"
#include "medplum/pdp/v1/admin.pb.h"
#include "medplum/pdp/v1/decision.pb.h"

namespace pdp::ctl {

// The content of a file; "-" is the standard input.
//
// NotFound: it cannot be read.
absl::StatusOr<std::string> ReadInput(const std::string& path);

// InvalidArgument: the arguments contradict each other; the message names the
// one to change.  NotFound: a file cannot be read.
absl::StatusOr<::medplum::pdp::v1::CheckRequest> ToRequest(
    const CheckCommand& command);

absl::StatusOr<::medplum::pdp::v1::ExplainRequest> ToRequest(
    const ExplainCommand& command);

absl::StatusOr<::medplum::pdp::v1::FilterRequest> ToRequest(
    const FilterCommand& command);
// The messages of the stream: the header, then each file.  InvalidArgument: a
// file holds no JSON object.  NotFound: it cannot be read.
absl::StatusOr<std::vector<::medplum::pdp::v1::FilterResourcesRequest>>
ToRequests(const FilterResourcesCommand& command);
absl::StatusOr<::medplum::pdp::v1::DescribeAccessRequest> ToRequest(
    const DescribeCommand& command);

// The block that is asked for at `now`.  InvalidArgument: `--until` is neither
// a duration nor a time.
absl::StatusOr<::medplum::pdp::v1::BlockRequest> ToRequest(
    const BlockCommand& command, absl::Time now);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_REQUESTS_H_
