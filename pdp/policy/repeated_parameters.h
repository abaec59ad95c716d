// Repeated parameters: one access item that gives the same parameter several
// values.  Medplum's server uses the first; its guide promises each.
//
// "Each" means exactly one access item a value, except that a filter which
// negates the parameter excludes all the values at once.

#ifndef PDP_POLICY_REPEATED_PARAMETERS_H_
#define PDP_POLICY_REPEATED_PARAMETERS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/policy/membership.h"

namespace pdp::policy {

struct RepeatedParameter {
  std::string name;
  size_t values = 0;
};

std::vector<RepeatedParameter> RepeatedParametersOf(
    const std::vector<Parameter>& parameters);

// One list of parameters for each combination of values, in the order in which
// the values are given.
//
// ResourceExhausted: more than kMaxCombinations.
absl::StatusOr<std::vector<std::vector<Parameter>>> ExpandRepeated(
    const std::vector<Parameter>& parameters);

inline constexpr size_t kMaxCombinations = 1000;

// `criteria` with every filter that negates a repeated parameter written once
// for each of its values.  Nothing: the text would outgrow
// kMaxSubstitutedBytes.
std::optional<std::string> SpreadNegations(
    std::string_view criteria, const std::vector<Parameter>& parameters);

}  // namespace pdp::policy

#endif  // PDP_POLICY_REPEATED_PARAMETERS_H_
