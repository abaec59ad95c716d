// A WebSocketChannel at a server, both in memory.

#ifndef PDP_MEDPLUM_CHANNEL_TEST_SUPPORT_H_
#define PDP_MEDPLUM_CHANNEL_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/medplum/subscription.h"
#include "pdp/medplum/web_socket_channel.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/notification_recorder.h"
#include "tests/support/subscription_server.h"

namespace pdp::medplum {

// With a clock that the test moves.
struct ChannelWorld {
  ChannelWorld() {
    options.set.types = {"AccessPolicy", "ProjectMembership"};
    options.set.reason = "medplum-pdp test";
    options.set.tick = absl::Milliseconds(1);
    options.probe_interval = absl::InfiniteDuration();
    options.retry.random = [] { return 0.0; };
  }

  void Start() {
    channel = std::make_unique<WebSocketChannel>(server, server, clock, options,
                                                 recorder.Sink());
  }
  // Starts, and waits until all is bound.
  void Connect() {
    Start();
    ASSERT_TRUE(Eventually([&] { return recorder.connected() == 1; }));
  }
  // Waits for the `n`th end, and says why.
  absl::Status End(size_t n = 1) {
    if (!Eventually([&] { return recorder.ends().size() >= n; })) {
      return absl::InternalError("the channel goes on");
    }
    return recorder.ends()[n - 1];
  }
  // Lets time pass until it is connected for the `n`th time; at most `most`.
  bool ConnectsWithin(absl::Duration most, int n) {
    const absl::Duration end = clock.SinceBoot() + most;
    return Eventually([&] {
      if (recorder.connected() >= n) return true;
      if (clock.SinceBoot() < end) clock.Advance(most / 500);
      return false;
    });
  }
  // Time passes in which the server's heartbeats come.
  void Live(absl::Duration duration) {
    const absl::Duration end = clock.SinceBoot() + duration;
    while (clock.SinceBoot() < end) {
      clock.Advance(std::min(absl::Seconds(10), end - clock.SinceBoot()));
      server.Heartbeat();
    }
  }
  // The id of the Subscription to one interaction with a type.
  std::string IdOf(std::string_view type, Interaction interaction) {
    const std::string json =
        WebSocketSubscription(type, {&interaction, 1}, options.set.reason);
    for (const auto& [id, text] : server.Subscriptions()) {
      if (text == json) return id;
    }
    ADD_FAILURE() << "there is no Subscription " << json;
    return "";
  }

  FakeClock clock;
  SubscriptionServer server{clock};
  NotificationRecorder recorder;
  WebSocketChannelOptions options;
  std::unique_ptr<WebSocketChannel> channel;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_CHANNEL_TEST_SUPPORT_H_
