#include "pdp/policy/complete_write.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/policy/decision_point.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Clinic;
using testing::Expand;
using testing::Json;
using testing::World;

constexpr const char* kAll = "[{'resourceType':'*'}]";
constexpr const char* kPolicy =
    ",'accessPolicy':{'reference':'AccessPolicy/policy'}";
constexpr const char* kAdmin =
    ",'admin':true,'accessPolicy':{'reference':'AccessPolicy/policy'}";
constexpr const char* kOfNorth =
    ",'compartment':{'reference':'Organization/$NORTH'}";

struct Case {
  const char* name;
  const char* entries;
  const char* policy_more;
  const char* membership;
  bool extended_mode;
  const char* current;  // Empty: a create.
  const char* proposed;
  const char* accounts;      // Their ids, with a blank before each.
  const char* compartments;  // Likewise, without the project.
};

std::string Ids(const std::vector<std::string>& references) {
  std::string out;
  for (const std::string& reference : references) {
    if (reference.starts_with("Project/")) continue;
    const std::string id = reference.substr(reference.find('/') + 1);
    out += StrCat(" ", id == testing::kNorth     ? "north"
                       : id == testing::kSouth   ? "south"
                       : id == testing::kPatient ? "patient"
                                                 : id);
  }
  return out;
}

// The Clinic, whose Patient is of $NORTH.
std::vector<fhir::ResourcePtr> ClinicOf(const Case& c) {
  auto live = Clinic(c.entries, c.policy_more, c.membership);
  live[4] = Json(
      "{'resourceType':'Patient','id':'$PATIENT','meta':{'project':'$PROJECT',"
      "'versionId':'v1','account':{'reference':'Organization/$NORTH'}}}");
  return live;
}

TEST(CompleteWriteTest, AccountsAndCompartmentsAreTheServersToSay) {
  const Case kCases[] = {
      {"OfThePolicy", kAll, kOfNorth, kPolicy, false, "",
       "{'resourceType':'Task','status':'draft'}", " north", " north"},
      {"AndNotOfTheClient", kAll, kOfNorth, kPolicy, true, "",
       "{'resourceType':'Task','meta':{'accounts':[{'reference':"
       "'Organization/$SOUTH'}]}}",
       " north", " north"},
      {"OfThePatients", kAll, "", kPolicy, false, "",
       "{'resourceType':'Task','for':{'reference':'Patient/$PATIENT'}}",
       " north", " north patient"},
      {"OfAPatientNamedWithAVersion", kAll, "", kPolicy, false, "",
       "{'resourceType':'Observation','subject':{'reference':"
       "'Patient/$PATIENT/_history/30000000-0000-4000-8000-0000000000aa'}}",
       " north",
       " north 30000000-0000-4000-8000-000000000001/_history/"
       "30000000-0000-4000-8000-0000000000aa"},
      {"OfTheClientWhereNoneIsComputed", kAll, "", kPolicy, false, "",
       "{'resourceType':'Task','meta':{'account':{'reference':"
       "'Organization/$SOUTH'}}}",
       " south", " south"},
      {"BesideAListTheSingleOneIsNoCompartment", kAll, "", kPolicy, false, "",
       "{'resourceType':'Task','meta':{'account':{'reference':"
       "'Organization/$SOUTH'},'accounts':[{'reference':"
       "'Organization/$NORTH'}]}}",
       " south north", " north"},
      {"AreNotTheClientsWhereMetaIsHidden",
       "[{'resourceType':'Task','hiddenFields':['meta']}]", "", kPolicy, false,
       "",
       "{'resourceType':'Task','meta':{'account':{'reference':"
       "'Organization/$SOUTH'}}}",
       "", ""},
      {"AreNotTheClientsWhereTheyAreReadonly",
       "[{'resourceType':'Task','readonlyFields':['meta.accounts',"
       "'meta.account']}]",
       "", kPolicy, false, "",
       "{'resourceType':'Task','meta':{'accounts':[{'reference':"
       "'Organization/$SOUTH'}]}}",
       "", ""},
      {"AnAdminChooses", kAll, kOfNorth, kAdmin, true, "",
       "{'resourceType':'Task','meta':{'accounts':[{'reference':"
       "'Organization/$SOUTH'}]}}",
       " south", " south"},
      {"AnAdminWhoSendsMetaWithoutAccountsClearsThem", kAll, kOfNorth, kAdmin,
       true, "", "{'resourceType':'Task','meta':{}}", "", ""},
      {"AnAdminWhoSendsNoMetaDoesNotChoose", kAll, kOfNorth, kAdmin, true, "",
       "{'resourceType':'Task'}", " north", " north"},
      {"AnAdminNeedsExtendedMode", kAll, kOfNorth, kAdmin, false, "",
       "{'resourceType':'Task','meta':{'accounts':[{'reference':"
       "'Organization/$SOUTH'}]}}",
       " north", " north"},
      {"ThePolicyOfWhoUpdatesDoesNotCount", kAll, kOfNorth, kPolicy, false,
       "{'resourceType':'Task','id':'50000000-0000-4000-8000-000000000001',"
       "'meta':{'project':'$PROJECT','accounts':[{'reference':"
       "'Organization/$SOUTH'}]}}",
       "{'resourceType':'Task','id':'50000000-0000-4000-8000-000000000001',"
       "'status':'draft'}",
       "", ""},
      {"APatientKeepsItsOwn", kAll, kOfNorth, kPolicy, false,
       "{'resourceType':'Patient','id':'$PATIENT','meta':{'project':"
       "'$PROJECT','accounts':[{'reference':'Organization/$SOUTH'}]}}",
       "{'resourceType':'Patient','id':'$PATIENT','active':true}", " south",
       " south patient"},
      {"AProjectIsNoCompartmentOfAnAccount", kAll, "", kPolicy, false, "",
       "{'resourceType':'Task','meta':{'accounts':[{'reference':"
       "'Project/$OTHER_PROJECT'}]}}",
       "", ""},
      {"AnAccountWithoutAUuidIsNoCompartment", kAll, "", kPolicy, false, "",
       "{'resourceType':'Task','meta':{'accounts':[{'reference':"
       "'Organization/north'}]}}",
       " north", ""},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    World world(ClinicOf(c), Mode::kParity);
    AccessRequest request;
    const bool is_create = *c.current == '\0';
    request.interaction =
        is_create ? Interaction::kCreate : Interaction::kUpdate;
    request.context.extended_mode = c.extended_mode;
    if (!is_create) request.resource.current = Json(c.current);
    request.resource.proposed = Json(c.proposed);
    const Decision decision = world.Decide(request);
    ASSERT_TRUE(decision.write) << decision.message;
    EXPECT_EQ(Ids(decision.write->accounts), c.accounts);
    EXPECT_EQ(Ids(decision.write->compartments), c.compartments);
  }
}

std::string Completed(std::string_view policy, std::string_view membership,
                      bool extended_mode, std::string_view proposed) {
  World world(Clinic(policy, "", membership), Mode::kParity);
  AccessRequest request;
  request.interaction = Interaction::kCreate;
  request.context.extended_mode = extended_mode;
  request.resource.proposed = Json(proposed);
  request.return_completed_resource = true;
  const Decision decision = world.Decide(request);
  return decision.write ? decision.write->resource : decision.message;
}

TEST(CompleteWriteTest, ChosenAccountsStayAsTheyWereSent) {
  const std::string completed =
      Completed(kAll, kAdmin, true,
                "{'resourceType':'Task','meta':{'account':{'reference':"
                "'Organization/$NORTH','display':'North'}}}");
  EXPECT_NE(completed.find(Expand("'accounts':[{'reference':"
                                  "'Organization/$NORTH','display':'North'}]")),
            std::string::npos)
      << completed;
}

TEST(CompleteWriteTest, WhatTheServerSaysOfAVersionIsNotTheClients) {
  const std::string completed = Completed(
      kAll, kPolicy, false,
      "{'resourceType':'Task','meta':{'project':'$OTHER_PROJECT','versionId':"
      "'7','lastUpdated':'2020-01-01T00:00:00Z','author':{'reference':"
      "'Practitioner/evil'},'onBehalfOf':{'reference':'Practitioner/evil'},"
      "'deleted':true,'compartment':[{'reference':'Patient/evil'}],"
      "'tag':[{'code':'kept'}]}}");
  for (const char* gone :
       {"evil", "2020-01-01", "'7'", "$OTHER_PROJECT", "deleted"}) {
    EXPECT_EQ(completed.find(Expand(gone)), std::string::npos)
        << gone << " in " << completed;
  }
  EXPECT_NE(completed.find("kept"), std::string::npos) << completed;
}

// A client that sends back what it was shown sends `meta.onBehalfOf` too.
TEST(CompleteWriteTest, AnUpdateThatOnlyDropsOnBehalfOfIsAChange) {
  constexpr const char* kLocked =
      "[{'resourceType':'Task','writeConstraint':[{'language':"
      "'text/fhirpath','expression':'false'}]}]";
  constexpr const char* kTask =
      "{'resourceType':'Task','id':'50000000-0000-4000-8000-000000000001',"
      "'meta':{'project':'$PROJECT',%'compartment':[{'reference':"
      "'Project/$PROJECT'}]}}";
  const auto task = [&](std::string_view more) {
    std::string text = kTask;
    return Json(text.replace(text.find('%'), 1, more));
  };
  const struct {
    std::string_view meta;
    bool permitted;
  } kCases[] = {
      {"", true},
      {"'onBehalfOf':{'reference':'Practitioner/1'},", false},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.meta);
    World world(Clinic(kLocked), Mode::kParity);
    AccessRequest request;
    request.interaction = Interaction::kUpdate;
    request.resource.current = task(c.meta);
    request.resource.proposed = task(c.meta);
    EXPECT_EQ(world.Decide(request).permitted(), c.permitted);
  }
}

TEST(CompleteWriteTest, ASuperAdminSaysWhenWhatIsNewWasMade) {
  auto live = Clinic(
      "[{'resourceType':'Task','criteria':'Task?_lastUpdated=lt2021-01-01'}]");
  live.front() = Json(
      "{'resourceType':'Project','id':'$PROJECT','superAdmin':true,"
      "'meta':{'project':'$PROJECT'}}");
  World world(std::move(live), Mode::kParity);
  AccessRequest request;
  request.interaction = Interaction::kCreate;
  request.resource.proposed = Json(
      "{'resourceType':'Task','meta':{'lastUpdated':"
      "'2020-01-01T00:00:00Z'}}");
  EXPECT_TRUE(world.Decide(request).permitted());
}

}  // namespace
}  // namespace pdp::policy
