// Every method of the client, against a pdpd that serves the sample clinic at
// $PDP_TARGET (live_test.py starts it).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>
#include <string>

#include "medplum_pdp/check_stream.h"
#include "medplum_pdp/client.h"
#include "medplum_pdp/hidden_fields.h"
#include "medplum_pdp/revision_watch.h"

namespace medplum_pdp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kAda[] =
    "ProjectMembership/13000001-0000-4000-8000-000000000020";
constexpr char kRiskScore[] =
    "ProjectMembership/13000001-0000-4000-8000-000000000030";
constexpr char kNobody[] =
    "ProjectMembership/13000001-0000-4000-8000-00000000dead";
constexpr char kNorth[] = "20000001-0000-4000-8000-000000000001";
constexpr char kSouth[] = "20000002-0000-4000-8000-000000000001";

class SampleClinicTest : public testing::Test {
 protected:
  SampleClinicTest()
      : client_(*Client::Create({.target = std::getenv("PDP_TARGET"),
                                 .plaintext = true,
                                 .timeout = absl::Seconds(30)})) {}

  static v1::CheckRequest Read(const char* member, const char* patient) {
    v1::CheckRequest request;
    request.mutable_subject()->set_reference(member);
    request.set_interaction(v1::INTERACTION_READ);
    request.mutable_resource()->set_type("Patient");
    request.mutable_resource()->set_id(patient);
    return request;
  }

  // The patients of both clinics.
  static std::string Patients() {
    std::ifstream file(
        "docs/security/access-policies/sample-clinic/one-project/"
        "patients.json");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  const std::unique_ptr<Client> client_;
};

TEST_F(SampleClinicTest, Checks) {
  EXPECT_TRUE(client_->Check(Read(kAda, kNorth)).permitted());
  const Decision denied = client_->Check(Read(kAda, kSouth));
  EXPECT_TRUE(denied.denied());
  EXPECT_THAT(DenialBody(denied), HasSubstr(denied.decision_id()));
  EXPECT_TRUE(
      absl::IsPermissionDenied(client_->RequireCheck(Read(kAda, kSouth))));
  EXPECT_TRUE(
      absl::IsUnauthenticated(client_->RequireCheck(Read(kNobody, kNorth))));
}

TEST_F(SampleClinicTest, ObligationsAreHonored) {
  const Decision decision = client_->Check(Read(kRiskScore, kNorth));
  EXPECT_FALSE(decision.permitted());
  EXPECT_TRUE(decision.permitted_if({Obligation::kHiddenFields}));
  EXPECT_THAT(*RemoveHiddenFields(
                  R"({"resourceType":"Patient","name":[{"family":"F"}],)"
                  R"("birthDate":"1984-06-11"})",
                  decision),
              R"({"resourceType":"Patient","birthDate":"1984-06-11"})");
}

TEST_F(SampleClinicTest, ChecksMany) {
  v1::BatchCheckRequest request;
  request.mutable_subject()->set_reference(kAda);
  request.add_resources()->CopyFrom(Read(kAda, kNorth).resource());
  request.add_resources()->CopyFrom(Read(kAda, kSouth).resource());
  // More than the server takes at once; the last refers to no resource.
  for (uint32_t i = 0; i < 1'500; ++i) {
    v1::BatchCheckItem& item = *request.add_items();
    item.set_interaction(v1::INTERACTION_READ);
    item.set_resource_index(i < 1'499 ? i % 2 : 2);
  }
  const std::vector<Decision> decisions = client_->CheckMany(request);
  ASSERT_EQ(decisions.size(), 1'500u);
  for (size_t i = 0; i < 1'499; ++i) {
    ASSERT_EQ(decisions[i].permitted(), i % 2 == 0) << i;
    ASSERT_EQ(decisions[i].denied(), i % 2 == 1) << i;
  }
  EXPECT_TRUE(decisions[1'499].no_decision());
}

TEST_F(SampleClinicTest, ChecksByStream) {
  const auto stream = client_->OpenCheckStream();
  std::vector<std::future<Decision>> decisions;
  for (int i = 0; i < 100; ++i) {
    const auto answer = std::make_shared<std::promise<Decision>>();
    decisions.push_back(answer->get_future());
    stream->Check(Read(kAda, i % 2 == 0 ? kNorth : kSouth),
                  [answer](Decision d) { answer->set_value(std::move(d)); });
  }
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(decisions[i].get().permitted(), i % 2 == 0) << i;
  }
}

TEST_F(SampleClinicTest, Filters) {
  v1::FilterRequest request;
  request.mutable_subject()->set_reference(kAda);
  request.set_resource_type("Patient");
  const auto answer = client_->Filter(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(Require(*answer).ok());
  EXPECT_THAT(answer->queries(0), StartsWith("Patient?"));
  request.set_resource_type("AccessPolicy");
  const auto denied = client_->Filter(request);
  ASSERT_TRUE(denied.ok()) << denied.status();
  EXPECT_TRUE(absl::IsPermissionDenied(Require(*denied)));
}

TEST_F(SampleClinicTest, FiltersResources) {
  v1::FilterResourcesHeader header;
  header.mutable_subject()->set_reference(kRiskScore);
  header.set_interaction(v1::INTERACTION_READ);
  const auto result = client_->FilterBundle(header, Patients());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->summary.permitted(), 0u);
  EXPECT_GT(result->summary.denied(), 0u);
  for (const v1::FilteredResource& resource : result->resources) {
    EXPECT_THAT(resource.resource(), Not(HasSubstr("family")));
  }
  const std::string first = result->resources[0].resource();
  const std::vector<std::string> one = {first};
  EXPECT_TRUE(client_->FilterResources(header, one).ok());
  const std::vector<std::string> broken = {first, "{"};
  EXPECT_FALSE(client_->FilterResources(header, broken).ok());
}

TEST_F(SampleClinicTest, ExplainsAndDescribes) {
  v1::ExplainRequest explain;
  *explain.mutable_check() = Read(kAda, kSouth);
  const auto explanation = client_->Explain(explain);
  ASSERT_TRUE(explanation.ok()) << explanation.status();
  EXPECT_FALSE(explanation->summary().empty());
  v1::DescribeAccessRequest describe;
  describe.mutable_subject()->set_reference(kAda);
  const auto access = client_->DescribeAccess(describe);
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ(access->membership(), kAda);
}

TEST_F(SampleClinicTest, RecordsWhatWasDone) {
  v1::RecordAccessRequest request;
  request.set_decision_id(client_->Check(Read(kAda, kNorth)).decision_id());
  request.set_event("viewed");
  request.set_success(true);
  EXPECT_TRUE(client_->RecordAccess(request).ok())
      << client_->RecordAccess(request);
  request.set_event("no such event");
  EXPECT_TRUE(absl::IsInvalidArgument(client_->RecordAccess(request)));
}

TEST_F(SampleClinicTest, Watches) {
  std::promise<uint64_t> began;
  const auto watch = client_->WatchRevisions(
      {.memberships = {kAda},
       .on_change = [&](const v1::WatchRevisionsResponse& message) {
         if (message.all_changed()) began.set_value(message.revision());
       }});
  EXPECT_GT(began.get_future().get(), 0u);
}

}  // namespace
}  // namespace medplum_pdp
