// The threads of the channels: that of the channel, those that what is notified
// comes from, and who watches and ends it.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pdp/medplum/rest_hook_channel.h"
#include "pdp/medplum/rest_hook_routes.h"
#include "pdp/medplum/subscription.h"
#include "pdp/medplum/web_socket_channel.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/notification_recorder.h"
#include "tests/support/subscription_server.h"
#include "tests/support/temp_file.h"

namespace pdp::medplum {
namespace {

TEST(WebSocketChannelConcurrencyTest, FramesEndsAndTimeComeTogether) {
  FakeClock clock;
  SubscriptionServer server(clock);
  NotificationRecorder recorder;
  WebSocketChannelOptions options;
  options.set.types = {"AccessPolicy"};
  options.set.tick = absl::Milliseconds(1);
  for (int round = 0; round < 20; ++round) {
    auto channel = std::make_unique<WebSocketChannel>(server, server, clock,
                                                      options, recorder.Sink());
    std::atomic<bool> done = false;
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
      while (!done) {
        for (const auto& [id, json] : server.Subscriptions()) {
          server.Deliver(EventFrame(id, "AccessPolicy/p"));
        }
        server.Heartbeat();
      }
    });
    threads.emplace_back([&] {
      while (!done) {
        clock.Advance(absl::Seconds(7));
        (void)channel->statistics();
        std::this_thread::yield();
      }
    });
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const int before = recorder.connected();
        server.CloseAll();
        Eventually([&] { return recorder.connected() > before; });
        // Tokens end.
        clock.Advance(absl::Hours(1));
      }
      done = true;
    });
    for (std::jthread& thread : threads) thread.join();
    channel = nullptr;
    EXPECT_EQ(server.open_sockets(), 0u);
  }
  EXPECT_FALSE(recorder.notifications().empty());
}

TEST(WebSocketChannelConcurrencyTest, EndsWhileFramesCome) {
  FakeClock clock;
  SubscriptionServer server(clock);
  WebSocketChannelOptions options;
  options.set.types = {"AccessPolicy"};
  std::atomic<bool> done = false;
  std::jthread frames([&] {
    while (!done) {
      for (const auto& [id, json] : server.Subscriptions()) {
        server.Deliver(EventFrame(id, "AccessPolicy/p"));
      }
    }
  });
  for (int round = 0; round < 200; ++round) {
    NotificationRecorder recorder;
    auto channel = std::make_unique<WebSocketChannel>(server, server, clock,
                                                      options, recorder.Sink());
    Eventually(
        [&] { return round % 2 == 0 || !recorder.notifications().empty(); });
    channel = nullptr;
    // The recorder goes: whoever calls now is caught.
  }
  done = true;
}

TEST(RestHookChannelConcurrencyTest, HooksAndChecksComeTogether) {
  const std::string kSecrets[] = {"a secret of some length",
                                  "another secret of some length"};
  FakeClock clock;
  SubscriptionServer server(clock);
  TempFile secret(kSecrets[0]);
  NotificationRecorder recorder;
  RestHookChannelOptions options;
  options.target = {.endpoint = "https://pdp.example.com/",
                    .types = {"AccessPolicy"}};
  options.secret_file = secret.path();
  options.tick = absl::Milliseconds(1);
  RestHookRoutes routes;
  std::atomic<bool> done = false;
  std::vector<std::jthread> threads;
  for (const std::string& one : kSecrets) {
    threads.emplace_back([&] {
      const std::string body = R"({"resourceType":"AccessPolicy","id":"p"})";
      const std::string signature = RestHookSignature(one, body);
      while (!done) {
        for (const auto& [id, json] : server.Subscriptions()) {
          routes.Receive("p", {.signature = signature,
                               .subscription = id,
                               .interaction = "update",
                               .body = body});
        }
        clock.Advance(absl::Seconds(1));
      }
    });
  }
  for (int round = 0; round < 20; ++round) {
    auto channel = std::make_unique<RestHookChannel>(server, clock, options,
                                                     recorder.Sink());
    RestHookChannel& running = *channel;
    const std::shared_ptr<void> route = routes.Route("p", std::move(channel));
    secret.Write(kSecrets[round % 2]);
    EXPECT_TRUE(Eventually([&] { return running.statistics().updates > 10; }));
  }
  done = true;
}

}  // namespace
}  // namespace pdp::medplum
