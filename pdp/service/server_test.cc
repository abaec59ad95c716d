#include "pdp/service/server.h"

#include <gmock/gmock.h>
#include <grpc/support/log.h>
#include <grpcpp/generic/generic_stub.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pdp/service/server_test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;

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
                              {*callers_, f_.service, admin_, f_.metrics});
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

TEST_F(ServerTest, WhyGrpcEndsTheProcessIsNeverLeftOut) {
  Start();
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 20; ++i) gpr_log(GPR_ERROR, "a bad handshake");
  gpr_log(GPR_ERROR, "assertion failed: %s", "this");
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("assertion failed: this"), std::string::npos) << log;
  EXPECT_LE(std::count(log.begin(), log.end(), '\n'), 12) << log;
}

}  // namespace
}  // namespace pdp::service
