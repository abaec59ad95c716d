#include "clients/pdpctl/case_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

constexpr char kTable[] = R"({"title": "T", "notes": ["n"], "groups": [
    {"title": "G", "cases": [
      {"id": "a", "who": "Ada",
       "subject": {"membership": "ProjectMembership/1",
                   "active_tenants": ["Organization/1"]},
       "interaction": "read", "resource": "Patient/2",
       "expect": {"effect": "PERMIT_WITH_OBLIGATIONS",
                  "hidden_fields": ["b", "a"], "medplum_http_status": 200}},
      {"id": "b", "who": "Bea",
       "subject": {"profile": "Practitioner/3", "project": "p"},
       "interaction": "create", "proposed": {"resourceType": "Task"},
       "expect": {"effect": "DENY", "reason": "SUBJECT_UNKNOWN",
                  "enforcement_http_status": 401}}]}],
    "filters": [
      {"id": "f", "who": "Ada", "subject": {"membership": "ProjectMembership/1"},
       "resource_type": "Task", "query": "_sort=x",
       "expect": {"kind": "CONDITIONAL",
                  "queries": ["Task?a=x|y&b=1,2"]}}]})";

TEST(CaseTableTest, IsRead) {
  const auto table = ParseCaseTable(kTable);
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_EQ(table->groups.size(), 1u);
  ASSERT_EQ(table->groups[0].cases.size(), 2u);
  const CheckCase& read = table->groups[0].cases[0];
  EXPECT_EQ(read.what, "read Patient/2");
  EXPECT_EQ(read.request.subject().reference(), "ProjectMembership/1");
  EXPECT_EQ(read.request.context().active_tenants(0), "Organization/1");
  EXPECT_EQ(read.request.interaction(), v1::INTERACTION_READ);
  EXPECT_EQ(read.request.resource().id(), "2");
  const CheckCase& create = table->groups[0].cases[1];
  EXPECT_EQ(create.what, "create Task");
  EXPECT_EQ(create.request.subject().project(), "p");
  EXPECT_EQ(create.request.resource().proposed(), R"({"resourceType":"Task"})");
  ASSERT_EQ(table->filters.size(), 1u);
  EXPECT_EQ(table->filters[0].what, "search Task?_sort=x");
}

TEST(CaseTableTest, AMisspeltMemberIsNoSilentPass) {
  struct {
    const char* name;
    const char* from;
    const char* to;
    const char* message;
  } cases[] = {
      {"Expectation", "\"hidden_fields\"", "\"hiddenFields\"",
       "case `a`: the member `hiddenFields` is unknown"},
      {"Effect", "\"DENY\"", "\"DENIED\"",
       "case `b`: the effect `DENIED` is unknown"},
      {"Interaction", "\"read\"", "\"reed\"",
       "case `a`: the interaction `reed` is unknown"},
      {"Subject", "\"profile\"", "\"profil\"",
       "case `b`: the member `profil` is unknown"},
      {"Kind", "\"CONDITIONAL\"", "\"SOME\"",
       "case `f`: the kind `SOME` is unknown"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::string json = kTable;
    json.replace(json.find(c.from), std::string(c.from).size(), c.to);
    EXPECT_EQ(ParseCaseTable(json).status(),
              absl::InvalidArgumentError(c.message));
  }
  EXPECT_EQ(ParseCaseTable("{}").status(),
            absl::InvalidArgumentError("has neither `groups` nor `filters`"));
}

TEST(CaseTableTest, DecisionsAreComparedAsFarAsExpected) {
  const auto table = ParseCaseTable(kTable);
  ASSERT_TRUE(table.ok()) << table.status();
  v1::Decision decision;
  decision.set_effect(v1::EFFECT_PERMIT_WITH_OBLIGATIONS);
  decision.set_medplum_http_status(200);
  decision.add_hidden_fields("a");
  decision.add_hidden_fields("b");
  const ExpectedDecision& expected = table->groups[0].cases[0].expected;
  EXPECT_EQ(Mismatch(expected, decision), "");
  decision.add_hidden_fields("c");
  decision.set_effect(v1::EFFECT_DENY);
  decision.set_medplum_http_status(404);
  decision.set_message("Why.");
  EXPECT_EQ(Mismatch(expected, decision),
            "effect: expected PERMIT_WITH_OBLIGATIONS, got DENY; "
            "hidden_fields: expected [a, b], got [a, b, c]; "
            "medplum_http_status: expected 200, got 404 (Why.)");
}

TEST(CaseTableTest, QueriesAreComparedDecodedAndWithoutTheirProject) {
  const auto table = ParseCaseTable(kTable);
  ASSERT_TRUE(table.ok()) << table.status();
  v1::FilterResponse response;
  response.set_kind(v1::FILTER_KIND_CONDITIONAL);
  response.add_queries("Task?b=1%2C2&_project=p&a=x%7Cy");
  EXPECT_EQ(Mismatch(table->filters[0], response), "");
  response.add_queries("Task?b=1");
  EXPECT_EQ(Mismatch(table->filters[0], response),
            "queries: expected [Task?a=x|y&b=1,2], "
            "got [Task?a=x|y&b=1,2, Task?b=1]");
}

}  // namespace
}  // namespace pdp::ctl
