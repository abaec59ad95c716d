#include "clients/pdpctl/search_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/memory_lookup.h"

namespace pdp::ctl {
namespace {

using testing::ElementsAre;

constexpr char kFirst[] = "10000000-0000-4000-8000-000000000001";
constexpr char kSecond[] = "10000000-0000-4000-8000-000000000002";
constexpr char kThird[] = "10000000-0000-4000-8000-000000000003";

fhir::ResourcePtr Patient(const std::string& id, const std::string& gender) {
  return fhir::Resource::Parse(R"({"resourceType":"Patient","id":")" + id +
                               R"(","gender":")" + gender +
                               R"(","meta":{"project":"p"}})")
      .value();
}

const fhir::MemoryLookup& Patients() {
  static const auto* lookup = new fhir::MemoryLookup(
      {Patient(kFirst, "female"), Patient(kSecond, "male"),
       Patient(kThird, "female")},
      {});
  return *lookup;
}

TEST(SearchExecutorTest, FindsTheUnionOfAllQueries) {
  const std::string by_id = std::string("Patient?_type=Patient&_id=") + kThird;
  const auto result =
      ExecuteSearches(Patients(), {"Patient?gender=male", by_id, by_id});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->http_status, 200);
  EXPECT_THAT(result->ids, ElementsAre(std::string("Patient/") + kSecond,
                                       std::string("Patient/") + kThird));
}

TEST(SearchExecutorTest, AnErrorIsWhatTheCallerWouldBeTold) {
  for (const char* query :
       {"Patient?color=red", "Practitioner?organization=1"}) {
    SCOPED_TRACE(query);
    const auto result =
        ExecuteSearches(Patients(), {"Patient?gender=male", query});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->http_status, 400);
    EXPECT_TRUE(result->ids.empty());
  }
}

TEST(SearchExecutorTest, WhatCannotBeEmulatedIsNoResult) {
  for (const char* query : {"Patient?_offset=1", "Patient?_cursor=1-x"}) {
    SCOPED_TRACE(query);
    EXPECT_EQ(ExecuteSearches(Patients(), {query}).status().code(),
              absl::StatusCode::kUnimplemented);
  }
}

// ---------------------------------------------------------------------------

fhir::ResourcePtr Parse(const std::string& json) {
  return fhir::Resource::Parse(json).value();
}

// Two clinics with a patient each; Bob's observation is of Ann's encounter.
const fhir::MemoryLookup& Clinics() {
  static const auto* lookup = new fhir::MemoryLookup(
      {
          Parse(R"({"resourceType":"Organization","id":"north",
              "name":"North","partOf":{"reference":"Organization/south"},
              "meta":{"project":"p"}})"),
          Parse(R"({"resourceType":"Organization","id":"south",
              "name":"South","partOf":{"reference":"Organization/top"},
              "meta":{"project":"p"}})"),
          Parse(R"({"resourceType":"Organization","id":"top","name":"Top",
              "meta":{"project":"p"}})"),
          Parse(R"({"resourceType":"Organization","id":"ring","name":"Ring",
              "partOf":{"reference":"Organization/ring"},
              "meta":{"project":"p"}})"),
          Parse(R"({"resourceType":"Patient","id":"ann","gender":"female",
              "managingOrganization":{"reference":"Organization/north"},
              "meta":{"project":"p"}})"),
          Parse(R"({"resourceType":"Patient","id":"bob","gender":"male",
              "managingOrganization":{"reference":"Organization/south"},
              "meta":{"project":"p"}})"),
          Parse(R"({"resourceType":"Patient","id":"eve","gender":"female",
              "managingOrganization":{"reference":"Organization/gone"},
              "meta":{"project":"p"}})"),
          Parse(R"({"resourceType":"Observation","id":"a","status":"final",
              "subject":{"reference":"Patient/ann"},"meta":{"project":"p"}})"),
          Parse(R"({"resourceType":"Observation","id":"b","status":"amended",
              "subject":{"reference":"Patient/bob"},"meta":{"project":"p"}})"),
          Parse(R"({"resourceType":"QuestionnaireResponse","id":"r",
              "status":"completed","questionnaire":"http://q",
              "subject":{"reference":"Patient/ann"},"meta":{"project":"p"}})"),
          Parse(R"({"resourceType":"Questionnaire","id":"q","url":"http://q",
              "status":"active",
              "meta":{"project":"10000000-0000-4000-8000-000000000001"}})"),
      },
      {});
  return *lookup;
}

class FakeReach : public SearchReach {
 public:
  FakeReach() {
    for (const char* type :
         {"Patient", "Observation", "Organization", "QuestionnaireResponse"}) {
      Grant(type, {type});
    }
  }

  void Grant(const std::string& type, std::vector<std::string> queries) {
    SearchAnswer& answer = filters_[type];
    answer.permitted = true;
    answer.http_status = 200;
    answer.reason = "PERMITTED";
    answer.queries = std::move(queries);
  }
  void Deny(const std::string& type, std::string reason, int http_status) {
    SearchAnswer answer;
    answer.http_status = http_status;
    answer.reason = std::move(reason);
    filters_[type] = answer;
  }

  const SearchAnswer& Filter(std::string_view type) override {
    const std::string name(type);
    if (!filters_.contains(name)) Deny(name, "INTERACTION_NOT_GRANTED", 403);
    return filters_[name];
  }
  absl::StatusOr<bool> MayRead(const fhir::ResourceKey& key) override {
    return !unreadable.contains(key.ToString());
  }

  std::set<std::string> unreadable;

 private:
  std::map<std::string, SearchAnswer> filters_;
};

// "200 Patient/ann Patient/bob", "403".
std::string Search(FakeReach& reach, std::string_view type,
                   std::string_view query) {
  const auto result = SearchAsSubject(Clinics(), reach, type, query);
  if (!result.ok()) return std::string(ToStd(result.status().message()));
  std::string said = StrCat(result->http_status);
  for (const std::string& id : result->ids) said += StrCat(" ", id);
  EXPECT_EQ(result->why.empty(), result->http_status == 200);
  return said;
}

struct SearchCase {
  const char* type;
  const char* query;
  const char* want;
};

void RunSearches(FakeReach& reach, const std::vector<SearchCase>& cases) {
  for (const SearchCase& c : cases) {
    SCOPED_TRACE(StrCat(c.type, "?", c.query));
    EXPECT_EQ(Search(reach, c.type, c.query), c.want);
  }
}

TEST(SearchExecutorTest, WhoMaySeeEverythingIsShownEverything) {
  const struct {
    const char* query;
    std::vector<std::string> want;
  } cases[] = {
      {"Patient?_id:not=x&gender=male&_include=Patient:organization",
       {"Organization/south", "Patient/bob"}},
      {"Patient?_filter=(gender eq male) and (organization.name sw Sou)",
       {"Patient/bob"}},
      {"Organization?name=North&_revinclude=Patient:organization",
       {"Organization/north", "Patient/ann"}},
      {"Organization?name=North&_include:iterate=Organization:partof",
       {"Organization/north", "Organization/south", "Organization/top"}},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.query);
    const auto result = ExecuteSearches(Clinics(), {test.query});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->ids, test.want) << result->why;
  }
}

TEST(SearchAsSubjectTest, FindsWhatTheQueryAndTheReachFind) {
  FakeReach reach;
  reach.Grant("Patient", {"Patient?organization=Organization/north",
                          "Patient?organization=Organization/south"});
  RunSearches(
      reach,
      {
          {"Patient", "", "200 Patient/ann Patient/bob"},
          {"Patient", "gender=female", "200 Patient/ann"},
          {"Patient", "gender=female,male&gender=male", "200 Patient/bob"},
          {"Patient", "_filter=gender eq male", "200 Patient/bob"},
          {"Patient", "gender=other", "200"},
          {"Patient", "foo=bar", "400"},
          {"Patient", "birthdate=1980", "400"},
          {"Patient", "birthdate=x", "400"},
      });
}

TEST(SearchAsSubjectTest, AChainNeedsTheRightToSearchAndReachesAllRows) {
  FakeReach reach;
  reach.Grant("Organization", {"Organization?name=South"});
  reach.Deny("Observation", "INTERACTION_NOT_GRANTED", 403);
  RunSearches(
      reach,
      {
          {"Patient", "organization.name=North", "200 Patient/ann"},
          {"Patient", "organization.partof.name=Top", "200 Patient/bob"},
          {"Organization", "_has:Patient:organization:gender=male",
           "200 Organization/south"},
          {"Organization", "_has:Patient:organization:gender=female", "200"},
          {"Patient", "_has:Observation:subject:status=final", "403"},
          {"Patient", "general-practitioner:Practitioner.name=x", "403"},
          {"Patient", "organization.foo=x", "400"},
      });
}

TEST(SearchAsSubjectTest, TypesAreGatedBeforeAnythingIsRun) {
  FakeReach reach;
  reach.Deny("Patient", "INTERACTION_NOT_GRANTED", 403);
  reach.Deny("Login", "PROTECTED_TYPE", 403);
  reach.Deny("Binary", "NOT_SUPPORTED", 400);
  reach.Deny("Foo", "RESOURCE_TYPE_UNKNOWN", 400);
  RunSearches(
      reach,
      {
          {"Patient", "", "403"},
          {"Patient", "foo=bar", "403"},
          {"Patient", "birthdate=1980", "403"},
          // What cannot be parsed is found first.
          {"Patient", "birthdate=x", "400"},
          {"Patient", "_include=x", "400"},
          {"Login", "", "403"},
          {"Binary", "", "400"},
          {"Foo", "", "400"},
          {"Observation", "_include=Patient:organization", "403"},
          {"Observation", "_revinclude=Patient:organization", "403"},
          {"Observation", "_include=Foo:x", "400"},
          {"Observation", "_include=Binary:x", "400"},
          {"Observation", "_count=0&_include=Patient:organization", "403"},
      });
}

TEST(SearchAsSubjectTest, WhoeverIsNobodyIsTurnedAwayFirst) {
  FakeReach reach;
  reach.Deny("Patient", "SUBJECT_INACTIVE", 401);
  RunSearches(reach,
              {{"Patient", "", "401"}, {"Patient", "_include=x", "401"}});
}

TEST(SearchAsSubjectTest, AnErrorOfThePolicyComesAfterTheGates) {
  FakeReach reach;
  reach.Deny("Patient", "EVALUATION_ERROR", 403);
  RunSearches(reach,
              {
                  {"Patient", "", "403"},
                  {"Patient", "foo=bar", "403"},
                  {"Patient", "_include=Foo:x", "400"},
                  {"Observation", "_revinclude=Patient:link", "403"},
                  {"Observation", "patient.gender=male", "200 Observation/b"},
              });
}

TEST(SearchAsSubjectTest, IncludesShowWhatMayBeRead) {
  FakeReach reach;
  reach.Grant("Observation", {"Observation?status=final"});
  reach.unreadable = {"Organization/south"};
  RunSearches(
      reach, {
                 {"Patient", "_include=Patient:organization",
                  "200 Organization/north Patient/ann Patient/bob Patient/eve"},
                 {"Patient", "gender=male&_include=Patient:organization",
                  "200 Patient/bob"},
                 {"Patient", "_revinclude=Observation:subject",
                  "200 Observation/a Patient/ann Patient/bob Patient/eve"},
                 {"Observation", "_include=Observation:subject:Group",
                  "200 Observation/a Patient/ann"},
                 // A parameter that is none matters once there is something.
                 {"Patient", "_include=Patient:foo", "400"},
                 {"Patient", "_revinclude=Observation:foo", "400"},
                 {"Patient", "gender=other&_include=Patient:foo", "200"},
                 {"Patient", "_count=0&_include=Patient:foo", "200"},
                 // The search that is made of it fails.
                 {"Patient", "_revinclude=Observation:date", "400"},
             });
}

TEST(SearchAsSubjectTest, OnlyIteratingIncludesGoOn) {
  FakeReach reach;
  RunSearches(
      reach,
      {
          {"Patient",
           "gender=male&_include=Patient:organization&"
           "_include=Organization:partof",
           "200 Organization/south Patient/bob"},
          {"Patient",
           "gender=male&_include=Patient:organization&"
           "_include:iterate=Organization:partof",
           "200 Organization/south Organization/top Patient/bob"},
          {"Observation",
           "status=final&_include=Observation:subject&"
           "_include:iterate=Patient:organization&"
           "_include:iterate=Organization:partof",
           "200 Observation/a Organization/north Organization/south "
           "Organization/top Patient/ann"},
          {"Organization", "name=Top&_revinclude:iterate=Organization:partof",
           "200 Organization/north Organization/south Organization/top"},
          // Round and round.
          {"Organization", "name=Ring&_include:iterate=Organization:partof",
           "400"},
          {"Organization", "name=Ring&_include=Organization:partof",
           "200 Organization/ring"},
      });
}

TEST(SearchAsSubjectTest, CanonicalIncludesAreBoundByTheirOwnEntriesAlone) {
  FakeReach reach;
  constexpr char kQuery[] = "_include=QuestionnaireResponse:questionnaire";
  // No entry speaks of the type: the projects alone bound it.
  EXPECT_EQ(Search(reach, "QuestionnaireResponse", kQuery),
            "200 Questionnaire/q QuestionnaireResponse/r");
  reach.Grant("QuestionnaireResponse",
              {StrCat("QuestionnaireResponse?_project=", kFirst, ",", kSecond),
               StrCat("QuestionnaireResponse?status=completed")});
  EXPECT_EQ(Search(reach, "QuestionnaireResponse", kQuery),
            "200 Questionnaire/q QuestionnaireResponse/r");
  reach.Grant("QuestionnaireResponse",
              {StrCat("QuestionnaireResponse?_project=", kSecond, ",", kFirst),
               StrCat("QuestionnaireResponse?status=completed")});
  EXPECT_EQ(Search(reach, "QuestionnaireResponse", kQuery),
            "200 QuestionnaireResponse/r");
  reach.Grant("QuestionnaireResponse", {"QuestionnaireResponse"});
  reach.Grant("Questionnaire", {"Questionnaire?status=draft"});
  EXPECT_EQ(Search(reach, "QuestionnaireResponse", kQuery),
            "200 QuestionnaireResponse/r");
}

TEST(SearchAsSubjectTest, TooManyResultsAreRefused) {
  std::vector<fhir::ResourcePtr> resources = {
      Parse(R"({"resourceType":"Patient","id":"p"})")};
  for (int i = 0; i < 1001; ++i) {
    resources.push_back(
        Parse(StrCat(R"({"resourceType":"Observation","id":"o)", i,
                     R"(","subject":{"reference":"Patient/p"}})")));
  }
  FakeReach reach;
  const auto many =
      SearchAsSubject(fhir::MemoryLookup(resources, {}), reach, "Patient",
                      "_revinclude=Observation:subject");
  ASSERT_TRUE(many.ok()) << many.status();
  EXPECT_EQ(many->http_status, 400);
  resources.resize(900);
  const auto few =
      SearchAsSubject(fhir::MemoryLookup(resources, {}), reach, "Patient",
                      "_revinclude=Observation:subject");
  ASSERT_TRUE(few.ok()) << few.status();
  EXPECT_EQ(few->http_status, 200);
  EXPECT_EQ(few->ids.size(), 900);
}

TEST(SearchAsSubjectTest, ControlParametersBound) {
  FakeReach reach;
  RunSearches(
      reach,
      {
          {"Patient", "_sort=-gender,_id,_lastUpdated",
           "200 Patient/ann Patient/bob Patient/eve"},
          {"Patient", "_sort=foo", "400"},
          {"Patient", "_elements=foo&_fields=bar&_total=x&_cursor=x&_pretty=1",
           "200 Patient/ann Patient/bob Patient/eve"},
          {"Patient", "_count=1", "200 Patient/ann Patient/bob Patient/eve"},
          {"Patient", "_count=0", "200"},
          {"Patient", "_count=-1", "200"},
          {"Patient", "_count=x", "200"},
          {"Patient", "_count=0&foo=bar", "200"},
          {"Patient", "_count=0&_total=accurate&foo=bar", "400"},
          {"Patient", "_summary=count", "200"},
          {"Patient", "_summary=count&foo=bar", "400"},
          {"Patient", "_summary=count&_count=10",
           "200 Patient/ann Patient/bob Patient/eve"},
          {"Patient", "_offset=3", "200"},
          {"Patient", "_offset=0", "200 Patient/ann Patient/bob Patient/eve"},
          {"Patient", "_offset=10001", "400"},
          {"Patient", "_offset=1&_cursor=2-1", "400"},
          {"Patient", "_offset=1",
           "Patient?_offset=1: the order of results is not known"},
          {"Patient", "_type=Observation", "200 Observation/a Observation/b"},
          {"Patient", "_type=Observation,Task", "403"},
          {"Patient", "_type=Observation,Foo", "400"},
          {"Patient", "_type=Observation,Patient&_id=ann", "200"},
          {"Task", "_type=Patient&gender=male", "200 Patient/bob"},
      });
}

}  // namespace
}  // namespace pdp::ctl
