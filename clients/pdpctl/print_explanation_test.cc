#include "clients/pdpctl/print_explanation.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace pdp::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kExplanation[] = R"(
  decision { effect: EFFECT_DENY reason: REASON_RESOURCE_NOT_GRANTED }
  entries {
    entry { policy: "AccessPolicy/p" policy_name: "Nurse" index: 2 source: 1 }
    criteria: "Task?_compartment=Organization/north"
    parameters { name: "organization" value: "Organization/north" source: 1 }
    failed_test: "It is for another clinic."
    test: ENTRY_TEST_CRITERIA
    stage: DECISION_STAGE_READ
    durable: true
  }
  entries {
    entry { policy: "AccessPolicy/p" policy_name: "Nurse" index: 3 source: 1 }
    failed_test: "It is for Patients."
    test: ENTRY_TEST_RESOURCE_TYPE
  }
  nearest: 0
  summary: "`ProjectMembership/nurse` may not read this Task, and that for a reason that is so long that it takes another line."
  missing: "Move the Task."
)";

medplum::pdp::v1::ExplainResponse Explanation() {
  medplum::pdp::v1::ExplainResponse explanation;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kExplanation,
                                                            &explanation));
  return explanation;
}

TEST(PrintExplanationTest, SaysWhyThenEachEntryThenTheDecision) {
  EXPECT_THAT(
      ToText(Explanation(), /*all=*/false),
      StartsWith("DENY, RESOURCE_NOT_GRANTED\n"
                 "\n"
                 "`ProjectMembership/nurse` may not read this Task, and that "
                 "for a reason that is\n"
                 "so long that it takes another line.\n"
                 "\n"
                 "What to do: Move the Task.\n"
                 "\n"
                 "May the resource be read?  (as Medplum's database searches)\n"
                 "  no AccessPolicy/p.resource[2], \"Nurse\", by access[0]  <- "
                 "the nearest\n"
                 "     Task?_compartment=Organization/north\n"
                 "     %organization = Organization/north\n"
                 "     It is for another clinic.\n"
                 "\n"
                 "1 entry was not tried (--all lists them)\n"
                 "\n"
                 "effect        DENY\n"));
}

TEST(PrintExplanationTest, ListsWhatWasNotTriedWhereThatIsAskedFor) {
  const std::string text = ToText(Explanation(), /*all=*/true);
  EXPECT_THAT(text, HasSubstr("Entries that were not tried:\n"
                              "  no AccessPolicy/p.resource[3]"));
  EXPECT_THAT(text, Not(HasSubstr("--all")));
}

}  // namespace
}  // namespace pdp::ctl
