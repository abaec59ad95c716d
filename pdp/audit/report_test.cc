#include "pdp/audit/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pdp/audit/csv.h"
#include "pdp/audit/query.h"
#include "pdp/audit/record_json.h"
#include "pdp/audit/record_line.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

absl::Time At(int minute) {
  return absl::FromUnixSeconds(1'800'000'000) + absl::Minutes(minute);
}

std::string Text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

// As it would be read.
struct Parsed {
  explicit Parsed(const Record& record) : json("{\"seq\":1") {
    AppendMembers(record, json);
    json += "}";
    EXPECT_TRUE(parser.Parse(json).ok()) << json;
  }
  FoundRecord found() const {
    return {.parsed = parser, .json = json, .file = "f", .line = 1};
  }
  std::string json;
  RecordParser parser;
};

ReportTable TableOf(std::string_view name, const std::vector<Record>& records) {
  const auto report = MakeReport(name);
  EXPECT_NE(report, nullptr);
  for (const Record& record : records) report->Add(Parsed(record).found());
  return report->Finish();
}

Record Decision(int minute, std::string_view membership,
                std::string_view effect, std::string_view reason,
                std::string_view resource = "Patient/p") {
  return {.time = At(minute),
          .method = "Check",
          .caller = "gateway",
          .membership = membership,
          .interaction = "read",
          .resource = resource,
          .patient = "Patient/p",
          .effect = effect,
          .reason = reason};
}

TEST(ReportTest, OfAPatientSaysWhoAskedAndWhatTheyDid) {
  Record permitted = Decision(1, "ProjectMembership/a", "PERMIT", "PERMITTED");
  permitted.decision_id = "1";
  const Record viewed = {.kind = RecordKind::kAccess,
                         .time = At(3),
                         .decision_id = "1",
                         .event = "viewed"};
  Record of_another = viewed;
  of_another.decision_id = "2";
  of_another.event = "printed";
  Record summary = Decision(4, "ProjectMembership/c", "PERMIT", "PERMITTED");
  summary.kind = RecordKind::kRelease;
  summary.event = "summary";
  Record simulated = Decision(4, "ProjectMembership/c", "PERMIT", "PERMITTED");
  simulated.kind = RecordKind::kSimulation;
  const ReportTable table = TableOf(
      "patient",
      {permitted,
       Decision(2, "ProjectMembership/b", "DENY", "RESOURCE_NOT_GRANTED"),
       viewed, of_another, summary, simulated,
       Decision(4, "ProjectMembership/c", "NO_DECISION", "STALE")});
  EXPECT_THAT(
      table.rows,
      ElementsAre(
          ElementsAre("ProjectMembership/a", "ProjectMembership/a", "",
                      "gateway", "1", "0", "read viewed", Text(At(1)),
                      Text(At(3))),
          ElementsAre("ProjectMembership/b", "ProjectMembership/b", "",
                      "gateway", "0", "1", "read", Text(At(2)), Text(At(2)))));
}

TEST(ReportTest, OfAMemberSaysAboutWhom) {
  const ReportTable table =
      TableOf("member", {Decision(1, "m", "PERMIT", "PERMITTED", "Task/1"),
                         Decision(2, "m", "PERMIT", "PERMITTED", "Task/2"),
                         Decision(3, "m", "DENY", "X", "Patient/p")});
  ASSERT_THAT(table.rows, SizeIs(2));
  EXPECT_THAT(table.rows[1], ElementsAre("Patient/p", "Task", "2", "0", "read",
                                         Text(At(1)), Text(At(2))));
}

TEST(ReportTest, OfDenialsCountsTheMostFirst) {
  const ReportTable table = TableOf(
      "denials",
      {Decision(1, "a", "DENY", "A"), Decision(2, "b", "DENY", "B"),
       Decision(3, "b", "DENY", "B"), Decision(4, "b", "PERMIT", "PERMITTED")});
  EXPECT_THAT(table.rows,
              ElementsAre(ElementsAre("2", "B", "b", "read", "Patient",
                                      Text(At(2)), Text(At(3))),
                          ElementsAre("1", "A", "a", "read", "Patient",
                                      Text(At(1)), Text(At(1)))));
}

TEST(ReportTest, OfChangesHasThoseOfPoliciesAndOfAdministrators) {
  const ReportTable table = TableOf("changes", {{.kind = RecordKind::kChange,
                                                 .time = At(1),
                                                 .project = "p",
                                                 .resource = "AccessPolicy/1",
                                                 .version_id = "v",
                                                 .event = "updated"},
                                                {.kind = RecordKind::kAdmin,
                                                 .time = At(2),
                                                 .method = "Block",
                                                 .caller = "ops",
                                                 .event = "Project/1",
                                                 .success = false},
                                                Decision(3, "a", "DENY", "A")});
  EXPECT_THAT(table.rows,
              ElementsAre(ElementsAre(Text(At(1)), "change", "updated",
                                      "AccessPolicy/1", "v", "", "p", ""),
                          ElementsAre(Text(At(2)), "admin", "Block Project/1",
                                      "", "", "ops", "", "no")));
}

TEST(ReportTest, OfTerminationsSaysHowFastTheyTookEffect) {
  const auto change = [](int minute, std::string_view resource,
                         std::string_view event) {
    return Record{.kind = RecordKind::kChange,
                  .time = At(minute),
                  .resource = resource,
                  .event = event};
  };
  const ReportTable table =
      TableOf("terminations",
              {change(1, "ProjectMembership/gone", "deleted"),
               Decision(2, "ProjectMembership/gone", "PERMIT", "PERMITTED"),
               Decision(3, "ProjectMembership/gone", "DENY", "SUBJECT_UNKNOWN"),
               Decision(4, "ProjectMembership/gone", "DENY", "SUBJECT_UNKNOWN"),
               change(5, "ProjectMembership/off", "updated"),
               Decision(6, "ProjectMembership/off", "DENY", "SUBJECT_INACTIVE"),
               change(7, "ProjectMembership/same", "updated"),
               Decision(8, "ProjectMembership/same", "PERMIT", "PERMITTED"),
               change(9, "AccessPolicy/x", "deleted")});
  EXPECT_THAT(
      table.rows,
      ElementsAre(ElementsAre("ProjectMembership/gone", "deleted", Text(At(1)),
                              Text(At(3)), "1", Text(At(2))),
                  ElementsAre("ProjectMembership/off", "made inactive",
                              Text(At(5)), Text(At(6)), "0", "")));
}

TEST(ReportTest, OfTerminationsTellsWhatWasAskedBeforeFromWhatWasAskedAfter) {
  const auto change = [](int minute, std::string_view event) {
    return Record{.kind = RecordKind::kChange,
                  .time = At(minute),
                  .resource = "ProjectMembership/m",
                  .event = event};
  };
  const auto decision = [](int minute, std::string_view effect,
                           std::string_view reason, int minutes = 0) {
    Record record = Decision(minute, "ProjectMembership/m", effect, reason);
    record.latency = absl::Minutes(minutes);
    return record;
  };
  const struct {
    const char* name;
    std::vector<Record> records;
    std::vector<std::vector<std::string>> rows;
  } kCases[] = {
      {"decided while it ended",
       {change(2, "deleted"), decision(3, "PERMIT", "PERMITTED", 2)},
       {{"ProjectMembership/m", "deleted", Text(At(2)), "", "0", ""}}},
      {"not answered",
       {change(2, "deleted"), decision(3, "NO_DECISION", "STALE")},
       {{"ProjectMembership/m", "deleted", Text(At(2)), "", "0", ""}}},
      {"decided while it was made inactive",
       {change(2, "updated"), decision(3, "PERMIT", "PERMITTED", 2),
        decision(4, "DENY", "SUBJECT_INACTIVE")},
       {{"ProjectMembership/m", "made inactive", Text(At(2)), Text(At(4)), "0",
         ""}}},
      {"not answered while it was inactive",
       {change(2, "updated"), decision(3, "DENY", "SUBJECT_INACTIVE"),
        change(4, "updated"), decision(5, "NO_DECISION", "STALE"),
        decision(6, "DENY", "SUBJECT_INACTIVE")},
       {{"ProjectMembership/m", "made inactive", Text(At(2)), Text(At(3)), "0",
         ""}}},
      {"made again, and denied something else first",
       {change(2, "deleted"), change(3, "updated"),
        decision(4, "DENY", "RESOURCE_NOT_GRANTED"),
        decision(5, "PERMIT", "PERMITTED")},
       {}},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(TableOf("terminations", test.records).rows, test.rows);
  }
}

TEST(ReportTest, ThereIsNoOther) { EXPECT_EQ(MakeReport("x"), nullptr); }

TEST(QueryTest, AllThatIsAskedForHasToHold) {
  const Parsed parsed({.time = At(1),
                       .decision_id = "d",
                       .caller = "gateway",
                       .subject = "Practitioner/1",
                       .membership = "ProjectMembership/2",
                       .profile = "Practitioner/1",
                       .on_behalf_of = "Practitioner/3",
                       .project = "p",
                       .interaction = "read",
                       .resource = "Task/4",
                       .patient = "Patient/5",
                       .effect = "DENY",
                       .reason = "R"});
  for (const Query& query : std::vector<Query>{
           {},
           {.subject = "Practitioner/1"},
           {.subject = "ProjectMembership/2"},
           {.subject = "Practitioner/3"},
           {.patient = "Patient/5"},
           {.patient = "Task/4"},
           {.resource = "Task"},
           {.resource = "Task/4", .effect = "DENY", .reason = "R"},
           {.decision = "d",
           .caller = "gateway",
           .project = "p",
           .interaction = "read",
           .kind = "decision"}}) {
    EXPECT_TRUE(query.Matches(parsed.parser));
  }
  for (const Query& query : std::vector<Query>{{.subject = "Practitioner/2"},
                                               {.patient = "Patient/6"},
                                               {.resource = "Tas"},
                                               {.resource = "Task/"},
                                               {.effect = "PERMIT"},
                                               {.decision = "e"},
                                               {.caller = "x"},
                                               {.project = "x"},
                                               {.interaction = "search"},
                                               {.kind = "access"}}) {
    EXPECT_FALSE(query.Matches(parsed.parser));
  }
}

TEST(QueryTest, TheLogsOwnRecordsAreThereWhenAskedFor) {
  RecordParser parser;
  ASSERT_TRUE(parser
                  .Parse(R"({"seq":1,"time":"2026-01-02T03:04:05.000000Z",)"
                         R"("kind":"checkpoint"})")
                  .ok());
  EXPECT_FALSE(Query().Matches(parser));
  EXPECT_TRUE(Query{.kind = "checkpoint"}.Matches(parser));
}

TEST(QueryTest, TimesAreDatesOrMoments) {
  EXPECT_EQ(*ParseQueryTime("2026-01-02", false),
            *ParseTime("2026-01-02T00:00:00.000000Z"));
  EXPECT_EQ(*ParseQueryTime("2026-01-02", true),
            *ParseTime("2026-01-02T23:59:59.999999Z"));
  EXPECT_EQ(*ParseQueryTime("2026-01-02T03:04:05+01:00", true),
            *ParseTime("2026-01-02T02:04:05.000000Z"));
  EXPECT_FALSE(ParseQueryTime("yesterday", false).ok());
}

TEST(CsvTest, CellsAreQuotedAndAreNoFormulas) {
  EXPECT_EQ(CsvLine({"a", "b,c", "d\"e", "", "=1+1", "-x", "f\ng"}),
            "a,\"b,c\",\"d\"\"e\",,'=1+1,'-x,\"f\ng\"\n");
}

TEST(CsvTest, EveryMemberOfARecordHasAColumn) {
  const std::string_view items[] = {"a", "b"};
  const Parsed parsed(
      {.time = At(1), .tenants = items, .entry = 3, .success = true});
  const std::vector<std::string> cells = RecordCells(parsed.parser.json());
  ASSERT_EQ(cells.size(), RecordColumns().size());
  std::vector<std::string> filled;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (!cells[i].empty()) {
      filled.push_back(StrCat(RecordColumns()[i], "=", cells[i]));
    }
  }
  EXPECT_THAT(filled,
              ElementsAre(StrCat("time=", Text(At(1))), "kind=decision",
                          "tenants=a b", "entry=3", "success=true", "seq=1"));
}

}  // namespace
}  // namespace pdp::audit
