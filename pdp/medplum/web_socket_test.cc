#include "pdp/medplum/web_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/temp_file.h"
#include "tests/support/test_certificates.h"
#include "tests/support/web_socket_test_server.h"

namespace pdp::medplum {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Upgrade = WebSocketTestServer::Upgrade;

constexpr absl::Duration kLong = absl::Seconds(30);

// What a socket told.
class Recorder {
 public:
  WebSocketCallbacks Callbacks() {
    return {.text =
                [this](std::string_view text) {
                  const std::lock_guard lock(mutex_);
                  texts_.emplace_back(text);
                },
            .closed =
                [this](absl::Status why) {
                  const std::lock_guard lock(mutex_);
                  ends_.push_back(std::move(why));
                }};
  }

  std::vector<std::string> texts() const {
    const std::lock_guard lock(mutex_);
    return texts_;
  }
  std::vector<absl::Status> ends() const {
    const std::lock_guard lock(mutex_);
    return ends_;
  }
  // Waits for the end.
  absl::Status End() const {
    if (!Eventually([&] { return !ends().empty(); })) return absl::OkStatus();
    return ends()[0];
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
  std::vector<absl::Status> ends_;
};

std::unique_ptr<WebSocketLoop> StartLoop(WebSocketLoopOptions options = {}) {
  return WebSocketLoop::Start(options).value();
}

void Echo(ServedSocket& socket) {
  while (const std::optional<std::string> text = socket.Receive()) {
    socket.Send(*text);
  }
}

TEST(WebSocketTest, MessagesGoBothWaysInOrder) {
  WebSocketTestServer server([](ServedSocket& socket) {
    socket.Send(socket.target + " " + socket.user_agent);
    Echo(socket);
  });
  const auto loop = StartLoop();
  Recorder recorder;
  auto socket = loop->Connect(server.url(), kLong, recorder.Callbacks(), {});
  ASSERT_TRUE(socket.ok()) << socket.status();
  const std::string big(1'000'000, 'x');
  (*socket)->Send("one");
  (*socket)->Send(big);
  (*socket)->Send("three");
  ASSERT_TRUE(Eventually([&] { return recorder.texts().size() == 4; }));
  EXPECT_THAT(recorder.texts(),
              ElementsAre("/subscriptions medplum-pdp", "one", big, "three"));
  EXPECT_TRUE(recorder.ends().empty());
}

TEST(WebSocketTest, TlsIsSpokenWithWhoTheAuthorityVouchesFor) {
  const TestAuthority authority;
  const TempFile ca(authority.certificate());
  const auto loop = StartLoop({.ca_file = ca.path()});
  for (const std::string host : {"localhost", "127.0.0.1"}) {
    SCOPED_TRACE(host);
    WebSocketTestServer server(
        Echo, authority.Issue(host == "localhost" ? "DNS:localhost"
                                                  : "IP:127.0.0.1"));
    Recorder recorder;
    auto socket =
        loop->Connect(server.url(host), kLong, recorder.Callbacks(), {});
    ASSERT_TRUE(socket.ok()) << socket.status();
    (*socket)->Send("hello");
    ASSERT_TRUE(Eventually([&] { return recorder.texts().size() == 1; }));
  }
}

TEST(WebSocketTest, CertificatesThatProveNothingAreRefused) {
  const TestAuthority authority;
  const TestAuthority stranger;
  const TempFile ca(authority.certificate());
  struct Case {
    const char* name;
    ServerCertificate certificate;
    std::string ca_file;
  };
  const Case kCases[] = {
      {"another host", authority.Issue("DNS:example.com"), ca.path()},
      {"a name that only begins so", authority.Issue("DNS:localhost.example"),
       ca.path()},
      {"the address, not the name", authority.Issue("IP:127.0.0.1"), ca.path()},
      {"an unknown authority", stranger.Issue("DNS:localhost"), ca.path()},
      {"not one of the system's", authority.Issue("DNS:localhost"), ""},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    std::atomic<bool> reached = false;
    WebSocketTestServer server([&](ServedSocket&) { reached = true; },
                               c.certificate);
    const auto loop = StartLoop({.ca_file = c.ca_file});
    Recorder recorder;
    const auto socket =
        loop->Connect(server.url("localhost"), kLong, recorder.Callbacks(), {});
    EXPECT_EQ(socket.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(socket.status().message()), HasSubstr("TLS"));
    EXPECT_FALSE(reached);
    EXPECT_TRUE(recorder.ends().empty());
  }
}

TEST(WebSocketTest, AuthoritiesThatCannotBeReadAreRefused) {
  const TempFile garbage("hello");
  for (const std::string& file : {garbage.path(), std::string("/no/such")}) {
    const auto loop = WebSocketLoop::Start({.ca_file = file});
    EXPECT_EQ(loop.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(loop.status().message()), HasSubstr(file));
  }
}

TEST(WebSocketTest, TokensGoToLoopbackOrOverTls) {
  const auto loop = StartLoop();
  for (const char* const url :
       {"ws://example.com/a", "ws://127.0.0.1.example.com/a",
        "http://127.0.0.1/a", "127.0.0.1", "", "wss://user@localhost/",
        "wss://"}) {
    SCOPED_TRACE(url);
    EXPECT_EQ(loop->Connect(url, kLong, {}, {}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(WebSocketTest, ConnectsThatFailSayWhy) {
  struct Case {
    const char* name;
    Upgrade upgrade;
    absl::Duration timeout;
    absl::StatusCode code;
    const char* says;
  };
  const Case kCases[] = {
      {"declined", Upgrade::kDecline, kLong, absl::StatusCode::kUnavailable,
       "403"},
      {"no HTTP", Upgrade::kGarbage, kLong, absl::StatusCode::kUnavailable,
       "the upgrade"},
      {"no answer", Upgrade::kStall, absl::Milliseconds(50),
       absl::StatusCode::kDeadlineExceeded, "did not connect"},
  };
  const auto loop = StartLoop();
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    WebSocketTestServer server([](ServedSocket&) {}, std::nullopt, c.upgrade);
    Recorder recorder;
    const auto socket =
        loop->Connect(server.url(), c.timeout, recorder.Callbacks(), {});
    EXPECT_EQ(socket.status().code(), c.code);
    EXPECT_THAT(std::string(socket.status().message()), HasSubstr(c.says));
    EXPECT_TRUE(recorder.ends().empty());
  }
}

TEST(WebSocketTest, NobodyListensIsSaid) {
  std::string url;
  {
    const WebSocketTestServer server([](ServedSocket&) {});
    url = server.url();
  }
  const auto socket = StartLoop()->Connect(url, kLong, {}, {});
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kUnavailable);
}

TEST(WebSocketTest, EndsAreToldOnce) {
  struct Case {
    const char* name;
    std::function<void(ServedSocket&)> serve;
    absl::StatusCode code;
  };
  const Case kCases[] = {
      {"close", [](ServedSocket& socket) { socket.Close(); },
       absl::StatusCode::kUnavailable},
      // As a server that stops: no close frame.
      {"end of file", [](ServedSocket&) {}, absl::StatusCode::kUnavailable},
      {"binary", [](ServedSocket& socket) { socket.SendBinary("x"); },
       absl::StatusCode::kDataLoss},
      {"too long",
       [](ServedSocket& socket) { socket.Send(std::string(2000, 'x')); },
       absl::StatusCode::kDataLoss},
      {"text that is not UTF-8",
       [](ServedSocket& socket) { socket.SendRaw("\x81\x01\xff"); },
       absl::StatusCode::kDataLoss},
      {"no frame", [](ServedSocket& socket) { socket.SendRaw("\x8f\xff"); },
       absl::StatusCode::kUnavailable},
      {"half a frame",
       [](ServedSocket& socket) { socket.SendRaw("\x81\x05h"); },
       absl::StatusCode::kUnavailable},
  };
  const auto loop = StartLoop({.max_message_bytes = 1000});
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    WebSocketTestServer server([&](ServedSocket& socket) {
      c.serve(socket);
      if (c.code == absl::StatusCode::kDataLoss) socket.Receive();
    });
    Recorder recorder;
    auto socket = loop->Connect(server.url(), kLong, recorder.Callbacks(), {});
    ASSERT_TRUE(socket.ok()) << socket.status();
    EXPECT_EQ(recorder.End().code(), c.code) << recorder.End();
    (*socket)->Send("into the void");
    *socket = nullptr;
    EXPECT_EQ(recorder.ends().size(), 1u);
    EXPECT_TRUE(recorder.texts().empty());
  }
}

TEST(WebSocketTest, MessageAtTheLimitPasses) {
  WebSocketTestServer server([](ServedSocket& socket) {
    socket.Send(std::string(1000, 'x'));
    socket.Receive();
  });
  const auto loop = StartLoop({.max_message_bytes = 1000});
  Recorder recorder;
  auto socket = loop->Connect(server.url(), kLong, recorder.Callbacks(), {});
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_TRUE(Eventually([&] { return recorder.texts().size() == 1; }));
}

TEST(WebSocketTest, DestroyingItClosesIt) {
  std::promise<void> closed;
  WebSocketTestServer server([&](ServedSocket& socket) {
    socket.Send("hello");
    while (socket.Receive()) {
    }
    closed.set_value();
  });
  const auto loop = StartLoop();
  Recorder recorder;
  auto socket = loop->Connect(server.url(), kLong, recorder.Callbacks(), {});
  ASSERT_TRUE(socket.ok()) << socket.status();
  *socket = nullptr;
  closed.get_future().wait();
  EXPECT_TRUE(recorder.ends().empty());
}

TEST(WebSocketTest, NothingIsCalledOnceItIsDestroyed) {
  WebSocketTestServer server([](ServedSocket& socket) {
    for (int i = 0; i < 1000; ++i) socket.Send("hello");
    socket.Receive();
  });
  const auto loop = StartLoop();
  for (int i = 0; i < 20; ++i) {
    auto alive = std::make_unique<std::atomic<int>>(0);
    auto socket = loop->Connect(
        server.url(), kLong,
        {.text = [&alive](std::string_view) { ++*alive; }, .closed = nullptr},
        {});
    ASSERT_TRUE(socket.ok()) << socket.status();
    ASSERT_TRUE(Eventually([&] { return *alive > i; }));
    *socket = nullptr;
    alive = nullptr;  // Whoever calls now is caught by a sanitizer.
  }
}

TEST(WebSocketTest, StopEndsSocketsAndConnects) {
  WebSocketTestServer server(Echo);
  WebSocketTestServer silent([](ServedSocket&) {}, std::nullopt,
                             Upgrade::kStall);
  const auto loop = StartLoop();
  Recorder recorder;
  auto socket = loop->Connect(server.url(), kLong, recorder.Callbacks(), {});
  ASSERT_TRUE(socket.ok()) << socket.status();
  absl::Status waiting;
  std::thread connecting([&] {
    waiting = loop->Connect(silent.url(), absl::Hours(1), {}, {}).status();
  });
  loop->Stop();
  connecting.join();
  EXPECT_EQ(waiting.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(recorder.End().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(loop->Connect(server.url(), kLong, {}, {}).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(WebSocketTest, ConnectThatIsNotWantedAnyMoreEnds) {
  WebSocketTestServer silent([](ServedSocket&) {}, std::nullopt,
                             Upgrade::kStall);
  const auto loop = StartLoop();
  std::stop_source before;
  before.request_stop();
  EXPECT_EQ(loop->Connect(silent.url(), absl::Hours(1), {}, before.get_token())
                .status()
                .code(),
            absl::StatusCode::kCancelled);
  absl::Status waiting;
  std::jthread connecting([&](const std::stop_token& stop) {
    waiting = loop->Connect(silent.url(), absl::Hours(1), {}, stop).status();
  });
  connecting.request_stop();
  connecting.join();
  EXPECT_EQ(waiting.code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace pdp::medplum
