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

TEST(DecideWriteTest, WriteConstraints) {
  constexpr const char* kLockedAfterFinal =
      "[{'resourceType':'Observation','writeConstraint':[{'language':"
      "'text/fhirpath','expression':"
      "'%before.exists() implies %before.status != \\u0027final\\u0027'}]}]";
  constexpr std::string_view kFinalStored =
      "{'resourceType':'Observation','id':"
      "'50000000-0000-4000-8000-000000000001','status':'final',"
      "'meta':{'project':'$PROJECT','versionId':'o2'}}";
  RunCases({
      {"HoldsOnCreate", kLockedAfterFinal, Interaction::kCreate, "",
       kFinalObservation, "PERMIT 201", nullptr},
      {"HoldsWhileItIsPreliminary", kLockedAfterFinal, Interaction::kUpdate,
       kObservation, kFinalObservation, "PERMIT 200", nullptr},
      {"FailsAfterFinal", kLockedAfterFinal, Interaction::kUpdate, kFinalStored,
       "{'resourceType':'Observation','id':"
       "'50000000-0000-4000-8000-000000000001','status':'amended'}",
       "DENY WRITE_CONSTRAINT 403", nullptr},
      {"AnUpdateThatChangesNothingIsNotTested", kLockedAfterFinal,
       Interaction::kUpdate, kFinalStored,
       "{'resourceType':'Observation','id':"
       "'50000000-0000-4000-8000-000000000001','status':'final'}",
       "PERMIT 200", nullptr},
      {"BrokenFhirPathIsAnError",
       "[{'resourceType':'Observation','writeConstraint':[{'expression':"
       "'status ==='}]}]",
       Interaction::kCreate, "", kFinalObservation, "DENY EVALUATION_ERROR 400",
       nullptr},
      {"AnUnknownFunctionIsNotSupported",
       "[{'resourceType':'Observation','writeConstraint':[{'expression':"
       "'conjure()'}]}]",
       Interaction::kCreate, "", kFinalObservation, "DENY NOT_SUPPORTED 400",
       nullptr},
      {"TheFirstFalseEndsIt",
       "[{'resourceType':'Observation','writeConstraint':[{'expression':"
       "'false'},{'expression':'%nothing'}]}]",
       Interaction::kCreate, "", kFinalObservation, "DENY WRITE_CONSTRAINT 403",
       nullptr},
      {"OnlyTheFirstMatchingEntryConstrains",
       "[{'resourceType':'Observation'},{'resourceType':'Observation',"
       "'writeConstraint':[{'expression':'false'}]}]",
       Interaction::kCreate, "", kFinalObservation, "PERMIT 201", nullptr},
      {"StrictModeDoesNotEscapeAConstraintByPassingItsEntryOver",
       "[{'resourceType':'Observation','criteria':'Observation?_count=1',"
       "'writeConstraint':[{'expression':'false'}]},"
       "{'resourceType':'Observation'}]",
       Interaction::kCreate, "", kFinalObservation, "DENY WRITE_CONSTRAINT 403",
       nullptr},
  });
}

TEST(DecideWriteTest, UpdatesMatchBeforeAndAfter) {
  constexpr const char* kActive =
      "[{'resourceType':'Patient','criteria':'Patient?active=true'}]";
  constexpr std::string_view kStored =
      "{'resourceType':'Patient','id':'$PATIENT','active':true,"
      "'meta':{'project':'$PROJECT'}}";
  RunCases({
      {"BothMatch", kActive, Interaction::kUpdate, kStored,
       "{'resourceType':'Patient','id':'$PATIENT','active':true,"
       "'gender':'male'}",
       "PERMIT 200", nullptr},
      {"TheResultDoesNot", kActive, Interaction::kUpdate, kStored,
       "{'resourceType':'Patient','id':'$PATIENT','active':false}",
       "DENY RESULT_NOT_GRANTED 403", nullptr},
      {"AnotherIdIsRefused", kActive, Interaction::kUpdate, kStored,
       "{'resourceType':'Patient','id':'$OTHER_PATIENT','active':true}",
       "DENY INVALID_RESOURCE 400", nullptr},
  });
}

TEST(DecideWriteTest, ASuperAdminMakesWhatIsNotFound) {
  constexpr std::string_view kUnknown = "30000000-0000-4000-8000-000000000009";
  const struct {
    const char* name;
    Interaction interaction;
    std::string_view id;
    const char* gender;
    const char* want;
  } kCases[] = {
      {"WhatIsNotThere", Interaction::kUpdate, kUnknown, "female",
       "PERMIT 200"},
      {"WhatIsNotThereAndNotGranted", Interaction::kUpdate, kUnknown, "male",
       "DENY RESULT_NOT_GRANTED 403"},
      {"WhatIsNotToBeSeen", Interaction::kUpdate, testing::kOtherPatient,
       "female", "PERMIT 200"},
      {"WhatIsNotToBeSeenAndNotGranted", Interaction::kUpdate,
       testing::kOtherPatient, "male", "DENY RESULT_NOT_GRANTED 403"},
      {"APatchNeedsABase", Interaction::kPatch, testing::kOtherPatient,
       "female", "DENY RESOURCE_NOT_GRANTED 404"},
      {"NoUuid", Interaction::kUpdate, "x", "female",
       "DENY INVALID_RESOURCE 400"},
  };
  for (const auto& c : kCases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(c.name);
      auto live = Clinic(
          "[{'resourceType':'Patient','criteria':'Patient?gender=female'}]");
      live.front() = Json(
          "{'resourceType':'Project','id':'$PROJECT','superAdmin':true,"
          "'meta':{'project':'$PROJECT'}}");
      World world(std::move(live), mode);
      AccessRequest request;
      request.interaction = c.interaction;
      request.resource.type = "Patient";
      request.resource.id = c.id;
      request.resource.proposed =
          Json(StrCat("{'resourceType':'Patient','id':'", c.id, "','gender':'",
                      c.gender, "'}"));
      EXPECT_EQ(Say(world.Decide(request)), c.want);
    }
  }
}

TEST(DecideWriteTest, ReferencesOfWhatIsWrittenAreChecked) {
  constexpr const char* kEntries =
      "[{'resourceType':'Task'},{'resourceType':'Patient','criteria':"
      "'Patient?gender=female'},{'resourceType':'Organization','interaction':"
      "['create']}]";
  const struct {
    const char* name;
    const char* members;
    const char* unchecked;  // Where the project does not ask for the check.
    const char* checked;
  } kCases[] = {
      {"None", "", "PERMIT 201", "PERMIT 201"},
      {"ReadableOnes", ",'for':{'reference':'Patient/$PATIENT'}", "PERMIT 201",
       "PERMIT 201"},
      {"UnreadableOnes", ",'for':{'reference':'Patient/$OTHER_PATIENT'}",
       "PERMIT 201", "DENY INVALID_RESOURCE 400"},
      {"DeepInside",
       ",'input':[{'valueReference':{'reference':'Patient/$OTHER_PATIENT'}}]",
       "PERMIT 201", "DENY INVALID_RESOURCE 400"},
      {"OfATypeThatIsNotGranted",
       ",'owner':{'reference':'Practitioner/$PRACTITIONER'}", "PERMIT 201",
       "DENY INVALID_RESOURCE 400"},
      {"Dangling",
       ",'for':{'reference':'Patient/30000000-0000-4000-8000-000000000009'}",
       "PERMIT 201", "DENY INVALID_RESOURCE 400"},
      {"OfOtherServers", ",'for':{'reference':'https://x.example/Patient/1'}",
       "PERMIT 201", "DENY INVALID_RESOURCE 400"},
      {"OfContainedResources", ",'for':{'reference':'#p'}", "PERMIT 201",
       "PERMIT 201"},
      {"WithoutReference", ",'for':{'display':'someone'}", "PERMIT 201",
       "PERMIT 201"},
      {"InMeta", ",'meta':{'account':{'reference':'Organization/$NORTH'}}",
       "PERMIT 201", "PERMIT 201"},
      {"ConditionalOnes", ",'for':{'reference':'Patient?identifier=1'}",
       "DENY NOT_SUPPORTED 0", "DENY NOT_SUPPORTED 0"},
      {"ConditionalOnesNeedSearch",
       ",'for':{'reference':'Practitioner?identifier=1'}",
       "DENY INTERACTION_NOT_GRANTED 403", "DENY INTERACTION_NOT_GRANTED 403"},
      {"ConditionalOnesNeedAType", ",'for':{'reference':'Nonsense?a=1'}",
       "DENY INVALID_RESOURCE 400", "DENY INVALID_RESOURCE 400"},
  };
  for (const auto& c : kCases) {
    for (const bool checked : {false, true}) {
      SCOPED_TRACE(StrCat(c.name, checked ? " checked" : " unchecked"));
      auto live = Clinic(kEntries);
      live.front() = Json(StrCat(
          "{'resourceType':'Project','id':'$PROJECT',"
          "'checkReferencesOnWrite':",
          checked ? "true" : "false", ",'meta':{'project':'$PROJECT'}}"));
      World world(std::move(live), Mode::kParity);
      AccessRequest request;
      request.interaction = Interaction::kCreate;
      request.resource.proposed =
          Json(StrCat("{'resourceType':'Task'", c.members, "}"));
      EXPECT_EQ(Say(world.Decide(request)), checked ? c.checked : c.unchecked);
    }
  }
}

TEST(DecideWriteTest, WhatNamesNoProfileGetsTheProjects) {
  constexpr const char* kEntries =
      "[{'resourceType':'Task','criteria':'Task?_profile=http://p'}]";
  const struct {
    const char* name;
    const char* defaults;
    const char* meta;
    const char* want;
  } kCases[] = {
      {"WithoutDefaults", "[]", "{}", "DENY RESULT_NOT_GRANTED 403"},
      {"WithADefault", "[{'resourceType':'Task','profile':['http://p']}]", "{}",
       "PERMIT 201"},
      {"OfAnotherType", "[{'resourceType':'Patient','profile':['http://p']}]",
       "{}", "DENY RESULT_NOT_GRANTED 403"},
      {"ItsOwnProfileStays", "[{'resourceType':'Task','profile':['http://p']}]",
       "{'profile':['http://q']}", "DENY RESULT_NOT_GRANTED 403"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    auto live = Clinic(kEntries);
    live.front() =
        Json(StrCat("{'resourceType':'Project','id':'$PROJECT',"
                    "'defaultProfile':",
                    c.defaults, ",'meta':{'project':'$PROJECT'}}"));
    World world(std::move(live), Mode::kParity);
    AccessRequest request;
    request.interaction = Interaction::kCreate;
    request.resource.proposed =
        Json(StrCat("{'resourceType':'Task','meta':", c.meta, "}"));
    EXPECT_EQ(Say(world.Decide(request)), c.want);
  }
}

TEST(DecideWriteTest, NothingIsMadeThroughAnEntryThatHidesIds) {
  constexpr const char* kEntries =
      "[{'resourceType':'Task','hiddenFields':['id']}]";
  constexpr std::string_view kTask =
      "{'resourceType':'Task','id':'50000000-0000-4000-8000-000000000001',"
      "'meta':{'project':'$PROJECT'}}";
  const struct {
    const char* name;
    Interaction interaction;
    bool deleted;
    const char* want;
  } kCases[] = {
      {"ByCreating", Interaction::kCreate, false, "DENY INVALID_RESOURCE 400"},
      {"ByRestoring", Interaction::kUpdate, true, "DENY INVALID_RESOURCE 400"},
      {"WhatIsThereCanBeUpdated", Interaction::kUpdate, false,
       "PERMIT 200 -id =id"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    World world(Clinic(kEntries), Mode::kParity);
    AccessRequest request;
    request.interaction = c.interaction;
    request.resource.proposed = Json(kTask);
    if (c.interaction == Interaction::kUpdate) {
      request.resource.current = Json(kTask);
      request.resource.deleted = c.deleted;
    }
    EXPECT_EQ(Say(world.Decide(request)), c.want);
  }
}

}  // namespace
}  // namespace pdp::policy
