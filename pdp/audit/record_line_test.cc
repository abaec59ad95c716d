#include "pdp/audit/record_line.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pdp/audit/line_records.h"
#include "pdp/audit/record_json.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

using testing::HasSubstr;
using testing::Not;

const absl::Time kTime = absl::FromUnixSeconds(1'767'323'045);

Record Base() {
  return {.time = kTime,
          .decision_id = "d1",
          .method = "BatchCheck",
          .membership = "ProjectMembership/m",
          .project = "p",
          .resource = "Patient/1",
          .effect = "PERMIT"};
}

// One line with all of `records`, as it stands in the log.
std::string LineOf(const std::vector<Record>& records) {
  std::string text = "{\"seq\":7";
  RecordLine line(text);
  line.Begin(records.front());
  for (size_t i = 1; i < records.size(); ++i) {
    EXPECT_TRUE(line.Takes(records[i])) << i;
    line.Add(records[i]);
  }
  line.End();
  return text + ",\"hash\":\"00\"}";
}

std::string MembersOf(const Record& record) {
  std::string members;
  AppendMembers(record, members);
  return members;
}

TEST(RecordLineTest, AFurtherRecordIsWhatItHasOtherwise) {
  const std::string_view tenants[] = {"Organization/a"};
  struct Case {
    const char* name;
    Record further;
    std::string_view written;
  };
  Record first = Base();
  first.tenants = tenants;
  first.entry = 3;
  first.success = true;
  first.latency = absl::Nanoseconds(900);
  const auto with = [&](auto change) {
    Record record = first;
    change(record);
    return record;
  };
  for (const Case& c : std::vector<Case>{
           {"nothing", first, "{}"},
           {"a text", with([](Record& r) { r.resource = "Patient/2"; }),
            R"({"resource":"Patient/2"})"},
           {"a text that is a part of the first one's",
            with([](Record& r) { r.resource = "Patient"; }),
            R"({"resource":"Patient"})"},
           {"a text it alone has", with([](Record& r) { r.reason = "STALE"; }),
            R"({"reason":"STALE"})"},
           {"a text it has not", with([](Record& r) { r.effect = ""; }),
            R"({"effect":null})"},
           {"no tenants", with([](Record& r) { r.tenants = {}; }),
            R"({"tenants":null})"},
           {"its time",
            with([](Record& r) { r.time += absl::Microseconds(1); }),
            R"({"time":"2026-01-02T03:04:05.000001Z"})"},
           {"numbers", with([](Record& r) {
              r.entry = std::nullopt;
              r.source = 0;
              r.latency = absl::ZeroDuration();
            }),
            R"({"entry":null,"source":0,"latency_ns":null})"},
           {"a flag", with([](Record& r) { r.success = false; }),
            R"({"success":false})"},
           {"no flag", with([](Record& r) { r.success = std::nullopt; }),
            R"({"success":null})"}}) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(LineOf({first, c.further}),
                HasSubstr(StrCat(",\"more\":[", c.written, "],\"hash\"")));
  }
}

TEST(RecordLineTest, OnlyRecordsOfAKindAndAProjectShareALine) {
  std::string text;
  RecordLine line(text);
  EXPECT_FALSE(line.Takes(Base())) << "nothing is open";
  line.Begin(Base());
  EXPECT_TRUE(line.Takes(Base()));
  Record other = Base();
  other.project = "q";
  EXPECT_FALSE(line.Takes(other));
  other.project = "";
  EXPECT_FALSE(line.Takes(other));
  other = Base();
  other.kind = RecordKind::kFilter;
  EXPECT_FALSE(line.Takes(other));
  line.End();
  EXPECT_FALSE(line.Takes(Base()));
}

TEST(RecordLineTest, ALineEnds) {
  std::string text;
  RecordLine line(text);
  line.Begin(Base());
  size_t records = 1;
  for (; line.Takes(Base()); ++records) line.Add(Base());
  EXPECT_EQ(records, kMaxRecordsOfLine);
  line.End();

  text.clear();
  const std::string long_text(kMaxTextBytes, 'x');
  line.Begin(Base());
  Record large = Base();
  large.user_agent = large.request_id = large.session = long_text;
  for (records = 1; line.Takes(large); ++records) line.Add(large);
  line.End();
  EXPECT_LT(records, kMaxRecordsOfLine);
  EXPECT_LT(text.size(), kEnoughLineBytes + 4 * kMaxTextBytes);

  const std::string too_long = long_text + "x";
  large.user_agent = too_long;
  line.Begin(large);
  EXPECT_FALSE(line.Takes(large)) << "it was cut";
}

// Texts of few values, so that many are equal; some cannot stand as they are.
Record RandomRecord(std::mt19937& random,
                    const std::vector<std::string>& texts) {
  const auto any = [&](size_t count) { return random() % count; };
  Record record{.time = kTime + absl::Microseconds(any(2)),
                .latency = absl::Nanoseconds(any(3))};
  const auto fill = [&](const auto& members) {
    for (const TextMember& member : members) {
      if (any(2) == 0) record.*member.text = texts[any(texts.size())];
    }
  };
  fill(kWhoMembers);
  fill(kWhatMembers);
  fill(kHowMembers);
  if (any(2) == 0) record.entry = static_cast<uint32_t>(any(2));
  if (any(2) == 0) record.source = static_cast<uint32_t>(any(2));
  if (any(2) == 0) record.revision = any(2);
  if (any(2) == 0) record.success = any(2) == 0;
  return record;
}

TEST(RecordLineTest, WhateverIsWrittenIsReadAgain) {
  const std::vector<std::string> texts = {"a",
                                          "Patient/1",
                                          "Patient/12",
                                          "",
                                          "q\"uote",
                                          "line\nfeed",
                                          "Zoë",
                                          ",\"more\":[{}]",
                                          std::string(kMaxTextBytes, 'x'),
                                          "null",
                                          std::string(700, 'y')};
  std::mt19937 random(1);
  LineRecords records;
  RecordParser parser;
  for (int round = 0; round < 2'000; ++round) {
    std::string text = "{\"seq\":7";
    RecordLine line(text);
    std::vector<Record> written = {RandomRecord(random, texts)};
    std::vector<std::vector<std::string_view>> lists(2);
    for (auto& list : lists) {
      for (size_t i = random() % 3; i > 0; --i) {
        list.push_back(texts[random() % texts.size()]);
      }
    }
    line.Begin(written.front());
    for (int i = 0; i < 4; ++i) {
      Record record = RandomRecord(random, texts);
      record.project = written.front().project;
      record.tenants = lists[random() % 2];
      record.notes = lists[random() % 2];
      if (!line.Takes(record)) continue;
      line.Add(record);
      written.push_back(record);
    }
    line.End();
    text += ",\"hash\":\"00\"}";
    SCOPED_TRACE(text);
    ASSERT_TRUE(records.Read(text).ok());
    ASSERT_EQ(records.size(), written.size());
    for (size_t i = 0; i < written.size(); ++i) {
      ASSERT_TRUE(parser.Parse(records[i]).ok()) << records[i];
      ASSERT_TRUE(parser.is_record());
      EXPECT_EQ(parser.seq(), 7u);
      // What was cut when it was written is not cut again.
      std::string expected = "{" + MembersOf(written[i]).substr(1);
      if (const size_t cut = expected.rfind(",\"cut\":[");
          cut != std::string::npos) {
        expected.resize(cut);
      }
      EXPECT_EQ("{" + MembersOf(parser.record()).substr(1), expected);
    }
  }
}

TEST(LineRecordsTest, EachRecordOfALineStandsAlone) {
  Record second = Base();
  second.decision_id = "d2";
  second.effect = "DENY";
  second.reason = "STALE";
  second.project = "p";
  LineRecords records;
  const std::string line = LineOf({Base(), second});
  ASSERT_TRUE(records.Read(line).ok());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0],
            R"({"seq":7,"time":"2026-01-02T03:04:05.000000Z",)"
            R"("kind":"decision","decision_id":"d1","method":"BatchCheck",)"
            R"("membership":"ProjectMembership/m","project":"p",)"
            R"("resource":"Patient/1","effect":"PERMIT","hash":"00"})");
  EXPECT_EQ(records[1],
            R"({"seq":7,"item":1,"time":"2026-01-02T03:04:05.000000Z",)"
            R"("kind":"decision","decision_id":"d2","method":"BatchCheck",)"
            R"("membership":"ProjectMembership/m","project":"p",)"
            R"("resource":"Patient/1","effect":"DENY","reason":"STALE",)"
            R"("hash":"00"})");
}

TEST(LineRecordsTest, ARecordAloneIsTheLine) {
  Record record = Base();
  record.user_agent = ",\"more\":[{\"effect\":\"DENY\"}]";
  const std::string line = LineOf({record});
  EXPECT_THAT(line, Not(HasSubstr(record.user_agent)));
  LineRecords records;
  ASSERT_TRUE(records.Read(line).ok());
  EXPECT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0], line);
}

TEST(LineRecordsTest, WhatIsNoRecordIsRefused) {
  LineRecords records;
  for (const std::string_view more :
       {"[1]", "[null]", "[{}", "[[]]", R"([{"seq":8}])", R"([{"hash":""}])",
        R"([{"kind":"filter"}])", R"([{"item":4}])", R"([{"more":[]}])"}) {
    EXPECT_FALSE(
        records.Read(StrCat(R"({"seq":7,"kind":"decision","more":)", more, "}"))
            .ok())
        << more;
  }
}

}  // namespace
}  // namespace pdp::audit
