// What was found of one thing that was looked at.

#ifndef PDP_CLIENTS_PDPCTL_FINDING_H_
#define PDP_CLIENTS_PDPCTL_FINDING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace pdp::ctl {

struct Finding {
  enum class Level : uint8_t {
    kOk,
    kWarning,  // Works, and should be looked at.
    kProblem,  // Does not work, or soon will not.
  };
  Level level = Level::kOk;
  // What is so; where that is not well, also what to do.
  std::string text;
};

using Findings = std::vector<Finding>;

// That something failed, and why.
Finding ProblemOf(const absl::Status& status);

// Of a clock that is so far ahead of another.
Finding CompareClocks(std::string_view whose, std::string_view others,
                      absl::Duration ahead);

// As findings show it: `1m30s`, `2023-11-14T22:13:10Z`.
std::string FindingText(absl::Duration duration);
std::string FindingText(absl::Time time);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_FINDING_H_
