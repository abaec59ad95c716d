// Calls that wait for a fact, and how a server ends with calls in flight.

#include <gmock/gmock.h>

#include <future>
#include <memory>
#include <string>
#include <thread>

#include "pdp/service/server_test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;

TEST_F(ServerTest, OtherCallsAreAnsweredWhileOneWaits) {
  const fhir::ResourceKey slow{"ProjectMembership", "slow"};
  f_.lookup.Hold(slow);
  Start();
  // More than there are calls posted at first.
  constexpr size_t kWaiting = 200;
  std::vector<std::future<grpc::Status>> waiting;
  std::vector<grpc::ClientContext> contexts(kWaiting);
  std::vector<v1::CheckResponse> responses(kWaiting);
  std::vector<std::promise<grpc::Status>> promises(kWaiting);
  const auto request = Proto<v1::CheckRequest>(
      "subject { reference: 'ProjectMembership/slow' } "
      "interaction: INTERACTION_READ "
      "resource { type: 'Patient' id: '$PATIENT' }");
  for (size_t i = 0; i < kWaiting; ++i) {
    waiting.push_back(promises[i].get_future());
    stub_->async()->Check(&contexts[i], &request, &responses[i],
                          [&promises, i](const grpc::Status& status) {
                            promises[i].set_value(status);
                          });
  }
  fetcher_.WaitFor(kWaiting);
  EXPECT_EQ(fetcher_.keys(), std::vector<fhir::ResourceKey>{slow});
  EXPECT_EQ(f_.metrics.in_flight(Method::kCheck),
            static_cast<int64_t>(kWaiting));

  for (int i = 0; i < 100; ++i) {
    v1::CheckResponse response;
    const grpc::Status status = Check(kReadPatient, response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.decision().effect(), v1::EFFECT_PERMIT);
  }

  // It turns out that there is no such membership.
  f_.lookup.Release(slow);
  fetcher_.Finish(absl::OkStatus());
  for (size_t i = 0; i < kWaiting; ++i) {
    EXPECT_TRUE(waiting[i].get().ok());
    EXPECT_EQ(responses[i].decision().reason(), v1::REASON_SUBJECT_UNKNOWN);
  }
}

TEST_F(ServerTest, AFactThatCannotBeFetchedIsNoDecision) {
  f_.lookup.Hold({"ProjectMembership", "member"});
  Start();
  std::thread failing([&] {
    fetcher_.WaitFor(1);
    fetcher_.Finish(absl::DeadlineExceededError("too slow"));
  });
  v1::CheckResponse response;
  const grpc::Status status = Check(kReadPatient, response);
  failing.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerTest, AStreamWaitsForItsFact) {
  const fhir::ResourceKey member{"ProjectMembership", "member"};
  f_.lookup.Hold(member);
  Start();
  std::thread fetching([&] {
    fetcher_.WaitFor(1);
    f_.lookup.Release(member);
    fetcher_.Finish(absl::OkStatus());
  });
  grpc::ClientContext context;
  SetDeadline(context);
  auto stream = stub_->CheckStream(&context);
  v1::CheckStreamRequest request;
  request.set_id(5);
  *request.mutable_check() = Proto<v1::CheckRequest>(kReadPatient);
  stream->Write(request);
  v1::CheckStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.id(), 5u);
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_PERMIT);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  fetching.join();
}

TEST_F(ServerTest, ASimulationWaitsForItsFactsAndReadsTheSourceAgain) {
  const fhir::ResourceKey member{"ProjectMembership", "member"};
  f_.lookup.Hold(member);
  Start();
  std::thread fetching([&] {
    fetcher_.WaitFor(1);
    f_.lookup.Release(member);
    fetcher_.Finish(absl::OkStatus());
  });
  v1::SimulateRequest request;
  *request.add_checks() = Proto<v1::CheckRequest>(
      StrCat(kReadPatient, " consistency { fully_fresh: true }"));
  request.add_proposed(testing::Expand(
      "{'resourceType':'AccessPolicy','id':'policy','resource':[]}"));
  v1::SimulateResponse response;
  grpc::ClientContext context;
  SetDeadline(context);
  const grpc::Status status = stub_->Simulate(&context, request, &response);
  fetching.join();
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.checks_size(), 1);
  EXPECT_EQ(response.checks(0).outcome(), v1::SIMULATED_OUTCOME_LOST)
      << response.ShortDebugString();
  EXPECT_EQ(refresher_.count(), 1u);
}

TEST_F(ServerTest, AFullyFreshCallReadsTheSourceAgain) {
  Start();
  v1::CheckResponse response;
  const grpc::Status status = Check(
      StrCat(kReadPatient, " consistency { fully_fresh: true }"), response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(refresher_.count(), 1u);
}

TEST_F(ServerTest, DrainingLetsCallsInFlightEnd) {
  const fhir::ResourceKey member{"ProjectMembership", "member"};
  f_.lookup.Hold(member);
  Start();
  v1::CheckResponse response;
  auto waiting = std::async(std::launch::async,
                            [&] { return Check(kReadPatient, response); });
  fetcher_.WaitFor(1);
  auto drained = std::async(std::launch::async, [&] {
    server_->Drain(absl::Now() + absl::Seconds(30));
  });
  // The port is closed first.
  while (true) {
    auto other = grpc::CreateChannel(server_->addresses().front().ToString(),
                                     grpc::InsecureChannelCredentials());
    if (!other->WaitForConnected(std::chrono::system_clock::now() +
                                 std::chrono::milliseconds(200))) {
      break;
    }
  }
  f_.lookup.Release(member);
  fetcher_.Finish(absl::OkStatus());
  EXPECT_TRUE(waiting.get().ok());
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_PERMIT);
  drained.get();
}

TEST_F(ServerTest, DrainingAnswersWhatStillWaitsAtTheDeadline) {
  f_.lookup.Hold({"ProjectMembership", "member"});
  Start();
  v1::CheckResponse response;
  auto waiting = std::async(std::launch::async,
                            [&] { return Check(kReadPatient, response); });
  fetcher_.WaitFor(1);
  server_->Drain(absl::Now() + absl::Milliseconds(200));
  EXPECT_FALSE(waiting.get().ok());
  // What comes too late finds nobody.
  fetcher_.Finish(absl::OkStatus());
}

TEST_F(ServerTest, DrainingEndsIdleStreams) {
  Start();
  grpc::ClientContext context;
  auto stream = stub_->CheckStream(&context);
  v1::CheckStreamRequest request;
  *request.mutable_check() = Proto<v1::CheckRequest>(kReadPatient);
  stream->Write(request);
  v1::CheckStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  server_->Drain(absl::Now() + absl::Seconds(30));
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("the server is stopping"));
}

}  // namespace
}  // namespace pdp::service
