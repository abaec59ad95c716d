// How the decision point treats what Medplum leaves open.

#ifndef PDP_POLICY_MODE_H_
#define PDP_POLICY_MODE_H_

#include <cstdint>

namespace pdp::policy {

// The numbers are those of medplum.pdp.v1.Mode.
enum class Mode : uint8_t {
  kParity = 1,  // As Medplum decides, defects included.
  kStrict = 2,  // Never more permissive than kParity.
};

// What a parameter given more than once in one access item means.  The numbers
// are those of medplum.pdp.v1.ParameterSemantics.
enum class ParameterSemantics : uint8_t {
  kDocumented = 1,  // Each value.
  kServer = 2,      // The first value.  Implied by Mode::kParity.
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_MODE_H_
