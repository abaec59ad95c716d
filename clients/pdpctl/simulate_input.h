// What `pdpctl simulate` reads: the proposal, and the checks to be made.

#ifndef PDP_CLIENTS_PDPCTL_SIMULATE_INPUT_H_
#define PDP_CLIENTS_PDPCTL_SIMULATE_INPUT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "medplum/pdp/v1/decision.pb.h"

namespace pdp::ctl {

// Adds to `proposed` the resources in `path` (fhir_files.h) as JSON.  Of a
// Bundle or directory those that Simulate does not take are left out, and
// counted in `left_out`.
absl::Status AddProposed(const std::string& path,
                         std::vector<std::string>& proposed, size_t& left_out);

struct NamedCheck {
  std::string id;    // The case, or the line.
  std::string who;   // In words, or the subject.
  std::string what;  // "read Patient/123".
  medplum::pdp::v1::CheckRequest request;
};

// `text` is a table of cases (case_table.h), whose checks are taken, or has a
// CheckRequest in protobuf's JSON on each line.
//
// InvalidArgument: it is neither; the message names the case or line.
absl::StatusOr<std::vector<NamedCheck>> ParseChecks(const std::string& text);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SIMULATE_INPUT_H_
