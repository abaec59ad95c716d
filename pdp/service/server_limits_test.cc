// What the server takes at most, over the wire.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pdp/service/server_test_support.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_directory.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;

class ServerLimitsTest : public ServerTest {
 protected:
  // A Check that waits for a fact until the fetcher lets go.
  struct Waiting {
    grpc::ClientContext context;
    v1::CheckResponse response;
    std::promise<grpc::Status> ended;
  };
  std::unique_ptr<Waiting> Wait(std::chrono::milliseconds deadline) {
    auto waiting = std::make_unique<Waiting>();
    waiting->context.set_deadline(std::chrono::system_clock::now() + deadline);
    stub_->async()->Check(&waiting->context, &request_, &waiting->response,
                          [w = waiting.get()](const grpc::Status& status) {
                            w->ended.set_value(status);
                          });
    return waiting;
  }

  uint64_t Rejected(Rejection rejection) const {
    return f_.metrics.rejections(rejection);
  }

  const TempDirectory directory_;
  const fhir::ResourceKey member_{"ProjectMembership", "member"};
  const v1::CheckRequest request_ = Proto<v1::CheckRequest>(kReadPatient);
};

TEST_F(ServerLimitsTest, CallsPastThoseInFlightAreTurnedAwayAtOnce) {
  options_.limits.calls_in_flight = 2;
  f_.lookup.Hold(member_);
  Start();
  const auto first = Wait(std::chrono::seconds(60));
  const auto second = Wait(std::chrono::seconds(60));
  fetcher_.WaitFor(2);
  v1::CheckResponse response;
  const grpc::Status status = Check(kReadPatient, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("too many calls"));
  EXPECT_EQ(Rejected(Rejection::kTooManyCalls), 1u);
  server_->SetServing(true);
  EXPECT_EQ(Health(""), 1);  // Busy is not down.

  f_.lookup.Release(member_);
  fetcher_.Finish(absl::OkStatus());
  EXPECT_TRUE(first->ended.get_future().get().ok());
  EXPECT_TRUE(second->ended.get_future().get().ok());
  EXPECT_TRUE(Eventually([&] { return Check(kReadPatient, response).ok(); }));
}

TEST_F(ServerLimitsTest, ACallThatWaitsIsGivenUpAtItsDeadline) {
  f_.lookup.Hold(member_);
  Start();
  const auto waiting = Wait(std::chrono::milliseconds(1'500));
  fetcher_.WaitFor(1);
  EXPECT_EQ(waiting->ended.get_future().get().error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  // The server's side of it, too, though the fact has not come.
  EXPECT_TRUE(
      Eventually([&] { return f_.metrics.in_flight(Method::kCheck) == 0; }));
  EXPECT_EQ(
      f_.metrics.calls(Method::kCheck, absl::StatusCode::kDeadlineExceeded),
      1u);
  fetcher_.Finish(absl::OkStatus());
}

// Whoever asked has left: what it waits for may never come.
TEST_F(ServerLimitsTest, ACallWhoseCallerHasLeftIsGivenUp) {
  f_.lookup.Hold(member_);
  Start();
  // `start` starts a call.
  const auto leave = [&](Method method, auto start) {
    SCOPED_TRACE(MethodName(method));
    grpc::ClientContext context;
    SetDeadline(context);
    std::promise<grpc::Status> ended;
    start(&context,
          [&](const grpc::Status& status) { ended.set_value(status); });
    fetcher_.WaitFor(1);
    context.TryCancel();
    EXPECT_EQ(ended.get_future().get().error_code(),
              grpc::StatusCode::CANCELLED);
    EXPECT_TRUE(Eventually([&] { return f_.metrics.in_flight(method) == 0; }));
    EXPECT_EQ(f_.metrics.calls(method, absl::StatusCode::kCancelled), 1u);
    fetcher_.Finish(absl::OkStatus());
  };
  v1::BatchCheckRequest batch;
  auto& item = *batch.add_items();
  *item.mutable_subject() = request_.subject();
  item.set_interaction(request_.interaction());
  *item.mutable_resource() = request_.resource();
  v1::BatchCheckResponse batch_response;
  leave(Method::kBatchCheck, [&](auto* context, auto ended) {
    stub_->async()->BatchCheck(context, &batch, &batch_response, ended);
  });
  v1::ExplainRequest explain;
  *explain.mutable_check() = request_;
  v1::ExplainResponse explain_response;
  leave(Method::kExplain, [&](auto* context, auto ended) {
    stub_->async()->Explain(context, &explain, &explain_response, ended);
  });

  f_.lookup.Release(member_);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::BatchCheckResponse response;
  EXPECT_TRUE(stub_->BatchCheck(&context, batch, &response).ok());
  EXPECT_EQ(response.results_size(), 1);
}

// Also where it is being answered.
TEST_F(ServerLimitsTest, ABatchIsCutShortAtItsDeadline) {
  constexpr int kItems = 1'000;
  v1::BatchCheckRequest batch;
  for (int i = 0; i < kItems; ++i) {
    auto& item = *batch.add_items();
    item.mutable_subject()->set_reference(StrCat("ProjectMembership/m", i));
    item.set_interaction(request_.interaction());
    *item.mutable_resource() = request_.resource();
  }
  std::atomic<int> read = 0;
  std::promise<void> client_gave_up;
  const std::shared_future<void> gave_up = client_gave_up.get_future().share();
  // The server's deadline is a little later: it counts from when it was told.
  f_.lookup.while_reading = [&] {
    ++read;
    gave_up.wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };
  Start();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(1'500));
  v1::BatchCheckResponse response;
  EXPECT_EQ(stub_->BatchCheck(&context, batch, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  client_gave_up.set_value();
  EXPECT_TRUE(Eventually([&] {
    return f_.metrics.calls(Method::kBatchCheck,
                            absl::StatusCode::kDeadlineExceeded) == 1;
  }));
  EXPECT_LT(read, kItems);
}

TEST_F(ServerLimitsTest, ConnectionsPastThoseThatMayBeOpenAreClosed) {
  options_.limits.connections_per_address = 2;
  Start({"127.0.0.1:0", StrCat("unix:", directory_ / "pdp.sock")});
  const auto connect = [&](size_t address) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::PolicyDecisionPoint::NewStub(grpc::CreateCustomChannel(
        server_->addresses()[address].ToString(),
        grpc::InsecureChannelCredentials(), arguments));
  };
  const auto check = [&](v1::PolicyDecisionPoint::Stub& stub) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(30));
    v1::CheckResponse response;
    return stub.Check(&context, request_, &response).error_code();
  };
  auto first = connect(0);
  auto second = connect(0);
  auto third = connect(0);
  EXPECT_EQ(check(*first), grpc::StatusCode::OK);
  EXPECT_EQ(check(*second), grpc::StatusCode::OK);
  EXPECT_EQ(check(*third), grpc::StatusCode::UNAVAILABLE);
  EXPECT_GE(Rejected(Rejection::kTooManyConnections), 1u);
  const auto local = connect(1);  // Of no address.
  EXPECT_EQ(check(*local), grpc::StatusCode::OK);
  EXPECT_EQ(check(*first), grpc::StatusCode::OK);
  EXPECT_TRUE(Eventually([&] { return f_.metrics.connections() == 3; }));
  first.reset();
  EXPECT_TRUE(
      Eventually([&] { return check(*third) == grpc::StatusCode::OK; }));
}

TEST_F(ServerLimitsTest, StreamsPastThoseThatAreOpenAreTurnedAway) {
  options_.limits.open_streams = 2;
  Start();
  const auto open = [&](grpc::ClientContext& context) {
    SetDeadline(context);
    return stub_->WatchRevisions(&context, v1::WatchRevisionsRequest());
  };
  grpc::ClientContext contexts[4];
  v1::WatchRevisionsResponse response;
  auto first = open(contexts[0]);
  auto second = open(contexts[1]);
  ASSERT_TRUE(first->Read(&response));
  ASSERT_TRUE(second->Read(&response));
  EXPECT_EQ(open(contexts[2])->Finish().error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Rejected(Rejection::kTooManyStreams), 1u);
  contexts[0].TryCancel();
  EXPECT_FALSE(first->Finish().ok());
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    const auto again = open(context);
    const bool is_open = again->Read(&response);
    context.TryCancel();
    again->Finish();
    return is_open;
  }));
  contexts[1].TryCancel();
  second->Finish();
}

TEST_F(ServerLimitsTest, WatchersOfHealthTakeNobodysPlace) {
  options_.limits.open_streams = 1;
  Start();
  const auto health = grpc::health::v1::Health::NewStub(channel_);
  grpc::ClientContext contexts[3];
  std::vector<std::unique_ptr<
      grpc::ClientReader<grpc::health::v1::HealthCheckResponse>>>
      watches;
  for (grpc::ClientContext& context : contexts) {
    SetDeadline(context);
    watches.push_back(health->Watch(&context, {}));
    grpc::health::v1::HealthCheckResponse response;
    ASSERT_TRUE(watches.back()->Read(&response));
  }
  {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream =
        stub_->WatchRevisions(&context, v1::WatchRevisionsRequest());
    v1::WatchRevisionsResponse response;
    EXPECT_TRUE(stream->Read(&response));
    context.TryCancel();
    stream->Finish();
  }
  for (grpc::ClientContext& context : contexts) context.TryCancel();
  for (const auto& watch : watches) watch->Finish();
}

TEST_F(ServerLimitsTest, AsManyMayWatchHealthAsMayBeConnected) {
  options_.limits.connections = 2;
  Start();
  const auto health = grpc::health::v1::Health::NewStub(channel_);
  grpc::ClientContext contexts[3];
  std::vector<std::unique_ptr<
      grpc::ClientReader<grpc::health::v1::HealthCheckResponse>>>
      watches;
  for (grpc::ClientContext& context : contexts) {
    SetDeadline(context);
    watches.push_back(health->Watch(&context, {}));
    grpc::health::v1::HealthCheckResponse response;
    EXPECT_EQ(watches.back()->Read(&response), watches.size() <= 2);
  }
  EXPECT_EQ(watches[2]->Finish().error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  // Whoever leaves makes room.
  contexts[0].TryCancel();
  watches[0]->Finish();
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto watch = health->Watch(&context, {});
    grpc::health::v1::HealthCheckResponse response;
    const bool is_told = watch->Read(&response);
    context.TryCancel();
    watch->Finish();
    return is_told;
  }));
  contexts[1].TryCancel();
  watches[1]->Finish();
}

TEST_F(ServerLimitsTest, WhoDoesNotReadItsAnswersIsCutOff) {
  options_.limits.unread_answers = absl::Seconds(1);
  Start();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(60));
  const auto stream = stub_->CheckStream(&context);
  v1::CheckStreamRequest request;
  *request.mutable_check() = request_;
  std::thread writer([&] {
    while (stream->Write(request)) {
    }
  });
  // The server keeps nothing of it, whatever the client does.
  EXPECT_TRUE(Eventually([&] {
    return Rejected(Rejection::kSlowReader) == 1 &&
           f_.metrics.in_flight(Method::kCheckStream) == 0;
  }));
  context.TryCancel();
  writer.join();
  EXPECT_FALSE(stream->Finish().ok());
  v1::CheckResponse response;
  EXPECT_TRUE(Check(kReadPatient, response).ok());
}

TEST_F(ServerLimitsTest, ACallerThatCallsTooOftenIsToldSo) {
  CallerSettings local;
  local.caller.name = "local";
  local.caller.permissions = kAllPermissions;
  local.caller.subjects_rule = SubjectsRule::kAny;
  local.from_loopback = true;
  callers_ = *Callers::Open({local}, f_.clock, /*calls_per_second=*/3);
  Start();
  v1::CheckResponse response;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Check(kReadPatient, response).ok());
  grpc::Status status = Check(kReadPatient, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("try again"));
  EXPECT_EQ(Rejected(Rejection::kCallerRate), 1u);
  // Messages of a stream count, too; the stream itself is one.
  f_.clock.Advance(absl::Seconds(1));
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = stub_->CheckStream(&context);
  v1::CheckStreamRequest request;
  *request.mutable_check() = request_;
  v1::CheckStreamResponse answer;
  int answers = 0;
  for (int i = 0; i < 5; ++i) stream->Write(request);
  while (stream->Read(&answer)) ++answers;
  EXPECT_EQ(answers, 2);
  EXPECT_EQ(stream->Finish().error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServerLimitsTest, MessagesPastTheConfiguredSizeAreRefused) {
  options_.limits.message_bytes = 65'536;
  Start();
  v1::CheckRequest request = request_;
  request.mutable_resource()->set_body(std::string(70'000, ' '));
  grpc::ClientContext context;
  SetDeadline(context);
  v1::CheckResponse response;
  EXPECT_EQ(stub_->Check(&context, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace pdp::service
