#include "pdp/audit/record_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pdp/audit/line_writer.h"
#include "pdp/audit/record_line.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

absl::Time At(std::string_view text) { return *ParseTime(text); }

std::string Line(const Record& record) {
  std::string line = "{\"seq\":1";
  AppendMembers(record, line);
  return line + "}";
}

TEST(RecordJsonTest, WhatIsWrittenIsRead) {
  const std::string_view tenants[] = {"Organization/a", "Organization/b"};
  const std::string_view notes[] = {"STALE"};
  const Record record = {
      .kind = RecordKind::kRelease,
      .time = At("2026-01-02T03:04:05.678901Z"),
      .decision_id = "id",
      .method = "Check",
      .latency = absl::Microseconds(3),
      .caller = "gateway",
      .subject = "Practitioner/1",
      .membership = "ProjectMembership/2",
      .profile = "Practitioner/1",
      .on_behalf_of = "Practitioner/3",
      .project = "4",
      .tenants = tenants,
      .interaction = "read",
      .resource = "Patient/5",
      .version_id = "6",
      .patient = "Patient/5",
      .effect = "DENY",
      .reason = "RESOURCE_NOT_GRANTED",
      .policy = "AccessPolicy/7",
      .policy_version = "8",
      .entry = 0,
      .source = 1,
      .built_in = "admin",
      .notes = notes,
      .revision = 0,
      .purpose_of_use = "TREAT",
      .remote_address = "10.0.0.1",
      .user_agent = "agent",
      .session = "9",
      .request_id = "10",
      .traceparent = "11",
      .smart_scope = "user/*.rs",
      .launch_patient = "Patient/12",
      .event = "viewed",
      .success = false,
  };
  RecordParser parser;
  const std::string line = Line(record);
  ASSERT_TRUE(parser.Parse(line).ok()) << line;
  ASSERT_TRUE(parser.is_record());
  EXPECT_EQ(Line(parser.record()), line);
  EXPECT_EQ(parser.record().kind, RecordKind::kRelease);
  EXPECT_EQ(parser.record().time, record.time);
  EXPECT_EQ(parser.record().latency, record.latency);
  EXPECT_EQ(parser.record().entry, 0u);
  EXPECT_EQ(parser.record().revision, 0u);
  EXPECT_EQ(parser.record().success, false);
  EXPECT_THAT(parser.record().tenants,
              ElementsAre("Organization/a", "Organization/b"));
  EXPECT_THAT(parser.record().notes, ElementsAre("STALE"));
  EXPECT_EQ(parser.record().launch_patient, "Patient/12");
}

TEST(RecordJsonTest, WhatIsEmptyIsLeftOut) {
  EXPECT_EQ(Line({.time = At("2026-01-02T03:04:05.000000Z")}),
            R"({"seq":1,"time":"2026-01-02T03:04:05.000000Z",)"
            R"("kind":"decision"})");
}

TEST(RecordJsonTest, NoTextEndsItsLineOrItsString) {
  for (const std::string_view text : std::vector<std::string_view>{
           "a\nb", "a\r\nb", "a\",\"effect\":\"PERMIT", "a\\", "\\\"",
           std::string_view("a\0b", 3), "\x7f\x1b[31m", "\xff\xfe", "\xc3",
           "\xe2\x80\xa8 and \xe2\x80\xa9", "\xc2\x85", "\xed\xa0\x80",
           "\"}\n{\"seq\":2}"}) {
    SCOPED_TRACE(testing::PrintToString(text));
    const std::string line =
        Line({.effect = "DENY", .user_agent = text, .event = "after"});
    for (const char c : line) {
      EXPECT_GE(static_cast<unsigned char>(c), 0x20);
      EXPECT_NE(static_cast<unsigned char>(c), 0x7f);
    }
    EXPECT_THAT(line, Not(HasSubstr("\xe2\x80\xa8")));
    RecordParser parser;
    ASSERT_TRUE(parser.Parse(line).ok()) << line;
    EXPECT_EQ(parser.record().effect, "DENY");
    EXPECT_EQ(parser.record().event, "after");
  }
}

// At each place of a text, among bytes that need no escape.
TEST(RecordJsonTest, EveryByteIsEscapedWhereItHasTo) {
  for (int byte = 0; byte < 256; ++byte) {
    // Of every place in a text of every size about those that are looked at at
    // once.
    for (size_t place = 0; place < 40 * 40; ++place) {
      const size_t size = place / 40 + 1;
      const size_t at = place % 40;
      const bool is_boundary = size <= 3 || size % 16 <= 1 || size % 16 == 15;
      if (at >= size || !is_boundary) continue;
      std::string text(size, 'x');
      text[at] = static_cast<char>(byte);
      const std::string line = Line({.user_agent = text});
      RecordParser parser;
      ASSERT_TRUE(parser.Parse(line).ok()) << byte << " at " << at;
      if (byte < 0x80) {
        ASSERT_EQ(parser.record().user_agent, text) << byte << " at " << at;
      }
      const bool is_plain =
          byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
      ASSERT_EQ(line.find(StrCat("\"", text, "\"")) != std::string::npos,
                is_plain)
          << byte << " at " << at;
    }
  }
}

TEST(RecordJsonTest, TextThatCanBeKeptIsKept) {
  const std::string text = "quote \" backslash \\ line\nfeed, Zoë, 漢字, 😀";
  RecordParser parser;
  ASSERT_TRUE(parser.Parse(Line({.user_agent = text})).ok());
  EXPECT_EQ(parser.record().user_agent, text);
}

TEST(RecordJsonTest, LongTextIsCutAndMarked) {
  const std::string whole(kMaxTextBytes, 'a');
  const std::string long_text = whole + "b";
  const std::string in_character =
      std::string(kMaxTextBytes - 1, 'a') + "\xc3\xa9";
  EXPECT_THAT(Line({.user_agent = whole}), Not(HasSubstr("cut")));
  RecordParser parser;
  const std::string line =
      Line({.request_id = in_character, .smart_scope = long_text});
  EXPECT_THAT(line, EndsWith(R"("cut":["request_id","smart_scope"]})"));
  ASSERT_TRUE(parser.Parse(line).ok());
  EXPECT_EQ(parser.record().smart_scope, whole);
  EXPECT_EQ(parser.record().request_id, whole.substr(1));
}

TEST(RecordJsonTest, LongListsAreCutAndMarked) {
  const std::string item(kMaxTextBytes, 'x');
  const std::vector<std::string_view> tenants(100, item);
  const std::string line = Line({.tenants = tenants});
  EXPECT_LT(line.size(), 2 * kMaxListBytes);
  EXPECT_THAT(line, EndsWith(R"("cut":["tenants"]})"));
  const std::string too_long(10 * kMaxListBytes, 'x');
  const std::string_view one[] = {too_long};
  EXPECT_THAT(Line({.tenants = one}), EndsWith(R"("cut":["tenants"]})"));
}

// All texts as long as they may be, and each byte escaped.
TEST(RecordJsonTest, NoRecordIsLongerThanALineMayBe) {
  const std::string text(2 * kMaxTextBytes, '\0');
  const std::vector<std::string_view> list(100, text);
  Record record = {
      .time = absl::FromUnixSeconds(0), .tenants = list, .notes = list};
  for (std::string_view* member :
       {&record.decision_id,    &record.method,      &record.caller,
        &record.subject,        &record.membership,  &record.profile,
        &record.on_behalf_of,   &record.project,     &record.interaction,
        &record.resource,       &record.version_id,  &record.patient,
        &record.effect,         &record.reason,      &record.policy,
        &record.policy_version, &record.built_in,    &record.purpose_of_use,
        &record.remote_address, &record.user_agent,  &record.session,
        &record.request_id,     &record.traceparent, &record.smart_scope,
        &record.launch_patient, &record.event}) {
    *member = text;
  }
  EXPECT_LT(Line(record).size(), kMaxLineBytes);
}

TEST(RecordJsonTest, TimesAreWrittenToTheMicrosecond) {
  for (const std::string_view text :
       {"1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z",
        "2026-02-28T23:59:59.000001Z", "2028-02-29T00:00:00.100000Z"}) {
    const auto time = ParseTime(text);
    ASSERT_TRUE(time.has_value()) << text;
    std::string again;
    AppendTime(*time, again);
    EXPECT_EQ(again, text);
  }
  EXPECT_FALSE(ParseTime("2026-02-28T23:59:59Z").has_value());
  EXPECT_FALSE(ParseTime("2026-02-28T23:59:59.000001+00:00").has_value());
  EXPECT_FALSE(ParseTime("").has_value());
}

TEST(RecordJsonTest, WhatIsNoRecordIsRefused) {
  RecordParser parser;
  for (const std::string_view line :
       {"", "{", "[]", "{}", R"({"seq":1})",
        R"({"seq":-1,"time":"2026-01-02T03:04:05.000000Z","kind":"x"})",
        R"({"seq":1,"time":"2026-01-02","kind":"x"})",
        R"({"seq":1,"time":"2026-01-02T03:04:05.000000Z"})",
        R"({"seq":1,"time":"2026-01-02T03:04:05.000000Z","kind":"x"} x)"}) {
    EXPECT_FALSE(parser.Parse(line).ok()) << line;
  }
}

}  // namespace
}  // namespace pdp::audit
