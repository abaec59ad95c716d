// The loop's thread, those that connect, send and drop sockets, and the end.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pdp/medplum/web_socket.h"
#include "tests/support/eventually.h"
#include "tests/support/web_socket_test_server.h"

namespace pdp::medplum {
namespace {

constexpr absl::Duration kLong = absl::Seconds(30);

TEST(WebSocketConcurrencyTest, SocketsComeAndGoSideBySide) {
  WebSocketTestServer server([](ServedSocket& socket) {
    while (const std::optional<std::string> text = socket.Receive()) {
      if (*text == "end") return;
      socket.Send(*text);
    }
  });
  const auto loop = WebSocketLoop::Start({}).value();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        std::atomic<int> texts = 0;
        std::atomic<bool> closed = false;
        auto socket = loop->Connect(
            server.url(), kLong,
            {.text = [&](std::string_view) { ++texts; },
             .closed = [&](const absl::Status&) { closed = true; }},
            {});
        ASSERT_TRUE(socket.ok()) << socket.status();
        for (int n = 0; n < 10; ++n) (*socket)->Send("hello");
        if (i % 2 == 0) {
          EXPECT_TRUE(Eventually([&] { return texts == 10; }));
        }
        if (i % 3 == 0) {
          (*socket)->Send("end");
          EXPECT_TRUE(Eventually([&] { return closed.load(); }));
        }
      }
    });
  }
}

TEST(WebSocketConcurrencyTest, StopMeetsConnects) {
  WebSocketTestServer server([](ServedSocket& socket) { socket.Receive(); });
  for (int round = 0; round < 20; ++round) {
    const auto loop = WebSocketLoop::Start({}).value();
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 3; ++i) {
          std::atomic<bool> closed = false;
          const auto socket = loop->Connect(
              server.url(), kLong,
              {.text = nullptr,
               .closed = [&](const absl::Status&) { closed = true; }},
              {});
          if (!socket.ok()) {
            EXPECT_EQ(socket.status().code(), absl::StatusCode::kCancelled);
            EXPECT_FALSE(closed);
          }
        }
      });
    }
    loop->Stop();
  }
}

}  // namespace
}  // namespace pdp::medplum
