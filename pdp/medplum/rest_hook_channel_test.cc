#include "pdp/medplum/rest_hook_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/medplum/rest_hook_routes.h"
#include "pdp/medplum/subscription.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/notification_recorder.h"
#include "tests/support/subscription_server.h"
#include "tests/support/temp_file.h"

namespace pdp::medplum {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kEndpoint[] = "https://pdp.example.com/medplum/rest-hook/p";
constexpr char kSecret[] = "a secret of some length";
constexpr char kNewSecret[] = "another secret of some length";

// A channel at a server in memory, with a clock that the test moves.
struct World {
  World() {
    options.target = {.endpoint = kEndpoint,
                      .types = {"AccessPolicy", "Project"},
                      .reason = "medplum-pdp test"};
    options.secret_file = secret.path();
    options.tick = absl::Milliseconds(1);
    options.retry.random = [] { return 0.0; };
  }

  void Start() {
    channel = std::make_unique<RestHookChannel>(server, clock, options,
                                                recorder.Sink());
  }
  void Connect() {
    Start();
    ASSERT_TRUE(Eventually([&] {
      return recorder.connected() == 1 && channel->statistics().checks == 1;
    }));
  }
  // Waits until the Subscriptions were looked at once more, time passing.
  ::testing::AssertionResult ChecksWithin(absl::Duration most) {
    const uint64_t before = channel->statistics().checks;
    const absl::Duration end = clock.SinceBoot() + most;
    if (Eventually([&] {
          if (channel->statistics().checks > before) return true;
          if (clock.SinceBoot() < end) clock.Advance(most / 100);
          return false;
        })) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << "no check";
  }
  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    for (const auto& [id, json] : server.Subscriptions()) ids.push_back(id);
    return ids;
  }
  int Update(const std::string& id, const std::string& secret_of = kSecret,
             const std::string& key = "AccessPolicy/p") {
    const size_t slash = key.find('/');
    const std::string body =
        StrCat(R"({"resourceType":")", key.substr(0, slash), R"(","id":")",
               key.substr(slash + 1), R"("})");
    const std::string signature = RestHookSignature(secret_of, body);
    return channel->Receive({.signature = signature,
                             .subscription = id,
                             .interaction = "update",
                             .body = body});
  }
  int Delete(const std::string& id, const std::string& key) {
    const std::string signature = RestHookSignature(kSecret, "{}");
    return channel->Receive({.signature = signature,
                             .subscription = id,
                             .interaction = "delete",
                             .deleted_resource = key,
                             .body = "{}"});
  }

  TempFile secret{StrCat(kSecret, "\n")};
  FakeClock clock;
  SubscriptionServer server{clock};
  NotificationRecorder recorder;
  RestHookChannelOptions options;
  std::unique_ptr<RestHookChannel> channel;
};

TEST(RestHookChannelTest, MakesOneSubscriptionForEachType) {
  World w;
  w.Connect();
  ASSERT_THAT(w.server.Subscriptions(), SizeIs(2));
  EXPECT_EQ(
      w.server.Subscriptions()[0].second,
      R"({"resourceType":"Subscription","status":"active",)"
      R"("reason":"medplum-pdp test","criteria":"AccessPolicy","channel":)"
      R"({"type":"rest-hook","endpoint":)"
      R"("https://pdp.example.com/medplum/rest-hook/p",)"
      R"("payload":"application/fhir+json"},"extension":[)"
      R"({"url":"https://medplum.com/fhir/StructureDefinition/)"
      R"(subscription-supported-interaction","valueCode":"create"},)"
      R"({"url":"https://medplum.com/fhir/StructureDefinition/)"
      R"(subscription-supported-interaction","valueCode":"update"},)"
      R"({"url":"https://medplum.com/fhir/StructureDefinition/)"
      R"(subscription-supported-interaction","valueCode":"delete"},)"
      R"({"url":"https://www.medplum.com/fhir/StructureDefinition/)"
      R"(subscription-secret","valueString":"a secret of some length"}]})");
  EXPECT_THAT(w.server.searches(),
              ElementsAre("Subscription?url=https%3A%2F%2Fpdp.example.com%2F"
                          "medplum%2Frest-hook%2Fp"
                          "&_sort=_lastUpdated&_count=1000"));
  EXPECT_TRUE(w.channel->statistics().is_connected);
  EXPECT_EQ(w.channel->statistics().subscriptions_made, 2u);
}

TEST(RestHookChannelTest, FindsItsSubscriptionsAfterARestart) {
  World w;
  w.Connect();
  w.channel = nullptr;
  EXPECT_THAT(w.Ids(), ElementsAre("s-0", "s-1"));
  w.Start();
  ASSERT_TRUE(Eventually([&] { return w.recorder.connected() == 2; }));
  EXPECT_THAT(w.Ids(), ElementsAre("s-0", "s-1"));
  EXPECT_EQ(w.Update("s-0"), 200);
}

TEST(RestHookChannelTest, SubscriptionsOfOthersAreLeftAlone) {
  World w;
  for (const auto& [endpoint, reason, type] :
       std::vector<std::tuple<const char*, const char*, const char*>>{
           {"https://other.example.com/", "medplum-pdp test", "Project"},
           {kEndpoint, "another", "Project"},
           {kEndpoint, "medplum-pdp test", "Patient"},
           {kEndpoint, "medplum-pdp test", "Project?name=x"}}) {
    ASSERT_TRUE(w.server
                    .CreateSubscription(
                        RestHookSubscription(type, endpoint, kSecret, reason))
                    .ok());
  }
  w.Connect();
  EXPECT_THAT(w.server.Subscriptions(), SizeIs(6));
  EXPECT_EQ(w.server.calls("delete"), 0);
  for (const char* const id : {"s-0", "s-1", "s-2", "s-3"}) {
    EXPECT_EQ(w.Update(id, kSecret, "Project/p"), 404);
  }
}

TEST(RestHookChannelTest, TellsWhatItIsSent) {
  World w;
  w.Connect();
  EXPECT_EQ(w.Update("s-0"), 200);
  EXPECT_EQ(w.Delete("s-1", "Project/q"), 200);
  const std::vector<Notification> told = w.recorder.notifications();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told[0].key.ToString(), "AccessPolicy/p");
  EXPECT_EQ(told[0].interaction, Interaction::kUpdate);
  EXPECT_EQ(told[1].key.ToString(), "Project/q");
  EXPECT_EQ(told[1].interaction, Interaction::kDelete);
  const RestHookChannelStatistics statistics = w.channel->statistics();
  EXPECT_EQ(statistics.updates, 1u);
  EXPECT_EQ(statistics.deletes, 1u);
  EXPECT_EQ(statistics.last_event, w.clock.Now());
}

TEST(RestHookChannelTest, RefusalsAreCountedAndTellNothing) {
  World w;
  w.Connect();
  EXPECT_EQ(w.Update("s-0", kNewSecret), 401);
  EXPECT_EQ(w.Update("another"), 404);
  EXPECT_EQ(w.Delete("s-0", "Project/q"), 400);
  EXPECT_THAT(w.recorder.notifications(), IsEmpty());
  const RestHookChannelStatistics statistics = w.channel->statistics();
  EXPECT_EQ(statistics.not_signed, 1u);
  EXPECT_EQ(statistics.unknown_subscription, 1u);
  EXPECT_EQ(statistics.malformed, 1u);
}

TEST(RestHookChannelTest, NoMoreThanSoManyAreTakenInASecond) {
  World w;
  w.options.max_per_second = 3;
  w.Connect();
  // What is not signed does not use up what the server may send.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(w.Update("s-0", kNewSecret), 401);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(w.Update("s-0"), 200);
  EXPECT_EQ(w.Update("s-0"), 429);
  EXPECT_EQ(w.channel->statistics().too_many, 1u);
  EXPECT_THAT(w.recorder.notifications(), SizeIs(3));
  w.clock.Advance(absl::Seconds(1));
  EXPECT_EQ(w.Update("s-0"), 200);
}

TEST(RestHookChannelTest, WhatIsMissingLaterIsMadeAgain) {
  World w;
  w.Connect();
  ASSERT_TRUE(w.server.DeleteSubscription("s-0").ok());
  ASSERT_TRUE(w.ChecksWithin(absl::Minutes(5)));
  // Something may have been missed.
  EXPECT_TRUE(Eventually([&] { return w.recorder.connected() == 2; }));
  EXPECT_THAT(w.Ids(), ElementsAre("s-1", "s-2"));
  EXPECT_EQ(w.Update("s-2"), 200);
  ASSERT_TRUE(w.ChecksWithin(absl::Minutes(5)));
  EXPECT_EQ(w.recorder.connected(), 2);
}

TEST(RestHookChannelTest, WhatIsSwitchedOffIsReplaced) {
  World w;
  w.Connect();
  w.server.SwitchOff("s-0");
  ASSERT_TRUE(w.ChecksWithin(absl::Minutes(5)));
  EXPECT_TRUE(Eventually([&] {
    return w.Ids() == std::vector<std::string>{"s-1", "s-2"};
  }));
}

TEST(RestHookChannelTest, ServersThatShareAnEndpointKeepTheSameOnes) {
  World w;
  w.Connect();
  // Another made its own at the same time.
  ASSERT_TRUE(w.server
                  .CreateSubscription(RestHookSubscription(
                      "Project", kEndpoint, kSecret, "medplum-pdp test"))
                  .ok());
  EXPECT_EQ(w.Update("s-2", kSecret, "Project/p"), 404);
  // Which is looked for at once.
  ASSERT_TRUE(w.ChecksWithin(absl::Seconds(6)));
  EXPECT_TRUE(Eventually([&] {
    return w.Ids() == std::vector<std::string>{"s-0", "s-1"};
  }));
  EXPECT_EQ(w.Update("s-1", kSecret, "Project/p"), 200);
}

TEST(RestHookChannelTest, UnknownSubscriptionsDoNotMakeItAskAllTheTime) {
  World w;
  w.Connect();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(w.Update("another"), 404);
  w.clock.Advance(absl::Seconds(4));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(w.Update("another"), 404);
  EXPECT_EQ(w.channel->statistics().checks, 1u);
  ASSERT_TRUE(w.ChecksWithin(absl::Seconds(2)));
}

TEST(RestHookChannelTest, NewSecretIsTakenUpAndTheOldOneCountsForAWhile) {
  World w;
  w.Connect();
  w.clock.Advance(absl::Hours(2));
  w.secret.Write(kNewSecret);
  ASSERT_TRUE(w.ChecksWithin(absl::Seconds(6)));
  // New Subscriptions; the old ones, hours old, are dropped.
  ASSERT_TRUE(Eventually([&] {
    return w.Ids() == std::vector<std::string>{"s-2", "s-3"};
  }));
  EXPECT_EQ(w.Update("s-2", kNewSecret), 200);
  // What was under way.
  EXPECT_EQ(w.Update("s-0", kSecret), 200);
  w.clock.Advance(absl::Minutes(61));
  EXPECT_EQ(w.Update("s-2", kSecret), 401);
  EXPECT_EQ(w.Update("s-2", kNewSecret), 200);
}

TEST(RestHookChannelTest, FreshSubscriptionsOfAnotherSecretAreKept) {
  World w;
  w.Connect();
  w.secret.Write(kNewSecret);
  ASSERT_TRUE(w.ChecksWithin(absl::Seconds(6)));
  // Another server may still have the old secret, and want them.
  ASSERT_TRUE(Eventually([&] { return w.server.Subscriptions().size() == 4; }));
  w.clock.Advance(absl::Minutes(45));
  ASSERT_TRUE(w.ChecksWithin(absl::Minutes(5)));
  EXPECT_THAT(w.server.Subscriptions(), SizeIs(4));
  w.clock.Advance(absl::Minutes(20));
  ASSERT_TRUE(w.ChecksWithin(absl::Minutes(5)));
  EXPECT_TRUE(Eventually([&] {
    return w.Ids() == std::vector<std::string>{"s-2", "s-3"};
  }));
}

TEST(RestHookChannelTest, SecretThatIsAwayForAMomentCounts) {
  World w;
  w.Connect();
  w.secret.Write("");
  ASSERT_TRUE(w.ChecksWithin(absl::Minutes(5)));
  EXPECT_EQ(w.Update("s-0"), 200);
  EXPECT_THAT(w.recorder.ends(), IsEmpty());
}

TEST(RestHookChannelTest, NothingIsTakenWithoutASecret) {
  for (const char* const content : {"", "too short", "fifteen bytes.."}) {
    SCOPED_TRACE(content);
    World w;
    w.secret.Write(content);
    w.Start();
    ASSERT_TRUE(Eventually([&] { return w.recorder.ends().size() == 1; }));
    EXPECT_EQ(w.recorder.ends()[0].code(), absl::StatusCode::kUnauthenticated);
    EXPECT_THAT(std::string(w.recorder.ends()[0].message()),
                HasSubstr(w.secret.path()));
    EXPECT_EQ(w.Update("s-0", ""), 503);
    EXPECT_EQ(w.server.calls("create"), 0);
    w.secret.Write(kSecret);
    ASSERT_TRUE(Eventually([&] {
      w.clock.Advance(absl::Seconds(1));
      return w.recorder.connected() == 1;
    }));
  }
}

TEST(RestHookChannelTest, FaultsAreToldAndRetried) {
  for (const char* const call : {"search", "create"}) {
    SCOPED_TRACE(call);
    World w;
    w.server.FailWhen([call](std::string_view which) {
      return which == call ? absl::UnavailableError("down") : absl::OkStatus();
    });
    w.Start();
    ASSERT_TRUE(Eventually([&] { return w.recorder.ends().size() == 1; }));
    EXPECT_FALSE(w.channel->statistics().is_connected);
    EXPECT_THAT(w.channel->statistics().last_error, HasSubstr("down"));
    w.server.FailWhen(nullptr);
    ASSERT_TRUE(w.ChecksWithin(absl::Seconds(1)));
    EXPECT_TRUE(Eventually([&] { return w.recorder.connected() == 1; }));
    EXPECT_THAT(w.server.Subscriptions(), SizeIs(2));
  }
}

TEST(RestHookChannelTest, MissingGrantIsNamed) {
  World w;
  w.server.FailWhen([](std::string_view call) {
    return call == "create" ? absl::PermissionDeniedError("Forbidden")
                            : absl::OkStatus();
  });
  w.Start();
  ASSERT_TRUE(Eventually([&] { return w.recorder.ends().size() == 1; }));
  EXPECT_THAT(std::string(w.recorder.ends()[0].message()),
              HasSubstr("create, search and delete Subscription"));
}

TEST(RestHookRoutesTest, RequestsGoToTheChannelOfTheirName) {
  World w;
  RestHookRoutes routes;
  const std::string body = R"({"resourceType":"AccessPolicy","id":"p"})";
  const std::string signature = RestHookSignature(kSecret, body);
  const RestHookRequest request = {.signature = signature,
                                   .subscription = "s-0",
                                   .interaction = "update",
                                   .body = body};
  EXPECT_EQ(routes.Receive("p", request), 503);
  w.Connect();
  std::shared_ptr<void> route = routes.Route("p", std::move(w.channel));
  EXPECT_EQ(routes.Receive("p", request), 200);
  EXPECT_EQ(routes.Receive("q", request), 503);
  route = nullptr;
  EXPECT_EQ(routes.Receive("p", request), 503);
  EXPECT_THAT(w.recorder.notifications(), SizeIs(1));
}

}  // namespace
}  // namespace pdp::medplum
