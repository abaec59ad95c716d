#include "pdp/medplum/web_socket_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/medplum/channel_test_support.h"
#include "pdp/medplum/subscription.h"
#include "tests/support/eventually.h"
#include "tests/support/subscription_server.h"

namespace pdp::medplum {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using World = ChannelWorld;

TEST(WebSocketChannelTest, ThereIsASubscriptionForEachTypeAndInteraction) {
  World w;
  w.Connect();
  EXPECT_THAT(w.server.Subscriptions(), SizeIs(6));
  EXPECT_EQ(w.server.open_sockets(), 1u);
  EXPECT_EQ(w.server.Subscriptions()[2].second,
            R"({"resourceType":"Subscription","status":"active",)"
            R"("reason":"medplum-pdp test","criteria":"AccessPolicy",)"
            R"("channel":{"type":"websocket"},"extension":[{"url":)"
            R"("https://medplum.com/fhir/StructureDefinition/)"
            R"(subscription-supported-interaction","valueCode":"delete"}]})");
  const WebSocketChannelStatistics statistics = w.channel->statistics();
  EXPECT_TRUE(statistics.is_connected);
  EXPECT_EQ(statistics.connected_since, w.clock.Now());
  EXPECT_EQ(statistics.connections, 1u);
  EXPECT_EQ(statistics.failures, 0u);
}

TEST(WebSocketChannelTest, SixTypesStayBelowTheServersLimitOfTwenty) {
  World w;
  w.options.set.types = {"AccessPolicy",      "ProjectMembership", "Project",
                         "UserConfiguration", "ClientApplication", "Bot"};
  w.Connect();
  EXPECT_THAT(w.server.Subscriptions(), SizeIs(18));
}

TEST(WebSocketChannelTest, ConnectedIsSaidOnlyWhenAllAreBound) {
  World w;
  std::atomic<int> binds = 0;
  w.server.FailWhen([&](std::string_view call) {
    // The last of the six is not answered.
    return call == "bind" && ++binds == 6 ? absl::UnavailableError("lost")
                                          : absl::OkStatus();
  });
  w.Start();
  ASSERT_TRUE(Eventually([&] { return binds == 6; }));
  EXPECT_EQ(w.recorder.connected(), 0);
  EXPECT_FALSE(w.channel->statistics().is_connected);
  w.server.Deliver(HandshakeFrame("another"));
  w.server.Deliver(HandshakeFrame("s-0"));
  EXPECT_EQ(w.recorder.connected(), 0);
  w.server.Deliver(HandshakeFrame("s-5"));
  EXPECT_TRUE(Eventually([&] { return w.recorder.connected() == 1; }));
}

TEST(WebSocketChannelTest, BindsThatAreNotAnsweredInTimeEndTheSet) {
  World w;
  std::atomic<int> binds = 0;
  w.server.FailWhen([&](std::string_view call) {
    return call == "bind" && ++binds == 6 ? absl::UnavailableError("lost")
                                          : absl::OkStatus();
  });
  w.Start();
  ASSERT_TRUE(Eventually([&] { return binds == 6; }));
  w.clock.Advance(absl::Seconds(16));
  EXPECT_EQ(w.End().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(w.End().message()), HasSubstr("did not bind 1 of 6"));
  EXPECT_EQ(w.recorder.connected(), 0);
  EXPECT_TRUE(w.ConnectsWithin(absl::Seconds(1), 1));
}

TEST(WebSocketChannelTest, EventsSayWhichResourceAndWhichInteraction) {
  World w;
  w.Connect();
  for (const Interaction interaction : kAllInteractions) {
    w.server.Deliver(EventFrame(w.IdOf("ProjectMembership", interaction),
                                "ProjectMembership/m",
                                InteractionName(interaction)));
  }
  const std::vector<Notification> told = w.recorder.notifications();
  ASSERT_THAT(told, SizeIs(3));
  for (const Notification& one : told) {
    EXPECT_EQ(one.key.ToString(), "ProjectMembership/m");
  }
  EXPECT_EQ(told[0].interaction, Interaction::kCreate);
  EXPECT_EQ(told[0].version_id, "create");
  EXPECT_EQ(told[1].interaction, Interaction::kUpdate);
  EXPECT_EQ(told[1].version_id, "update");
  EXPECT_EQ(told[2].interaction, Interaction::kDelete);
  // The version in the frame is the last one that lived.
  EXPECT_EQ(told[2].version_id, "");
  const WebSocketChannelStatistics statistics = w.channel->statistics();
  EXPECT_EQ(statistics.creates, 1u);
  EXPECT_EQ(statistics.updates, 1u);
  EXPECT_EQ(statistics.deletes, 1u);
  EXPECT_EQ(statistics.last_event, w.clock.Now());
  EXPECT_EQ(statistics.last_frame, w.clock.Now());
}

TEST(WebSocketChannelTest, EventsOfForeignSubscriptionsAreCountedAndIgnored) {
  World w;
  w.Connect();
  w.server.Deliver(EventFrame("another", "AccessPolicy/p"));
  w.server.Deliver(
      EventFrame(w.IdOf("AccessPolicy", Interaction::kUpdate), "Patient/p"));
  EXPECT_THAT(w.recorder.notifications(), IsEmpty());
  EXPECT_EQ(w.channel->statistics().foreign_frames, 2u);
  EXPECT_TRUE(w.channel->statistics().is_connected);
}

TEST(WebSocketChannelTest, HeartbeatsKeepItAlive) {
  World w;
  w.Connect();
  w.Live(absl::Minutes(10));
  EXPECT_THAT(w.recorder.ends(), IsEmpty());
  EXPECT_EQ(w.channel->statistics().heartbeats, 60u);
}

TEST(WebSocketChannelTest, SilenceIsAnEnd) {
  World w;
  w.Connect();
  w.clock.Advance(absl::Seconds(24));
  // Not a heartbeat.
  w.server.Deliver(R"({"type":"pong"})");
  w.clock.Advance(absl::Seconds(2));
  EXPECT_EQ(w.End().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(w.channel->statistics().is_connected);
  EXPECT_TRUE(w.ConnectsWithin(absl::Seconds(1), 2));
  EXPECT_EQ(w.server.open_sockets(), 1u);
}

TEST(WebSocketChannelTest, HeartbeatWithoutOneSubscriptionIsAnEnd) {
  World w;
  w.Connect();
  w.server.Heartbeat(w.IdOf("AccessPolicy", Interaction::kDelete));
  EXPECT_THAT(std::string(w.End().message()),
              HasSubstr("lost the Subscription to delete of AccessPolicy"));
  EXPECT_TRUE(w.ConnectsWithin(absl::Seconds(1), 2));
}

TEST(WebSocketChannelTest, FramesThatAreNotUnderstoodAreAnEnd) {
  const char* const kFrames[] = {
      "hello",
      R"({"resourceType":"OperationOutcome","issue":[]})",
      R"({"resourceType":"Bundle","entry":[]})",
  };
  for (const char* const frame : kFrames) {
    SCOPED_TRACE(frame);
    World w;
    w.Connect();
    w.server.Deliver(frame);
    EXPECT_EQ(w.End().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(w.channel->statistics().malformed_frames, 1u);
    EXPECT_TRUE(w.ConnectsWithin(absl::Seconds(1), 2));
  }
}

TEST(WebSocketChannelTest, NewSubscriptionsAreMadeAfterAnEnd) {
  World w;
  w.Connect();
  const auto before = w.server.Subscriptions();
  w.server.CloseAll();
  EXPECT_EQ(w.End().message(), "the WebSocket ended: EOF");
  ASSERT_TRUE(w.ConnectsWithin(absl::Seconds(1), 2));
  ASSERT_THAT(w.server.Subscriptions(), SizeIs(6));
  EXPECT_EQ(w.server.Subscriptions()[0].first, "s-6");
  EXPECT_EQ(w.channel->statistics().connections, 2u);
  EXPECT_EQ(w.channel->statistics().failures, 1u);
}

TEST(WebSocketChannelTest, WhatAKilledServerKeptIsDeleted) {
  World w;
  w.server.KeepWhatWasBound();
  w.Connect();
  w.server.CloseAll();
  EXPECT_FALSE(w.End().ok());
  ASSERT_TRUE(w.ConnectsWithin(absl::Seconds(1), 2));
  ASSERT_TRUE(Eventually([&] { return w.server.calls("delete") == 6; }));
  ASSERT_THAT(w.server.Subscriptions(), SizeIs(6));
  EXPECT_EQ(w.server.Subscriptions()[0].first, "s-6");
}

TEST(WebSocketChannelTest, WhatAKilledServerKeptDoesNotFillTheLimit) {
  World w;
  w.options.set.types = {"AccessPolicy",      "ProjectMembership", "Project",
                         "UserConfiguration", "ClientApplication", "Bot"};
  w.server.KeepWhatWasBound();
  std::atomic<int> live = 0;
  w.server.FailWhen([&](std::string_view call) {
    if (call == "delete") --live;
    if (call == "create" && ++live > 20) {
      --live;
      return absl::InvalidArgumentError("20 Subscriptions are the most");
    }
    return absl::OkStatus();
  });
  w.Connect();
  w.server.CloseAll();
  EXPECT_FALSE(w.End().ok());
  ASSERT_TRUE(w.ConnectsWithin(absl::Seconds(1), 2));
  EXPECT_THAT(w.server.Subscriptions(), SizeIs(18));
}

TEST(WebSocketChannelTest, RecoversFromAFaultAtEveryStep) {
  // Six times create, token and bind, and connect before the first bind.
  for (int step = 1; step <= 19; ++step) {
    SCOPED_TRACE(step);
    World w;
    std::atomic<int> calls = 0;
    w.server.FailWhen([&](std::string_view) {
      return ++calls == step ? absl::UnavailableError("lost")
                             : absl::OkStatus();
    });
    w.Start();
    ASSERT_TRUE(Eventually([&] { return calls >= std::min(step, 19); }));
    // A bind without an answer is noticed only after a while.
    const bool is_bind = step > 1 && step % 3 == 1;
    if (is_bind) w.clock.Advance(absl::Seconds(16));
    EXPECT_EQ(w.End().code(), absl::StatusCode::kUnavailable);
    ASSERT_TRUE(w.ConnectsWithin(absl::Seconds(1), 1));
    // Nothing of the first attempt is left at the server.
    EXPECT_TRUE(
        Eventually([&] { return w.server.Subscriptions().size() == 6; }));
    EXPECT_EQ(w.server.open_sockets(), 1u);
  }
}

TEST(WebSocketChannelTest, WaitsLongerAfterEachFailure) {
  World w;
  w.options.retry.random = [] { return 1.0; };
  std::mutex mutex;
  std::vector<absl::Duration> attempts;
  w.server.FailWhen([&](std::string_view call) {
    if (call != "create") return absl::OkStatus();
    const std::lock_guard lock(mutex);
    attempts.push_back(w.clock.SinceBoot());
    return absl::UnavailableError("down");
  });
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return attempts.size();
  };
  w.Start();
  for (size_t n = 1; n < 9; ++n) {
    ASSERT_TRUE(Eventually([&] {
      if (count() > n) return true;
      w.clock.Advance(absl::Milliseconds(100));
      return false;
    }));
  }
  const std::lock_guard lock(mutex);
  const double kWaits[] = {1, 2, 4, 8, 16, 30, 30, 30};
  for (size_t i = 0; i < std::size(kWaits); ++i) {
    SCOPED_TRACE(i);
    EXPECT_GE(absl::ToDoubleSeconds(attempts[i + 1] - attempts[i]), kWaits[i]);
  }
}

TEST(WebSocketChannelTest, FirstRetryIsQuickAgainAfterALongLife) {
  World w;
  w.options.retry.random = [] { return 1.0; };
  std::atomic<bool> down = true;
  w.server.FailWhen([&](std::string_view) {
    return down ? absl::UnavailableError("down") : absl::OkStatus();
  });
  w.Start();
  for (size_t n = 1; n <= 6; ++n) {
    ASSERT_TRUE(Eventually([&] {
      if (w.recorder.ends().size() >= n) return true;
      w.clock.Advance(absl::Milliseconds(100));
      return false;
    }));
  }
  down = false;
  ASSERT_TRUE(w.ConnectsWithin(absl::Seconds(31), 1));
  w.Live(absl::Minutes(1));
  w.server.CloseAll();
  EXPECT_FALSE(w.End(7).ok());
  EXPECT_TRUE(w.ConnectsWithin(absl::Milliseconds(1500), 2));
}

TEST(WebSocketChannelTest, BindsAgainBeforeTheTokensEnd) {
  World w;
  w.Connect();
  w.Live(absl::Minutes(54));
  EXPECT_EQ(w.server.calls("bind"), 6);
  w.Live(absl::Minutes(2));
  ASSERT_TRUE(Eventually([&] { return w.server.calls("bind") == 12; }));
  EXPECT_EQ(w.server.calls("token"), 12);
  EXPECT_EQ(w.server.calls("create"), 6);
  EXPECT_TRUE(Eventually([&] { return w.channel->statistics().rebinds == 1; }));
  EXPECT_THAT(w.recorder.ends(), IsEmpty());
  EXPECT_EQ(w.recorder.connected(), 1);
}

TEST(WebSocketChannelTest, ShortTokensAreReplacedInTime) {
  World w;
  w.server.SetTokenLifetime(absl::Seconds(40));
  w.Connect();
  w.Live(absl::Seconds(29));
  EXPECT_EQ(w.server.calls("bind"), 6);
  w.Live(absl::Seconds(2));
  EXPECT_TRUE(Eventually([&] { return w.server.calls("bind") == 12; }));
}

TEST(WebSocketChannelTest, ClockThatIsBehindDoesNotLetTokensEnd) {
  World w;
  // To our clock a token of an hour seems to last for three.
  w.server.SetTokenLifetime(absl::Hours(3));
  w.Connect();
  w.Live(absl::Minutes(56));
  EXPECT_TRUE(Eventually([&] { return w.server.calls("bind") == 12; }));
}

TEST(WebSocketChannelTest, ClockThatIsAheadDoesNotBindAllTheTime) {
  World w;
  w.server.SetTokenLifetime(-absl::Hours(2));
  w.Connect();
  w.Live(absl::Minutes(20));
  EXPECT_EQ(w.server.calls("bind"), 6);
  w.Live(absl::Minutes(10));
  EXPECT_TRUE(Eventually([&] { return w.server.calls("bind") == 12; }));
}

TEST(WebSocketChannelTest, RebindWithoutAnAnswerIsAnEnd) {
  World w;
  w.Connect();
  w.server.FailWhen([](std::string_view call) {
    return call == "bind" ? absl::UnavailableError("lost") : absl::OkStatus();
  });
  w.Live(absl::Minutes(56));
  ASSERT_TRUE(Eventually([&] { return w.server.calls("bind") == 12; }));
  w.Live(absl::Seconds(16));
  EXPECT_THAT(std::string(w.End().message()), HasSubstr("did not bind 6 of 6"));
  w.server.FailWhen(nullptr);
  EXPECT_TRUE(w.ConnectsWithin(absl::Seconds(1), 2));
}

TEST(WebSocketChannelTest, SetIsReplacedBeforeTheServerDropsIt) {
  World w;
  // Tokens that outlast the set, to have only one thing happen.
  w.options.set.token_lifetime = absl::Hours(48);
  w.server.SetTokenLifetime(absl::Hours(48));
  std::atomic<size_t> open_at_bind = 0;
  w.server.FailWhen([&](std::string_view call) {
    if (call == "bind") open_at_bind = w.server.open_sockets();
    return absl::OkStatus();
  });
  w.Connect();
  w.Live(absl::Hours(23) - absl::Minutes(1));
  EXPECT_EQ(w.server.calls("create"), 6);
  w.Live(absl::Minutes(1));
  ASSERT_TRUE(
      Eventually([&] { return w.channel->statistics().renewals == 1; }));
  // The new one was bound while the old one lived.
  EXPECT_EQ(open_at_bind, 2u);
  EXPECT_TRUE(Eventually([&] { return w.server.open_sockets() == 1; }));
  ASSERT_THAT(w.server.Subscriptions(), SizeIs(6));
  EXPECT_EQ(w.server.Subscriptions()[0].first, "s-6");
  EXPECT_THAT(w.recorder.ends(), IsEmpty());
  w.server.Deliver(EventFrame("s-6", "AccessPolicy/p"));
  EXPECT_THAT(w.recorder.notifications(), SizeIs(1));
}

TEST(WebSocketChannelTest, SetThatCannotBeReplacedIsKeptAsLongAsItLasts) {
  World w;
  w.options.set.token_lifetime = absl::Hours(48);
  w.server.SetTokenLifetime(absl::Hours(48));
  w.Connect();
  w.Live(absl::Hours(23) - absl::Minutes(1));
  w.server.FailWhen([](std::string_view call) {
    return call == "create" ? absl::UnavailableError("busy") : absl::OkStatus();
  });
  // Tried every ten minutes, the last time at 23:50.
  w.Live(absl::Minutes(1));
  for (int n = 1; n <= 5; ++n) {
    SCOPED_TRACE(n);
    ASSERT_TRUE(Eventually([&] { return w.server.calls("create") == 6 + n; }));
    EXPECT_THAT(w.recorder.ends(), IsEmpty());
    EXPECT_EQ(w.server.open_sockets(), 1u);
    w.Live(absl::Minutes(10));
  }
  EXPECT_THAT(std::string(w.End().message()), HasSubstr("busy"));
}

TEST(WebSocketChannelTest, WhatTheServerDoesNotSayIsAskedFor) {
  struct Case {
    const char* name;
    absl::Status answer;
    const char* end;  // Null: it goes on.
  };
  const Case kCases[] = {
      {"all is well", absl::OkStatus(), nullptr},
      {"nothing can be known", absl::UnavailableError("busy"), nullptr},
      {"the Subscription is gone", absl::NotFoundError("not found"), "lost"},
      {"the feature is taken away", absl::InvalidArgumentError("not enabled"),
       "websocket-subscriptions"},
      {"the login is revoked", absl::UnauthenticatedError("revoked"),
       "revoked"},
      {"the grant is taken away", absl::PermissionDeniedError("Forbidden"),
       "Forbidden"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    World w;
    w.options.probe_interval = absl::Minutes(2);
    w.Connect();
    w.server.FailWhen([&](std::string_view call) {
      return call == "token" ? c.answer : absl::OkStatus();
    });
    w.Live(absl::Seconds(119));
    EXPECT_EQ(w.server.calls("token"), 6);
    w.Live(absl::Seconds(2));
    ASSERT_TRUE(Eventually([&] { return w.server.calls("token") == 7; }));
    if (c.end == nullptr) {
      w.Live(absl::Seconds(125));
      ASSERT_TRUE(Eventually([&] { return w.server.calls("token") == 8; }));
      EXPECT_THAT(w.recorder.ends(), IsEmpty());
    } else {
      EXPECT_THAT(std::string(w.End().message()), HasSubstr(c.end));
    }
  }
}

TEST(WebSocketChannelTest, EndsAtAnyTime) {
  for (const char* const call :
       {"create", "token", "connect", "bind", "none"}) {
    SCOPED_TRACE(call);
    World w;
    std::atomic<bool> reached = false;
    w.server.FailWhen([&](std::string_view which) {
      if (which != call) return absl::OkStatus();
      reached = true;
      return absl::UnavailableError("lost");
    });
    w.Start();
    ASSERT_TRUE(
        Eventually([&] { return reached || w.recorder.connected() > 0; }));
    w.channel = nullptr;
    const size_t told = w.recorder.ends().size();
    EXPECT_EQ(w.server.open_sockets(), 0u);
    w.server.Deliver(EventFrame("s-0", "AccessPolicy/p"));
    w.clock.Advance(absl::Minutes(10));
    EXPECT_EQ(w.recorder.ends().size(), told);
    EXPECT_THAT(w.recorder.notifications(), IsEmpty());
  }
}

}  // namespace
}  // namespace pdp::medplum
