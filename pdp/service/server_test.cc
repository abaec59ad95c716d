#include "pdp/service/server.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "medplum/pdp/v1/admin.grpc.pb.h"
#include "medplum/pdp/v1/decision.grpc.pb.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// Holds what it is asked for until the test lets go of it.
class HeldFetcher final : public FactFetcher {
 public:
  void Fetch(std::vector<fhir::ResourceKey> keys, FetchDone done) override {
    const std::lock_guard lock(mutex_);
    keys_ = std::move(keys);
    held_.push_back(std::move(done));
    changed_.notify_all();
  }

  // Waits until `count` fetches are held.
  void WaitFor(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.size() >= count; });
  }

  void Finish(const absl::Status& status) {
    std::deque<FetchDone> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (const FetchDone& done : held) done(status);
  }

  std::vector<fhir::ResourceKey> keys() {
    const std::lock_guard lock(mutex_);
    return keys_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<FetchDone> held_;
  std::vector<fhir::ResourceKey> keys_;
};

class CountingRefresher final : public Refresher {
 public:
  ~CountingRefresher() override {
    for (std::thread& thread : threads_) thread.join();
  }
  void Refresh(FetchDone done) override {
    threads_.emplace_back([done = std::move(done)] { done(absl::OkStatus()); });
  }
  size_t count() const { return threads_.size(); }

 private:
  std::vector<std::thread> threads_;
};

bool HasIpv6() {
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  if (fd < 0) return false;
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_addr = in6addr_loopback;
  const bool bound =
      bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
  close(fd);
  return bound;
}

class ServerTest : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> listen = {"127.0.0.1:0"},
             size_t threads = 1) {
    ServerOptions options;
    options.threads = threads;
    for (const std::string& text : listen) {
      auto address = ParseListenAddress(text);
      ASSERT_TRUE(address.ok()) << address.status();
      options.listen.push_back(*address);
    }
    auto server = Server::Start(options, {.decisions = f_.service,
                                          .admin = admin_,
                                          .metrics = f_.metrics,
                                          .fetcher = &fetcher_,
                                          .refresher = &refresher_});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    Connect(server_->addresses().front().ToString());
  }

  void Connect(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(64 << 20);
    channel_ = grpc::CreateCustomChannel(
        address, grpc::InsecureChannelCredentials(), arguments);
    stub_ = v1::PolicyDecisionPoint::NewStub(channel_);
    admin_stub_ = v1::PdpAdmin::NewStub(channel_);
  }

  static void SetDeadline(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(30));
    context.set_wait_for_ready(true);
  }

  grpc::Status Check(std::string_view text, v1::CheckResponse& response) {
    grpc::ClientContext context;
    SetDeadline(context);
    return stub_->Check(&context, Proto<v1::CheckRequest>(text), &response);
  }

  int Health(const std::string& service) {
    const auto stub = grpc::health::v1::Health::NewStub(channel_);
    grpc::ClientContext context;
    SetDeadline(context);
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::health::v1::HealthCheckResponse response;
    EXPECT_TRUE(stub->Check(&context, request, &response).ok());
    return response.status();
  }

  Fixture f_;
  AdminService admin_{f_.decision_point, f_.data, f_.admin};
  HeldFetcher fetcher_;
  CountingRefresher refresher_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::PolicyDecisionPoint::Stub> stub_;
  std::unique_ptr<v1::PdpAdmin::Stub> admin_stub_;
};

TEST_F(ServerTest, AnswersOverTcp) {
  Start();
  EXPECT_NE(server_->addresses().front().port, 0);
  v1::CheckResponse response;
  const grpc::Status status = Check(kReadPatient, response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_PERMIT);
}

TEST_F(ServerTest, AnswersOverSeveralAddressesAtOnce) {
  const std::string path = StrCat("/tmp/pdp-server-test-", getpid(), ".sock");
  std::vector<std::string> listen = {"127.0.0.1:0", "unix:" + path};
  if (HasIpv6()) listen.push_back("[::1]:0");
  Start(listen);
  for (const ListenAddress& address : server_->addresses()) {
    SCOPED_TRACE(address.ToString());
    Connect(address.ToString());
    v1::CheckResponse response;
    const grpc::Status status = Check(kReadPatient, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ServerTest, ATakenPortIsRefused) {
  Start();
  auto second = Server::Start({.listen = server_->addresses()},
                              {f_.service, admin_, f_.metrics});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("is another process using it?"));
}

TEST_F(ServerTest, ErrorsKeepCodeAndMessage) {
  Start();
  v1::CheckResponse response;
  const grpc::Status status =
      Check("subject { reference: 'ProjectMembership/member' }", response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(),
            "interaction: missing; say what is to be done, READ for example");
}

TEST_F(ServerTest, ManyCallsInFlightAreAllAnswered) {
  Start({"127.0.0.1:0"}, /*threads=*/2);
  constexpr int kCalls = 1'000;
  std::mutex mutex;
  std::condition_variable changed;
  int answered = 0;
  int permitted = 0;
  const auto request = Proto<v1::CheckRequest>(kReadPatient);
  std::vector<grpc::ClientContext> contexts(kCalls);
  std::vector<v1::CheckResponse> responses(kCalls);
  for (size_t i = 0; i < kCalls; ++i) {
    stub_->async()->Check(
        &contexts[i], &request, &responses[i], [&, i](const grpc::Status& s) {
          const std::lock_guard lock(mutex);
          ++answered;
          if (s.ok() && responses[i].decision().effect() == v1::EFFECT_PERMIT) {
            ++permitted;
          }
          changed.notify_all();
        });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return answered == kCalls; });
  EXPECT_EQ(permitted, kCalls);
}

TEST_F(ServerTest, BatchesAndFilters) {
  Start();
  grpc::ClientContext batch_context;
  v1::BatchCheckResponse batch;
  grpc::Status status =
      stub_->BatchCheck(&batch_context,
                        Proto<v1::BatchCheckRequest>(
                            "subject { reference: 'ProjectMembership/member' } "
                            "items { interaction: INTERACTION_READ "
                            "resource { type: 'Patient' id: '$PATIENT' } }"),
                        &batch);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(batch.results(0).decision().effect(), v1::EFFECT_PERMIT);

  grpc::ClientContext filter_context;
  v1::FilterResponse filter;
  status = stub_->Filter(&filter_context,
                         Proto<v1::FilterRequest>(
                             "subject { reference: 'ProjectMembership/member' }"
                             " resource_type: 'Patient'"),
                         &filter);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_NE(filter.kind(), v1::FILTER_KIND_ALWAYS_DENIED);
}

TEST_F(ServerTest, StreamsAnswerInOrder) {
  Start();
  grpc::ClientContext context;
  SetDeadline(context);
  auto stream = stub_->CheckStream(&context);
  v1::CheckStreamRequest request;
  *request.mutable_check() = Proto<v1::CheckRequest>(kReadPatient);
  // More than the answers that may be queued: a writer reads beside it.
  constexpr uint64_t kRequests = 500;
  std::thread writer([&] {
    for (uint64_t id = 1; id <= kRequests; ++id) {
      request.set_id(id);
      if (id % 7 == 0) request.mutable_check()->clear_interaction();
      if (id % 7 == 1) {
        request.mutable_check()->set_interaction(v1::INTERACTION_READ);
      }
      stream->Write(request);
    }
    stream->WritesDone();
  });
  v1::CheckStreamResponse response;
  uint64_t expected = 1;
  while (stream->Read(&response)) {
    EXPECT_EQ(response.id(), expected);
    EXPECT_EQ(response.has_error(), expected % 7 == 0);
    ++expected;
  }
  writer.join();
  EXPECT_EQ(expected, kRequests + 1);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServerTest, AClientThatLeavesItsStreamIsNoMatter) {
  Start();
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    auto stream = stub_->CheckStream(&context);
    v1::CheckStreamRequest request;
    *request.mutable_check() = Proto<v1::CheckRequest>(kReadPatient);
    stream->Write(request);
    if (i % 2 == 0) {
      v1::CheckStreamResponse response;
      stream->Read(&response);
    }
    context.TryCancel();
    stream->Finish();
  }
  v1::CheckResponse response;
  EXPECT_TRUE(Check(kReadPatient, response).ok());
}

// The seam that a source with look-ups needs: one that is slow holds up nobody
// else.
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

TEST_F(ServerTest, AFullyFreshCallReadsTheSourceAgain) {
  Start();
  v1::CheckResponse response;
  const grpc::Status status = Check(
      StrCat(kReadPatient, " consistency { fully_fresh: true }"), response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(refresher_.count(), 1u);
}

TEST_F(ServerTest, MessagesPastTheLimitAreRefused) {
  Start();
  auto request = Proto<v1::CheckRequest>(kReadPatient);
  request.mutable_context()->set_user_agent(std::string(5 << 20, 'x'));
  grpc::ClientContext context;
  v1::CheckResponse response;
  const grpc::Status status = stub_->Check(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("larger than max"));

  // And do no harm.
  EXPECT_TRUE(Check(kReadPatient, response).ok());
}

TEST_F(ServerTest, LargeMessagesBelowTheLimitAreTaken) {
  Start();
  auto request = Proto<v1::CheckRequest>(kReadPatient);
  request.mutable_context()->set_user_agent(std::string(3 << 20, 'x'));
  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext context;
    v1::CheckResponse response;
    const grpc::Status status = stub_->Check(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
}

TEST_F(ServerTest, CompressedRequestsAreRefused) {
  Start();
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  auto request = Proto<v1::CheckRequest>(kReadPatient);
  request.mutable_context()->set_user_agent(std::string(10'000, 'x'));
  v1::CheckResponse response;
  EXPECT_EQ(stub_->Check(&context, request, &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_TRUE(Check(kReadPatient, response).ok());
}

TEST_F(ServerTest, BytesThatAreNoMessageAreRefused) {
  Start();
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  const grpc::Slice slice(std::string("\xff\xff\xff"));
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer bytes;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/medplum.pdp.v1.PolicyDecisionPoint/Check",
                 grpc::StubOptions(), &request, &bytes,
                 [&](grpc::Status status) { done.set_value(status); });
  EXPECT_EQ(done.get_future().get().error_code(), grpc::StatusCode::INTERNAL);
  v1::CheckResponse response;
  EXPECT_TRUE(Check(kReadPatient, response).ok());
}

TEST_F(ServerTest, WhatIsNotBuiltYetSaysWhatToUseInstead) {
  Start();
  struct Case {
    const char* name;
    grpc::Status status;
    const char* message;
  };
  grpc::ClientContext contexts[5];
  v1::ExplainResponse explain;
  v1::SimulateResponse simulate;
  v1::RecordAccessResponse record;
  v1::LintPoliciesResponse lint;
  auto resources = stub_->FilterResources(&contexts[3]);
  const Case kCases[] = {
      {"Explain", stub_->Explain(&contexts[0], {}, &explain),
       "Explain is not available yet; the reason, message and entry of a "
       "Check's decision say what decided"},
      {"Simulate", stub_->Simulate(&contexts[1], {}, &simulate),
       "Simulate is not available yet; start a second server on a directory "
       "that holds the proposed policies, and ask that"},
      {"RecordAccess", stub_->RecordAccess(&contexts[2], {}, &record),
       "RecordAccess is not available yet; keep the decision_id in the "
       "enforcement point's own log"},
      {"FilterResources", resources->Finish(),
       "FilterResources is not available yet; ask BatchCheck about each "
       "resource and remove the hidden_fields of its decision"},
      {"LintPolicies", admin_stub_->LintPolicies(&contexts[4], {}, &lint),
       "LintPolicies is not available yet; a Check under a policy that cannot "
       "be used says why, reason POLICY_INVALID"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(c.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_EQ(c.status.error_message(), c.message);
  }
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
