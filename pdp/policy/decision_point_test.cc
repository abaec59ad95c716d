#include "pdp/policy/decision_point.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Clinic;
using testing::Expand;
using testing::Json;
using testing::World;

// "PERMIT 200", "DENY RESOURCE_NOT_GRANTED 404".
std::string Say(const Decision& decision) {
  std::string out = decision.permitted()
                        ? "PERMIT"
                        : StrCat("DENY ", ReasonName(decision.reason));
  out += StrCat(" ", decision.medplum_http_status);
  for (const std::string_view field : decision.hidden_fields) {
    out += StrCat(" -", field);
  }
  for (const std::string_view field : decision.readonly_fields) {
    out += StrCat(" =", field);
  }
  return out;
}

constexpr std::string_view kObservation =
    "{'resourceType':'Observation','id':'50000000-0000-4000-8000-000000000001',"
    "'status':'preliminary','subject':{'reference':'Patient/$PATIENT'},"
    "'meta':{'project':'$PROJECT','versionId':'o1','compartment':["
    "{'reference':'Project/$PROJECT'},{'reference':'Patient/$PATIENT'}]}}";
constexpr std::string_view kFinalObservation =
    "{'resourceType':'Observation','id':'50000000-0000-4000-8000-000000000001',"
    "'status':'final','subject':{'reference':'Patient/$PATIENT'},"
    "'meta':{'project':'$PROJECT'}}";

struct Case {
  const char* name;
  const char* entries;  // AccessPolicy.resource.
  Interaction interaction;
  std::string_view current;   // Empty: none.
  std::string_view proposed;  // Empty: none.
  const char* parity;
  const char* strict;  // Null: as in parity.
};

void RunCases(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(
          StrCat(c.name, mode == Mode::kParity ? " parity" : " strict"));
      World world(Clinic(c.entries), mode);
      AccessRequest request;
      request.interaction = c.interaction;
      if (!c.current.empty()) request.resource.current = Json(c.current);
      if (!c.proposed.empty()) request.resource.proposed = Json(c.proposed);
      const char* want =
          mode == Mode::kStrict && c.strict != nullptr ? c.strict : c.parity;
      EXPECT_EQ(Say(world.Decide(request)), want);
    }
  }
}

TEST(DecisionPointTest, TypesAndInteractions) {
  RunCases({
      {"AnUnnamedTypeIsNotGranted", "[{'resourceType':'Task'}]",
       Interaction::kRead, kObservation, "", "DENY INTERACTION_NOT_GRANTED 403",
       nullptr},
      {"ANamedTypeIsGranted", "[{'resourceType':'Observation'}]",
       Interaction::kRead, kObservation, "", "PERMIT 200", nullptr},
      {"AWildcardGrantsIt", "[{'resourceType':'*'}]", Interaction::kRead,
       kObservation, "", "PERMIT 200", nullptr},
      {"ReadonlyGrantsReads",
       "[{'resourceType':'Observation','readonly':true}]",
       Interaction::kHistory, kObservation, "", "PERMIT 200", nullptr},
      {"ReadonlyGrantsNoDelete",
       "[{'resourceType':'Observation','readonly':true}]", Interaction::kDelete,
       kObservation, "", "DENY RESOURCE_NOT_GRANTED 403", nullptr},
      {"InteractionWinsOverReadonly",
       "[{'resourceType':'Observation','readonly':true,"
       "'interaction':['read','delete']}]",
       Interaction::kDelete, kObservation, "", "PERMIT 200", nullptr},
      {"AnEmptyInteractionListIsUnrestrictedInMedplum",
       "[{'resourceType':'Observation','interaction':[]}]", Interaction::kRead,
       kObservation, "", "PERMIT 200", "DENY INTERACTION_NOT_GRANTED 200"},
      {"UpdateNeedsRead",
       "[{'resourceType':'Observation','interaction':['update']}]",
       Interaction::kUpdate, kObservation, kFinalObservation,
       "DENY INTERACTION_NOT_GRANTED 403", nullptr},
      {"CreateDoesNotNeedRead",
       "[{'resourceType':'Observation','interaction':['create']}]",
       Interaction::kCreate, "", kFinalObservation, "PERMIT 201", nullptr},
      {"SearchOfAGrantedType",
       "[{'resourceType':'Observation','interaction':['search']}]",
       Interaction::kSearch, kObservation, "", "PERMIT 200", nullptr},
      {"AProtectedTypeIsNeverGranted", "[{'resourceType':'*'}]",
       Interaction::kRead,
       "{'resourceType':'Login','id':'60000000-0000-4000-8000-000000000001',"
       "'meta':{'project':'$PROJECT'}}",
       "", "DENY PROTECTED_TYPE 403", nullptr},
      {"AWildcardNeverCoversProjectAdminTypes", "[{'resourceType':'*'}]",
       Interaction::kRead,
       "{'resourceType':'User','id':'60000000-0000-4000-8000-000000000001',"
       "'meta':{'project':'$PROJECT'}}",
       "", "DENY INTERACTION_NOT_GRANTED 403", nullptr},
      {"NonAdminsNeverReachProjectAdminTypes", "[{'resourceType':'User'}]",
       Interaction::kRead,
       "{'resourceType':'User','id':'60000000-0000-4000-8000-000000000001',"
       "'meta':{'project':'$PROJECT'}}",
       "", "DENY INTERACTION_NOT_GRANTED 403", nullptr},
      {"AnUnknownTypeIsAnError", "[{'resourceType':'*'}]", Interaction::kRead,
       "{'resourceType':'Nonsense','id':'60000000-0000-4000-8000-00000000000"
       "1','meta':{'project':'$PROJECT'}}",
       "", "DENY RESOURCE_TYPE_UNKNOWN 400", nullptr},
      {"DefaultTypesAreReadable", "[]", Interaction::kRead,
       "{'resourceType':'StructureDefinition','id':"
       "'60000000-0000-4000-8000-000000000001','meta':{'project':'$PROJECT'}}",
       "", "PERMIT 200", nullptr},
  });
}

TEST(DecisionPointTest, WhatAuthenticationReadsIsNeverOutOfTheCache) {
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

TEST(DecisionPointTest, RowsAndProjects) {
  constexpr std::string_view kOtherProjects =
      "{'resourceType':'Patient','id':'60000000-0000-4000-8000-000000000001',"
      "'meta':{'project':'$OTHER_PROJECT'}}";
  constexpr std::string_view kLinked =
      "{'resourceType':'Patient','id':'60000000-0000-4000-8000-000000000001',"
      "'meta':{'project':'$LINKED_PROJECT'}}";
  constexpr std::string_view kLinkedTask =
      "{'resourceType':'Task','id':'60000000-0000-4000-8000-000000000001',"
      "'meta':{'project':'$LINKED_PROJECT'}}";
  RunCases({
      {"ARowThatMatches",
       "[{'resourceType':'Observation','criteria':"
       "'Observation?_compartment=Patient/$PATIENT'}]",
       Interaction::kDelete, kObservation, "", "PERMIT 200", nullptr},
      {"ARowThatDoesNotIsNotVisible",
       "[{'resourceType':'Observation','criteria':"
       "'Observation?_compartment=Patient/$OTHER_PATIENT'}]",
       Interaction::kRead, kObservation, "", "DENY RESOURCE_NOT_GRANTED 404",
       nullptr},
      {"AnyOfSeveralEntriesIsEnough",
       "[{'resourceType':'Observation','criteria':"
       "'Observation?_compartment=Patient/$OTHER_PATIENT'},"
       "{'resourceType':'Observation','criteria':"
       "'Observation?_compartment=Patient/$PATIENT'}]",
       Interaction::kRead, kObservation, "", "PERMIT 200", nullptr},
      {"AnotherProjectIsOutOfReach", "[{'resourceType':'*'}]",
       Interaction::kRead, kOtherProjects, "", "DENY PROJECT_BOUNDARY 404",
       nullptr},
      {"ALinkedProjectCanBeRead", "[{'resourceType':'*'}]", Interaction::kRead,
       kLinked, "", "PERMIT 200", nullptr},
      {"ALinkedProjectExportsOnlyWhatItNames", "[{'resourceType':'*'}]",
       Interaction::kRead, kLinkedTask, "", "DENY PROJECT_BOUNDARY 404",
       nullptr},
      {"ALinkedProjectCannotBeWritten", "[{'resourceType':'*'}]",
       Interaction::kDelete, kLinked, "", "DENY PROJECT_BOUNDARY 403", nullptr},
      {"CriteriaOfControlParametersAloneAreNone",
       "[{'resourceType':'Observation','criteria':'Observation?_count=1'}]",
       Interaction::kRead, kObservation, "", "PERMIT 200",
       "DENY INTERACTION_NOT_GRANTED 200"},
      {"CriteriaOfAnotherTypeLetEverythingBeRead",
       "[{'resourceType':'Observation','criteria':'Patient?active=true'}]",
       Interaction::kRead, kObservation, "", "PERMIT 200",
       "DENY INTERACTION_NOT_GRANTED 200"},
      {"CriteriaOfAnotherTypeLetNothingBeWritten",
       "[{'resourceType':'Observation','criteria':'Patient?active=true'}]",
       Interaction::kDelete, kObservation, "", "DENY RESOURCE_NOT_GRANTED 403",
       nullptr},
      {"ABadDateIsAnError",
       "[{'resourceType':'Observation','criteria':"
       "'Observation?date=yesterday'}]",
       Interaction::kRead, kObservation, "", "DENY EVALUATION_ERROR 400",
       nullptr},
      {"AnErrorAfterAMatchIsNotReached",
       "[{'resourceType':'Observation'},{'resourceType':'Observation',"
       "'criteria':'Observation?date=yesterday'}]",
       Interaction::kRead, kObservation, "", "PERMIT 200", nullptr},
      {"AnErrorBeforeAMatchIs",
       "[{'resourceType':'Observation','criteria':'Observation?date=yesterday'"
       "},{'resourceType':'Observation'}]",
       Interaction::kRead, kObservation, "", "DENY EVALUATION_ERROR 400",
       nullptr},
  });
}

TEST(DecisionPointTest, FieldsOfTheFirstMatch) {
  RunCases({
      {"HiddenFieldsAreAnObligation",
       "[{'resourceType':'Observation','hiddenFields':['subject.display',"
       "'value[x]']}]",
       Interaction::kRead, kObservation, "",
       "PERMIT 200 -subject.display -value[x]", nullptr},
      {"OnlyTheFirstEntryHides",
       "[{'resourceType':'Observation'},{'resourceType':'Observation',"
       "'hiddenFields':['subject']}]",
       Interaction::kRead, kObservation, "", "PERMIT 200", nullptr},
      {"ReadonlyFieldsAreRestored",
       "[{'resourceType':'Observation','readonlyFields':['status']}]",
       Interaction::kUpdate, kObservation,
       "{'resourceType':'Observation','id':"
       "'50000000-0000-4000-8000-000000000001','status':'final',"
       "'subject':{'reference':'Patient/$OTHER_PATIENT'}}",
       "PERMIT 200 =status", nullptr},
      {"ABrokenListOfFieldsIsAnError",
       "[{'resourceType':'Observation','hiddenFields':['a','']}]",
       Interaction::kRead, kObservation, "", "DENY POLICY_INVALID 400",
       nullptr},
  });
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

TEST(DecisionPointTest, EachVersionOfAHistoryHidesItsOwnFields) {
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

TEST(DecisionPointTest, VersionsThatAreNotKnownHideAllThatTheyMight) {
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

TEST(DecisionPointTest, WriteConstraints) {
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

TEST(DecisionPointTest, UpdatesMatchBeforeAndAfter) {
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

TEST(DecisionPointTest, APolicyCannotHideFromTheProjectBoundaryByMeta) {
  World world(Clinic("[{'resourceType':'*'}]"), Mode::kParity);
  AccessRequest request;
  request.interaction = Interaction::kCreate;
  request.return_completed_resource = true;
  request.resource.proposed =
      Json("{'resourceType':'Patient','meta':{'project':'$OTHER_PROJECT'}}");
  const Decision decision = world.Decide(request);
  ASSERT_TRUE(decision.permitted());
  EXPECT_NE(decision.write->resource.find(Expand("'project':'$PROJECT'")),
            std::string::npos)
      << decision.write->resource;
}

TEST(DecisionPointTest, WhatAResourceLacksIsFilledInOrDenied) {
  constexpr const char* kByOrganization =
      "[{'resourceType':'Questionnaire','criteria':"
      "'Questionnaire?_compartment=Organization/$NORTH'}]";
  World world(Clinic(kByOrganization), Mode::kStrict);
  AccessRequest request;
  request.interaction = Interaction::kRead;
  request.resource.current = Json(
      "{'resourceType':'Questionnaire','id':"
      "'60000000-0000-4000-8000-000000000001','meta':{'accounts':"
      "[{'reference':'Organization/$NORTH'}]}}");
  EXPECT_EQ(Say(world.Decide(request)), "DENY INCOMPLETE_RESOURCE 0");
  request.resource.project = testing::kProject;
  EXPECT_EQ(Say(world.Decide(request)), "PERMIT 200");
  request.resource.project = testing::kOtherProject;
  EXPECT_EQ(Say(world.Decide(request)), "DENY PROJECT_BOUNDARY 404");
}

TEST(DecisionPointTest, ABinaryFollowsItsSecurityContext) {
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

TEST(DecisionPointTest, Subjects) {
  const struct {
    const char* name;
    const char* subject;
    std::string membership;
    const char* parity;
    const char* strict;
  } kCases[] = {
      {"ByMembership", "ProjectMembership/member", "", "PERMIT 200", nullptr},
      {"ByProfile", "Practitioner/20000000-0000-4000-8000-000000000001", "",
       "PERMIT 200", nullptr},
      {"ByUser", "User/u", "", "PERMIT 200", nullptr},
      {"Unknown", "User/nobody", "", "DENY SUBJECT_UNKNOWN 401", nullptr},
      {"AMembershipThatIsNotThereIsNotOneWithoutPolicy",
       "ProjectMembership/gone", "", "DENY SUBJECT_UNKNOWN 400", nullptr},
      {"Inactive", "ProjectMembership/member",
       ",'active':false,'accessPolicy':{'reference':'AccessPolicy/policy'}",
       "DENY SUBJECT_INACTIVE 401", nullptr},
      {"NoPolicyIsFullAccessInMedplum", "ProjectMembership/member",
       ",'access':[]", "PERMIT 200", "DENY POLICY_MISSING 200"},
      {"AnAdminNeedsNoPolicy", "ProjectMembership/member", ",'admin':true",
       "PERMIT 200", nullptr},
      {"AMissingPolicyDeniesEverything", "ProjectMembership/member",
       ",'access':[{'policy':{'reference':'AccessPolicy/policy'}},"
       "{'policy':{'reference':'AccessPolicy/gone'}}]",
       "DENY POLICY_UNAVAILABLE 400", nullptr},
      {"APolicyThatIsNoPolicyDeniesEverything", "ProjectMembership/member",
       ",'accessPolicy':{'display':'no reference'}",
       "DENY POLICY_UNAVAILABLE 400", nullptr},
      {"ADanglingUserConfigurationDeniesEverything", "ProjectMembership/member",
       ",'accessPolicy':{'reference':'AccessPolicy/policy'},"
       "'userConfiguration':{'reference':'UserConfiguration/gone'}",
       "DENY SUBJECT_INCOMPLETE 400", nullptr},
      {"AWrongJsonTypeIsNeverGuessed", "ProjectMembership/member",
       ",'active':'false','accessPolicy':{'reference':'AccessPolicy/policy'}",
       "DENY SUBJECT_INCOMPLETE 400", nullptr},
  };
  for (const auto& c : kCases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(c.name);
      World world(Clinic("[{'resourceType':'*'}]", "", c.membership), mode);
      AccessRequest request;
      request.subject.reference = c.subject;
      request.interaction = Interaction::kRead;
      request.resource.current = Json(kObservation);
      EXPECT_EQ(Say(world.Decide(request)),
                mode == Mode::kStrict && c.strict ? c.strict : c.parity);
    }
  }
}

TEST(DecisionPointTest, ALoginIsAnsweredOtherwiseThanATokenFromBefore) {
  constexpr const char* kUser = "'user':{'reference':'User/u'}";
  const struct {
    const char* name;
    const char* subject;
    std::string user;
    Authentication authentication;
    const char* want;
  } kCases[] = {
      {"AUsersToken", "ProjectMembership/member", kUser, Authentication::kToken,
       "DENY SUBJECT_INACTIVE 401"},
      {"AUsersLogin", "ProjectMembership/member", kUser, Authentication::kLogin,
       "DENY SUBJECT_INACTIVE 400"},
      {"AClientIsIssuedATokenThatIsRefused", "ProjectMembership/member",
       "'user':{'reference':'ClientApplication/c'}", Authentication::kLogin,
       "DENY SUBJECT_INACTIVE 401"},
      {"NoMembershipsToken", "User/nobody", kUser, Authentication::kToken,
       "DENY SUBJECT_UNKNOWN 401"},
      {"NoMembershipsLogin", "User/nobody", kUser, Authentication::kLogin,
       "DENY SUBJECT_UNKNOWN 400"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    auto live = Clinic("[]");
    live.back() = Json(StrCat(
        "{'resourceType':'ProjectMembership','id':'member','active':false,"
        "'meta':{'project':'$PROJECT'},'project':{'reference':"
        "'Project/$PROJECT'},'profile':{'reference':"
        "'Practitioner/$PRACTITIONER'},",
        c.user, "}"));
    World world(std::move(live), Mode::kStrict);
    AccessRequest request;
    request.subject.reference = c.subject;
    request.context.authentication = c.authentication;
    request.interaction = Interaction::kRead;
    request.resource.current = Json(kObservation);
    EXPECT_EQ(Say(world.Decide(request)), c.want);
  }
}

TEST(DecisionPointTest, ASuperAdminMakesWhatIsNotFound) {
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

TEST(DecisionPointTest, AnAmbiguousSubjectIsNeverPicked) {
  auto live = Clinic("[{'resourceType':'*'}]");
  live.push_back(
      Json("{'resourceType':'ProjectMembership','id':'second','meta':"
           "{'project':'$OTHER_PROJECT'},'project':{'reference':"
           "'Project/$OTHER_PROJECT'},'user':{'reference':'User/u'},"
           "'profile':{'reference':'Practitioner/$PRACTITIONER'}}"));
  World world(live, Mode::kStrict);
  AccessRequest request;
  request.subject.reference = "User/u";
  request.interaction = Interaction::kRead;
  request.resource.current = Json(kObservation);
  Decision decision;
  const Outcome outcome = world.decision_point().Decide(request, decision);
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ToStd(outcome.status.message()),
            "AMBIGUOUS_SUBJECT: `User/u` has 2 memberships: "
            "ProjectMembership/member ProjectMembership/second; name one of "
            "them, or the project");
  EXPECT_FALSE(decision.permitted());
  request.subject.project = testing::kProject;
  EXPECT_TRUE(world.Decide(request).permitted());
}

TEST(DecisionPointTest, ParametersAndTenants) {
  constexpr const char* kPolicy =
      "[{'resourceType':'Task','criteria':'Task?_compartment=%organization'},"
      "{'resourceType':'Patient'},{'resourceType':'ValueSet'}]";
  const auto item = [](std::string_view organization) {
    return StrCat(
        "{'policy':{'reference':'AccessPolicy/policy'},'parameter':[{'name':"
        "'organization','valueReference':{'reference':'Organization/",
        organization, "'}}]}");
  };
  const std::string two_items =
      StrCat(",'access':[", item("$NORTH"), ",", item("$SOUTH"), "]");
  const std::string repeated =
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},'parameter':["
      "{'name':'organization','valueReference':{'reference':"
      "'Organization/$NORTH'}},{'name':'organization','valueReference':"
      "{'reference':'Organization/$SOUTH'}}]}]";
  const auto task = [](std::string_view organization) {
    return Json(
        StrCat("{'resourceType':'Task','id':"
               "'60000000-0000-4000-8000-000000000001','meta':"
               "{'project':'$PROJECT','accounts':[{'reference':"
               "'Organization/",
               organization, "'}]}}"));
  };
  const struct {
    const char* name;
    std::string membership;
    ParameterSemantics semantics;
    std::vector<std::string_view> tenants;
    const char* north;
    const char* south;
  } kCases[] = {
      {"TwoItemsAreAUnion",
       two_items,
       ParameterSemantics::kDocumented,
       {},
       "PERMIT 200",
       "PERMIT 200"},
      {"ARepeatedParameterIsEachOfItsValues",
       repeated,
       ParameterSemantics::kDocumented,
       {},
       "PERMIT 200",
       "PERMIT 200"},
      {"MedplumsServerTakesTheFirst",
       repeated,
       ParameterSemantics::kServer,
       {},
       "PERMIT 200",
       "DENY RESOURCE_NOT_GRANTED 404"},
      {"AnActiveTenantLeavesTheOtherOut",
       two_items,
       ParameterSemantics::kDocumented,
       {"Organization/40000000-0000-4000-8000-000000000002"},
       "DENY RESOURCE_NOT_GRANTED 404",
       "PERMIT 200"},
      {"AlsoOfARepeatedParameter",
       repeated,
       ParameterSemantics::kDocumented,
       {"Organization/40000000-0000-4000-8000-000000000002"},
       "DENY RESOURCE_NOT_GRANTED 404",
       "PERMIT 200"},
      {"SeveralActiveTenantsAreAUnion",
       two_items,
       ParameterSemantics::kDocumented,
       {"Organization/40000000-0000-4000-8000-000000000001",
        "Organization/40000000-0000-4000-8000-000000000002"},
       "PERMIT 200",
       "PERMIT 200"},
      {"ATenantOfOthersDeniesTheWholeRequest",
       two_items,
       ParameterSemantics::kDocumented,
       {"Organization/40000000-0000-4000-8000-000000000002",
        "Organization/40000000-0000-4000-8000-000000000009"},
       "DENY TENANT_NOT_ALLOWED 0",
       "DENY TENANT_NOT_ALLOWED 0"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    World world(Clinic(kPolicy, "", c.membership), Mode::kStrict, c.semantics);
    AccessRequest request;
    request.interaction = Interaction::kRead;
    request.context.active_tenants = c.tenants;
    request.resource.current = task("$NORTH");
    EXPECT_EQ(Say(world.Decide(request)), c.north);
    request.resource.current = task("$SOUTH");
    EXPECT_EQ(Say(world.Decide(request)), c.south);
  }
}

TEST(DecisionPointTest, AnEntryThatNamesNoTenantIsConfinedOnPatientData) {
  World world(
      Clinic("[{'resourceType':'Task','criteria':"
             "'Task?_compartment=%organization'},{'resourceType':'Patient'},"
             "{'resourceType':'ValueSet'}]",
             "",
             ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
             "'parameter':[{'name':'organization','valueReference':{'reference'"
             ":'Organization/$NORTH'}}]}]"),
      Mode::kStrict);
  AccessRequest request;
  request.interaction = Interaction::kRead;
  request.resource.current = Json(
      "{'resourceType':'Patient','id':'$PATIENT','meta':{'project':'$PROJECT'}"
      "}");
  EXPECT_EQ(Say(world.Decide(request)), "PERMIT 200");
  request.context.active_tenants = {
      "Organization/40000000-0000-4000-8000-000000000001"};
  EXPECT_EQ(Say(world.Decide(request)), "DENY RESOURCE_NOT_GRANTED 404");
  request.resource.current = Json(
      "{'resourceType':'Patient','id':'$PATIENT','meta':{'project':"
      "'$PROJECT','accounts':[{'reference':'Organization/$NORTH'}]}}");
  EXPECT_EQ(Say(world.Decide(request)), "PERMIT 200");
  request.resource.current = Json(
      "{'resourceType':'ValueSet','id':'$PATIENT','meta':{'project':"
      "'$PROJECT'}}");
  EXPECT_EQ(Say(world.Decide(request)), "PERMIT 200");
}

TEST(DecisionPointTest, AValueThatChangesThePolicyIsRefusedInStrictMode) {
  const auto membership = [](std::string_view value) {
    return StrCat(
        ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
        "'parameter':[{'name':'state','valueString':'",
        value, "'}]}]");
  };
  const struct {
    const char* value;
    const char* parity;
    const char* strict;
  } kCases[] = {
      {"CA&active=true", "PERMIT 200", "DENY POLICY_INVALID 200"},
      {"%profile", "DENY RESOURCE_NOT_GRANTED 404",
       "DENY RESOURCE_NOT_GRANTED 404"},
      {"\\\"", "DENY POLICY_INVALID 400", "DENY POLICY_INVALID 400"},
      {"x\\\"},{\\\"resourceType\\\":\\\"*", "PERMIT 200",
       "DENY POLICY_INVALID 200"},
  };
  for (const auto& c : kCases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(c.value);
      World world(Clinic("[{'resourceType':'Patient','criteria':"
                         "'Patient?address-state=%state'}]",
                         "", membership(c.value)),
                  mode);
      AccessRequest request;
      request.interaction = Interaction::kRead;
      request.resource.current = Json(
          "{'resourceType':'Patient','id':'$PATIENT','active':true,"
          "'address':[{'state':'CA'}],'meta':{'project':'$PROJECT'}}");
      EXPECT_EQ(Say(world.Decide(request)),
                mode == Mode::kStrict ? c.strict : c.parity);
    }
  }
}

TEST(DecisionPointTest, APolicyOfAnUnlinkedProjectGrantsNothingInStrictMode) {
  for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
    auto live = Clinic("[]", "",
                       ",'accessPolicy':{'reference':'AccessPolicy/foreign'}");
    live.push_back(
        Json("{'resourceType':'AccessPolicy','id':'foreign','meta':{'project':"
             "'$OTHER_PROJECT'},'resource':[{'resourceType':'Observation'}]}"));
    World world(live, mode);
    AccessRequest request;
    request.interaction = Interaction::kRead;
    request.resource.current = Json(kObservation);
    EXPECT_EQ(Say(world.Decide(request)),
              mode == Mode::kStrict ? "DENY INTERACTION_NOT_GRANTED 200"
                                    : "PERMIT 200");
  }
}

TEST(DecisionPointTest, AnEmptyScopeIsNotAnAbsentOne) {
  const struct {
    std::optional<std::string_view> scope;
    const char* parity;
    const char* strict;
  } kCases[] = {
      {std::nullopt, "PERMIT 200", "PERMIT 200"},
      {"", "PERMIT 200", "DENY SCOPE 200"},
      {"openid", "PERMIT 200", "PERMIT 200"},
      {"user/Observation.r", "PERMIT 200", "PERMIT 200"},
      {"user/Task.r", "DENY INTERACTION_NOT_GRANTED 403",
       "DENY INTERACTION_NOT_GRANTED 403"},
      {"user/Observation.c", "PERMIT 200", "DENY SCOPE 200"},
  };
  for (const auto& c : kCases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(c.scope.value_or("absent"));
      World world(Clinic("[{'resourceType':'Observation'}]"), mode);
      AccessRequest request;
      request.interaction = Interaction::kRead;
      request.context.smart_scope = c.scope;
      request.resource.current = Json(kObservation);
      EXPECT_EQ(Say(world.Decide(request)),
                mode == Mode::kStrict ? c.strict : c.parity);
    }
  }
}

TEST(DecisionPointTest, IpRules) {
  constexpr const char* kRules =
      ",'ipAccessRule':[{'value':'10.1.2.7','action':'allow'},{'value':'*',"
      "'action':'block'}]";
  const struct {
    const char* name;
    const char* address;
    const char* parity;
    const char* strict;
  } kCases[] = {
      {"Allowed", "10.1.2.7", "PERMIT 200", "PERMIT 200"},
      {"Blocked", "10.1.2.8", "DENY ADDRESS_NOT_ALLOWED 400",
       "DENY ADDRESS_NOT_ALLOWED 400"},
      {"ATextualPrefixOfAnotherAddress", "10.1.2.70", "PERMIT 200",
       "DENY ADDRESS_NOT_ALLOWED 200"},
      {"NoAddress", nullptr, "PERMIT 200", "DENY FACT_MISSING 200"},
  };
  for (const auto& c : kCases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(c.name);
      World world(Clinic("[{'resourceType':'*'}]", kRules), mode);
      AccessRequest request;
      request.interaction = Interaction::kRead;
      if (c.address != nullptr) request.context.remote_address = c.address;
      request.resource.current = Json(kObservation);
      EXPECT_EQ(Say(world.Decide(request)),
                mode == Mode::kStrict ? c.strict : c.parity);
    }
  }
}

TEST(DecisionPointTest, AChangeIsSeenByTheNextDecision) {
  // The look-up of a world never changes; an invalidation must still be safe at
  // any time and raise the revision.
  World world(Clinic("[{'resourceType':'*'}]"), Mode::kStrict);
  AccessRequest request;
  request.interaction = Interaction::kRead;
  request.resource.current = Json(kObservation);
  EXPECT_TRUE(world.Decide(request).permitted());
  EXPECT_TRUE(world.Decide(request).permitted());
  EXPECT_EQ(world.decision_point().statistics().bound_policy_hits, 1u);
  const fhir::ResourceKey changed[] = {{"AccessPolicy", "policy"}};
  world.decision_point().Invalidate(7, changed);
  const Decision decision = world.Decide(request);
  EXPECT_TRUE(decision.permitted());
  EXPECT_EQ(decision.revision, 7u);
  EXPECT_EQ(world.decision_point().statistics().bound_policy_misses, 2u);
}

}  // namespace
}  // namespace pdp::policy
