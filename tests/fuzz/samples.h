// A few resources for criteria and expressions to be tried on.

#ifndef PDP_TESTS_FUZZ_SAMPLES_H_
#define PDP_TESTS_FUZZ_SAMPLES_H_

#include <vector>

#include "pdp/fhir/resource.h"

namespace pdp::fuzz {

// Parsed once, and always the same.
const std::vector<fhir::ResourcePtr>& Samples();

}  // namespace pdp::fuzz

#endif  // PDP_TESTS_FUZZ_SAMPLES_H_
