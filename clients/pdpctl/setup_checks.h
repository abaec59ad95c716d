// Whether a login can do at a Medplum server all that the decision point needs,
// found by doing it.

#ifndef PDP_CLIENTS_PDPCTL_SETUP_CHECKS_H_
#define PDP_CLIENTS_PDPCTL_SETUP_CHECKS_H_

#include <string>
#include <vector>

#include "pdp/medplum/api.h"
#include "pdp/medplum/required_access.h"

namespace pdp::ctl {

struct SetupCheck {
  bool passed = false;
  // What holds; or what is missing, and how to grant it.
  std::string text;
};

// Makes and deletes one Subscription.  Whatever is missing is told at once,
// unless the login itself is refused.
std::vector<SetupCheck> CheckSetup(medplum::Api& api,
                                   const medplum::RequiredAccess& required);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SETUP_CHECKS_H_
