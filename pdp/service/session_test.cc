// Session rules in every call: each judges them, and none of their answers
// outlives the session.

#include <gtest/gtest.h>

#include <string>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/resource_filter.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

constexpr int64_t kNow = 1'700'000'000;

class SessionTest : public ::testing::Test {
 protected:
  SessionTest()
      : lookup_(ReadersClinic()),
        decision_point_(
            lookup_,
            {.session_rules = {{"", {.idle_timeout = absl::Minutes(30)}}},
             .clock = &clock_}),
        service_(decision_point_, lookup_, data_, metrics_,
                 Fixture::With({}, clock_)) {}

  // The reasons of all calls, under a last activity so long ago.
  std::string Reasons(int64_t idle_seconds) {
    v1::Context context;
    context.mutable_session()->mutable_last_activity_at()->set_seconds(
        kNow - idle_seconds);
    const auto subject =
        Proto<v1::Subject>("reference: 'ProjectMembership/member'");
    std::string reasons;
    valid_until_.clear();
    const auto add = [&](int reason, bool has_time, int64_t seconds) {
      reasons += StrCat(v1::Reason_Name(static_cast<v1::Reason>(reason)), " ");
      if (has_time) valid_until_.push_back(seconds - kNow);
    };
    const auto add_decision = [&](const v1::Decision& decision) {
      add(decision.reason(), decision.has_valid_until(),
          decision.valid_until().seconds());
    };

    auto check = Proto<v1::CheckRequest>(kReadPatient);
    *check.mutable_context() = context;
    v1::CheckResponse checked;
    EXPECT_TRUE(service_.Check({}, check, checked).status.ok());
    add_decision(checked.decision());

    v1::CheckStreamRequest streamed;
    *streamed.mutable_check() = check;
    v1::CheckStreamResponse stream;
    EXPECT_TRUE(service_.CheckStream({}, streamed, stream).status.ok());
    add_decision(stream.decision());

    v1::BatchCheckRequest batch;
    *batch.mutable_subject() = subject;
    *batch.mutable_context() = context;
    v1::BatchCheckItem& item = *batch.add_items();
    item.set_interaction(v1::INTERACTION_READ);
    *item.mutable_resource() = check.resource();
    v1::BatchCheckResponse batched;
    EXPECT_TRUE(service_.BatchCheck({}, batch, batched).status.ok());
    add_decision(batched.results(0).decision());

    v1::FilterRequest filter;
    *filter.mutable_subject() = subject;
    *filter.mutable_context() = context;
    filter.set_resource_type("Patient");
    v1::FilterResponse filtered;
    EXPECT_TRUE(service_.Filter({}, filter, filtered).status.ok());
    add(filtered.reason(), filtered.has_valid_until(),
        filtered.valid_until().seconds());

    v1::FilterResourcesRequest header;
    *header.mutable_header()->mutable_subject() = subject;
    *header.mutable_header()->mutable_context() = context;
    header.mutable_header()->set_interaction(v1::INTERACTION_READ);
    ResourceFilter resources(service_);
    EXPECT_TRUE(resources.Take(header).ok());
    v1::FilterResourcesResponse response;
    bool is_permitted = false;
    EXPECT_TRUE(resources.Next({}, response, is_permitted).status.ok());
    EXPECT_TRUE(resources.Finish({}, response).ok());
    add(response.summary().reason(), response.summary().has_valid_until(),
        response.summary().valid_until().seconds());

    v1::DescribeAccessRequest describe;
    *describe.mutable_subject() = subject;
    *describe.mutable_context() = context;
    v1::DescribeAccessResponse described;
    EXPECT_TRUE(service_.DescribeAccess({}, describe, described).status.ok());
    add(described.reason(), false, 0);
    return reasons;
  }

  FakeClock clock_;
  FakeData data_{clock_};
  Metrics metrics_;
  PendingLookup lookup_;
  policy::DecisionPoint decision_point_;
  DecisionService service_;
  std::vector<int64_t> valid_until_;  // From now, in seconds.
};

std::string SixTimes(std::string_view reason) {
  std::string reasons;
  for (int i = 0; i < 6; ++i) reasons += StrCat(reason, " ");
  return reasons;
}

TEST_F(SessionTest, EveryCallJudgesIt) {
  EXPECT_EQ(Reasons(60), SixTimes("REASON_PERMITTED"));
  EXPECT_EQ(Reasons(30 * 60), SixTimes("REASON_SESSION_EXPIRED"));
  EXPECT_EQ(Reasons(-61), SixTimes("REASON_SESSION_FACT_MISSING"));
}

TEST_F(SessionTest, NoAnswerOutlivesIt) {
  Reasons(60);
  EXPECT_EQ(valid_until_, std::vector<int64_t>(5, 10));
  Reasons(30 * 60 - 4);
  EXPECT_EQ(valid_until_, std::vector<int64_t>(5, 4));
}

TEST_F(SessionTest, ItIsThatOfWhoActsOnAnothersBehalf) {
  const auto live = [](std::string_view more, std::string_view id,
                       std::string_view user) {
    return testing::Json(
        StrCat("{'resourceType':'ProjectMembership','id':'", id,
               "','meta':{'project':'$PROJECT'},'project':{'reference':"
               "'Project/$PROJECT'},'user':{'reference':'",
               user, "'},'profile':{'reference':'Practitioner/$PRACTITIONER'}",
               more, "}"));
  };
  const std::string target = "70000000-0000-4000-8000-000000000001";
  for (const char* caller : {"User/u", "ClientApplication/c"}) {
    std::vector<fhir::ResourcePtr> resources = ReadersClinic();
    resources.push_back(testing::Json(
        "{'resourceType':'Practitioner','id':'$PRACTITIONER','meta':{"
        "'project':'$PROJECT'}}"));
    resources.push_back(live(",'admin':true", "admin", caller));
    resources.push_back(
        live(",'accessPolicy':{'reference':'AccessPolicy/policy'}", target,
             "User/other"));
    const fhir::MemoryLookup lookup(std::move(resources), {});
    const policy::DecisionPoint decision_point(
        lookup, {.session_rules = {{"", {.idle_timeout = absl::Minutes(30)}}},
                 .clock = &clock_});
    policy::AccessRequest request;
    request.subject.reference = "ProjectMembership/admin";
    const std::string on_behalf_of = "ProjectMembership/" + target;
    request.context.on_behalf_of = on_behalf_of;
    request.interaction = fhir::Interaction::kRead;
    request.resource.current = testing::Json(
        "{'resourceType':'Patient','id':'p','meta':{'project':'$PROJECT'}}");
    policy::Decision decision;
    ASSERT_TRUE(decision_point.Decide(request, decision).decided());
    const bool is_person = std::string_view(caller).starts_with("User/");
    EXPECT_EQ(decision.reason, is_person ? policy::Reason::kSessionFactMissing
                                         : policy::Reason::kPermitted)
        << decision.message;
    request.context.session.last_activity_at = clock_.Now();
    ASSERT_TRUE(decision_point.Decide(request, decision).decided());
    EXPECT_TRUE(decision.permitted()) << decision.message;
  }
}

}  // namespace
}  // namespace pdp::service
