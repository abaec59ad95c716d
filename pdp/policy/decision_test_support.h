// What the tests of decisions share: decisions in words, and a table of cases.

#ifndef PDP_POLICY_DECISION_TEST_SUPPORT_H_
#define PDP_POLICY_DECISION_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/policy/decision_point.h"
#include "tests/support/world.h"

namespace pdp::policy {

// "PERMIT 200", "DENY RESOURCE_NOT_GRANTED 404".
inline std::string Say(const Decision& decision) {
  std::string out = decision.permitted()
                        ? "PERMIT"
                        : StrCat("DENY ", ReasonName(decision.reason));
  out += StrCat(" ", decision.medplum_http_status);
  for (const std::string_view field : decision.hidden_fields) {
    out += StrCat(" -", field);
  }
  for (const std::string_view field : decision.readonly_fields) {
    out += StrCat(" =", field);
  }
  return out;
}

inline constexpr std::string_view kObservation =
    "{'resourceType':'Observation','id':'50000000-0000-4000-8000-000000000001',"
    "'status':'preliminary','subject':{'reference':'Patient/$PATIENT'},"
    "'meta':{'project':'$PROJECT','versionId':'o1','compartment':["
    "{'reference':'Project/$PROJECT'},{'reference':'Patient/$PATIENT'}]}}";
inline constexpr std::string_view kFinalObservation =
    "{'resourceType':'Observation','id':'50000000-0000-4000-8000-000000000001',"
    "'status':'final','subject':{'reference':'Patient/$PATIENT'},"
    "'meta':{'project':'$PROJECT'}}";

struct Case {
  const char* name;
  const char* entries;  // AccessPolicy.resource.
  fhir::Interaction interaction;
  std::string_view current;   // Empty: none.
  std::string_view proposed;  // Empty: none.
  const char* parity;
  const char* strict;  // Null: as in parity.
};

inline void RunCases(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(
          StrCat(c.name, mode == Mode::kParity ? " parity" : " strict"));
      testing::World world(testing::Clinic(c.entries), mode);
      AccessRequest request;
      request.interaction = c.interaction;
      if (!c.current.empty())
        request.resource.current = testing::Json(c.current);
      if (!c.proposed.empty())
        request.resource.proposed = testing::Json(c.proposed);
      const char* want =
          mode == Mode::kStrict && c.strict != nullptr ? c.strict : c.parity;
      EXPECT_EQ(Say(world.Decide(request)), want);
    }
  }
}

}  // namespace pdp::policy

#endif  // PDP_POLICY_DECISION_TEST_SUPPORT_H_
