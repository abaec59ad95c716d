// What is well and what is not with a running server.

#ifndef PDP_CLIENTS_PDPCTL_DOCTOR_H_
#define PDP_CLIENTS_PDPCTL_DOCTOR_H_

#include "absl/time/time.h"
#include "clients/pdpctl/finding.h"
#include "medplum/pdp/v1/admin.pb.h"

namespace pdp::ctl {

// By what it says of itself when this machine's clock shows `now`.
Findings ExamineStatus(const medplum::pdp::v1::GetStatusResponse& status,
                       absl::Time now);

// Of its policies.
Finding ExamineLint(const medplum::pdp::v1::LintPoliciesResponse& lint);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_DOCTOR_H_
