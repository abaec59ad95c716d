#include "pdp/fhir/search/search_include.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pdp::fhir::search {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ResourcePtr Parse(std::string_view json) {
  return Resource::Parse(json).value();
}

std::vector<Include> Includes(std::string_view query) {
  const auto criteria = ParseCriteria(query);
  EXPECT_TRUE(criteria.ok()) << criteria.status();
  return IncludesOf(*criteria);
}

std::string Say(const Include& include) {
  return (include.is_reverse ? "reverse " : "") + include.resource_type + ":" +
         include.code + (include.iterates ? " iterates" : "");
}

std::vector<std::string> Say(const std::vector<ResourceKey>& keys) {
  std::vector<std::string> texts;
  for (const ResourceKey& key : keys) texts.push_back(key.ToString());
  return texts;
}

TEST(IncludesOfTest, ForwardOnesComeFirst) {
  std::vector<std::string> said;
  for (const Include& include :
       Includes("Patient?_revinclude=Observation:subject&name=x&"
                "_include:iterate=Patient:organization&"
                "_include=Patient:general-practitioner:Practitioner&_count=1&"
                "_revinclude:iterate=Task:patient")) {
    said.push_back(Say(include));
  }
  EXPECT_THAT(said, ElementsAre("Patient:organization iterates",
                                "Patient:general-practitioner",
                                "reverse Observation:subject",
                                "reverse Task:patient iterates"));
}

TEST(IncludesOfTest, OtherModifiersDoNotIterate) {
  EXPECT_EQ(Say(Includes("Patient?_include:foo=Patient:organization").at(0)),
            "Patient:organization");
}

struct TargetCase {
  const char* name;
  const char* include;
  const char* resource;
  std::vector<std::string> resources;
  std::vector<std::string> urls;
};

TEST(IncludeTargetsOfTest, AreWhatTheParameterRefersTo) {
  const TargetCase cases[] = {
      {"OneReference",
       "Patient:organization",
       R"({"resourceType":"Patient","id":"p",
           "managingOrganization":{"reference":"Organization/o"}})",
       {"Organization/o"},
       {}},
      {"SeveralReferences",
       "Patient:general-practitioner",
       R"({"resourceType":"Patient","id":"p","generalPractitioner":[
           {"reference":"Practitioner/a"},{"reference":"Organization/b"}]})",
       {"Practitioner/a", "Organization/b"},
       {}},
      {"NoReference",
       "Patient:organization",
       R"({"resourceType":"Patient","id":"p"})",
       {},
       {}},
      {"OnlyLiteralReferencesOfThisServer",
       "Patient:general-practitioner",
       R"({"resourceType":"Patient","id":"p","generalPractitioner":[
           {"reference":"http://x/Practitioner/a"},{"reference":"#b"},
           {"identifier":{"value":"c"}},{"display":"d"},
           {"reference":"Practitioner/e/_history/1"}]})",
       {},
       {}},
      {"TheThirdPartIsNotHeeded",
       "Observation:subject:Group",
       R"({"resourceType":"Observation","id":"x",
           "subject":{"reference":"Patient/p"}})",
       {"Patient/p"},
       {}},
      {"OnlyWhatResolvesToTheTypeOfThePath",
       "Observation:patient",
       R"({"resourceType":"Observation","id":"x",
           "subject":{"reference":"Group/g"}})",
       {},
       {}},
      {"ACanonical",
       "QuestionnaireResponse:questionnaire",
       R"({"resourceType":"QuestionnaireResponse","id":"x",
           "questionnaire":"http://q/1"})",
       {},
       {"http://q/1"}},
      {"AnotherTypeThanTheIncludes",
       "Patient:organization",
       R"({"resourceType":"Practitioner","id":"x"})",
       {},
       {}},
      {"AnExpressionThatSpeaksOfSeveralTypes",
       "Condition:patient",
       R"({"resourceType":"Observation","id":"x",
           "subject":{"reference":"Patient/p"}})",
       {"Patient/p"},
       {}},
      {"AParameterThatIsNoReference",
       "Patient:name",
       R"({"resourceType":"Patient","id":"p","name":[{"family":"A"}]})",
       {},
       {}},
  };
  for (const TargetCase& c : cases) {
    SCOPED_TRACE(c.name);
    const Include include =
        Includes(std::string("Patient?_include=") + c.include).at(0);
    fhirpath::Scratch scratch;
    const std::vector<ResourcePtr> resources = {Parse(c.resource)};
    const auto targets = IncludeTargetsOf(include, resources, scratch);
    ASSERT_TRUE(targets.ok()) << targets.status();
    EXPECT_EQ(Say(targets->resources), c.resources);
    EXPECT_EQ(targets->urls, c.urls);
  }
}

TEST(IncludeTargetsOfTest, AnUnknownParameterIsRefused) {
  const Include include = Includes("Patient?_include=Patient:foo").at(0);
  const std::vector<ResourcePtr> resources = {
      Parse(R"({"resourceType":"Patient","id":"p"})")};
  fhirpath::Scratch scratch;
  EXPECT_TRUE(absl::IsInvalidArgument(
      IncludeTargetsOf(include, resources, scratch).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ReverseIncludeSearch(include, resources).status()));
}

TEST(ReverseIncludeSearchTest, AsksForTheReferences) {
  const std::vector<ResourcePtr> resources = {
      Parse(R"({"resourceType":"Patient","id":"p"})"),
      Parse(R"({"resourceType":"Group","id":"g"})")};
  const Include include =
      Includes("Patient?_revinclude=Observation:subject").at(0);
  const auto criteria = ReverseIncludeSearch(include, resources);
  ASSERT_TRUE(criteria.ok()) << criteria.status();
  EXPECT_EQ(criteria->resource_type, "Observation");
  EXPECT_EQ(Print(*criteria), "reference subject eq Patient/p,Group/g\n");
}

TEST(ReverseIncludeSearchTest, AsksForUrlsWhereTheParameterHoldsSuch) {
  const std::vector<ResourcePtr> resources = {
      Parse(R"({"resourceType":"Questionnaire","id":"q","url":"http://q/1"})"),
      Parse(R"({"resourceType":"Questionnaire","id":"r"})")};
  const Include include =
      Includes("Questionnaire?_revinclude=QuestionnaireResponse:questionnaire")
          .at(0);
  const auto criteria = ReverseIncludeSearch(include, resources);
  ASSERT_TRUE(criteria.ok()) << criteria.status();
  EXPECT_EQ(Print(*criteria), "reference questionnaire eq http://q/1\n");
}

TEST(CanonicalSearchTest, NeedsATypeWithUrls) {
  const std::vector<std::string> urls = {"http://q/1", "http://q/2"};
  const auto criteria = CanonicalSearch("Questionnaire", urls);
  ASSERT_TRUE(criteria.ok()) << criteria.status();
  EXPECT_EQ(Print(*criteria), "uri url eq http://q/1,http://q/2\n");
  EXPECT_TRUE(
      absl::IsInvalidArgument(CanonicalSearch("Patient", urls).status()));
}

}  // namespace
}  // namespace pdp::fhir::search
