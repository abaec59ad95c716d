// Plans as text for people, and as JSON.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_PRINT_PLAN_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_PRINT_PLAN_H_

#include <string>
#include <string_view>
#include <vector>

#include "clients/pdpctl/provision/plan.h"

namespace pdp::provision {

struct ProjectPlan {
  std::string environment;
  std::string project;  // The id of the Project.
  std::string organization;
  std::vector<Step> steps;
};

// What is to be done, each with its difference, and how much of what there is.
std::string ToText(const ProjectPlan& plan);
// One line; unchanged steps included.
std::string ToJsonLine(const ProjectPlan& plan);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_PRINT_PLAN_H_
