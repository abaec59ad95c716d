// The new enemy: a policy was edited, the decision point does not know it yet,
// and whoever edited it relies on the edit.

#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "pdp/service/server_test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kMember[] = "subject { reference: 'ProjectMembership/member' } ";
constexpr char kReadsPatient[] =
    "interaction: INTERACTION_READ "
    "resource { type: 'Patient' id: '$PATIENT' } ";
constexpr char kSeenEdit[] =
    "consistency { at_least_as_fresh: 'AccessPolicy/policy/_history/p2' } ";

class NewEnemyTest : public ServerTest {
 protected:
  // What Medplum has by now: the member may read Patients no more.
  void LearnOfEdit() {
    f_.lookup.Put(testing::Json(
        "{'resourceType':'AccessPolicy','id':'policy','meta':{'project':"
        "'$PROJECT','versionId':'p2'},'resource':[{'resourceType':"
        "'Observation'}]}"));
    const fhir::ResourceKey policy{"AccessPolicy", "policy"};
    f_.decision_point.Invalidate(8, {&policy, 1});
    f_.data.stored_revision = 8;
  }

  // Runs `call`, whose one fetch ends with `status` after `before`.
  void WithFetch(const std::function<void()>& before,
                 const absl::Status& status,
                 const std::function<void()>& call) {
    std::thread source([&] {
      fetcher_.WaitFor(1);
      before();
      fetcher_.Finish(status);
    });
    call();
    source.join();
  }
  void WithEdit(const std::function<void()>& call) {
    WithFetch([this] { LearnOfEdit(); }, absl::OkStatus(), call);
  }
};

TEST_F(NewEnemyTest, WithoutTheVersionTheOldPolicyPermits) {
  Start();
  v1::CheckResponse response;
  ASSERT_TRUE(Check(StrCat(kMember, kReadsPatient), response).ok());
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_PERMIT);
}

TEST_F(NewEnemyTest, WithTheVersionTheEditIsReadFirst) {
  Start();
  v1::CheckResponse response;
  ASSERT_TRUE(Check(StrCat(kMember, kReadsPatient), response).ok());
  WithEdit([&] {
    ASSERT_TRUE(
        Check(StrCat(kMember, kReadsPatient, kSeenEdit), response).ok());
  });
  EXPECT_EQ(response.decision().reason(), v1::REASON_INTERACTION_NOT_GRANTED);
  EXPECT_EQ(response.decision().revision(), 8u);
  EXPECT_EQ(fetcher_.keys(),
            (std::vector<fhir::ResourceKey>{{"AccessPolicy", "policy"}}));
  EXPECT_EQ(fetcher_.project(), testing::kProject);
  // Held by now.
  ASSERT_TRUE(Check(StrCat(kMember, kReadsPatient, kSeenEdit), response).ok());
}

// Somebody edited it again since.
TEST_F(NewEnemyTest, AVersionThatTheSourceNoLongerHasIsOvertaken) {
  Start();
  v1::CheckResponse response;
  WithEdit([&] {
    ASSERT_TRUE(Check(StrCat(kMember, kReadsPatient,
                             "consistency { at_least_as_fresh: "
                             "'AccessPolicy/policy/_history/p1-5' } "),
                      response)
                    .ok());
  });
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_DENY);
}

TEST_F(NewEnemyTest, WhatCannotBeReadIsNoDecision) {
  Start();
  v1::CheckResponse response;
  grpc::Status status;
  WithFetch([] {}, absl::UnavailableError("the source is away"),
            [&] {
              status =
                  Check(StrCat(kMember, kReadsPatient, kSeenEdit), response);
            });
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(),
              StartsWith("STALE: AccessPolicy/policy/_history/p2 "));
  EXPECT_EQ(f_.metrics.refusals(Refusal::kStale), 1u);
}

// A look-up sees it before what was derived from the old one is forgotten.
TEST_F(NewEnemyTest, AVersionThatIsStoredButNotYetInForceIsNotKnown) {
  Start();
  f_.data.stored_revision = 8;
  v1::CheckResponse response;
  WithEdit([&] {
    ASSERT_TRUE(Check(StrCat(kMember, kReadsPatient,
                             "consistency { at_least_as_fresh: "
                             "'AccessPolicy/policy/_history/p1' } "),
                      response)
                    .ok());
  });
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_DENY);
}

TEST_F(NewEnemyTest, ABatchReadsTheEditFirst) {
  Start();
  v1::BatchCheckResponse response;
  WithEdit([&] {
    grpc::ClientContext context;
    SetDeadline(context);
    ASSERT_TRUE(
        stub_
            ->BatchCheck(&context,
                         Proto<v1::BatchCheckRequest>(StrCat(
                             kMember, kSeenEdit, "items { ", kReadsPatient,
                             "} items { ", kReadsPatient, "}")),
                         &response)
            .ok());
  });
  ASSERT_EQ(response.results_size(), 2);
  for (const v1::BatchCheckResult& result : response.results()) {
    EXPECT_EQ(result.decision().effect(), v1::EFFECT_DENY);
  }
  EXPECT_EQ(fetcher_.project(), testing::kProject);
}

TEST_F(NewEnemyTest, AStreamReadsTheEditFirst) {
  Start();
  v1::CheckStreamResponse response;
  WithEdit([&] {
    grpc::ClientContext context;
    SetDeadline(context);
    auto stream = stub_->CheckStream(&context);
    v1::CheckStreamRequest request;
    *request.mutable_check() =
        Proto<v1::CheckRequest>(StrCat(kMember, kReadsPatient, kSeenEdit));
    stream->Write(request);
    ASSERT_TRUE(stream->Read(&response));
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  });
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_DENY);
}

TEST_F(NewEnemyTest, AFilterReadsTheEditFirst) {
  Start();
  v1::FilterResponse response;
  WithEdit([&] {
    grpc::ClientContext context;
    SetDeadline(context);
    ASSERT_TRUE(
        stub_
            ->Filter(&context,
                     Proto<v1::FilterRequest>(StrCat(
                         kMember, kSeenEdit, "resource_type: 'Patient'")),
                     &response)
            .ok());
  });
  EXPECT_EQ(response.kind(), v1::FILTER_KIND_ALWAYS_DENIED);
}

TEST_F(NewEnemyTest, ADescriptionReadsTheEditFirst) {
  Start();
  v1::DescribeAccessResponse response;
  WithEdit([&] {
    grpc::ClientContext context;
    SetDeadline(context);
    ASSERT_TRUE(stub_
                    ->DescribeAccess(&context,
                                     Proto<v1::DescribeAccessRequest>(
                                         StrCat(kMember, kSeenEdit)),
                                     &response)
                    .ok());
  });
  EXPECT_THAT(response.effective_policy(), HasSubstr("Observation"));
}

}  // namespace
}  // namespace pdp::service
