#include "pdp/service/connection_acceptor.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "pdp/base/strings.h"
#include "tests/support/eventually.h"

namespace pdp::service {
namespace {

OwnedFd Socket() { return OwnedFd(socket(AF_INET, SOCK_STREAM, 0)); }

TEST(OpenConnectionsTest, CountsThoseThatAreNotClosed) {
  OpenConnections open({.all = 3, .of_one_address = 2});
  OwnedFd a = Socket();
  OwnedFd b = Socket();
  OwnedFd c = Socket();
  OwnedFd d = Socket();
  EXPECT_TRUE(open.Add(a.get(), "10.0.0.1"));
  EXPECT_TRUE(open.Add(b.get(), "10.0.0.1"));
  EXPECT_FALSE(open.Add(c.get(), "10.0.0.1"));  // Of that address.
  EXPECT_TRUE(open.Add(c.get(), ""));           // Of none.
  EXPECT_FALSE(open.Add(d.get(), "10.0.0.2"));  // Of all.
  open.Prune();
  EXPECT_EQ(open.count(), 3u);

  a = OwnedFd();
  open.Prune();
  EXPECT_EQ(open.count(), 2u);
  EXPECT_TRUE(open.Add(d.get(), "10.0.0.1"));
}

TEST(OpenConnectionsTest, ADescriptorThatIsUsedAgainIsAnotherConnection) {
  OpenConnections open({.all = 2});
  OwnedFd first = Socket();
  const int fd = first.get();
  EXPECT_TRUE(open.Add(fd, "10.0.0.1"));
  first = OwnedFd();
  OwnedFd second = Socket();
  ASSERT_EQ(second.get(), fd);
  open.Prune();  // The descriptor is there, and of another socket.
  EXPECT_EQ(open.count(), 0u);
  EXPECT_TRUE(open.Add(fd, "10.0.0.2"));
  second = OwnedFd();
  OwnedFd third = Socket();
  ASSERT_EQ(third.get(), fd);
  EXPECT_TRUE(open.Add(fd, "10.0.0.3"));  // Without a look in between.
  EXPECT_EQ(open.count(), 1u);
}

TEST(OpenConnectionsTest, RoomIsLeftForOtherFiles) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_LT(RoomForConnections(100'000'000), limit.rlim_max);
  EXPECT_LE(RoomForConnections(10), 10u);
}

class ConnectionAcceptorTest : public ::testing::Test {
 protected:
  void Listen(std::string_view text, const ConnectionLimits& limits) {
    address_ = *ParseListenAddress(text);
    auto socket = ListenOn(address_, absl::Seconds(20));
    ASSERT_TRUE(socket.ok()) << socket.status();
    std::vector<ConnectionAcceptor::Listener> listeners;
    listeners.push_back({.socket = *std::move(socket), .serve = [this](int fd) {
                           const std::lock_guard lock(mutex_);
                           served_.emplace_back(fd);
                         }});
    acceptor_ = std::make_unique<ConnectionAcceptor>(
        std::move(listeners), limits, [this] { ++turned_away_; },
        [this](size_t open) { open_ = open; });
  }

  OwnedFd Connect() const {
    OwnedFd fd = Socket();
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(address_.port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&name),
                      sizeof(name)),
              0);
    return fd;
  }

  size_t served() {
    const std::lock_guard lock(mutex_);
    return served_.size();
  }

  ListenAddress address_;
  std::mutex mutex_;
  std::vector<OwnedFd> served_;
  std::atomic<int> turned_away_{0};
  std::atomic<size_t> open_{0};
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

TEST_F(ConnectionAcceptorTest, WhatIsTooManyIsClosedUntilThereIsRoom) {
  Listen("127.0.0.1:0", {.all = 2});
  const OwnedFd first = Connect();
  const OwnedFd second = Connect();
  EXPECT_TRUE(Eventually([&] { return served() == 2; }));
  const OwnedFd third = Connect();
  EXPECT_TRUE(Eventually([&] { return turned_away_ == 1; }));
  pollfd closed = {.fd = third.get(), .events = POLLIN};
  EXPECT_EQ(poll(&closed, 1, 60'000), 1);
  EXPECT_TRUE(Eventually([&] { return open_ == 2; }));
  {
    const std::lock_guard lock(mutex_);
    served_.clear();
  }
  std::vector<OwnedFd> more;
  EXPECT_TRUE(Eventually([&] {
    more.push_back(Connect());
    return served() > 0;
  }));
}

// As where others have taken every descriptor there is.
TEST_F(ConnectionAcceptorTest, GoesOnWhenDescriptorsAreThereAgain) {
  Listen("127.0.0.1:0", {.all = 1000});
  const OwnedFd client = Socket();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;  // Those that are open stay.
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(address_.port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&name),
                    sizeof(name)),
            0);
  absl::SleepFor(absl::Milliseconds(200));  // It has tried, and failed.
  EXPECT_EQ(served(), 0u);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(Eventually([&] { return served() == 1; }));
}

TEST(ListeningSocketTest, AnAddressThatIsTakenIsNamed) {
  ListenAddress first = *ParseListenAddress("127.0.0.1:0");
  const auto taken = ListenOn(first, absl::Seconds(20));
  ASSERT_TRUE(taken.ok()) << taken.status();
  ListenAddress second = first;
  const auto again = ListenOn(second, absl::Seconds(20));
  EXPECT_EQ(again.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(ToStd(again.status().message()).find(first.ToString()),
            std::string_view::npos);
}

}  // namespace
}  // namespace pdp::service
