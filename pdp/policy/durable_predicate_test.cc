// What entries let through by the database's rules, and what happens to
// resources that are deleted: in mode parity and, where strict mode departs, in
// strict mode.

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
using testing::Json;
using testing::World;

// "PERMIT 200 -subject", "DENY 404", "DENY 200 by DURABLE_READ".
std::string Say(const Decision& decision) {
  std::string out = StrCat(decision.permitted() ? "PERMIT " : "DENY ",
                           decision.medplum_http_status);
  for (const std::string_view field : decision.hidden_fields) {
    out += StrCat(" -", field);
  }
  for (const Note& note : decision.notes) {
    if (note.code != NoteCode::kStrictRule) continue;
    out += StrCat(" by ", StrictRuleName(note.strict_rule));
  }
  return out;
}

constexpr std::string_view kObservation =
    "{'resourceType':'Observation','id':'50000000-0000-4000-8000-000000000001',"
    "'status':'preliminary','subject':{'reference':'Patient/$PATIENT'},"
    "'meta':{'project':'$PROJECT','versionId':'o1','compartment':["
    "{'reference':'Project/$PROJECT'},{'reference':'Patient/$PATIENT'}]}}";

TEST(DurablePredicateTest, EntriesAreAlternativesInTheirOrder) {
  enum Way { kRead, kDurableRead, kDelete };
  const struct {
    const char* name;
    const char* entries;
    Way way;
    const char* parity;
    const char* strict;  // Null: as in parity.
  } cases[] = {
      {"AWildcardTakesTheTypeThatIsRead",
       "[{'resourceType':'*','criteria':'*?_compartment=Patient/$PATIENT'}]",
       kRead, "PERMIT 200", nullptr},
      {"WhatMatchesInMemoryAloneIsNotReadableInStrictMode",
       "[{'resourceType':'Observation','criteria':'Observation?status=PREL"
       "IMINARY'}]",
       kRead, "PERMIT 200", "DENY 200 by DURABLE_READ"},
      {"ButMatchesNothingInMemory",
       "[{'resourceType':'*','criteria':'*?_compartment=Patient/$PATIENT'}]",
       kDelete, "DENY 403", nullptr},
      {"WhatMatchesInTheDatabaseAloneHidesNothing",
       "[{'resourceType':'*','criteria':'*?_compartment=Patient/$PATIENT',"
       "'hiddenFields':['subject']}]",
       kRead, "PERMIT 200", "PERMIT 200 -subject by WILDCARD_CRITERIA_FIELDS"},
      {"NorDoOtherCriteriaThatMemoryDoesNotKnow",
       "[{'resourceType':'Observation','criteria':'Observation?_id="
       "Observation/50000000-0000-4000-8000-000000000001',"
       "'hiddenFields':['subject']}]",
       kRead, "PERMIT 200", "PERMIT 200 -subject by DURABLE_FIELDS"},
      {"ACompartmentPutsItsCriteriaOutOfForce",
       "[{'resourceType':'Observation','criteria':'Observation?status=final',"
       "'compartment':{'reference':'Patient/$PATIENT'}}]",
       kRead, "PERMIT 200", nullptr},
      {"ButNotInMemory",
       "[{'resourceType':'Observation','criteria':'Observation?status=final',"
       "'compartment':{'reference':'Patient/$PATIENT'}}]",
       kDelete, "DENY 403", nullptr},
      {"ACompartmentIsItsIdAlone",
       "[{'resourceType':'Observation',"
       "'compartment':{'reference':'Organization/$PATIENT'}}]",
       kRead, "PERMIT 200", nullptr},
      {"CriteriaWithoutFiltersAddNothing",
       "[{'resourceType':'Observation','criteria':'Observation?_count=1'},"
       "{'resourceType':'Observation','criteria':"
       "'Observation?status=final'}]",
       kDurableRead, "DENY 404", nullptr},
      {"AloneTheyLeaveEverythingOpen",
       "[{'resourceType':'Observation','criteria':'Observation?_count=1'}]",
       kDurableRead, "PERMIT 200", "DENY 200 by MALFORMED_CRITERIA"},
      {"AnOpenEntryHidesALaterError",
       "[{'resourceType':'Observation'},{'resourceType':'Observation',"
       "'criteria':'Observation?foo=bar'}]",
       kDurableRead, "PERMIT 200", nullptr},
      {"AnErrorComesFirst",
       "[{'resourceType':'Observation','criteria':'Observation?foo=bar'},"
       "{'resourceType':'Observation'}]",
       kDurableRead, "DENY 400", nullptr},
      {"AnEntryOfAnotherInteractionIsNotLookedAt",
       "[{'resourceType':'Observation','interaction':['update'],'criteria':"
       "'Observation?foo=bar'},{'resourceType':'Observation'}]",
       kDurableRead, "PERMIT 200", nullptr},
      {"AChainNeedsTheGrantToSearch",
       "[{'resourceType':'Observation','criteria':"
       "'Observation?patient.gender=male'}]",
       kDurableRead, "DENY 403", nullptr},
      {"AWrongPrefixOpensTheTypeForNarrowEntriesToo",
       "[{'resourceType':'Observation','criteria':'Observation?status=final'},"
       "{'resourceType':'Observation','criteria':'Patient?active=true'}]",
       kDurableRead, "PERMIT 200", "DENY 200 by MALFORMED_CRITERIA"},
  };
  for (const auto& test : cases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(StrCat(test.name, mode == Mode::kParity ? "" : " strict"));
      World world(Clinic(test.entries), mode);
      AccessRequest request;
      request.interaction =
          test.way == kDelete ? Interaction::kDelete : Interaction::kRead;
      if (test.way == kDurableRead) {
        request.context.read_path = ReadPath::kDurableOnly;
      }
      request.resource.current = Json(kObservation);
      EXPECT_EQ(Say(world.Decide(request)), mode == Mode::kStrict && test.strict
                                                ? test.strict
                                                : test.parity);
    }
  }
}

TEST(DurablePredicateTest, ADeletedResourceHasKeptNothing) {
  constexpr std::string_view kId = "30000000-0000-4000-8000-000000000009";
  const struct {
    const char* name;
    const char* entries;
    Interaction interaction;
    const char* parity;
    const char* strict;  // Null: as in parity.
  } cases[] = {
      {"IsGone", "[{'resourceType':'Patient'}]", Interaction::kRead, "DENY 410",
       nullptr},
      {"IsNotFoundUnderCriteria",
       "[{'resourceType':'Patient','criteria':'Patient?gender=female'}]",
       Interaction::kRead, "DENY 404", nullptr},
      {"IsFoundByItsId",
       "[{'resourceType':'Patient','criteria':"
       "'Patient?_id=30000000-0000-4000-8000-000000000009'}]",
       Interaction::kRead, "DENY 410", nullptr},
      {"IsFoundByWhatItLacks",
       "[{'resourceType':'Patient','criteria':'Patient?gender:missing=true'}]",
       Interaction::kRead, "DENY 410", nullptr},
      {"IsFoundInNoCompartment",
       "[{'resourceType':'Patient','criteria':'Patient?_compartment="
       "30000000-0000-4000-8000-000000000009'}]",
       Interaction::kRead, "DENY 404", nullptr},
      {"ItsHistoryNeedsReadAlone",
       "[{'resourceType':'Patient','interaction':['read']}]",
       Interaction::kHistory, "PERMIT 200", "DENY 200 by DELETED_NEEDS_GRANT"},
      {"DeletingItAgainNeedsReadAlone",
       "[{'resourceType':'Patient','interaction':['read']}]",
       Interaction::kDelete, "PERMIT 200", "DENY 200 by DELETED_NEEDS_GRANT"},
      {"AnUpdateDoesNotLookAtTheOldVersion",
       "[{'resourceType':'Patient','interaction':['read']},{'resourceType':"
       "'Patient','criteria':'Patient?gender=male','interaction':['update']}]",
       Interaction::kUpdate, "PERMIT 200", "DENY 200 by DELETED_NEEDS_GRANT"},
      {"ItsResultMustMatchNevertheless",
       "[{'resourceType':'Patient','interaction':['read']},{'resourceType':"
       "'Patient','criteria':'Patient?gender=other','interaction':"
       "['update']}]",
       Interaction::kUpdate, "DENY 403", nullptr},
      {"APatchFindsNothing", "[{'resourceType':'Patient'}]",
       Interaction::kPatch, "DENY 410", nullptr},
  };
  for (const auto& test : cases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(StrCat(test.name, mode == Mode::kParity ? "" : " strict"));
      const fhir::MemoryLookup lookup(
          Clinic(test.entries),
          {Json(StrCat("{'resourceType':'Patient','id':'", kId,
                       "','gender':'female','meta':{'project':'$PROJECT',"
                       "'versionId':'v1'}}"))});
      const DecisionPoint decision_point(lookup, {.mode = mode});
      AccessRequest request;
      request.subject.reference = "ProjectMembership/member";
      request.interaction = test.interaction;
      request.resource.type = "Patient";
      request.resource.id = kId;
      if (test.interaction == Interaction::kUpdate ||
          test.interaction == Interaction::kPatch) {
        request.resource.proposed = Json(StrCat(
            "{'resourceType':'Patient','id':'", kId, "','gender':'male'}"));
      }
      Decision decision;
      ASSERT_TRUE(decision_point.Decide(request, decision).decided());
      EXPECT_EQ(Say(decision), mode == Mode::kStrict && test.strict
                                   ? test.strict
                                   : test.parity);
    }
  }
}

}  // namespace
}  // namespace pdp::policy
