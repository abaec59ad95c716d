#include "pdp/service/shared_packets.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pdp/service/listen_address.h"
#include "pdp/service/listening_socket.h"
#include "pdp/service/server_test_support.h"
#include "tests/support/eventually.h"

namespace pdp::service {
namespace {

using ::testing::ElementsAre;

// A connection on this host, of which both ends are here.
struct Connection {
  OwnedFd client;
  OwnedFd server;
};

OwnedFd ConnectTo(const ListenAddress& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  OwnedFd fd(socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0));
  sockaddr_storage name{};
  socklen_t size = 0;
  if (is_v6) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(name);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    v6.sin6_addr = IN6ADDR_LOOPBACK_INIT;
    size = sizeof(v6);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(name);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    size = sizeof(v4);
  }
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), size),
            0);
  return fd;
}

Connection Connect() {
  ListenAddress address = *ParseListenAddress("127.0.0.1:0");
  auto listener = ListenOn(address, absl::Seconds(20));
  EXPECT_TRUE(listener.ok()) << listener.status();
  Connection connection{.client = ConnectTo(address)};
  pollfd ready = {.fd = listener->get(), .events = POLLIN};
  EXPECT_EQ(poll(&ready, 1, 60'000), 1);
  connection.server = OwnedFd(accept(listener->get(), nullptr, nullptr));
  EXPECT_GE(connection.server.get(), 0);
  return connection;
}

std::string Name(const OwnedFd& client) {
  sockaddr_in name{};
  socklen_t size = sizeof(name);
  EXPECT_EQ(
      getsockname(client.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  return StrCat("ipv4:127.0.0.1:", ntohs(name.sin_port));
}

// What has come, without waiting for it.
std::string Received(const OwnedFd& fd) {
  char bytes[64];
  const ssize_t count = recv(fd.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
  return count < 0 ? "" : std::string(bytes, static_cast<size_t>(count));
}

tcp_info InfoOf(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  EXPECT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  return info;
}

TEST(PeerSocketsTest, FindsConnectionsByTheirPeers) {
  const Connection a = Connect();
  const Connection b = Connect();
  PeerSockets sockets;
  sockets.Add(a.server.get());
  sockets.Add(b.server.get());
  EXPECT_THAT(
      sockets.Find({Name(b.client), "ipv4:192.0.2.1:9", Name(a.client)}),
      ElementsAre(b.server.get(), -1, a.server.get()));
}

TEST(PeerSocketsTest, ADescriptorThatIsUsedAgainIsAnotherConnection) {
  PeerSockets sockets;
  std::string former;
  int fd = -1;
  {
    const Connection first = Connect();
    former = Name(first.client);
    fd = first.server.get();
    sockets.Add(fd);
  }
  const Connection second = Connect();
  ASSERT_EQ(dup2(second.server.get(), fd), fd);
  const OwnedFd again(fd == second.server.get() ? -1 : fd);
  sockets.Add(fd);
  EXPECT_THAT(sockets.Find({former, Name(second.client)}), ElementsAre(-1, fd));
}

TEST(PeerSocketsTest, WhatIsNotTcpIsPassedOver) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const OwnedFd a(ends[0]);
  const OwnedFd b(ends[1]);
  PeerSockets sockets;
  sockets.Add(a.get());
  EXPECT_THAT(sockets.Find({"unix:", ""}), ElementsAre(-1, -1));
}

TEST(CorksTest, WhatIsWrittenMeanwhileLeavesInOnePacket) {
  const Connection connection = Connect();
  const uint32_t before = InfoOf(connection.client.get()).tcpi_data_segs_in;
  {
    const int fd = connection.server.get();
    const Corks corks({fd, -1, fd, -1});
    ASSERT_EQ(send(fd, "one ", 4, 0), 4);
    ASSERT_EQ(send(fd, "two", 3, 0), 3);
    EXPECT_EQ(Received(connection.client), "");
  }
  EXPECT_TRUE(
      Eventually([&] { return Received(connection.client) == "one two"; }));
  EXPECT_EQ(InfoOf(connection.client.get()).tcpi_data_segs_in, before + 1);
}

TEST(CorksTest, ALoneAnswerIsNotHeldBack) {
  const Connection a = Connect();
  const Connection b = Connect();
  const Corks corks({a.server.get(), b.server.get()});
  ASSERT_EQ(send(a.server.get(), "now", 3, 0), 3);
  EXPECT_TRUE(Eventually([&] { return Received(a.client) == "now"; }));
}

TEST(CorksTest, DescriptorsThatAreNoConnectionsAreLeftAlone) {
  const OwnedFd file(open("/dev/null", O_WRONLY));
  const Corks corks({file.get(), file.get(), 1 << 20, 1 << 20});
  EXPECT_EQ(write(file.get(), "x", 1), 1);
}

class SharedPacketsTest : public ServerTest {
 protected:
  // Answers that come at once; fewer packets than answers: they shared some.
  bool AnswersSharePackets(int fd, v1::PolicyDecisionPoint::Stub& stub) {
    constexpr int kCalls = 32;
    struct Call {
      grpc::ClientContext context;
      v1::CheckResponse response;
      std::promise<grpc::Status> ended;
    };
    const uint32_t before = InfoOf(fd).tcpi_data_segs_in;
    std::vector<std::unique_ptr<Call>> calls;
    for (int i = 0; i < kCalls; ++i) {
      calls.push_back(std::make_unique<Call>());
      Call* const call = calls.back().get();
      stub.async()->Check(&call->context, &request_, &call->response,
                          [call](const grpc::Status& status) {
                            call->ended.set_value(status);
                          });
    }
    for (const auto& call : calls) {
      const grpc::Status status = call->ended.get_future().get();
      EXPECT_TRUE(status.ok()) << status.error_message();
    }
    return InfoOf(fd).tcpi_data_segs_in - before < kCalls;
  }

  const v1::CheckRequest request_ = Proto<v1::CheckRequest>(kReadPatient);
};

TEST_F(SharedPacketsTest, AnswersOfOneConnectionDo) {
  struct Case {
    std::string name;
    const char* host;
    AuditMode mode;
  };
  const Case cases[] = {
      {"recorded", "127.0.0.1:0", AuditMode::kRequired},
      {"not recorded", "127.0.0.1:0", AuditMode::kOff},
      {"IPv6", "[::1]:0", AuditMode::kRequired},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    audit_ = {.mode = c.mode, .journal = &journal_};
    Start({c.host});
    const OwnedFd fd = ConnectTo(server_->addresses()[0]);
    // gRPC closes what it is given.
    const auto stub =
        v1::PolicyDecisionPoint::NewStub(grpc::CreateInsecureChannelFromFd(
            "test", fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)));
    EXPECT_TRUE(
        Eventually([&] { return AnswersSharePackets(fd.get(), *stub); }));
    server_.reset();
  }
}

}  // namespace
}  // namespace pdp::service
