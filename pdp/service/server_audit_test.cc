// Answers leave when they are recorded: over gRPC.

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <vector>

#include "pdp/service/server_test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kFilterHeader =
    "header { subject { reference: 'ProjectMembership/member' } "
    "interaction: INTERACTION_READ }";

class ServerAuditTest : public ServerTest {
 protected:
  void StartWith(AuditMode mode, size_t threads = 1) {
    audit_ = {.mode = mode, .journal = &journal_};
    Start({"127.0.0.1:0"}, threads);
  }

  grpc::StatusCode CheckNow() {
    v1::CheckResponse response;
    return Check(kReadPatient, response).error_code();
  }

  grpc::Status Batch(v1::BatchCheckResponse& response) {
    grpc::ClientContext context;
    SetDeadline(context);
    return stub_->BatchCheck(
        &context,
        Proto<v1::BatchCheckRequest>(
            "subject { reference: 'ProjectMembership/member' } "
            "items { interaction: INTERACTION_READ "
            "resource { type: 'Patient' id: '$PATIENT' } }"),
        &response);
  }

  grpc::Status FilterNow(v1::FilterResponse& response) {
    grpc::ClientContext context;
    SetDeadline(context);
    return stub_->Filter(
        &context,
        Proto<v1::FilterRequest>(
            "subject { reference: 'ProjectMembership/member' } "
            "resource_type: 'Patient'"),
        &response);
  }

  // The answers to `count` requests of one stream.
  std::vector<v1::CheckStreamResponse> Stream(int count) {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = stub_->CheckStream(&context);
    for (int i = 0; i < count; ++i) {
      v1::CheckStreamRequest request;
      request.set_id(static_cast<uint64_t>(i));
      *request.mutable_check() = Proto<v1::CheckRequest>(kReadPatient);
      stream->Write(request);
    }
    stream->WritesDone();
    std::vector<v1::CheckStreamResponse> responses;
    v1::CheckStreamResponse response;
    while (stream->Read(&response)) responses.push_back(response);
    stream_status_ = stream->Finish();
    return responses;
  }

  // What comes of one Patient.
  std::vector<v1::FilterResourcesResponse> FilterResources() {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = stub_->FilterResources(&context);
    stream->Write(Proto<v1::FilterResourcesRequest>(kFilterHeader));
    v1::FilterResourcesRequest request;
    request.set_resource(
        testing::Expand("{'resourceType':'Patient','id':'$PATIENT','meta':{"
                        "'project':'$PROJECT'}}"));
    stream->Write(request);
    stream->WritesDone();
    std::vector<v1::FilterResourcesResponse> responses;
    v1::FilterResourcesResponse response;
    while (stream->Read(&response)) responses.push_back(response);
    stream_status_ = stream->Finish();
    return responses;
  }

  grpc::Status Simulate() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SimulateRequest request;
    *request.add_checks() = Proto<v1::CheckRequest>(kReadPatient);
    v1::SimulateResponse response;
    return stub_->Simulate(&context, request, &response);
  }

  grpc::Status RecordViewed() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::RecordAccessRequest request;
    request.set_decision_id("018bcfe5-6800-7000-8000-000000000001");
    request.set_event("viewed");
    v1::RecordAccessResponse response;
    return stub_->RecordAccess(&context, request, &response);
  }

  grpc::Status Block() {
    grpc::ClientContext context;
    SetDeadline(context);
    auto request = Proto<v1::BlockRequest>(
        "block { target: 'ProjectMembership/member' reason: 'left' }");
    request.mutable_block()->mutable_until()->set_seconds(
        absl::ToUnixSeconds(absl::Now() + absl::Hours(1)));
    v1::BlockResponse response;
    return admin_stub_->Block(&context, request, &response);
  }
  grpc::Status Unblock() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::UnblockRequest request;
    request.set_target("ProjectMembership/member");
    v1::UnblockResponse response;
    return admin_stub_->Unblock(&context, request, &response);
  }

  grpc::Status stream_status_;
};

TEST_F(ServerAuditTest, EveryDecisionThatIsAnsweredIsInTheLog) {
  StartWith(AuditMode::kRequired);
  v1::CheckResponse check;
  ASSERT_TRUE(Check(kReadPatient, check).ok());
  EXPECT_EQ(journal_.Count({check.decision().decision_id()}), 1u);
  v1::BatchCheckResponse batch;
  ASSERT_TRUE(Batch(batch).ok());
  EXPECT_EQ(journal_.Count({batch.results(0).decision().decision_id()}), 1u);
  v1::FilterResponse filter;
  ASSERT_TRUE(FilterNow(filter).ok());
  EXPECT_EQ(journal_.Count({filter.decision_id()}), 1u);
  // More than may wait to be written to the client.
  const auto stream = Stream(200);
  ASSERT_EQ(stream.size(), 200u);
  for (size_t i = 0; i < stream.size(); ++i) {
    EXPECT_EQ(stream[i].id(), i);
    EXPECT_EQ(journal_.Count({stream[i].decision().decision_id()}), 1u);
  }
  const auto resources = FilterResources();
  ASSERT_EQ(resources.size(), 2u);
  EXPECT_TRUE(resources[0].has_resource());
  EXPECT_EQ(journal_.Count({resources[1].summary().decision_id()}), 2u);
  EXPECT_TRUE(Simulate().ok());
  EXPECT_EQ(journal_.Count({R"("method":"Simulate")"}), 2u);
  EXPECT_TRUE(RecordViewed().ok());
  EXPECT_EQ(journal_.Count({R"("kind":"access")"}), 1u);
  EXPECT_TRUE(Block().ok());
  EXPECT_TRUE(Unblock().ok());
  EXPECT_EQ(journal_.Count({R"("method":"Block")", R"("success":true)",
                            R"("event":"ProjectMembership/member")"}),
            1u);
  // That it was about to be tried, and that it was done.
  EXPECT_EQ(journal_.Count({R"("method":"Unblock")"}), 2u);
}

TEST_F(ServerAuditTest, RequiredAnswersNothingThatCannotBeRecorded) {
  StartWith(AuditMode::kRequired);
  const struct {
    absl::Status fault;
    grpc::StatusCode code;
    const char* reason;
  } kCases[] = {
      {absl::ResourceExhaustedError("no room"),
       grpc::StatusCode::RESOURCE_EXHAUSTED, "AUDIT_FULL: "},
      {absl::UnavailableError("fault"), grpc::StatusCode::UNAVAILABLE,
       "AUDIT_UNAVAILABLE: "},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.reason);
    journal_.Fail(test.fault);
    v1::CheckResponse check;
    const grpc::Status status = Check(kReadPatient, check);
    EXPECT_EQ(status.error_code(), test.code);
    EXPECT_THAT(status.error_message(), StartsWith(test.reason));
    EXPECT_FALSE(check.has_decision());
    v1::BatchCheckResponse batch;
    EXPECT_EQ(Batch(batch).error_code(), test.code);
    EXPECT_EQ(batch.results_size(), 0);
    v1::FilterResponse filter;
    EXPECT_EQ(FilterNow(filter).error_code(), test.code);
    EXPECT_EQ(filter.queries_size(), 0);
    EXPECT_EQ(Simulate().error_code(), test.code);
    EXPECT_EQ(RecordViewed().error_code(), test.code);
    // An error of each request; the stream goes on.
    const auto stream = Stream(100);
    EXPECT_TRUE(stream_status_.ok());
    ASSERT_EQ(stream.size(), 100u);
    for (size_t i = 0; i < stream.size(); ++i) {
      EXPECT_EQ(stream[i].id(), i);
      EXPECT_FALSE(stream[i].has_decision());
      EXPECT_EQ(stream[i].error().code(), test.code);
    }
    EXPECT_TRUE(FilterResources().empty());
    EXPECT_EQ(stream_status_.error_code(), test.code);
    // What only takes away is done all the same; what gives is not.
    EXPECT_TRUE(Block().ok());
    EXPECT_EQ(Unblock().error_code(), test.code);
    EXPECT_EQ(blocks_.InForce().size(), 1u);
    journal_.Fail(absl::OkStatus());
    EXPECT_TRUE(Unblock().ok());
    EXPECT_EQ(CheckNow(), grpc::StatusCode::OK);
  }
  EXPECT_GT(f_.metrics.audit_failures(AuditFailure::kNoRoom), 8u);
  EXPECT_GT(f_.metrics.audit_failures(AuditFailure::kFault), 8u);
  EXPECT_EQ(f_.metrics.audit_records(), journal_.lines().size());
}

TEST_F(ServerAuditTest, BestEffortAnswersAndCountsWhatIsLost) {
  StartWith(AuditMode::kBestEffort);
  journal_.Fail(absl::UnavailableError("fault"));
  EXPECT_EQ(CheckNow(), grpc::StatusCode::OK);
  const auto stream = Stream(3);
  ASSERT_EQ(stream.size(), 3u);
  EXPECT_TRUE(stream[2].has_decision());
  EXPECT_TRUE(Simulate().ok());
  EXPECT_TRUE(Block().ok());
  EXPECT_TRUE(Unblock().ok());
  // Its only purpose is the record.
  EXPECT_EQ(RecordViewed().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(journal_.lines().size(), 0u);
  // A check, three of the stream, two of the simulation, three of the
  // administrator's, and that of RecordAccess.
  EXPECT_EQ(f_.metrics.audit_dropped(), 10u);
}

TEST_F(ServerAuditTest, OffWritesNothing) {
  Start();
  EXPECT_EQ(CheckNow(), grpc::StatusCode::OK);
  const grpc::Status status = RecordViewed();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("audit-mode off"));
  EXPECT_EQ(journal_.writes(), 0u);
}

// While the one thread waits in the first write, the others come in.
TEST_F(ServerAuditTest, CallsThatAreReadyTogetherShareAWrite) {
  StartWith(AuditMode::kRequired);
  constexpr int kCalls = 400;
  grpc::CompletionQueue queue;
  struct Call {
    grpc::ClientContext context;
    v1::CheckResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::CheckResponse>> reader;
  };
  std::vector<Call> calls(kCalls);
  const auto request = Proto<v1::CheckRequest>(kReadPatient);
  for (Call& call : calls) {
    SetDeadline(call.context);
    call.reader = stub_->AsyncCheck(&call.context, request, &queue);
    call.reader->Finish(&call.response, &call.status, &call);
  }
  for (int i = 0; i < kCalls; ++i) {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    const Call& call = *static_cast<Call*>(tag);
    ASSERT_TRUE(call.status.ok()) << call.status.error_message();
    EXPECT_EQ(journal_.Count({call.response.decision().decision_id()}), 1u);
  }
  EXPECT_EQ(journal_.lines().size(), static_cast<size_t>(kCalls));
  EXPECT_LT(journal_.writes(), static_cast<size_t>(kCalls));
}

// Streams are ended while their answers are held.
TEST_F(ServerAuditTest, ClientsThatGoAwayLeaveNothingBehind) {
  StartWith(AuditMode::kRequired, /*threads=*/2);
  for (int round = 0; round < 20; ++round) {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = stub_->CheckStream(&context);
    for (int i = 0; i < 50; ++i) {
      v1::CheckStreamRequest request;
      *request.mutable_check() = Proto<v1::CheckRequest>(kReadPatient);
      if (!stream->Write(request)) break;
    }
    v1::CheckStreamResponse response;
    ASSERT_TRUE(stream->Read(&response));
    context.TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  EXPECT_EQ(CheckNow(), grpc::StatusCode::OK);
  server_->Drain(absl::Now() + absl::Seconds(30));
}

}  // namespace
}  // namespace pdp::service
