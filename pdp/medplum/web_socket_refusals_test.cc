// What a server refuses a WebSocketChannel, and what the channel says of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "pdp/medplum/channel_test_support.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"

namespace pdp::medplum {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using World = ChannelWorld;

// Refused in one way or another: what the channel says.
absl::Status Refused(World& w, const char* call, absl::Status refusal) {
  w.server.FailWhen([call, refusal](std::string_view which) {
    return which == call ? refusal : absl::OkStatus();
  });
  w.Start();
  return w.End();
}

TEST(WebSocketRefusalsTest, FeatureThatIsOffIsNamed) {
  World w;
  const absl::Status end = Refused(
      w, "token",
      absl::InvalidArgumentError("WebSocket subscriptions not enabled"));
  EXPECT_EQ(end.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(end.message()), HasSubstr("websocket-subscriptions"));
  // One Subscription was made, and is deleted.
  EXPECT_TRUE(Eventually([&] { return w.server.calls("delete") == 1; }));
  EXPECT_EQ(w.server.calls("create"), 1);
  EXPECT_THAT(w.server.Subscriptions(), IsEmpty());
}

TEST(WebSocketRefusalsTest, RefusalsAreRetriedSlowly) {
  World w;
  EXPECT_FALSE(
      Refused(w, "token", absl::InvalidArgumentError("not enabled")).ok());
  ASSERT_TRUE(Eventually([&] { return w.server.calls("delete") == 1; }));
  w.server.FailWhen(nullptr);
  EXPECT_TRUE(w.ConnectsWithin(absl::Seconds(70), 1));
  EXPECT_GE(w.clock.SinceBoot() - FakeClock().SinceBoot(), absl::Seconds(54));
}

TEST(WebSocketRefusalsTest, SuperAdminIsToldWhatToDo) {
  World w;
  w.server.SetLogin({.project = "p", .super_admin = true});
  const absl::Status end = Refused(
      w, "create", absl::InvalidArgumentError("WebSocket subscriptions"));
  EXPECT_EQ(end.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(end.message()), HasSubstr("super admin"));
  EXPECT_THAT(std::string(end.message()), HasSubstr("rest_hook"));
}

TEST(WebSocketRefusalsTest, MissingGrantIsNamed) {
  World w;
  const absl::Status end =
      Refused(w, "create", absl::PermissionDeniedError("Forbidden"));
  EXPECT_EQ(end.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(end.message()), HasSubstr("Subscription"));
}

TEST(WebSocketRefusalsTest, LimitOfTheServerIsNamed) {
  World w;
  const absl::Status end = Refused(
      w, "create",
      absl::InvalidArgumentError("User has exceeded allotted maximum number of "
                                 "concurrent WebSocket subscriptions: 20"));
  EXPECT_EQ(end.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(end.message()),
              HasSubstr("maxUserWebSocketSubscriptions"));
}

TEST(WebSocketRefusalsTest, WhereTheServerAllowsFewASubscriptionPerTypeDoes) {
  World w;
  std::atomic<bool> was_refused = false;
  w.server.FailWhen([&](std::string_view call) {
    if (call != "create" || w.server.Subscriptions().size() < 3) {
      return absl::OkStatus();
    }
    was_refused = true;
    return absl::InvalidArgumentError(
        "User has exceeded allotted maximum number of concurrent WebSocket "
        "subscriptions: 3");
  });
  w.Connect();
  EXPECT_TRUE(was_refused);
  const auto subscriptions = w.server.Subscriptions();
  ASSERT_THAT(subscriptions, SizeIs(2));
  EXPECT_EQ(subscriptions[0].second,
            WebSocketSubscription("AccessPolicy", kAllInteractions,
                                  w.options.set.reason));
  // It is read as carefully as a delete, which it may be.
  w.server.Deliver(EventFrame(subscriptions[1].first, "ProjectMembership/m"));
  ASSERT_TRUE(
      Eventually([&] { return w.recorder.notifications().size() == 1; }));
  EXPECT_EQ(w.recorder.notifications()[0].interaction, Interaction::kDelete);
}

TEST(WebSocketRefusalsTest, NoSubscriptionIsMadeBeforeThatBeforeItIsBound) {
  World w;
  std::vector<std::string> calls;
  std::mutex mutex;
  w.server.FailWhen([&](std::string_view call) {
    const std::lock_guard lock(mutex);
    if (call == "create" || call == "bind") calls.emplace_back(call);
    return absl::OkStatus();
  });
  w.Connect();
  const std::lock_guard lock(mutex);
  ASSERT_THAT(calls, SizeIs(12));
  for (size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(calls[i], i % 2 == 0 ? "create" : "bind") << i;
  }
}

TEST(WebSocketRefusalsTest, RefusedCredentialsAreSaidAsTheyAre) {
  World w;
  EXPECT_EQ(
      Refused(w, "create", absl::UnauthenticatedError("no such client")).code(),
      absl::StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace pdp::medplum
