// What is well and what is not with a Medplum server and a login there.

#ifndef PDP_CLIENTS_PDPCTL_EXAMINE_MEDPLUM_H_
#define PDP_CLIENTS_PDPCTL_EXAMINE_MEDPLUM_H_

#include <optional>

#include "absl/time/time.h"
#include "clients/pdpctl/command_line.h"
#include "clients/pdpctl/finding.h"

namespace pdp::ctl {

// What a Medplum server showed of itself without a login.
struct MedplumProbe {
  bool is_secure = false;                         // By TLS.
  std::optional<absl::Time> certificate_ends;     // Where TLS was spoken.
  absl::Time server_time = absl::InfinitePast();  // Where it was told.
};
Findings ExamineProbe(const MedplumProbe& probe, absl::Time now);

// Asks it, and makes and deletes one Subscription.
Findings ExamineMedplum(const SetupCommand& login);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_EXAMINE_MEDPLUM_H_
