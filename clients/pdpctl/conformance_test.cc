#include "clients/pdpctl/conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "clients/pdpctl/conformance_report.h"

namespace pdp::ctl {
namespace {

using testing::HasSubstr;

// One patient, one member, and an answer of each kind.
constexpr char kVectors[] = R"({"scenario": "tiny", "resources": [
    {"resourceType": "Patient", "id": "p1", "name": [{"family": "A"}],
     "gender": "female",
     "meta": {"project": "x", "versionId": "v2", "lastUpdated": "t2"}}],
  "versions": [
    {"resourceType": "Patient", "id": "p1", "name": [{"family": "B"}],
     "meta": {"project": "x", "versionId": "v1", "lastUpdated": "t1"}}],
  "effective": [
    {"id": "e1", "subject": {"membership": "ProjectMembership/m"},
     "expect": {"http_status": 200, "project": "Project/x", "profile": "Bot/b",
                "accessPolicy": {"resource": [{"resourceType": "Patient",
                                               "interaction": []}]}}}],
  "checks": [
    {"id": "read", "subject": {"membership": "ProjectMembership/m"},
     "interaction": "read", "resource": "Patient/p1",
     "expect": {"decision": "ALLOW", "http_status": 200,
       "body": {"resourceType": "Patient", "id": "p1", "gender": "female",
                "meta": {"versionId": "v2", "lastUpdated": "t2"}}},
     "cold": {"decision": "DENY", "http_status": 404}},
    {"id": "history", "subject": {"membership": "ProjectMembership/m"},
     "interaction": "history", "resource": "Patient/p1",
     "expect": {"decision": "ALLOW", "http_status": 200,
       "versions": ["v2", "v1"], "bodies": [
         {"resourceType": "Patient", "id": "p1", "gender": "female",
          "meta": {"versionId": "v2", "lastUpdated": "t2"}},
         {"resourceType": "Patient", "id": "p1", "name": [{"family": "B"}],
          "meta": {"versionId": "v1", "lastUpdated": "t1"}}]}},
    {"id": "create", "subject": {"membership": "ProjectMembership/m"},
     "interaction": "create",
     "proposed": {"resourceType": "Patient", "gender": "male"},
     "expect": {"decision": "ALLOW", "http_status": 201,
       "stored": {"resourceType": "Patient", "id": "new", "gender": "male",
         "meta": {"project": "x", "versionId": "n", "author": {"display": "d"},
                  "compartment": [{"reference": "Project/x"},
                                  {"reference": "Patient/new"}]}}}},
    {"id": "delete", "subject": {"membership": "ProjectMembership/m"},
     "interaction": "delete", "resource": "Patient/p1",
     "expect": {"decision": "DENY", "http_status": 403,
                "outcome_text": "Forbidden"}}],
  "searches": [
    {"id": "s1", "subject": {"membership": "ProjectMembership/m"},
     "query": "Patient?gender=female",
     "expect": {"http_status": 200, "ids": ["Patient/p1"]}},
    {"id": "s2", "subject": {"membership": "ProjectMembership/m"},
     "query": "Task", "expect": {"http_status": 403}}]})";

// Answers as it is told; at first, all as recorded.
class FakeJudge : public Judge {
 public:
  FakeJudge() {
    CheckAnswer permit;
    permit.permitted = true;
    permit.http_status = 200;
    permit.reason = "PERMITTED";
    CheckAnswer deny;
    deny.http_status = 403;
    deny.reason = "INTERACTION_NOT_GRANTED";
    deny.message = "No.";
    checks["read"] = permit;
    checks["read"].hidden_fields = {"name"};
    checks["read cold"] = deny;
    checks["read cold"].http_status = 404;
    checks["history"] = permit;
    checks["history"].versions = {{"v2", {"name"}}, {"v1", {}}};
    checks["create"] = permit;
    checks["create"].http_status = 201;
    checks["create"].completed =
        R"({"resourceType":"Patient","id":"mine","gender":"male","meta":{)"
        R"("project":"x","compartment":[{"reference":"Patient/mine"},)"
        R"({"reference":"Project/x"}]}})";
    checks["delete"] = deny;
    effective.http_status = 200;
    effective.access_policy =
        R"({"resource":[{"interaction":[],"resourceType":"Patient"}]})";
    effective.project = "Project/x";
    effective.profile = "Bot/b";
    searches["s1"].permitted = true;
    searches["s1"].http_status = 200;
    searches["s1"].queries = {"Patient?gender=female"};
    searches["s2"].http_status = 403;
    searches["s2"].reason = "INTERACTION_NOT_GRANTED";
  }

  void Enter(const VectorFile&) override {}
  std::vector<CheckAnswer> Check(
      std::span<const CheckQuestion> questions) override {
    std::vector<CheckAnswer> answers;
    for (const CheckQuestion& question : questions) {
      answers.push_back(checks[std::string(question.check->id) +
                               (question.durable_only ? " cold" : "")]);
    }
    return answers;
  }
  SearchAnswer Search(const RecordedSearch& search) override {
    if (!search.id.empty()) return searches[std::string(search.id)];
    // How far searches of the type reach.
    return searches[search.type == "Patient" ? "s1" : "s2"];
  }
  EffectiveAnswer Describe(const RecordedEffectivePolicy&) override {
    return effective;
  }

  std::map<std::string, CheckAnswer> checks;
  std::map<std::string, SearchAnswer> searches;
  EffectiveAnswer effective;
};

struct RunResult {
  std::string out;
  std::string totals;
  size_t failed = 0;
};

RunResult RunTiny(FakeJudge& judge, ReportStyle style = ReportStyle::kLines,
                  ConformanceOptions options = {}) {
  const auto file = VectorFile::Parse("tiny.json", kVectors);
  EXPECT_TRUE(file.ok()) << file.status();
  std::ostringstream out;
  std::ostringstream totals;
  ConformanceReport report(style, options.explain_departures, out);
  RunConformance(**file, options, judge,
                 [&](const CaseResult& result) { report.Add(result); });
  report.Finish(totals);
  return {out.str(), totals.str(), report.failed()};
}

TEST(ConformanceTest, AllAsRecorded) {
  FakeJudge judge;
  const RunResult run = RunTiny(judge);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.totals,
            "check: 4 of 4 passed, 0 failed, 0 skipped, wrong permits: 0, "
            "fields leaked: 0\n"
            "cold: 1 of 1 passed, 0 failed, 0 skipped, wrong permits: 0, "
            "fields leaked: 0\n"
            "effective: 1 of 1 passed, 0 failed, 0 skipped, wrong permits: 0, "
            "fields leaked: 0\n"
            "search: 2 of 2 passed, 0 failed, 0 skipped, wrong permits: 0, "
            "fields leaked: 0\n"
            "wrong permits: 0\n"
            "8 passed, 0 failed, 0 skipped\n");
}

struct MismatchCase {
  const char* name;
  std::function<void(FakeJudge&)> change;
  const char* line;
};

const MismatchCase kMismatches[] = {
    {"WrongPermit",
     [](FakeJudge& judge) { judge.checks["delete"] = judge.checks["read"]; },
     "tiny check delete: expected DENY 403, got ALLOW 200: PERMITTED (Medplum: "
     "Forbidden) [WRONG PERMIT]\n"},
    {"OtherStatus",
     [](FakeJudge& judge) { judge.checks["delete"].http_status = 404; },
     "tiny check delete: expected DENY 403, got DENY 404: "
     "INTERACTION_NOT_GRANTED: No. (Medplum: Forbidden)\n"},
    {"NoDecision",
     [](FakeJudge& judge) {
       judge.checks["delete"].status = absl::UnavailableError("stale");
     },
     "tiny check delete: expected DENY 403, got DENY 403: no decision: "
     "UNAVAILABLE: stale\n"},
    {"ColdIsACaseOfItsOwn",
     [](FakeJudge& judge) { judge.checks["read cold"].http_status = 403; },
     "tiny cold read: expected DENY 404, got DENY 403: "
     "INTERACTION_NOT_GRANTED: No.\n"},
    {"LeakedField",
     [](FakeJudge& judge) { judge.checks["read"].hidden_fields.clear(); },
     "tiny check read: expected ALLOW 200, got ALLOW 200: shown `name`: "
     "expected nothing, got [{\"family\":\"A\"}]\n"},
    {"HiddenTooMuch",
     [](FakeJudge& judge) {
       judge.checks["read"].hidden_fields.push_back("gender");
     },
     "tiny check read: expected ALLOW 200, got ALLOW 200: shown `gender`: "
     "expected \"female\", got nothing\n"},
    {"OldVersionHidden",
     [](FakeJudge& judge) {
       judge.checks["history"].versions[1].hidden_fields = {"name"};
     },
     "tiny check history: expected ALLOW 200, got ALLOW 200: version v1, shown "
     "`name`: expected [{\"family\":\"B\"}], got nothing\n"},
    {"OtherCompartments",
     [](FakeJudge& judge) {
       judge.checks["create"].completed =
           R"({"resourceType":"Patient","id":"mine","gender":"male",)"
           R"("meta":{"project":"x","compartment":[{"reference":"Project/x"},)"
           R"({"reference":"Patient/other"}]}})";
     },
     "tiny check create: expected ALLOW 201, got ALLOW 201: stored "
     "`meta.compartment`: expected [{\"reference\":\"Project/x\"},"
     "{\"reference\":\"Patient/new\"}], got [{\"reference\":\"Project/x\"},"
     "{\"reference\":\"Patient/other\"}]\n"},
    {"NothingStored",
     [](FakeJudge& judge) { judge.checks["create"].completed.clear(); },
     "tiny check create: expected ALLOW 201, got ALLOW 201: the completed "
     "resource is not answered\n"},
    {"OtherPolicy",
     [](FakeJudge& judge) {
       judge.effective.access_policy =
           R"({"resource":[{"resourceType":"Patient"}]})";
     },
     "tiny effective e1: expected 200, got 200: `resource[0].interaction`: "
     "expected [], got nothing\n"},
    {"OtherProfile",
     [](FakeJudge& judge) { judge.effective.profile = "Bot/c"; },
     "tiny effective e1: expected 200, got 200: `profile`: expected Bot/b, got "
     "Bot/c\n"},
    {"SearchFindsLess",
     [](FakeJudge& judge) {
       judge.searches["s1"].queries = {"Patient?gender=x"};
     },
     "tiny search s1: expected 200, 1 found, got 200, 0 found: misses 1, "
     "Patient/p1\n"},
    {"SearchDenied",
     [](FakeJudge& judge) {
       judge.searches["s1"].permitted = false;
       judge.searches["s1"].http_status = 403;
       judge.searches["s1"].reason = "SCOPE";
     },
     "tiny search s1: expected 200, 1 found, got 403: SCOPE\n"},
    {"SearchPermitted",
     [](FakeJudge& judge) { judge.searches["s2"] = judge.searches["s1"]; },
     "tiny search s2: expected 403, got 200, 1 found:  [WRONG PERMIT]\n"},
    {"SearchWhoseQueryFails",
     [](FakeJudge& judge) { judge.searches["s1"].queries = {"Patient?x=1"}; },
     "tiny search s1: expected 200, 1 found, got 400: unknown search parameter "
     "`x`\n"},
    {"SearchThatCannotBeRun",
     [](FakeJudge& judge) {
       judge.searches["s1"].queries = {"Patient?_cursor=1-x"};
     },
     "tiny search s1: expected 200, 1 found, got 200: UNIMPLEMENTED: "
     "Patient?_cursor=1-x: the order of results is not known\n"},
    {"OneSearchFindsLess",
     [](FakeJudge& judge) {
       judge.searches["s1"].queries.emplace_back("Patient?gender=x");
       judge.searches["s1"].single_query = "Patient?gender=x";
     },
     "tiny search s1: expected 200, 1 found, got 200, 1 found: as one search: "
     "misses 1, Patient/p1\n"},
};

TEST(ConformanceTest, EachMismatchIsOneLine) {
  for (const MismatchCase& c : kMismatches) {
    SCOPED_TRACE(c.name);
    FakeJudge judge;
    c.change(judge);
    const RunResult run = RunTiny(judge);
    EXPECT_EQ(run.out, c.line);
    EXPECT_EQ(run.failed, 1u);
    EXPECT_THAT(run.totals, HasSubstr("\n7 passed, 1 failed, 0 skipped\n"));
  }
}

TEST(ConformanceTest, MoreFoundIsAWrongPermit) {
  FakeJudge judge;
  ConformanceOptions options;
  options.execute_search = [](const fhir::ResourceLookup&,
                              const std::vector<std::string>&) {
    SearchResult result;
    result.ids = {"Patient/p1", "Patient/p2"};
    return result;
  };
  const RunResult run = RunTiny(judge, ReportStyle::kLines, options);
  EXPECT_EQ(run.out,
            "tiny search s1: expected 200, 1 found, got 200, 2 found: finds 1 "
            "too many, Patient/p2 [WRONG PERMIT]\n");
  EXPECT_THAT(run.totals, HasSubstr("\nwrong permits: 1\n"));
}

TEST(ConformanceTest, InStrictModeADepartureNamesItsRule) {
  const auto deny = [](FakeJudge& judge, std::vector<std::string> rules) {
    CheckAnswer& read = judge.checks["read"];
    read.permitted = false;
    read.strict_rules = std::move(rules);
  };
  const auto hide = [](FakeJudge& judge, std::vector<std::string> rules) {
    judge.checks["read"].hidden_fields = {"name", "gender"};
    judge.checks["read"].strict_rules = std::move(rules);
  };
  const auto narrow = [](FakeJudge& judge, std::vector<std::string> rules) {
    judge.searches["s1"].queries = {"Patient?gender=x"};
    judge.searches["s1"].strict_rules = std::move(rules);
  };
  const struct {
    const char* name;
    std::function<void(FakeJudge&)> change;
    const char* totals;  // A part.
  } kCases[] = {
      {"Denied", [&](FakeJudge& judge) { deny(judge, {"SCOPE_RULE"}); },
       "departures by rule: SCOPE_RULE 1\nunexplained: 0\n"},
      {"DeniedWithoutARule", [&](FakeJudge& judge) { deny(judge, {}); },
       "\nunexplained: 1\n"},
      {"DeniedByTwoRules",
       [&](FakeJudge& judge) {
         deny(judge, {"A", "B"});
       },
       "\nunexplained: 1\n"},
      {"DeniedWithoutMedplumsStatus",
       [&](FakeJudge& judge) {
         deny(judge, {"A"});
         judge.checks["read"].http_status = 404;
       },
       "\nunexplained: 1\n"},
      {"ARuleOfWhatMedplumDeniesToo",
       [](FakeJudge& judge) { judge.checks["delete"].strict_rules = {"A"}; },
       "\n7 passed, 1 failed, 0 skipped\n"},
      {"HidesMore", [&](FakeJudge& judge) { hide(judge, {"FIELDS"}); },
       "departures by rule: FIELDS 1\nunexplained: 0\n"},
      {"HidesMoreWithoutARule", [&](FakeJudge& judge) { hide(judge, {}); },
       "\nunexplained: 1\n"},
      {"ALeakIsNoDeparture",
       [](FakeJudge& judge) {
         judge.checks["read"].hidden_fields = {"gender"};
         judge.checks["read"].strict_rules = {"A"};
       },
       "\nunexplained: 0\nwrong permits: 0\n7 passed, 1 failed"},
      {"AHistoryMayLeakAfterAVersionThatHidesMore",
       [](FakeJudge& judge) {
         judge.checks["history"].versions = {{"v2", {"gender"}}, {"v1", {}}};
         judge.checks["history"].strict_rules = {"A"};
       },
       "\nunexplained: 0\nwrong permits: 0\n7 passed, 1 failed"},
      {"FindsLess",
       [&](FakeJudge& judge) {
         narrow(judge, {"A", "B"});
       },
       "departures by rule: A+B 1\nunexplained: 0\n"},
      {"FindsLessWithoutARule", [&](FakeJudge& judge) { narrow(judge, {}); },
       "\nunexplained: 1\n"},
      {"PolicyRefused",
       [](FakeJudge& judge) {
         judge.effective.access_policy.clear();
         judge.effective.strict_rules = {"A"};
       },
       "departures by rule: A 1\nunexplained: 0\n"},
  };
  ConformanceOptions options;
  options.explain_departures = true;
  options.search_as_subject = false;
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    FakeJudge judge;
    c.change(judge);
    const std::string totals =
        RunTiny(judge, ReportStyle::kLines, options).totals;
    EXPECT_THAT(totals, HasSubstr(c.totals));
    const bool is_explained =
        totals.find("departures by rule") != std::string::npos;
    EXPECT_THAT(totals, HasSubstr(is_explained ? "8 passed, 0 failed"
                                               : "7 passed, 1 failed"));
  }
}

TEST(ConformanceTest, JsonNamesTheRuleOfADeparture) {
  FakeJudge judge;
  judge.checks["read"].permitted = false;
  judge.checks["read"].strict_rules = {"A"};
  ConformanceOptions options;
  options.explain_departures = true;
  EXPECT_THAT(RunTiny(judge, ReportStyle::kJson, options).out,
              HasSubstr("\"got\":{\"decision\":\"DENY\",\"http_status\":200},"
                        "\"passed\":true,\"strict_rule\":\"A\","));
}

TEST(ConformanceTest, WhatIsSkippedIsCountedAndNamed) {
  FakeJudge judge;
  ConformanceOptions options;
  options.no_cold_reads = "not in strict mode";
  const RunResult run = RunTiny(judge, ReportStyle::kLines, options);
  EXPECT_THAT(run.totals, HasSubstr("skipped 1 × cold: not in strict mode\n"));
  EXPECT_THAT(run.totals, HasSubstr("\n7 passed, 0 failed, 1 skipped\n"));
}

TEST(ConformanceTest, KindsCanBeChosen) {
  FakeJudge judge;
  ConformanceOptions options;
  options.kinds = {CaseKind::kSearch};
  EXPECT_THAT(RunTiny(judge, ReportStyle::kLines, options).totals,
              HasSubstr("\n2 passed, 0 failed, 0 skipped\n"));
}

TEST(ConformanceTest, SummaryCountsMismatchesOfAKind) {
  FakeJudge judge;
  judge.checks["delete"] = judge.checks["read"];
  judge.checks["read"].http_status = 404;
  const RunResult run = RunTiny(judge, ReportStyle::kSummary);
  EXPECT_EQ(run.out,
            "tiny check: 1 × expected ALLOW 200, got ALLOW 404 PERMITTED\n"
            "tiny check: 1 × expected DENY 403, got ALLOW 200 PERMITTED WRONG "
            "PERMIT\n");
}

TEST(ConformanceTest, JsonIsOneObjectACase) {
  FakeJudge judge;
  judge.checks["delete"].http_status = 404;
  const RunResult run = RunTiny(judge, ReportStyle::kJson);
  EXPECT_THAT(
      run.out,
      HasSubstr("{\"scenario\":\"tiny\",\"kind\":\"check\",\"id\":\"read\","
                "\"expected\":{\"decision\":\"ALLOW\",\"http_status\":200},"
                "\"got\":{\"decision\":\"ALLOW\",\"http_status\":200},"
                "\"passed\":true,\"reason\":\"\"}\n"));
  EXPECT_THAT(
      run.out,
      HasSubstr("\"id\":\"delete\",\"expected\":{\"decision\":\"DENY\","
                "\"http_status\":403},\"got\":{\"decision\":\"DENY\","
                "\"http_status\":404},\"passed\":false,\"reason\":"
                "\"INTERACTION_NOT_GRANTED: No. (Medplum: Forbidden)\"}\n"));
  EXPECT_THAT(run.out,
              HasSubstr("\"kind\":\"search\",\"id\":\"s1\",\"expected\":{"
                        "\"http_status\":200,\"ids\":[\"Patient/p1\"]}"));
}

TEST(VectorFileTest, RefusalsNameTheFileAndTheCase) {
  struct {
    const char* name;
    const char* json;
    const char* message;
  } cases[] = {
      {"NoObject", "[]", "f.json: is not a JSON object"},
      {"NoScenario", "{}", "f.json: has no `scenario`"},
      {"NoResources", R"({"scenario":"s"})", "f.json: has no `resources`"},
      {"BadResource", R"({"scenario":"s","resources":[{}]})",
       "f.json: resources[0]: the resource has no `resourceType` string"},
      {"NoSubject", R"({"scenario":"s","resources":[],"checks":[{"id":"c"}]})",
       "f.json: c: has no `subject.membership`"},
      {"UnknownInteraction",
       R"({"scenario":"s","resources":[],"checks":[{"id":"c","subject":)"
       R"({"membership":"m"},"interaction":"look"}]})",
       "f.json: c: the interaction `look` is unknown"},
      {"NoExpectation",
       R"({"scenario":"s","resources":[],"searches":[{"id":"c","subject":)"
       R"({"membership":"m"},"query":"Task"}]})",
       "f.json: c: has no `expect`"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(VectorFile::Parse("f.json", c.json).status(),
              absl::InvalidArgumentError(c.message));
  }
}

TEST(VectorFileTest, ADirectoryWithoutFilesIsRefused) {
  EXPECT_EQ(ListVectorFiles("/nonexistent").status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace pdp::ctl
