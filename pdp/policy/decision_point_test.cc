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
using testing::Expand;
using testing::Json;
using testing::World;

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
