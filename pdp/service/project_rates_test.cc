#include "pdp/service/project_rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;

TEST(ProjectRatesTest, EachProjectHasItsOwn) {
  FakeClock clock;
  const ProjectRates rates(10, clock);
  const auto taken = [&](std::string_view project) {
    int count = 0;
    while (rates.Take(project)) ++count;
    return count;
  };
  EXPECT_EQ(taken("a"), 10);
  EXPECT_EQ(taken("b"), 10);
  EXPECT_EQ(taken("a"), 0);
  clock.Advance(absl::Milliseconds(500));
  EXPECT_EQ(taken("a"), 5);
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(taken("a"), 10);
}

TEST(ProjectRatesTest, NoLimitIsNone) {
  FakeClock clock;
  const ProjectRates rates(0, clock);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(rates.Take("a"));
}

// The clinic, and a member of another project.
class ProjectRateTest : public ::testing::Test {
 protected:
  ProjectRateTest() {
    f_.lookup.Put(testing::Json(
        "{'resourceType':'ProjectMembership','id':'other','meta':{'project':"
        "'$OTHER_PROJECT'},'project':{'reference':'Project/$OTHER_PROJECT'},"
        "'user':{'reference':'User/o'},'profile':{'reference':"
        "'Practitioner/$PRACTITIONER'},'accessPolicy':{'reference':"
        "'AccessPolicy/policy'}}"));
  }

  absl::Status Check(std::string_view member, CallAttempt attempt = {}) {
    auto request = Proto<v1::CheckRequest>(kReadPatient);
    request.mutable_subject()->set_reference(
        StrCat("ProjectMembership/", member));
    v1::CheckResponse response;
    return f_.service.Check(attempt, request, response).status;
  }

  Fixture f_{policy::Mode::kStrict, {.project_questions_per_second = 3}};
};

TEST_F(ProjectRateTest, TheFloodOfOneLeavesTheOthersAnswersAlone) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Check("member").ok());
  for (int i = 0; i < 100; ++i) {
    const absl::Status refused = Check("member");
    EXPECT_TRUE(absl::IsResourceExhausted(refused));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("try again"));
  }
  EXPECT_EQ(f_.metrics.rejections(Rejection::kProjectRate), 100u);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Check("other").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Check("other")));
  f_.clock.Advance(absl::Seconds(1));
  EXPECT_TRUE(Check("member").ok());
}

TEST_F(ProjectRateTest, EveryItemOfABatchCountsAndSaysSo) {
  v1::BatchCheckRequest request;
  for (int i = 0; i < 5; ++i) {
    auto& item = *request.add_items();
    item = Proto<v1::BatchCheckItem>(kReadPatient);
  }
  v1::BatchCheckResponse response;
  EXPECT_TRUE(f_.service.BatchCheck({}, request, response).status.ok());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(response.results(i).has_decision(), i < 3);
    if (i >= 3) {
      EXPECT_EQ(response.results(i).error().code(),
                static_cast<int>(absl::StatusCode::kResourceExhausted));
    }
  }
}

TEST_F(ProjectRateTest, ACallThatIsMadeAgainCountsOnce) {
  CallAttempt again;
  again.is_first = false;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Check("member", again).ok());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Check("member").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Check("member")));
}

}  // namespace
}  // namespace pdp::service
