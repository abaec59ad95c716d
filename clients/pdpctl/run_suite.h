// Runs suites of policy tests in this process.

#ifndef PDP_CLIENTS_PDPCTL_RUN_SUITE_H_
#define PDP_CLIENTS_PDPCTL_RUN_SUITE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "clients/pdpctl/suite.h"

namespace pdp::ctl {

struct SuiteCase {
  const Expectation* expectation = nullptr;  // Of the suite.
  std::string failure;  // What was expected, got, and why; empty: passed.
};

struct SuiteResult {
  std::vector<SuiteCase> cases;  // In the order of the suite.
  size_t failures = 0;
};

// `suite` must outlive what is returned.
SuiteResult RunSuite(const Suite& suite);

// The results as JUnit XML: one <testsuite> each, with the file and line of
// every case.  REQUIRES: as many results as suites.
std::string ToJunit(const std::vector<Suite>& suites,
                    const std::vector<SuiteResult>& results);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_RUN_SUITE_H_
