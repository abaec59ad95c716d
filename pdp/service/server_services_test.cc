// What a server offers beside decisions: administration, health, reflection.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "pdp/service/server_test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST_F(ServerTest, AdminLintsPolicies) {
  Start();
  grpc::ClientContext context;
  v1::LintPoliciesResponse response;
  const grpc::Status status = admin_stub_->LintPolicies(
      &context, Proto<v1::LintPoliciesRequest>("project: '$PROJECT'"),
      &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.findings_size(), 1) << response.DebugString();
  EXPECT_EQ(response.findings(0).rule(), "grant-whole-type");
  EXPECT_EQ(response.findings(0).severity(), v1::SEVERITY_INFO);
  EXPECT_EQ(response.findings(0).policy(), "AccessPolicy/policy");
  EXPECT_EQ(response.findings(0).path(), "resource[0]");
}

TEST_F(ServerTest, AdminListsMembershipsPageByPage) {
  Start();
  std::vector<std::string> listed;
  v1::ListMembershipsRequest request;
  request.set_page_size(1);
  do {
    grpc::ClientContext context;
    v1::ListMembershipsResponse response;
    const grpc::Status status =
        admin_stub_->ListMemberships(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.memberships_size(), 1);
    const v1::MembershipSummary& membership = response.memberships(0);
    EXPECT_EQ(membership.problem(), "");
    listed.push_back(membership.membership());
    if (membership.membership() == "ProjectMembership/member") {
      EXPECT_TRUE(membership.active());
      EXPECT_THAT(membership.policies(),
                  UnorderedElementsAre("AccessPolicy/policy"));
      EXPECT_NE(membership.profile(), "");
      EXPECT_NE(membership.project(), "");
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(listed, ::testing::Contains("ProjectMembership/member"));

  // All at once are the same.
  grpc::ClientContext context;
  v1::ListMembershipsResponse response;
  ASSERT_TRUE(admin_stub_->ListMemberships(&context, {}, &response).ok());
  EXPECT_EQ(response.next_page_token(), "");
  ASSERT_EQ(static_cast<size_t>(response.memberships_size()), listed.size());

  grpc::ClientContext other;
  ASSERT_TRUE(admin_stub_
                  ->ListMemberships(
                      &other,
                      Proto<v1::ListMembershipsRequest>("project: 'another'"),
                      &response)
                  .ok());
  EXPECT_EQ(response.memberships_size(), 0);
}

TEST_F(ServerTest, DescribesAccess) {
  Start();
  grpc::ClientContext context;
  v1::DescribeAccessResponse response;
  const grpc::Status status = stub_->DescribeAccess(
      &context,
      Proto<v1::DescribeAccessRequest>(
          "subject { reference: 'ProjectMembership/member' } "
          "consistency { fully_fresh: true }"),
      &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.membership(), "ProjectMembership/member");
}

TEST_F(ServerTest, AdminSaysHowItStands) {
  Start();
  grpc::ClientContext context;
  v1::GetStatusResponse status;
  ASSERT_TRUE(admin_stub_->GetStatus(&context, {}, &status).ok());
  EXPECT_EQ(status.mode(), v1::MODE_STRICT);
  EXPECT_EQ(status.parameter_semantics(), v1::PARAMETER_SEMANTICS_DOCUMENTED);
  EXPECT_TRUE(status.ready());
  EXPECT_EQ(status.revision(), 7u);
  EXPECT_EQ(status.medplum_version(), "5.1.29");
  ASSERT_EQ(status.sources_size(), 1);
  EXPECT_EQ(status.sources(0).name(), "directory:clinic");
  EXPECT_EQ(status.sources(0).fresh_as_of().seconds(), 1'700'000'000);
  EXPECT_EQ(status.sources(0).last_error(), "clinic/a.json:3:1: not JSON");
  EXPECT_EQ(status.store().memberships(), 1u);
}

TEST_F(ServerTest, AdminSaysHowFeedsStand) {
  const absl::Time then = absl::FromUnixSeconds(1'700'000'000);
  f_.admin.source.server_version = "5.1.29";
  f_.admin.source.server_version_checked = true;
  f_.admin.source.feeds = {{.project = "p1",
                            .state = FeedState::kAccessMissing,
                            .message = "Grant this.",
                            .notifications = NotificationState::kDisconnected,
                            .notifications_message = "Turn that on.",
                            .loaded = 9},
                           {.project = "p2",
                            .state = FeedState::kCurrent,
                            .fresh_as_of = then,
                            .bound = absl::Milliseconds(1'500),
                            .notifications = NotificationState::kConnected,
                            .last_notification = then + absl::Seconds(1),
                            .last_sweep = then + absl::Seconds(2),
                            .last_full_sweep = then + absl::Seconds(3),
                            .sweep_interval = absl::Seconds(15),
                            .resources = 5,
                            .notifications_received = 6,
                            .changes_applied = 7,
                            .failures = 8,
                            .last_failure = then + absl::Seconds(4)}};
  Start();
  grpc::ClientContext context;
  v1::GetStatusResponse status;
  ASSERT_TRUE(admin_stub_->GetStatus(&context, {}, &status).ok());
  const v1::SourceStatus& source = status.sources(0);
  EXPECT_EQ(source.server_version(), "5.1.29");
  EXPECT_TRUE(source.server_version_checked());
  ASSERT_EQ(source.feeds_size(), 2);
  EXPECT_EQ(
      source.feeds(0).SerializeAsString(),
      Proto<v1::FeedStatus>("project: 'p1' state: FEED_STATE_ACCESS_MISSING "
                            "message: 'Grant this.' "
                            "notifications: NOTIFICATION_STATE_DISCONNECTED "
                            "notifications_message: 'Turn that on.' "
                            "sweep_interval { } loaded: 9")
          .SerializeAsString());
  EXPECT_EQ(source.feeds(1).SerializeAsString(),
            Proto<v1::FeedStatus>(
                "project: 'p2' state: FEED_STATE_CURRENT "
                "fresh_as_of { seconds: 1700000000 } "
                "bound { seconds: 1 nanos: 500000000 } "
                "notifications: NOTIFICATION_STATE_CONNECTED "
                "last_notification_at { seconds: 1700000001 } "
                "last_sweep_at { seconds: 1700000002 } "
                "last_full_sweep_at { seconds: 1700000003 } "
                "sweep_interval { seconds: 15 } resources: 5 "
                "notifications_received: 6 changes_applied: 7 failures: 8 "
                "last_failure_at { seconds: 1700000004 }")
                .SerializeAsString());
}

TEST_F(ServerTest, AdminOperates) {
  Start();
  grpc::ClientContext contexts[3];
  v1::ResyncResponse resync;
  ASSERT_TRUE(admin_stub_->Resync(&contexts[0], {}, &resync).ok());
  EXPECT_EQ(resync.revision(), 8u);
  EXPECT_EQ(resync.changed(), 3u);

  v1::CheckpointRequest request;
  request.set_name("before-upgrade");
  v1::CheckpointResponse checkpoint;
  ASSERT_TRUE(admin_stub_->Checkpoint(&contexts[1], request, &checkpoint).ok());
  EXPECT_EQ(checkpoint.path(), "checkpoints/before-upgrade");

  request.set_name("../elsewhere");
  const grpc::Status status =
      admin_stub_->Checkpoint(&contexts[2], request, &checkpoint);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(),
            "name: send 1 to 64 letters, digits, `-` or `_`");
}

TEST_F(ServerTest, HealthFollowsServing) {
  using grpc::health::v1::HealthCheckResponse;
  Start();
  const char* const kServices[] = {"", "medplum.pdp.v1.PolicyDecisionPoint",
                                   "medplum.pdp.v1.PdpAdmin"};
  for (const char* const service : kServices) {
    EXPECT_EQ(Health(service), HealthCheckResponse::NOT_SERVING) << service;
  }
  server_->SetServing(true);
  for (const char* const service : kServices) {
    EXPECT_EQ(Health(service), HealthCheckResponse::SERVING) << service;
  }
  server_->SetServing(false);
  EXPECT_EQ(Health(""), HealthCheckResponse::NOT_SERVING);
}

TEST_F(ServerTest, HealthOfAnUnknownServiceIsNotFound) {
  Start();
  const auto stub = grpc::health::v1::Health::NewStub(channel_);
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("medplum.pdp.v2.PolicyDecisionPoint");
  grpc::health::v1::HealthCheckResponse response;
  EXPECT_EQ(stub->Check(&context, request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServerTest, WatchersOfHealthAreTold) {
  using grpc::health::v1::HealthCheckResponse;
  options_.departure = absl::ZeroDuration();
  Start();
  const auto stub = grpc::health::v1::Health::NewStub(channel_);
  grpc::ClientContext context;
  SetDeadline(context);
  const auto watch = stub->Watch(&context, {});
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  server_->SetServing(true);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  auto drained = std::async(std::launch::async, [&] {
    server_->Drain(absl::Now() + absl::Seconds(30));
  });
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  drained.get();
}

TEST_F(ServerTest, WatchersOfHealthAreServedUntilTheyHaveLeft) {
  using grpc::health::v1::HealthCheckResponse;
  options_.departure = absl::Hours(1);
  Start();
  server_->SetServing(true);
  const auto stub = grpc::health::v1::Health::NewStub(channel_);
  grpc::ClientContext context;
  SetDeadline(context);
  const auto watch = stub->Watch(&context, {});
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  auto drained = std::async(std::launch::async, [&] {
    server_->Drain(absl::Now() + absl::Hours(2));
  });
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  v1::CheckResponse answer;
  EXPECT_TRUE(Check(kReadPatient, answer).ok());
  context.TryCancel();
  watch->Finish();
  drained.get();
}

TEST_F(ServerTest, WatchersOfHealthMayLeave) {
  Start();
  const auto stub = grpc::health::v1::Health::NewStub(channel_);
  for (int i = 0; i < 10; ++i) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service("unknown");
    const auto watch = stub->Watch(&context, request);
    grpc::health::v1::HealthCheckResponse response;
    ASSERT_TRUE(watch->Read(&response));
    EXPECT_EQ(response.status(),
              grpc::health::v1::HealthCheckResponse::SERVICE_UNKNOWN);
    context.TryCancel();
    EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  while (f_.metrics.in_flight(Method::kHealthWatch) != 0) {
    std::this_thread::yield();
  }
}

TEST_F(ServerTest, ReflectionDescribesTheServices) {
  using namespace grpc::reflection::v1alpha;
  Start();
  const auto stub = ServerReflection::NewStub(channel_);
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = stub->ServerReflectionInfo(&context);
  ServerReflectionRequest request;
  ServerReflectionResponse response;

  request.set_list_services("");
  ASSERT_TRUE(stream->Write(request) && stream->Read(&response));
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) {
    names.push_back(service.name());
  }
  EXPECT_THAT(names,
              UnorderedElementsAre("grpc.health.v1.Health",
                                   "grpc.reflection.v1alpha.ServerReflection",
                                   "medplum.pdp.v1.PdpAdmin",
                                   "medplum.pdp.v1.PolicyDecisionPoint"));

  request.set_file_containing_symbol("medplum.pdp.v1.PolicyDecisionPoint");
  ASSERT_TRUE(stream->Write(request) && stream->Read(&response));
  std::vector<std::string> files;
  for (const std::string& bytes :
       response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(bytes));
    files.push_back(file.name());
  }
  EXPECT_THAT(files, UnorderedElementsAre("medplum/pdp/v1/decision.proto",
                                          "medplum/pdp/v1/types.proto",
                                          "google/protobuf/timestamp.proto",
                                          "google/protobuf/duration.proto"));

  request.set_file_by_filename("no/such.proto");
  ASSERT_TRUE(stream->Write(request) && stream->Read(&response));
  EXPECT_EQ(response.error_response().error_code(), 5);

  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace pdp::service
