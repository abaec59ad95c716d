// Suites of policy tests: how they are read, run and reported.

#include "clients/pdpctl/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "clients/pdpctl/run_suite.h"
#include "clients/pdpctl/run_tests.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A project whose one member reads patients without their names.
constexpr std::string_view kWorld = R"(
title: Ward
resources:
  - {resourceType: Project, id: 10000000-0000-4000-8000-000000000001}
  - {resourceType: Practitioner, id: dr}
  - {resourceType: Patient, id: 20000000-0000-4000-8000-00000000000a, meta: {versionId: v1}, active: true,
     name: [{family: Moss}]}
  - {resourceType: Patient, id: 20000000-0000-4000-8000-00000000000b, active: false}
  - resourceType: AccessPolicy
    id: ward
    resource:
      - {resourceType: Patient, criteria: "Patient?active=true",
         hiddenFields: [name], interaction: [read, vread, search, update]}
  - resourceType: ProjectMembership
    id: member
    project: {reference: Project/10000000-0000-4000-8000-000000000001}
    profile: {reference: Practitioner/dr}
    accessPolicy: {reference: AccessPolicy/ward}
names:
  ada: Patient/20000000-0000-4000-8000-00000000000a
  ben: Patient/20000000-0000-4000-8000-00000000000b
subjects: {doctor: ProjectMembership/member}
)";

Suite Parse(std::string_view tests) {
  auto suite = ParseSuite(StrCat(kWorld, tests), "ward.yaml");
  EXPECT_TRUE(suite.ok()) << suite.status();
  return suite.ok() ? *std::move(suite) : Suite();
}

std::vector<std::string> Failures(const Suite& suite) {
  std::vector<std::string> failures;
  for (const SuiteCase& ran : RunSuite(suite).cases) {
    if (!ran.failure.empty()) failures.push_back(ran.failure);
  }
  return failures;
}

TEST(SuiteTest, WhatHoldsPasses) {
  const Suite suite = Parse(R"(
tests:
  - {subject: doctor, interaction: [read, vread], resource: ada,
     expect: permit, hidden: [name]}
  - {subject: doctor, interaction: read, resource: ben, expect: deny,
     reason: RESOURCE_NOT_GRANTED, status: 404}
  - {subject: doctor, interaction: delete, resource: [ada, ben], expect: deny}
  - {subject: Practitioner/dr, interaction: search, resource: Patient,
     expect: permit, hidden: [name]}
  - {subject: doctor, interaction: update, resource: ada,
     change: {active: true, language: en}, expect: permit, hidden: [name],
     readonly: [name]}
  - {subject: doctor, filter: Patient, expect: some, finds: [ada]}
  - {subject: doctor, filter: Observation, expect: nothing}
matrices:
  - interactions: [read, update, delete, create]
    expect:
      doctor: {ada: "read, update", ben: none}
)");
  EXPECT_EQ(suite.expectations.size(), 17u);
  EXPECT_THAT(Failures(suite), ElementsAre());
}

// Each expectation is wrong in one way, and is told so.
TEST(SuiteTest, WhatDoesNotHoldSaysWhatWasExpectedGotAndWhy) {
  struct Case {
    const char* test;
    const char* failure;
  };
  const Case kCases[] = {
      {"{subject: doctor, interaction: read, resource: ada, expect: deny}",
       "expected deny, got permit (PERMITTED by "
       "AccessPolicy/ward.resource[0])"},
      {"{subject: doctor, interaction: read, resource: ben, expect: permit}",
       "expected permit, got deny (RESOURCE_NOT_GRANTED: "},
      {"{subject: doctor, interaction: read, resource: ada, expect: permit}",
       "hidden: expected [], got [name] (PERMITTED by "},
      {"{subject: doctor, interaction: read, resource: ada, expect: permit, "
       "hidden: name, readonly: active}",
       "readonly: expected [active], got [] (PERMITTED by "},
      {"{subject: doctor, interaction: read, resource: ben, expect: deny, "
       "reason: SCOPE, status: 403}",
       "reason: expected SCOPE, got RESOURCE_NOT_GRANTED; status: expected "
       "403, got 404 ("},
      {"{subject: doctor, filter: Patient, expect: everything}",
       "expected everything, got some (permitted) (Patient?active=true"},
      {"{subject: doctor, filter: Patient, finds: [ada, ben]}",
       "finds: expected [Patient/20000000-0000-4000-8000-00000000000a, "
       "Patient/20000000-0000-4000-8000-00000000000b], got "
       "[Patient/20000000-0000-4000-8000-00000000000a] ("},
      {"{subject: ProjectMembership/nobody, interaction: read, resource: ada, "
       "expect: permit}",
       "expected permit, got deny (SUBJECT_UNKNOWN: "},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.test);
    EXPECT_THAT(Failures(Parse(StrCat("tests:\n  - ", c.test, "\n"))),
                ElementsAre(StartsWith(c.failure)));
  }
}

TEST(SuiteTest, AnErrorNamesItsPlace) {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case kCases[] = {
      {"title: [", "ward.yaml:"},
      {"titel: x", "ward.yaml:1:1: unknown key `titel`; the keys are: title"},
      {"title: x\ntitle: y", "ward.yaml:2:1: `title` is given twice"},
      {"title: x", "ward.yaml:1:1: holds no tests"},
      {"mode: lax", "ward.yaml:1:7: expected strict or parity"},
      {"fixtures: [none.json]", "ward.yaml:1:12: none.json cannot be read"},
      {"resources:\n  - {id: x}", "ward.yaml:2:5: "},
      {"resources:\n  - {resourceType: Patient}",
       "ward.yaml:2:5: a resource without a FHIR id"},
      {"names: {x: Patient/none}",
       "ward.yaml:1:12: no resource `Patient/none`"},
      {"subjects: {x: {reference: User/1, scope: y}}",
       "ward.yaml:1:35: unknown key `scope`"},
      {"tests: [{subject: x}]", "ward.yaml:1:19: no subject is called `x`"},
      {"tests: [{subject: User/1, interaction: look, resource: Patient, "
       "expect: deny}]",
       "ward.yaml:1:40: no interaction is called `look`"},
      {"tests: [{subject: User/1, interaction: read, resource: x, expect: "
       "deny}]",
       "ward.yaml:1:56: no resource is called `x`"},
      {"tests: [{subject: User/1, interaction: read, resource: Patient, "
       "expect: deny}]",
       "ward.yaml:1:9: `read` needs a resource, not the type Patient"},
      {"tests: [{subject: User/1, interaction: create, resource: Patient, "
       "expect: maybe}]",
       "ward.yaml:1:75: expected permit or deny"},
      {"tests: [{subject: User/1, interaction: create, resource: Patient, "
       "expect: deny}]",
       "ward.yaml:1:9: `create` needs `proposed`"},
      {"tests: [{subject: User/1, interaction: search, resource: Patient, "
       "expect: deny, reason: BECAUSE}]",
       "ward.yaml:1:89: no reason is called `BECAUSE`"},
      {"matrices: [{interactions: [search], expect: {User/1: {Patient: "
       "read}}}]",
       "ward.yaml:1:64: `read` is not among the `interactions`"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.text);
    const auto suite = ParseSuite(c.text, "ward.yaml");
    ASSERT_FALSE(suite.ok());
    EXPECT_EQ(suite.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(suite.status().message()), StartsWith(c.error));
  }
}

TEST(SuiteTest, YamlBecomesTheJsonThatItReadsAs) {
  const Suite suite = Parse(R"(
  # Appended to the subjects: a comment.
tests:
  - subject: doctor
    interaction: create
    resource: Patient
    proposed: {resourceType: Patient, birthDate: 2001-02-03, active: true,
      multipleBirthInteger: 2, gender: "true", name: [{family: 'a"b'}]}
    expect: deny
)");
  ASSERT_EQ(suite.expectations.size(), 1u);
  EXPECT_EQ(suite.expectations[0].proposed->json(),
            R"({"resourceType":"Patient","birthDate":"2001-02-03",)"
            R"("active":true,"multipleBirthInteger":2,"gender":"true",)"
            R"("name":[{"family":"a\"b"}]})");
}

class RunTestTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, std::string_view tests) {
    const std::string path = ::testing::TempDir() + "pdpctl_suite_" + name;
    std::ofstream(path) << kWorld << tests;
    return path;
  }
  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::ostringstream out_;
  std::ostringstream err_;
};

constexpr std::string_view kOneHoldsOneDoesNot = R"(
tests:
  - name: A <ward> & its "doctor"
    subject: doctor
    interaction: read
    resource: [ada, ben]
    expect: permit
    hidden: name
)";

TEST_F(RunTestTest, SaysWhereAnExpectationFailsAndWritesJunit) {
  const std::string path = Write("fails.yaml", kOneHoldsOneDoesNot);
  TestCommand command;
  command.files = {path};
  command.junit_file = ::testing::TempDir() + "pdpctl_suite_junit.xml";
  EXPECT_EQ(RunTest(command, OutputFormat::kText, out_, err_), 3);
  EXPECT_THAT(out_.str(), HasSubstr("Ward: 1 passed, 1 failed\n"));
  EXPECT_THAT(out_.str(),
              HasSubstr(path + ":25:5: A <ward> & its \"doctor\": doctor: read "
                               "ben: expected permit, got deny"));
  const std::string xml = Read(command.junit_file);
  EXPECT_THAT(xml, StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                              "<testsuites tests=\"2\" failures=\"1\""));
  EXPECT_THAT(xml, HasSubstr("classname=\"A &lt;ward&gt; &amp; its "
                             "&quot;doctor&quot;\" name=\"doctor: read ada\""));
  EXPECT_THAT(xml, HasSubstr("<failure message=\"expected permit, got deny"));
}

TEST_F(RunTestTest, PassesWhereAllHoldAndSaysSoAsJson) {
  TestCommand command;
  command.files = {Write("holds.yaml", R"(
tests: [{subject: doctor, interaction: read, resource: ben, expect: deny}]
)")};
  EXPECT_EQ(RunTest(command, OutputFormat::kJson, out_, err_), 0);
  EXPECT_THAT(out_.str(), HasSubstr("\"name\":\"doctor: read ben\",\"passed\":"
                                    "true,\"failure\":\"\"}\n"));
}

TEST_F(RunTestTest, TheModeOfTheCommandLineIsWhatCounts) {
  const std::string path = Write("mode.yaml", R"(
  # In strict mode a member without a policy may do nothing.
matrices:
  - interactions: [read]
    expect: {ProjectMembership/member: {ada: all}}
)");
  std::string text = Read(path);
  text.replace(text.find("    accessPolicy: {reference: AccessPolicy/ward}"),
               48, "");
  std::ofstream(path) << text;
  TestCommand command;
  command.files = {path};
  EXPECT_EQ(RunTest(command, OutputFormat::kText, out_, err_), 3);
  EXPECT_THAT(out_.str(), HasSubstr("POLICY_MISSING"));
  command.mode = "parity";
  EXPECT_EQ(RunTest(command, OutputFormat::kText, out_, err_), 0);
}

TEST_F(RunTestTest, ABrokenSuiteIsNoResult) {
  TestCommand command;
  command.files = {Write("broken.yaml", "tests: [{subject: nobody}]\n")};
  EXPECT_EQ(RunTest(command, OutputFormat::kText, out_, err_), 2);
  EXPECT_THAT(err_.str(), HasSubstr("no subject is called `nobody`"));
  command.files = {"/nonexistent.yaml"};
  EXPECT_EQ(RunTest(command, OutputFormat::kText, out_, err_), 2);
}

}  // namespace
}  // namespace pdp::ctl
