#include "pdp/medplum/subscription_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "tests/support/subscription_server.h"

namespace pdp::medplum {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Kind = SubscriptionFrame::Kind;

// Frames that a server was recorded to send.
class Recordings {
 public:
  Recordings() {
    EXPECT_EQ(parser_.load("tests/medplum/recordings/websocket.json")
                  .get(recordings_),
              simdjson::SUCCESS);
  }

  // As it was sent.
  std::string Frame(const char* name) const {
    const simdjson::dom::element frame = recordings_[name];
    std::string_view text;
    if (frame.get(text) == simdjson::SUCCESS) return std::string(text);
    return fhir::ToJson(frame);
  }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::element recordings_;
};

TEST(SubscriptionFramesTest, RecordedHandshakeNamesItsSubscription) {
  const auto frame = ParseSubscriptionFrame(Recordings().Frame("handshake"));
  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_EQ(frame->kind, Kind::kHandshake);
  EXPECT_THAT(frame->subscriptions,
              ElementsAre("a1f5037e-b75c-4b52-bbf6-7d1bba5bc2c9"));
}

TEST(SubscriptionFramesTest, RecordedHeartbeatListsAllSubscriptions) {
  const auto frame = ParseSubscriptionFrame(Recordings().Frame("heartbeat"));
  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_EQ(frame->kind, Kind::kHeartbeat);
  ASSERT_THAT(frame->subscriptions, SizeIs(testing::Ge(3u)));
  EXPECT_EQ(frame->subscriptions[1], "81489afa-1e1b-4e4c-9251-619f071f7b9b");
}

TEST(SubscriptionFramesTest, RecordedPongIsUnderstood) {
  const auto frame = ParseSubscriptionFrame(Recordings().Frame("pong<-"));
  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_EQ(frame->kind, Kind::kPong);
}

TEST(SubscriptionFramesTest, RecordedEventsNameWhatChanged) {
  struct Case {
    const char* name;
    const char* subscription;
    const char* key;
    const char* version;
  };
  const Case kCases[] = {
      {"event AccessPolicy.create", "3f0b9225-e96c-4c99-b843-c92c8f6470b7",
       "AccessPolicy/37985a57-ee49-4a5d-a18f-f3fb80bf5c07",
       "6f8dbf2c-b210-4ea8-84ff-2b04f5c3b886"},
      {"event AccessPolicy.update", "3f0b9225-e96c-4c99-b843-c92c8f6470b7",
       "AccessPolicy/37985a57-ee49-4a5d-a18f-f3fb80bf5c07",
       "1685402c-2870-4524-8872-47fd0a7e4da7"},
      // The last version that lived, once more.
      {"event AccessPolicy.delete", "3f0b9225-e96c-4c99-b843-c92c8f6470b7",
       "AccessPolicy/37985a57-ee49-4a5d-a18f-f3fb80bf5c07",
       "1685402c-2870-4524-8872-47fd0a7e4da7"},
      {"event ProjectMembership.create(invite)",
       "a6168a1f-73db-4cc1-b66f-cad54b32250a",
       "ProjectMembership/bceb766e-b673-4c93-a625-b19d0a8447d9",
       "268acf08-c1d6-4f20-a615-fb7226f4aad3"},
      {"event ProjectMembership.delete", "a6168a1f-73db-4cc1-b66f-cad54b32250a",
       "ProjectMembership/bceb766e-b673-4c93-a625-b19d0a8447d9",
       "6c7a006f-3b87-4b28-b76b-f4003de7bb5d"},
      {"event Project.update", "dbfeab03-97ae-4de6-ac98-77ef4b0a85a6",
       "Project/f6ce8d3b-8c45-4923-9491-850dc6f1135c",
       "9908a08c-4e03-4aaa-bd49-277510bfc52a"},
  };
  const Recordings recordings;
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto frame = ParseSubscriptionFrame(recordings.Frame(c.name));
    ASSERT_TRUE(frame.ok()) << frame.status();
    EXPECT_EQ(frame->kind, Kind::kEvent);
    EXPECT_THAT(frame->subscriptions, ElementsAre(c.subscription));
    EXPECT_EQ(frame->focus.ToString(), c.key);
    EXPECT_EQ(frame->version_id, c.version);
  }
}

TEST(SubscriptionFramesTest, BindIsSentAsRecorded) {
  // The recording client put a space after each colon and comma.
  simdjson::dom::parser parser;
  const std::string recorded = Recordings().Frame("bind_sent");
  EXPECT_EQ(BindMessage("BINDING-TOKEN"),
            fhir::ToJson(parser.parse(recorded).value()));
}

TEST(SubscriptionFramesTest, TokenCannotBreakOutOfItsMessage) {
  EXPECT_EQ(BindMessage("a\"}"),
            R"({"type":"bind-with-token","payload":{"token":"a\"}"}})");
}

TEST(SubscriptionFramesTest, EventWithoutItsResourceHasNoVersion) {
  const auto frame = ParseSubscriptionFrame(FrameOf(StatusEntry(
      "event-notification", "a",
      R"(,"notificationEvent":[{"focus":{"reference":"Bot/b"}}])")));
  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_EQ(frame->focus.ToString(), "Bot/b");
  EXPECT_EQ(frame->version_id, "");
}

TEST(SubscriptionFramesTest, OperationOutcomeIsToldByItsText) {
  const auto frame = ParseSubscriptionFrame(
      R"({"resourceType":"OperationOutcome","issue":[{"severity":"error",)"
      R"("details":{"text":"Token failed to validate"}}]})");
  EXPECT_EQ(frame.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(frame.status().message()),
              HasSubstr("Token failed to validate"));
}

TEST(SubscriptionFramesTest, EverythingElseIsRefused) {
  const std::string kEvent =
      R"(,"notificationEvent":[{"focus":{"reference":"Bot/b"}}])";
  const auto event_with = [&](std::string_view entries) {
    return FrameOf(
        StrCat(StatusEntry("event-notification", "a", kEvent), entries));
  };
  struct Case {
    const char* name;
    std::string frame;
  };
  const Case kCases[] = {
      {"empty", ""},
      {"not JSON", "hello"},
      {"cut short", EventFrame("a", "Bot/b").substr(0, 100)},
      {"no object", "[]"},
      {"no resource", R"({"type":"heartbeat"})"},
      {"another resource", R"({"resourceType":"Patient"})"},
      {"no entries", R"({"resourceType":"Bundle"})"},
      {"an entry without a resource", FrameOf("{}")},
      {"an unknown kind", FrameOf(StatusEntry("query-status", "a"))},
      {"no subscription",
       FrameOf(R"({"resource":{"resourceType":"SubscriptionStatus",)"
               R"("type":"heartbeat"}})")},
      {"not a Subscription",
       FrameOf(R"({"resource":{"resourceType":"SubscriptionStatus",)"
               R"("type":"heartbeat","subscription":{"reference":"Bot/a"}}})")},
      {"kinds that do not go together",
       FrameOf(StatusEntry("heartbeat", "a") + "," +
               StatusEntry("handshake", "b"))},
      {"two events in a frame",
       event_with("," + StatusEntry("event-notification", "a", kEvent))},
      {"an event without a focus",
       FrameOf(StatusEntry("event-notification", "a"))},
      {"an event of two resources",
       FrameOf(StatusEntry("event-notification", "a",
                           R"(,"notificationEvent":[{"focus":{"reference":)"
                           R"("Bot/b"}},{"focus":{"reference":"Bot/c"}}])"))},
      {"a focus that is no resource",
       FrameOf(StatusEntry("event-notification", "a",
                           R"(,"notificationEvent":[{"focus":{"reference":)"
                           R"("Bot?name=x"}}])"))},
      {"another resource than the focus",
       event_with(R"(,{"resource":{"resourceType":"Bot","id":"c"}})")},
      {"another type than the focus",
       event_with(R"(,{"resource":{"resourceType":"Patient","id":"b"}})")},
      {"two resources",
       event_with(R"(,{"resource":{"resourceType":"Bot","id":"b"}})"
                  R"(,{"resource":{"resourceType":"Bot","id":"b"}})")},
      {"a resource with a heartbeat",
       FrameOf(StatusEntry("heartbeat", "a") +
               R"(,{"resource":{"resourceType":"Bot","id":"b"}})")},
      {"a member twice", R"({"resourceType":"Bundle","entry":[],"entry":[]})"},
      {"not UTF-8", "{\"resourceType\":\"Bundle\",\"id\":\"\xff\"}"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ParseSubscriptionFrame(c.frame).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(SubscriptionFramesTest, RefusalsShowNothingOfTheResource) {
  const auto frame = ParseSubscriptionFrame(
      FrameOf(R"({"resource":{"resourceType":"Patient","id":"secret"}})"));
  EXPECT_THAT(std::string(frame.status().message()),
              testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace pdp::medplum
