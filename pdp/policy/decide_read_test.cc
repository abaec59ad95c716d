#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/policy/decision_test_support.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Clinic;
using testing::Json;
using testing::World;

TEST(DecideReadTest, WhatAuthenticationReadsIsNeverOutOfTheCache) {
  constexpr std::string_view kPolicy =
      "[{'resourceType':'Practitioner','criteria':"
      "'Practitioner?_lastUpdated:not=2020'}]";
  constexpr std::string_view kOther = "20000000-0000-4000-8000-000000000002";
  std::vector<fhir::ResourcePtr> live = Clinic(kPolicy);
  live.push_back(Json(StrCat("{'resourceType':'Practitioner','id':'", kOther,
                             "','meta':{'project':'$PROJECT'}}")));
  World world(std::move(live), Mode::kParity);
  const struct {
    std::string_view id;
    ReadPath path;
    const char* want;
  } cases[] = {
      {testing::kPractitioner, ReadPath::kCacheOrDatabase, "PERMIT 200"},
      {testing::kPractitioner, ReadPath::kDurableOnly, "PERMIT 200"},
      {kOther, ReadPath::kCacheOrDatabase, "PERMIT 200"},
      {kOther, ReadPath::kDurableOnly, "DENY EVALUATION_ERROR 400"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.id);
    AccessRequest request;
    request.interaction = Interaction::kRead;
    request.context.read_path = test.path;
    request.resource.type = "Practitioner";
    request.resource.id = test.id;
    EXPECT_EQ(Say(world.Decide(request)), test.want);
  }
}

// "v2: telecom; v1: gender address", "" where the versions are not told.
std::string SayVersions(const Decision& decision) {
  std::string out;
  for (const VersionFields& version : decision.versions) {
    if (!out.empty()) out += "; ";
    out += StrCat(version.version_id, ":");
    for (const std::string& field : version.hidden_fields) {
      out += StrCat(" ", field);
    }
  }
  return out;
}

TEST(DecideReadTest, EachVersionOfAHistoryHidesItsOwnFields) {
  constexpr std::string_view kId = "30000000-0000-4000-8000-000000000009";
  const auto version = [&](std::string_view id, std::string_view gender) {
    return Json(StrCat("{'resourceType':'Patient','id':'", kId, "','gender':'",
                       gender, "','meta':{'project':'$PROJECT','versionId':'",
                       id, "','lastUpdated':'2024-01-0", id.substr(1),
                       "T00:00:00Z'}}"));
  };
  const struct {
    const char* name;
    const char* entries;
    bool deleted;
    const char* want;
    const char* versions;
  } kCases[] = {
      {"ByItsOwnContent",
       "[{'resourceType':'Patient','criteria':'Patient?gender=female',"
       "'hiddenFields':['telecom']},{'resourceType':'Patient','hiddenFields':"
       "['gender']}]",
       false, "PERMIT 200 -telecom -gender",
       "v3: gender; v2: telecom; v1: gender"},
      {"OfADeletedResourceToo",
       "[{'resourceType':'Patient','criteria':'Patient?gender=female',"
       "'hiddenFields':['telecom']},{'resourceType':'Patient'}]",
       true, "PERMIT 200 -telecom", "v2: telecom; v1:"},
      {"AVersionThatNoEntryMatchesHidesNothing",
       "[{'resourceType':'Patient','criteria':'Patient?gender=male',"
       "'hiddenFields':['telecom']}]",
       false, "PERMIT 200 -telecom", "v3: telecom; v2:; v1: telecom"},
      {"WhereNothingIsHiddenThereIsNothingToTell",
       "[{'resourceType':'Patient'}]", false, "PERMIT 200", ""},
      {"AnErrorOfOneVersionIsOneOfTheHistory",
       "[{'resourceType':'Patient','criteria':'Patient?gender=male'},"
       "{'resourceType':'Patient','criteria':'Patient?birthdate=1990-02-99'}]",
       false, "DENY EVALUATION_ERROR 400", ""},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    auto live = Clinic(c.entries);
    if (!c.deleted) live.push_back(version("v3", "male"));
    const fhir::MemoryLookup lookup(
        std::move(live), {version("v1", "male"), version("v2", "female")});
    const DecisionPoint decision_point(lookup, {.mode = Mode::kParity});
    AccessRequest request;
    request.subject.reference = "ProjectMembership/member";
    request.interaction = Interaction::kHistory;
    request.resource.type = "Patient";
    request.resource.id = kId;
    Decision decision;
    ASSERT_TRUE(decision_point.Decide(request, decision).decided());
    EXPECT_EQ(Say(decision), c.want);
    EXPECT_EQ(SayVersions(decision), c.versions);
  }
}

TEST(DecideReadTest, VersionsThatAreNotKnownHideAllThatTheyMight) {
  World world(Clinic("[{'resourceType':'Observation','criteria':"
                     "'Observation?status=preliminary'},"
                     "{'resourceType':'Observation','hiddenFields':"
                     "['subject']}]"),
              Mode::kParity);
  AccessRequest request;
  request.interaction = Interaction::kHistory;
  request.resource.current = Json(kObservation);
  const Decision decision = world.Decide(request);
  EXPECT_EQ(Say(decision), "PERMIT 200 -subject");
  EXPECT_EQ(SayVersions(decision), "o1:");
  EXPECT_EQ(decision.effect, Effect::kPermitWithObligations);
}

TEST(DecideReadTest, ABinaryFollowsItsSecurityContext) {
  constexpr const char* kPolicy =
      "[{'resourceType':'Binary'},{'resourceType':'Patient','criteria':"
      "'Patient?_id=$PATIENT'}]";
  const auto binary = [](std::string_view context) {
    return Json(
        StrCat("{'resourceType':'Binary','id':"
               "'60000000-0000-4000-8000-000000000001','meta':"
               "{'project':'$PROJECT'},'securityContext':{'reference':'",
               context, "'}}"));
  };
  for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
    World world(Clinic(kPolicy), mode);
    AccessRequest request;
    request.interaction = Interaction::kRead;
    request.resource.current = binary("Patient/$PATIENT");
    EXPECT_EQ(Say(world.Decide(request)), "PERMIT 200");
    request.resource.current = binary("Patient/$OTHER_PATIENT");
    EXPECT_EQ(Say(world.Decide(request)), "DENY SECURITY_CONTEXT 404");
    request.resource.current = binary("Organization/$NORTH");
    EXPECT_EQ(Say(world.Decide(request)), "DENY SECURITY_CONTEXT 403");
    request.resource.current = binary("Binary/$PATIENT");
    EXPECT_EQ(Say(world.Decide(request)), "DENY SECURITY_CONTEXT 404");
  }
}

TEST(DecideReadTest, IdsAndTypesAreLookedAtInMedplumsOrder) {
  constexpr std::string_view kUpper = "AAAAAAAA-0000-4000-8000-000000000001";
  constexpr std::string_view kUnknown = "30000000-0000-4000-8000-000000000009";
  const struct {
    const char* name;
    Interaction interaction;
    const char* type;
    std::string_view id;
    std::string_view version;
    const char* want;
  } kCases[] = {
      {"NoUuidBeforeTheTypeGate", Interaction::kRead, "Task", "x", "",
       "DENY RESOURCE_NOT_FOUND 404"},
      {"NoUuidBeforeTheType", Interaction::kHistory, "Nonsense", "x", "",
       "DENY RESOURCE_NOT_FOUND 404"},
      {"NoUuidOfADelete", Interaction::kDelete, "Task", "x", "",
       "DENY RESOURCE_NOT_FOUND 404"},
      {"NoUuidOfAVersion", Interaction::kVread, "Task", kUnknown, "nope",
       "DENY RESOURCE_NOT_FOUND 404"},
      {"TheTypeBeforeTheTypeGate", Interaction::kRead, "Nonsense", kUnknown, "",
       "DENY RESOURCE_TYPE_UNKNOWN 400"},
      {"TheTypeGateBeforeTheResource", Interaction::kRead, "Task", kUnknown, "",
       "DENY INTERACTION_NOT_GRANTED 403"},
      {"TheResourceLast", Interaction::kRead, "Patient", kUnknown, "",
       "DENY RESOURCE_NOT_FOUND 404"},
      {"OfAWriteTheTypeGateIsFirst", Interaction::kCreate, "Nonsense", "", "",
       "DENY INTERACTION_NOT_GRANTED 403"},
      {"CapitalsAreFoundByTheDatabase", Interaction::kRead, "Practitioner",
       kUpper, "", "PERMIT 200"},
      {"AndJudgedByIt", Interaction::kRead, "Organization", kUpper, "",
       "DENY EVALUATION_ERROR 400"},
  };
  auto live = Clinic(
      "[{'resourceType':'Patient'},{'resourceType':'Practitioner'},"
      "{'resourceType':'Organization','criteria':"
      "'Organization?_lastUpdated:not=2020'}]");
  for (const char* type : {"Practitioner", "Organization"}) {
    live.push_back(Json(StrCat("{'resourceType':'", type, "','id':'",
                               "aaaaaaaa-0000-4000-8000-000000000001','meta':"
                               "{'project':'$PROJECT'}}")));
  }
  World world(std::move(live), Mode::kParity);
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    AccessRequest request;
    request.interaction = c.interaction;
    request.resource.type = c.type;
    request.resource.id = c.id;
    request.resource.version_id = c.version;
    EXPECT_EQ(Say(world.Decide(request)), c.want);
  }
}

TEST(DecideReadTest, AnUnreadableSecurityContextGivesItsOwnStatus) {
  const struct {
    const char* context;
    const char* want;
  } kCases[] = {
      {"{'reference':'Patient/$PATIENT'}", "PERMIT 200"},
      {"{'reference':'Patient/$PATIENT/_history/1'}", "PERMIT 200"},
      {"{'reference':'Patient/$OTHER_PATIENT'}", "DENY SECURITY_CONTEXT 404"},
      {"{'reference':'Patient/x'}", "DENY SECURITY_CONTEXT 404"},
      {"{'reference':'Task/30000000-0000-4000-8000-000000000009'}",
       "DENY SECURITY_CONTEXT 403"},
      {"{'reference':'Nonsense/30000000-0000-4000-8000-000000000009'}",
       "DENY SECURITY_CONTEXT 400"},
      {"{'reference':'#contained'}", "DENY SECURITY_CONTEXT 400"},
      {"{'reference':'https://example.com/Patient/1'}",
       "DENY SECURITY_CONTEXT 400"},
      {"{'reference':'Binary/30000000-0000-4000-8000-000000000009'}",
       "DENY SECURITY_CONTEXT 404"},
      {"{'display':'none'}", "PERMIT 200"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.context);
    World world(Clinic("[{'resourceType':'Binary'},{'resourceType':'Patient',"
                       "'criteria':'Patient?gender=female'}]"),
                Mode::kParity);
    AccessRequest request;
    request.interaction = Interaction::kRead;
    request.resource.current =
        Json(StrCat("{'resourceType':'Binary','id':"
                    "'50000000-0000-4000-8000-000000000001','meta':{'project':"
                    "'$PROJECT'},'securityContext':",
                    c.context, "}"));
    EXPECT_EQ(Say(world.Decide(request)), c.want);
  }
}

TEST(DecideReadTest, ABinaryIsNeverSearched) {
  for (const char* entries : {"[{'resourceType':'*'}]", "[]"}) {
    SCOPED_TRACE(entries);
    World world(Clinic(entries), Mode::kParity);
    AccessRequest request;
    request.interaction = Interaction::kSearch;
    request.resource.type = "Binary";
    EXPECT_EQ(Say(world.Decide(request)), "DENY NOT_SUPPORTED 400");
  }
}

}  // namespace
}  // namespace pdp::policy
