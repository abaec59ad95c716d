// Which chains and includes of the caller's are kept beside a policy.

#include "pdp/policy/filter_query.h"

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

// An answer with its text decoded as far as it is readable.
std::string Decode(std::string text) {
  for (const auto& [code, plain] :
       {std::pair<std::string_view, std::string_view>{"%20", " "},
        {"%22", "'"},
        {"%5C", "\\"}}) {
    for (size_t at = text.find(code); at != std::string::npos;
         at = text.find(code, at + 1)) {
      text.replace(at, code.size(), plain);
    }
  }
  for (const auto& [name, id] : {std::pair<std::string_view, std::string_view>{
                                     "$HERE", testing::kProject},
                                 {"$LINKED", testing::kLinkedProject},
                                 {"$NORTH", testing::kNorth}}) {
    for (size_t at = text.find(id); at != std::string::npos;
         at = text.find(id, at + 1)) {
      text.replace(at, id.size(), name);
    }
  }
  return text;
}

FilterAnswer Ask(Mode mode, std::string_view entries, std::string_view type,
                 std::string_view query, bool is_privileged = false) {
  World world(Clinic(entries), mode);
  FilterRequest request;
  request.subject.reference = "ProjectMembership/member";
  request.resource_type = type;
  request.query = query;
  request.runner_is_privileged = is_privileged;
  FilterAnswer answer;
  EXPECT_TRUE(world.decision_point().Filter(request, answer).decided());
  return answer;
}

// Its query, or why it is refused.
std::string Say(const FilterAnswer& answer) {
  if (answer.kind != FilterKind::kAlwaysDenied) {
    return Decode(answer.queries.front());
  }
  const std::string_view message = answer.message;
  const size_t why = message.find("refused: ");
  return StrCat(ReasonName(answer.reason), " ",
                why == std::string_view::npos ? message : message.substr(why));
}

constexpr char kOpen[] =
    "[{'resourceType':'Patient'},{'resourceType':'Organization'},"
    "{'resourceType':'Observation'},{'resourceType':'Practitioner'},"
    "{'resourceType':'PractitionerRole'}]";
constexpr char kNarrow[] =
    "[{'resourceType':'Patient'},{'resourceType':'Organization','criteria':"
    "'Organization?active=true'},{'resourceType':'Organization','criteria':"
    "'Organization?name:exact=A\\\"B'},{'resourceType':'Observation',"
    "'criteria':'Observation?status=final'}]";

TEST(FilterQueryTest, AChainLooksAtWhatTheSubjectMayFindInStrictMode) {
  const struct {
    const char* name;
    const char* entries;
    const char* type;
    const char* query;
    const char* parity;
    const char* strict;
  } cases[] = {
      {"OneResourceOfAnOpenType", kOpen, "Patient", "organization.name=x",
       "Patient?organization.name=x",
       "Patient?organization.name=x&organization._project=$HERE"},
      {"WithItsType", kOpen, "Observation", "subject:Patient.gender=male",
       "Observation?subject:Patient.gender=male",
       "Observation?subject:Patient.gender=male&subject:Patient._project="
       "$HERE,$LINKED"},
      {"SeveralResources", kOpen, "Patient",
       "general-practitioner:Practitioner.name=x",
       "Patient?general-practitioner:Practitioner.name=x",
       "Patient?general-practitioner:Practitioner._filter=(name sw 'x') and "
       "(_project eq '$HERE')"},
      {"Reverse", kOpen, "Patient", "_has:Observation:subject:code=s|c",
       "Patient?_has:Observation:subject:code=s|c",
       "Patient?_has:Observation:subject:_filter=(code eq 's|c') and (_project "
       "eq '$HERE')"},
      {"ReverseWithAPrefix", kOpen, "Patient",
       "_has:Observation:subject:date=ge2024-01-01",
       "Patient?_has:Observation:subject:date=ge2024-01-01",
       "Patient?_has:Observation:subject:_filter=(date ge '2024-01-01') and "
       "(_project eq '$HERE')"},
      {"NarrowedRows", kNarrow, "Patient", "organization.name=x",
       "Patient?organization.name=x",
       "Patient?organization._filter=((name sw 'x') and ((active eq 'true') or "
       "(name eq 'A\\'B'))) and (_project eq '$HERE')"},
      {"NarrowedReverse", kNarrow, "Patient",
       "_has:Observation:subject:code:not=c",
       "Patient?_has:Observation:subject:code:not=c",
       "Patient?_has:Observation:subject:_filter=((code ne 'c') and (status eq "
       "'final')) and (_project eq '$HERE')"},
      {"AnIdIsOfTheReferenceItself", kNarrow, "Patient", "organization._id=x",
       "Patient?organization._id=x", "Patient?organization._id=x"},
      {"AFilterOfTheCallers", kNarrow, "Patient",
       "_has:Observation:subject:_filter=code eq c",
       "Patient?_has:Observation:subject:_filter=code eq c",
       "Patient?_has:Observation:subject:_filter=((code eq 'c') and (status eq "
       "'final')) and (_project eq '$HERE')"},
      {"WhatCannotBeSaid", kOpen, "Patient",
       "_has:Observation:subject:code:text=c",
       "Patient?_has:Observation:subject:code:text=c",
       "QUERY_NOT_SAFE refused: it cannot be narrowed to what the subject may "
       "find"},
      {"SeveralLinks", kOpen, "Observation", "patient.organization.name=x",
       "Observation?patient.organization.name=x",
       "QUERY_NOT_SAFE refused: what lies on its way cannot be narrowed to "
       "what the subject may find"},
      {"InAFilter", kOpen, "Patient", "_filter=organization.name sw x",
       "Patient?_filter=organization.name sw x",
       "QUERY_NOT_SAFE refused: `organization.name` cannot be narrowed to what "
       "the subject may find"},
      {"AnUnknownParameter", kOpen, "Patient", "organization.color=x",
       "QUERY_NOT_SAFE refused: `color` cannot be followed",
       "QUERY_NOT_SAFE refused: `color` cannot be followed"},
      {"ATypeWithoutAGrant", "[{'resourceType':'Patient'}]", "Patient",
       "organization.name=x",
       "QUERY_NOT_SAFE refused: the subject may not search Organization",
       "QUERY_NOT_SAFE refused: the subject may not search Organization"},
      {"AReverseTypeWithoutAGrant", "[{'resourceType':'Patient'}]", "Patient",
       "_has:Observation:subject:status=x",
       "QUERY_NOT_SAFE refused: the subject may not search Observation",
       "QUERY_NOT_SAFE refused: the subject may not search Observation"},
      {"AFieldHiddenThere",
       "[{'resourceType':'Patient'},{'resourceType':'Organization',"
       "'hiddenFields':['name']}]",
       "Patient", "organization.name=x", "Patient?organization.name=x",
       "QUERY_NOT_SAFE refused: it looks at a hidden field"},
      {"AFieldHiddenThereInReverse",
       "[{'resourceType':'Patient'},{'resourceType':'Observation',"
       "'hiddenFields':['status']}]",
       "Patient", "_has:Observation:subject:status=x",
       "Patient?_has:Observation:subject:status=x",
       "QUERY_NOT_SAFE refused: it looks at a hidden field"},
      {"TheLinkItselfIsHidden",
       "[{'resourceType':'Patient','hiddenFields':['managingOrganization']},"
       "{'resourceType':'Organization'}]",
       "Patient", "organization.name=x", "Patient?organization.name=x",
       "QUERY_NOT_SAFE refused: it looks at a hidden field"},
      {"TheReverseLinkIsHidden",
       "[{'resourceType':'Patient'},{'resourceType':'Observation',"
       "'hiddenFields':['subject']}]",
       "Patient", "_has:Observation:subject:status=x",
       "Patient?_has:Observation:subject:status=x",
       "QUERY_NOT_SAFE refused: it looks at a hidden field"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(Say(Ask(Mode::kParity, test.entries, test.type, test.query)),
              test.parity);
    const FilterAnswer strict =
        Ask(Mode::kStrict, test.entries, test.type, test.query);
    EXPECT_EQ(Say(strict), test.strict);
    EXPECT_EQ(strict.notes.empty(),
              std::string_view(test.parity) == test.strict);
  }
}

TEST(FilterQueryTest, AnIncludeNeedsAllOfWhatItBringsAndAConfinedRunner) {
  constexpr char kMay[] = "QUERY_NOT_SAFE refused: the subject may not ";
  const struct {
    const char* name;
    const char* entries;
    const char* type;
    const char* query;
    std::string want;
  } cases[] = {
      {"AllOfOneType", kOpen, "Patient", "_include=Patient:organization",
       "Patient?_include=Patient:organization"},
      {"Reverse", kOpen, "Patient", "_revinclude=Observation:subject",
       "Patient?_revinclude=Observation:subject"},
      {"Iterating", kOpen, "Observation",
       "_include=Observation:patient&_include:iterate=Patient:organization",
       "Observation?_include=Observation:patient&_include:iterate=Patient:"
       "organization"},
      {"OneTypeOfSeveralIsNotGranted", kOpen, "Observation",
       "_include=Observation:subject", StrCat(kMay, "see every Group")},
      {"NotEveryResource", kNarrow, "Patient", "_include=Patient:organization",
       StrCat(kMay, "see every Organization")},
      {"NotEveryReferrer", kNarrow, "Patient",
       "_revinclude=Observation:subject",
       StrCat(kMay, "see every Observation")},
      {"ReadIsNotGranted",
       "[{'resourceType':'Patient'},{'resourceType':'Organization',"
       "'interaction':['search']}]",
       "Patient", "_include=Patient:organization",
       StrCat(kMay, "see every Organization")},
      {"ReadIsNarrowed",
       "[{'resourceType':'Patient'},{'resourceType':'Organization',"
       "'interaction':['search']},{'resourceType':'Organization','criteria':"
       "'Organization?active=true'}]",
       "Patient", "_include=Patient:organization",
       StrCat(kMay, "see every Organization")},
      {"TheSourceIsNotGranted", "[{'resourceType':'Patient'}]", "Patient",
       "_revinclude=Observation:subject", StrCat(kMay, "search Observation")},
      {"TheSourceOfAnIterationIsNotGranted",
       "[{'resourceType':'Observation'},{'resourceType':'Organization'}]",
       "Observation", "_include:iterate=Patient:organization",
       StrCat(kMay, "search Patient")},
      {"NoSuchParameter", kOpen, "Patient", "_include=Patient:color",
       "QUERY_NOT_SAFE refused: there is no such parameter"},
      {"NoReference", kOpen, "Patient", "_include=Patient:name",
       "QUERY_NOT_SAFE refused: where it leads is not known"},
      {"ACanonical",
       "[{'resourceType':'QuestionnaireResponse'},{'resourceType':"
       "'Questionnaire'}]",
       "QuestionnaireResponse", "_include=QuestionnaireResponse:questionnaire",
       "QuestionnaireResponse?_include=QuestionnaireResponse:questionnaire"},
      {"ACanonicalOfATypeWithoutAGrant",
       "[{'resourceType':'QuestionnaireResponse'}]", "QuestionnaireResponse",
       "_include=QuestionnaireResponse:questionnaire",
       StrCat(kMay, "see every Questionnaire")},
      {"Wildcards", kOpen, "Patient", "_include=*",
       "QUERY_NOT_SAFE the query cannot be read: '*' is no Type:parameter to "
       "include"},
      {"WildcardsOfAType", kOpen, "Patient", "_include=Patient:*",
       "QUERY_NOT_SAFE the query cannot be read: '*' cannot be included"},
  };
  for (const auto& test : cases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(test.name);
      EXPECT_EQ(Say(Ask(mode, test.entries, test.type, test.query)), test.want);
    }
  }
  for (const char* query :
       {"_include=Patient:organization", "_revinclude=Observation:subject"}) {
    SCOPED_TRACE(query);
    EXPECT_EQ(Say(Ask(Mode::kStrict, kOpen, "Patient", query,
                      /*is_privileged=*/true)),
              "QUERY_NOT_SAFE refused: nothing in a search confines what it "
              "brings to the subject's projects; only a runner that is "
              "confined to them may be given it");
  }
}

TEST(FilterQueryTest, WhatAnIncludeBringsHasFieldsToStrip) {
  constexpr char kHides[] =
      "[{'resourceType':'Patient','hiddenFields':['birthDate']},"
      "{'resourceType':'Organization','hiddenFields':['telecom']}]";
  const FilterAnswer answer =
      Ask(Mode::kStrict, kHides, "Patient", "_include=Patient:organization");
  EXPECT_EQ(answer.hidden_fields,
            (std::vector<std::string>{"birthDate", "telecom"}));
  EXPECT_TRUE(answer.strip_fields_required);
  EXPECT_EQ(answer.inexact,
            (std::vector<std::string>{
                "`_include=Patient:organization` also brings what a reference "
                "leads to that is not of its types: remove included resources "
                "of types other than Organization"}));

  const FilterAnswer open =
      Ask(Mode::kStrict, kOpen, "Patient", "_revinclude=Observation:subject");
  EXPECT_FALSE(open.strip_fields_required);
  EXPECT_TRUE(open.inexact.empty());
}

TEST(FilterQueryTest, AnIncludeThatFollowsAHiddenReferenceIsRefused) {
  constexpr char kHides[] =
      "[{'resourceType':'Patient','hiddenFields':['managingOrganization']},"
      "{'resourceType':'Organization'},{'resourceType':'Observation',"
      "'hiddenFields':['subject']}]";
  for (const char* query :
       {"_include=Patient:organization", "_revinclude=Observation:subject"}) {
    SCOPED_TRACE(query);
    EXPECT_EQ(Say(Ask(Mode::kStrict, kHides, "Patient", query)),
              "QUERY_NOT_SAFE refused: it looks at a hidden field");
    EXPECT_NE(Ask(Mode::kParity, kHides, "Patient", query).kind,
              FilterKind::kAlwaysDenied);
  }
}

TEST(FilterQueryTest, ASuperAdminsSearchIsConfinedToNoProject) {
  std::vector<fhir::ResourcePtr> live = Clinic(kOpen);
  live[0] = testing::Json(
      "{'resourceType':'Project','id':'$PROJECT','superAdmin':true,'meta':{"
      "'project':'$PROJECT'}}");
  World world(live, Mode::kStrict);
  for (const char* query :
       {"organization.name=x", "_include=Patient:organization",
        "_has:Observation:subject:status=x"}) {
    FilterRequest request;
    request.subject.reference = "ProjectMembership/member";
    request.resource_type = "Patient";
    request.query = query;
    FilterAnswer answer;
    ASSERT_TRUE(world.decision_point().Filter(request, answer).decided());
    EXPECT_EQ(Say(answer), StrCat("Patient?", query));
  }
}

}  // namespace
}  // namespace pdp::policy
