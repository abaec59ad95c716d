// Answers of a server as text for people, and as JSON.

#ifndef PDP_CLIENTS_PDPCTL_PRINT_H_
#define PDP_CLIENTS_PDPCTL_PRINT_H_

#include <string>

#include "medplum/pdp/v1/admin.pb.h"
#include "medplum/pdp/v1/decision.pb.h"

namespace pdp::ctl {

// "AccessPolicy/1.resource[0], version 2, "Nurses", by access[0]".
std::string ToText(const medplum::pdp::v1::PolicyEntry& entry);

// Each ends with a newline.
std::string ToText(const medplum::pdp::v1::Decision& decision);
std::string ToText(const medplum::pdp::v1::FilterResponse& filter);
std::string ToText(const medplum::pdp::v1::FilterResourcesSummary& summary);
std::string ToText(const medplum::pdp::v1::DescribeAccessResponse& access);
std::string ToText(const medplum::pdp::v1::GetStatusResponse& status);
std::string ToText(const medplum::pdp::v1::Block& block);

// The message in the canonical JSON form of protobuf, with the field names of
// the .proto files, on one line that ends with a newline.  As that form has it,
// bytes are base64 and 64-bit numbers are strings.
std::string ToJsonLine(const google::protobuf::Message& message);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_PRINT_H_
