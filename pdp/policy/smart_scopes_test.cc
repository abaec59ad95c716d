#include "pdp/policy/smart_scopes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pdp/base/strings.h"

namespace pdp::policy {
namespace {

std::string PrintScopes(std::string_view text) {
  std::string out;
  for (const SmartScope& scope : ParseSmartScopes(text)) {
    out += StrCat(scope.resource_type, ".", scope.permissions,
                  scope.criteria.empty() ? "" : "?", scope.criteria, ";");
  }
  return out;
}

TEST(SmartScopesTest, Parses) {
  const struct {
    const char* scope;
    const char* want;
  } kCases[] = {
      {"", ""},
      {"openid launch fhirUser offline_access", ""},
      {"patient/Observation.rs", "Observation.rs;"},
      {"user/*.*", "*.cruds;"},
      {"system/Patient.read", "Patient.rs;"},
      {"user/Patient.write", "Patient.cud;"},
      {"patient/Observation.", "Observation.;"},
      {"patient/Observation.sr", ""},
      {"patient/Observation.xyz", ""},
      {"Patient/Observation.rs", ""},
      {"user/Obs-x.rs", ""},
      {"user/Patient.rs?a=1&b=2&a=3", "Patient.rs?a=1&a=3&b=2;"},
      {"user/Patient.rs?name", "Patient.rs?name=;"},
      {"user/Patient.rs?name=a+b", "Patient.rs?name=a%20b;"},
      {"user/Patient.rs?na+me=a", "Patient.rs?na%20me=a;"},
      {"user/Patient.rs?&&=x&name=%2B", "Patient.rs?=x&name=%2B;"},
      {"user/Patient.rs?a=1?b=2", "Patient.rs?a=1?b=2;"},
      {"user/Patient.rs?", "Patient.rs;"},
      {"user/Patient.rs  user/Task.c", "Patient.rs;Task.c;"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.scope);
    EXPECT_EQ(PrintScopes(c.scope), c.want);
  }
}

PolicyEntry Entry(const char* type, const char* criteria) {
  PolicyEntry entry;
  entry.resource_type = type;
  entry.criteria = criteria;
  return entry;
}

std::string Combine(PolicyEntry entry, std::string_view scope,
                    std::string_view patient, Mode mode) {
  std::vector<DraftEntry> drafts = {DraftEntry(std::move(entry), {})};
  EXPECT_TRUE(ApplySmartScopes(ParseSmartScopes(scope), patient, mode, drafts));
  std::string out;
  for (const DraftEntry& draft : drafts) {
    const PolicyEntry& e = draft.entry();
    out += StrCat(e.resource_type, " ", e.criteria,
                  e.readonly ? " readonly" : "", " ", draft.in_force, ";");
  }
  return out;
}

TEST(SmartScopesTest, CombinesAsMedplumDoes) {
  const std::string all = StrCat(fhir::kAllInteractions);
  const struct {
    const char* name;
    const char* type;
    const char* criteria;
    const char* scope;
    const char* patient;
    std::string want;
  } kCases[] = {
      {"AnotherTypeIsDropped", "Task", "", "user/Patient.rs", "", ""},
      {"ReadsMakeItReadonly", "Patient", "", "user/Patient.r", "",
       "Patient  readonly " + all + ";"},
      {"AnythingElseLeavesIt", "Patient", "", "user/Patient.c", "",
       "Patient  " + all + ";"},
      {"AnEmptyPermissionLeavesIt", "Patient", "", "user/Patient.", "",
       "Patient  " + all + ";"},
      {"ThePatientIsAdded", "Observation", "Observation?status=final",
       "patient/Observation.cruds", "Patient/1",
       "Observation Observation?status=final&_compartment=Patient/1 " + all +
           ";"},
      {"AWildcardWithoutCriteriaGetsAMalformedOne", "*", "",
       "patient/Observation.rs", "Patient/1",
       "Observation *?_compartment=Patient/1 readonly " + all + ";"},
      {"AWildcardWithCriteriaTakesTheType", "*", "*?_project=1",
       "user/Task.cruds", "", "Task Task?_project=1 " + all + ";"},
      {"ScopesKeepTheirOrder", "*", "", "user/A.rs user/B.rs", "",
       "A  readonly " + all + ";B  readonly " + all + ";"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(
        Combine(Entry(c.type, c.criteria), c.scope, c.patient, Mode::kParity),
        c.want);
  }
}

TEST(SmartScopesTest, InStrictModeALetterStandsForItself) {
  using enum fhir::Interaction;
  const auto reads = fhir::Bit(kRead) | fhir::Bit(kVread) | fhir::Bit(kHistory);
  EXPECT_EQ(Combine(Entry("Task", ""), "user/Task.r", "", Mode::kStrict),
            StrCat("Task  readonly ", reads, ";"));
  EXPECT_EQ(Combine(Entry("Task", ""), "user/Task.c", "", Mode::kStrict),
            StrCat("Task  ", fhir::Bit(kCreate), ";"));
  EXPECT_EQ(Combine(Entry("Task", ""), "user/Task.", "", Mode::kStrict),
            "Task  0;");
  EXPECT_EQ(Combine(Entry("Task", ""), "patient/Task.rs", "", Mode::kStrict),
            "Task  readonly 0;");
}

TEST(SmartScopesTest, CombinationsAreBounded) {
  std::string scope;
  for (int i = 0; i < 200; ++i) scope += "user/*.cruds ";
  const auto scopes = ParseSmartScopes(scope);
  for (const size_t size : {kMaxScopedEntries / 200, kMaxScopedEntries}) {
    std::vector<DraftEntry> drafts(size, DraftEntry(Entry("*", ""), {}));
    EXPECT_EQ(ApplySmartScopes(scopes, "", Mode::kStrict, drafts),
              size * 200 <= kMaxScopedEntries);
  }
}

}  // namespace
}  // namespace pdp::policy
