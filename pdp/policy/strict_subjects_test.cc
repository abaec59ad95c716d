// Rules of strict mode about who asks and what is asked for, each with both
// answers.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
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

std::string Rules(const std::vector<Note>& notes) {
  std::string out;
  for (const Note& note : notes) {
    if (note.code != NoteCode::kStrictRule) continue;
    out += StrCat(" by ", StrictRuleName(note.strict_rule));
  }
  return out;
}

std::string Say(const Decision& decision) {
  return StrCat(decision.permitted() ? "PERMIT " : "DENY ",
                decision.medplum_http_status, Rules(decision.notes));
}

TEST(StrictSubjectsTest, ACreateNamesAPatientOfThePolicysCompartment) {
  constexpr const char* kPolicy =
      "[{'resourceType':'Observation','criteria':"
      "'Observation?_compartment=Patient/$PATIENT'}]";
  constexpr const char* kCompartment =
      ",'compartment':{'reference':'Patient/$PATIENT'}";
  const struct {
    const char* subject;
    const char* parity;
    const char* strict;
  } cases[] = {
      {"$PATIENT", "PERMIT 201", "PERMIT 201"},
      {"$OTHER_PATIENT", "PERMIT 201",
       "DENY 201 by CREATE_NAMES_GRANTED_PATIENT"},
  };
  for (const auto& test : cases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(test.subject);
      World world(Clinic(kPolicy, kCompartment), mode);
      AccessRequest request;
      request.interaction = Interaction::kCreate;
      request.resource.proposed = Json(
          StrCat("{'resourceType':'Observation','status':'final','subject':"
                 "{'reference':'Patient/",
                 test.subject, "'}}"));
      EXPECT_EQ(Say(world.Decide(request)),
                mode == Mode::kStrict ? test.strict : test.parity);
    }
  }
}

TEST(StrictSubjectsTest, AccountsThatAClientSetsAreTheMembersTenants) {
  const struct {
    const char* account;
    const char* parity;
    const char* strict;
  } cases[] = {
      {"$NORTH", "PERMIT 201", "PERMIT 201"},
      {"$SOUTH", "PERMIT 201", "DENY 201 by ACCOUNT_ALLOWED"},
  };
  for (const auto& test : cases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(test.account);
      World world(
          Clinic("[{'resourceType':'Questionnaire'},{'resourceType':'Task',"
                 "'criteria':'Task?_compartment=Organization/$NORTH'}]"),
          mode);
      AccessRequest request;
      request.interaction = Interaction::kCreate;
      request.resource.proposed =
          Json(StrCat("{'resourceType':'Questionnaire','status':'draft','meta':"
                      "{'accounts':[{'reference':'Organization/",
                      test.account, "'}]}}"));
      EXPECT_EQ(Say(world.Decide(request)),
                mode == Mode::kStrict ? test.strict : test.parity);
    }
  }
}

TEST(StrictSubjectsTest, OneActsOnBehalfOfActiveMembersAlone) {
  const struct {
    const char* active;
    const char* parity;
    const char* strict;
  } cases[] = {
      {"true", "PERMIT 200", "PERMIT 200"},
      {"false", "PERMIT 200", "DENY 200 by ON_BEHALF_OF_ACTIVE"},
  };
  for (const auto& test : cases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(test.active);
      auto live = Clinic("[{'resourceType':'*'}]", "",
                         ",'admin':true,'accessPolicy':{'reference':"
                         "'AccessPolicy/policy'}");
      live.push_back(Json(
          StrCat("{'resourceType':'ProjectMembership','id':"
                 "'70000000-0000-4000-8000-000000000001','active':",
                 test.active,
                 ",'meta':{'project':'$PROJECT'},'project':{'reference':"
                 "'Project/$PROJECT'},'user':{'reference':'User/v'},'profile':"
                 "{'reference':'Patient/$PATIENT'},'accessPolicy':{'reference':"
                 "'AccessPolicy/policy'}}")));
      World world(live, mode);
      AccessRequest request;
      request.interaction = Interaction::kRead;
      request.context.on_behalf_of =
          "ProjectMembership/70000000-0000-4000-8000-000000000001";
      request.resource.type = "Patient";
      request.resource.id = testing::kPatient;
      EXPECT_EQ(Say(world.Decide(request)),
                mode == Mode::kStrict ? test.strict : test.parity);
    }
  }
}

}  // namespace
}  // namespace pdp::policy
