// What an explanation says, word by word.

#include "pdp/policy/explain.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "pdp/policy/decision_point.h"
#include "pdp/policy/element_paths.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Clinic;
using testing::Expand;
using testing::Json;

constexpr std::string_view kTask =
    "{'resourceType':'Task','id':'50000000-0000-4000-8000-000000000003',"
    "'status':'draft','owner':{'reference':'Practitioner/other'},"
    "'meta':{'project':'$PROJECT','versionId':'t1'}}";
constexpr std::string_view kForeignTask =
    "{'resourceType':'Task','id':'50000000-0000-4000-8000-000000000003',"
    "'status':'draft','meta':{'project':'$OTHER_PROJECT','versionId':'t1'}}";
constexpr std::string_view kBinary =
    "{'resourceType':'Binary','id':'50000000-0000-4000-8000-000000000004',"
    "'contentType':'text/plain','securityContext':{'reference':"
    "'Patient/$OTHER_PATIENT'},'meta':{'project':'$PROJECT'}}";

struct Case {
  const char* name;
  const char* entries;
  Interaction interaction;
  std::string_view resource;
  const char* summary;
  const char* missing;
  const char* membership = "";
  const char* scope = nullptr;
};

const Case kCases[] = {
    {"Permitted", "[{'resourceType':'Task','hiddenFields':['note','owner']}]",
     Interaction::kRead, kTask,
     "`ProjectMembership/member` may read this Task. Entry 1 of the policy `P` "
     "permits it. `note` and `owner` must be hidden.",
     ""},
    {"AnotherValue",
     "[{'resourceType':'Task','criteria':'Task?owner=%profile'}]",
     Interaction::kRead, kTask,
     "`ProjectMembership/member` may not read this Task. Of the 3 entries of "
     "its policies 1 is for Tasks. The nearest is "
     "entry 1 of the policy `P`: it allows reading Tasks only where `owner` is "
     "`Practitioner/$PRACTITIONER`; this Task's `owner` is another.",
     "Entry 1 of the policy `P` would permit it if `owner` were "
     "`Practitioner/$PRACTITIONER`. In it `Practitioner/$PRACTITIONER` stands "
     "for `%profile`, the member's profile."},
    {"NoValue",
     "[{'resourceType':'Task','criteria':'Task?patient=Patient/$PATIENT&"
     "status=draft'}]",
     Interaction::kDelete, kTask,
     "`ProjectMembership/member` may not delete this Task. It has to be read "
     "first, and already that fails. Of the 3 entries of its policies 1 is for "
     "Tasks. The nearest is entry 1 of the policy "
     "`P`: it allows reading Tasks only where `patient` is `Patient/$PATIENT` "
     "and `status` is `draft`; this Task has no `patient`.",
     "Entry 1 of the policy `P` would permit it if `patient` were "
     "`Patient/$PATIENT`."},
    {"AnotherInteraction",
     "[{'resourceType':'Task','interaction':['read','search']}]",
     Interaction::kUpdate, kTask,
     "`ProjectMembership/member` may not update this Task. Of the 3 entries of "
     "its policies 1 is for Tasks, and it does not grant update. The nearest "
     "is "
     "entry 1 of the policy `P`: it grants read and search on Tasks, not "
     "update.",
     "Entry 1 of the policy `P` would have to grant update too, or another "
     "entry for Tasks to be added that does."},
    {"NoEntry", "[{'resourceType':'Patient'}]", Interaction::kSearch, kTask,
     "`ProjectMembership/member` may not find this Task in a search. None of "
     "the 3 entries of its policies is for Tasks.",
     "An entry would have to be added that grants search on Tasks."},
    {"Constraint",
     "[{'resourceType':'Task','writeConstraint':[{'expression':"
     "'status=\\\"final\\\"'}]}]",
     Interaction::kCreate, kTask,
     "`ProjectMembership/member` may not create this Task. Of the 3 entries of "
     "its policies 1 is for Tasks. The nearest "
     "is entry 1 of the policy `P`: it allows creating Tasks only where its "
     "write constraint holds, and for the new Task it does not: "
     "`status=\"final\"`.",
     "What is written would have to make the write constraint "
     "`status=\"final\"` of entry 1 of the policy `P` true."},
    {"Malformed", "[{'resourceType':'Task','criteria':'Tsk?status=draft'}]",
     Interaction::kRead, kTask,
     "`ProjectMembership/member` may not read this Task. Of the 3 entries of "
     "its policies 1 is for Tasks. The nearest is "
     "entry 1 of the policy `P`: it would allow reading Tasks, but its "
     "criteria is malformed, and then it grants nothing here; it is "
     "`Tsk?status=draft`, and should begin with `Task?`. Medplum itself would "
     "permit it; this server is stricter.",
     "The criteria of entry 1 of the policy `P` would have to be corrected."},
    {"Scope", "[{'resourceType':'Task'}]", Interaction::kRead, kTask,
     "`ProjectMembership/member` may not read this Task. The only entry of its "
     "policies is not for Tasks. The scope of the login does not include "
     "Tasks.",
     "The scope of the login would have to include Tasks.", "",
     "user/SearchParameter.rs"},
    {"Project", "[{'resourceType':'Task'}]", Interaction::kRead, kForeignTask,
     "`ProjectMembership/member` may not read this Task. The resource is of a "
     "project that the member does not reach in this way: of linked projects "
     "it reads at most what they export, and it writes in its own project "
     "alone.",
     "Ask in the project that the resource belongs to, or link that project."},
    {"SecurityContext", "[{'resourceType':'Binary'}]", Interaction::kRead,
     kBinary,
     "`ProjectMembership/member` may not read this Binary. A Binary is "
     "protected by the resource in its `securityContext`, and that one may not "
     "be read. None of the 3 entries of its policies is for Patients.",
     "An entry would have to be added that grants read on Patients."},
    {"NoPolicy", "[]", Interaction::kRead, kTask,
     "`ProjectMembership/member` may not read this Task. Of the 3 entries of "
     "its policies 1 is for Tasks. The nearest is "
     "Medplum's own rule for members without a policy: it would allow reading "
     "Tasks, but the membership names no policy, and then nothing is granted "
     "here. Medplum itself would permit it; this server is stricter.",
     "The ProjectMembership would have to name an AccessPolicy.",
     ",'admin':false"},
    {"Inactive", "[]", Interaction::kRead, kTask,
     "`ProjectMembership/member` may not read this Task. The membership is not "
     "active.",
     "Set `active` of the ProjectMembership to true.",
     ",'active':false,'accessPolicy':{'reference':'AccessPolicy/policy'}"},
};

// Expand, which leaves apostrophes alone.
std::string Names(std::string_view text) {
  std::string out;
  while (true) {
    const size_t end = text.find('\'');
    out += Expand(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    out += '\'';
    text.remove_prefix(end + 1);
  }
}

TEST(ExplainTest, SaysWhy) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const fhir::MemoryLookup lookup(Clinic(c.entries, "", c.membership), {});
    const DecisionPoint decision_point(lookup, {});
    AccessRequest request;
    request.subject.reference = "ProjectMembership/member";
    request.interaction = c.interaction;
    const fhir::ResourcePtr resource = Json(c.resource);
    request.resource.type = resource->type();
    request.resource.proposed = resource;
    if (c.interaction != Interaction::kCreate) {
      request.resource.current = resource;
    }
    if (c.scope != nullptr) request.context.smart_scope = c.scope;
    Explanation explanation;
    ASSERT_TRUE(decision_point.Explain(request, explanation).decided());
    EXPECT_EQ(explanation.summary, Names(c.summary));
    EXPECT_EQ(explanation.missing, Names(c.missing));
  }
}

TEST(ExplainTest, DataNamesTheParameterTheElementsAndTheSearchParameter) {
  const fhir::MemoryLookup lookup(
      Clinic("[{'resourceType':'Patient'},{'resourceType':'Task','criteria':"
             "'Task?status=draft&owner:missing=false&"
             "_compartment=%organization'}]",
             "",
             ",'access':[{'policy':{'reference':'AccessPolicy/policy'},"
             "'parameter':[{'name':'organization','valueReference':"
             "{'reference':'Organization/$NORTH'}},{'name':'unused',"
             "'valueString':'x'}]}]"),
      {});
  const DecisionPoint decision_point(lookup, {});
  AccessRequest request;
  request.subject.reference = "ProjectMembership/member";
  request.interaction = Interaction::kRead;
  const fhir::ResourcePtr task = Json(kTask);
  request.resource.type = "Task";
  request.resource.current = task;
  Explanation explanation;
  ASSERT_TRUE(decision_point.Explain(request, explanation).decided());
  ASSERT_TRUE(explanation.nearest);
  const ExplainedEntry& entry = explanation.entries[*explanation.nearest];
  EXPECT_EQ(entry.source.index, 1u);
  EXPECT_EQ(entry.source.source, 1u);
  EXPECT_EQ(entry.test, EntryTest::kCriteria);
  EXPECT_EQ(entry.search_parameter, "_compartment");
  EXPECT_EQ(entry.paths, std::vector<std::string>{"meta.compartment"});
  ASSERT_EQ(entry.parameters.size(), 1u);
  EXPECT_EQ(entry.parameters[0].name, "organization");
  EXPECT_EQ(entry.parameters[0].value, Expand("Organization/$NORTH"));
  EXPECT_EQ(entry.parameters[0].source, 1u);
  // What is for another type comes last.
  ASSERT_GT(explanation.entries.size(), 1u);
  EXPECT_EQ(explanation.entries.back().test, EntryTest::kResourceType);
}

TEST(ElementPathsTest, AreThoseOfTheTypeWithoutFunctions) {
  struct Path {
    const char* type;
    const char* code;
    std::vector<std::string> paths;
  };
  const Path kPaths[] = {
      {"Observation", "subject", {"subject"}},
      {"Observation", "patient", {"subject"}},
      {"Observation", "value-quantity", {"value"}},
      {"Patient", "email", {"telecom"}},
      {"Patient", "_id", {"id"}},
      {"Task", "_compartment", {"meta.compartment"}},
      {"AllergyIntolerance", "code", {"code", "reaction.substance"}},
  };
  for (const Path& path : kPaths) {
    SCOPED_TRACE(path.code);
    const auto* parameter =
        fhir::search::FindSearchParameter(path.type, path.code);
    ASSERT_NE(parameter, nullptr);
    EXPECT_EQ(ElementPathsOf(*parameter, path.type), path.paths)
        << parameter->expression;
  }
}

}  // namespace
}  // namespace pdp::policy
