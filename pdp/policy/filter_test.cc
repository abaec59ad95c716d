#include "pdp/policy/filter.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using testing::Clinic;
using testing::Expand;
using testing::World;

// The queries of an answer, or its reason, status and message.
std::string Say(const FilterAnswer& answer) {
  std::string said;
  for (const std::string& query : answer.queries) {
    said += StrCat(said.empty() ? "" : " OR ", query);
  }
  if (said.empty()) {
    said = StrCat(ReasonName(answer.reason), " ", answer.medplum_http_status,
                  ": ", answer.message);
  }
  return said;
}

std::string WithNames(const std::string& text) {
  return text.find('$') == std::string::npos ? text : Expand(text);
}

struct Case {
  const char* name;
  const char* entries;
  const char* type;
  const char* query;
  const char* parity;
  const char* strict;  // Null: as in parity.
};

void RunCases(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(
          StrCat(c.name, mode == Mode::kParity ? " parity" : " strict"));
      World world(Clinic(c.entries), mode);
      FilterRequest request;
      request.subject.reference = "ProjectMembership/member";
      request.resource_type = c.type;
      const std::string query = WithNames(c.query);
      request.query = query;
      request.runner_is_privileged = false;
      FilterAnswer answer;
      const Outcome outcome = world.decision_point().Filter(request, answer);
      ASSERT_TRUE(outcome.decided()) << outcome.status;
      const bool is_strict = mode == Mode::kStrict && c.strict != nullptr;
      EXPECT_EQ(Say(answer), WithNames(is_strict ? c.strict : c.parity));
    }
  }
}

constexpr char kAll[] = "[{'resourceType':'Patient'}]";
constexpr char kMalformed[] =
    "INTERACTION_NOT_GRANTED 200: no entry of the policy grants search on "
    "Patient";

TEST(FilterTest, TheCallersQueryIsKept) {
  RunCases({
      {"All", kAll, "Patient", "", "Patient", nullptr},
      {"Narrowed", kAll, "Patient", "gender=male&_sort=-birthdate&_count=5",
       "Patient?gender=male&_sort=-birthdate&_count=5", nullptr},
      {"And", "[{'resourceType':'Patient','criteria':'Patient?active=true'}]",
       "Patient", "active=false", "Patient?active=true&active=false", nullptr},
      {"Or",
       "[{'resourceType':'Patient','criteria':'Patient?active=true'},"
       "{'resourceType':'Patient','criteria':'Patient?gender=male'}]",
       "Patient", "name=x",
       "Patient?active=true&name=x OR Patient?gender=male&name=x", nullptr},
      {"TextIsEncodedAnew", kAll, "Patient", "name=a%26_include%3Dx?b=c+d",
       "Patient?name=a%26_include%3Dx%3Fb%3Dc%20d", nullptr},
      {"ItsOwnType", kAll, "Patient", "_type=Patient", "Patient?_type=Patient",
       nullptr},
  });
}

TEST(FilterTest, QueriesSayWhatTheEntriesSay) {
  RunCases({
      {"AWildcardsCriteria",
       "[{'resourceType':'*','criteria':'*?gender:not=male'}]", "Patient", "",
       "Patient?gender:not=male", nullptr},
      {"ADeprecatedCompartment",
       "[{'resourceType':'Patient','criteria':'Patient?gender=male',"
       "'compartment':{'reference':'Organization/x'}}]",
       "Patient", "", "Patient?_compartment=Organization/x", nullptr},
      {"ControlParametersAreDropped",
       "[{'resourceType':'Patient','criteria':"
       "'Patient?gender=male&_sort=name&_count=1'}]",
       "Patient", "", "Patient?gender=male", nullptr},
      {"ControlParametersAlone",
       "[{'resourceType':'Patient','criteria':'Patient?_count=1'}]", "Patient",
       "", "Patient", kMalformed},
      {"AnOpenEntryAmongOthers",
       "[{'resourceType':'Patient','criteria':'Patient?gender=male'},"
       "{'resourceType':'Patient'}]",
       "Patient", "", "Patient", nullptr},
      {"AWrongPrefix",
       "[{'resourceType':'Patient','criteria':'Task?status=draft'}]", "Patient",
       "", "Patient", kMalformed},
  });
}

TEST(FilterTest, WhatMedplumRefusesIsDenied) {
  const struct {
    const char* name;
    const char* entries;
    Reason reason;
    int status;
  } cases[] = {
      {"ATypeWithoutAGrant", "[{'resourceType':'Task'}]",
       Reason::kInteractionNotGranted, 403},
      {"AnEntryWithoutSearch",
       "[{'resourceType':'Patient','interaction':['read']}]",
       Reason::kInteractionNotGranted, 403},
      {"AnErrorComesFirst",
       "[{'resourceType':'Patient','criteria':'Patient?foo=bar'},"
       "{'resourceType':'Patient'}]",
       Reason::kEvaluationError, 400},
      {"AChainWithoutTheGrant",
       "[{'resourceType':'Patient','criteria':"
       "'Patient?organization.name=x'}]",
       Reason::kEvaluationError, 403},
  };
  for (const auto& test : cases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(test.name);
      World world(Clinic(test.entries), mode);
      FilterRequest request;
      request.subject.reference = "ProjectMembership/member";
      request.resource_type = "Patient";
      FilterAnswer answer;
      ASSERT_TRUE(world.decision_point().Filter(request, answer).decided());
      EXPECT_EQ(answer.kind, FilterKind::kAlwaysDenied);
      EXPECT_EQ(answer.reason, test.reason);
      EXPECT_EQ(answer.medplum_http_status, test.status);
    }
  }
}

TEST(FilterTest, WhatIsNoSearchOfTheTypeIsRefused) {
  RunCases({
      {"OtherTypes", kAll, "Patient", "_type=Observation",
       "QUERY_NOT_SAFE 0: the parameter `_type` is refused: it searches other "
       "types",
       nullptr},
      {"SeveralTypes", kAll, "Patient", "_type=Patient,Observation",
       "QUERY_NOT_SAFE 0: the parameter `_type` is refused: it searches other "
       "types",
       nullptr},
      {"Unknown", kAll, "Patient", "foo=x",
       "QUERY_NOT_SAFE 0: the parameter `foo` is refused: it is no search "
       "parameter of the type",
       nullptr},
      {"Deleted", kAll, "Patient", "_deleted=true",
       "QUERY_NOT_SAFE 0: the parameter `_deleted` is refused: it is no search "
       "parameter of the type",
       nullptr},
      {"DeletedInAFilter", kAll, "Patient", "_filter=_deleted eq true",
       "QUERY_NOT_SAFE 0: the parameter `_filter` is refused: `_deleted`: it "
       "is "
       "no search parameter of the type",
       nullptr},
      {"NoFilter", kAll, "Patient", "_filter=gender",
       "QUERY_NOT_SAFE 400: the parameter `_filter` is refused: _filter: "
       "expected an operator, not the end",
       nullptr},
      {"Unreadable", kAll, "Patient", "birthdate=x",
       "QUERY_NOT_SAFE 400: the query cannot be read: 'x' is no date for "
       "birthdate",
       nullptr},
  });
}

TEST(FilterTest, WhatTellsOfAHiddenFieldIsRefusedInStrictMode) {
  constexpr char kHidden[] =
      "[{'resourceType':'Patient','hiddenFields':['birthDate','name.given',"
      "'deceased[x]']}]";
  RunCases({
      {"Parameter", kHidden, "Patient", "birthdate=1980-01-01",
       "Patient?birthdate=1980-01-01",
       "QUERY_NOT_SAFE 200: the parameter `birthdate` is refused: it looks at "
       "a "
       "hidden field"},
      {"PartOfAField", kHidden, "Patient", "name=x", "Patient?name=x",
       "QUERY_NOT_SAFE 200: the parameter `name` is refused: it looks at a "
       "hidden field"},
      {"ChoiceOfTypes", kHidden, "Patient", "deceased=true",
       "Patient?deceased=true",
       "QUERY_NOT_SAFE 200: the parameter `deceased` is refused: it looks at a "
       "hidden field"},
      {"Presence", kHidden, "Patient", "birthdate:missing=true",
       "Patient?birthdate:missing=true",
       "QUERY_NOT_SAFE 200: the parameter `birthdate` is refused: it looks at "
       "a "
       "hidden field"},
      {"Sort", kHidden, "Patient", "_sort=-birthdate",
       "Patient?_sort=-birthdate",
       "QUERY_NOT_SAFE 200: the parameter `_sort` is refused: it names a "
       "hidden "
       "field"},
      {"Elements", kHidden, "Patient", "_elements=id,birthDate",
       "Patient?_elements=id,birthDate",
       "QUERY_NOT_SAFE 200: the parameter `_elements` is refused: it names a "
       "hidden field"},
      {"Fields", kHidden, "Patient", "_fields=name", "Patient?_fields=name",
       "QUERY_NOT_SAFE 200: the parameter `_fields` is refused: it names a "
       "hidden field"},
      {"InAFilter", kHidden, "Patient",
       "_filter=gender eq male or (birthdate lt 2000-01-01)",
       "Patient?_filter=gender%20eq%20male%20or%20(birthdate%20lt%202000-01-"
       "01)",
       "QUERY_NOT_SAFE 200: the parameter `_filter` is refused: `birthdate`: "
       "it "
       "looks at a hidden field"},
      {"SortByAParameterOfAnotherName", kHidden, "Patient", "_sort=family",
       "Patient?_sort=family",
       "QUERY_NOT_SAFE 200: the parameter `_sort` is refused: it names a "
       "hidden "
       "field"},
      {"ANameThatBeginsAlike",
       "[{'resourceType':'Patient','hiddenFields':['identifier']}]", "Patient",
       "_id=$PATIENT", "Patient?_id=$PATIENT", nullptr},
      {"WhatMakesACompartment",
       "[{'resourceType':'Observation','hiddenFields':['subject']}]",
       "Observation", "_compartment=Patient/$PATIENT",
       "Observation?_compartment=Patient/$PATIENT",
       "QUERY_NOT_SAFE 200: the parameter `_compartment` is refused: it looks "
       "at "
       "a hidden field"},
      {"Summary", kHidden, "Patient", "_summary=true", "Patient?_summary=true",
       nullptr},
      {"AnotherField", kHidden, "Patient", "gender=male&_sort=gender",
       "Patient?gender=male&_sort=gender", nullptr},
  });
}

TEST(FilterTest, APrivilegedRunnerIsBoundToTheProjects) {
  World world(Clinic(kAll), Mode::kParity);
  FilterRequest request;
  request.subject.reference = "ProjectMembership/member";
  request.resource_type = "Patient";
  request.query = "_project=x";
  FilterAnswer answer;
  ASSERT_TRUE(world.decision_point().Filter(request, answer).decided());
  EXPECT_EQ(Say(answer), Expand("Patient?_project=x&_project=$PROJECT,"
                                "$LINKED_PROJECT"));
}

}  // namespace
}  // namespace pdp::policy
