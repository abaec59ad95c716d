#include "clients/pdpctl/print_differences.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

namespace pdp::ctl {
namespace {

medplum::pdp::v1::ShadowStatus Shadow(const char* json) {
  medplum::pdp::v1::ShadowStatus shadow;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &shadow).ok());
  return shadow;
}

TEST(PrintDifferencesTest, SaysWhatWouldChangeHowOftenAndForWhom) {
  EXPECT_EQ(ToText(Shadow(R"({"mode": "MODE_STRICT", "decisions": "120",
      "undecided": "3", "differences": [
        {"strict_rule": "STRICT_RULE_SMART_LETTERS", "count": "12", "last": {
           "interaction": "INTERACTION_READ", "resource_type": "Patient",
           "membership": "ProjectMembership/m", "at": "2026-01-02T03:04:05Z",
           "effect": "EFFECT_PERMIT", "shadow_effect": "EFFECT_DENY"}},
        {"strict_rule": "STRICT_RULE_DURABLE_FIELDS", "count": "1", "last": {
           "interaction": "INTERACTION_SEARCH", "resource_type": "Task",
           "at": "2026-01-02T03:04:06Z", "effect": "EFFECT_PERMIT",
           "shadow_effect": "EFFECT_PERMIT"}}]})")),
            "120 decisions compared with strict mode; 13 would be otherwise; 3 "
            "could not be compared\n"
            "\n"
            "count   rule                          in strict mode\n"
            "12      SMART_LETTERS                 each letter of a SMART "
            "scope stands for itself\n"
            "        last: read of Patient by ProjectMembership/m at "
            "2026-01-02T03:04:05Z: PERMIT would be DENY\n"
            "1       DURABLE_FIELDS                fields are hidden from what "
            "only a search finds, too\n"
            "        last: search of Task by nobody at 2026-01-02T03:04:06Z: "
            "PERMIT, with other fields hidden or other results\n");
}

TEST(PrintDifferencesTest, EveryRuleHasAMeaning) {
  for (int rule = 1; rule <= medplum::pdp::v1::StrictRule_MAX; ++rule) {
    medplum::pdp::v1::ShadowStatus shadow;
    auto& difference = *shadow.add_differences();
    difference.set_strict_rule(static_cast<medplum::pdp::v1::StrictRule>(rule));
    EXPECT_EQ(ToText(shadow).find("please report"), std::string::npos) << rule;
  }
}

}  // namespace
}  // namespace pdp::ctl
