#include "pdp/service/resource_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "pdp/service/test_support.h"
#include "tests/support/random_world.h"

namespace pdp::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kHeader =
    "header { subject { reference: 'ProjectMembership/member' } "
    "interaction: INTERACTION_READ }";
constexpr std::string_view kMeta = ",'meta':{'project':'$PROJECT'}";

// A service over `live`.
struct Clinic {
  explicit Clinic(std::vector<fhir::ResourcePtr> live,
                  policy::Mode mode = policy::Mode::kStrict)
      : lookup(std::move(live)),
        decision_point(lookup, {.mode = mode}),
        service(decision_point, lookup, data, metrics,
                Fixture::With({}, clock)) {
    decision_point.Invalidate(7, {});
  }

  FakeClock clock;
  FakeData data{clock};
  Metrics metrics;
  PendingLookup lookup;
  policy::DecisionPoint decision_point;
  DecisionService service;
};

struct Result {
  std::vector<v1::FilteredResource> resources;
  v1::FilterResourcesSummary summary;
  absl::Status status;
};

Result RunStream(const DecisionService& service,
                 std::vector<v1::FilterResourcesRequest> messages) {
  Result result;
  ResourceFilter filter(service);
  for (v1::FilterResourcesRequest& message : messages) {
    result.status = filter.Take(message);
    if (!result.status.ok()) return result;
    while (filter.has_next()) {
      v1::FilterResourcesResponse response;
      bool is_permitted = false;
      result.status = filter.Next({}, response, is_permitted).status;
      if (!result.status.ok()) return result;
      if (is_permitted) result.resources.push_back(response.resource());
    }
  }
  v1::FilterResourcesResponse response;
  result.status = filter.Finish({}, response);
  result.summary = response.summary();
  return result;
}

v1::FilterResourcesRequest Header(std::string_view text = kHeader) {
  return Proto<v1::FilterResourcesRequest>(text);
}

v1::FilterResourcesRequest Resource(std::string_view json) {
  v1::FilterResourcesRequest message;
  message.set_resource(testing::Expand(json));
  return message;
}

v1::FilterResourcesRequest Bundle(std::string_view json) {
  v1::FilterResourcesRequest message;
  message.set_bundle(testing::Expand(json));
  return message;
}

std::string Patient(int id, std::string_view more = "") {
  return StrCat("{'resourceType':'Patient','id':'p", id, "'", kMeta, more, "}");
}
std::string Observation(int id) {
  return StrCat("{'resourceType':'Observation','id':'o", id, "'", kMeta, "}");
}

std::vector<uint64_t> Indexes(const Result& result) {
  std::vector<uint64_t> indexes;
  for (const v1::FilteredResource& resource : result.resources) {
    indexes.push_back(resource.index());
  }
  return indexes;
}

TEST(ResourceFilterTest, KeepsTheOrderAndCountsWhatItLeavesOut) {
  const Clinic clinic(ReadersClinic());
  const Result result = RunStream(
      clinic.service,
      {Header(), Resource(Observation(0)), Resource(Patient(1)),
       Bundle(
           StrCat("{'resourceType':'Bundle','entry':[{'resource':", Patient(2),
                  "},{'fullUrl':'x'},{'resource':", Observation(3),
                  "},{'search':{},'resource' : ", Patient(4), " }]}")),
       Bundle("{'resourceType':'Bundle'}"), Resource(Patient(5))});
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_THAT(Indexes(result), ElementsAre(1, 2, 4, 5));
  EXPECT_EQ(result.resources[2].resource(), testing::Expand(Patient(4)));
  const v1::FilterResourcesSummary& summary = result.summary;
  EXPECT_EQ(summary.received(), 6u);
  EXPECT_EQ(summary.permitted(), 4u);
  EXPECT_EQ(summary.denied(), 2u);
  ASSERT_EQ(summary.denied_by_reason_size(), 1);
  EXPECT_EQ(summary.denied_by_reason(0).reason(),
            v1::REASON_INTERACTION_NOT_GRANTED);
  EXPECT_EQ(summary.denied_by_reason(0).count(), 2u);
  EXPECT_EQ(summary.reason(), v1::REASON_PERMITTED);
  EXPECT_EQ(summary.enforcement_http_status(), 200u);
  EXPECT_EQ(summary.revision(), 7u);
  EXPECT_FALSE(summary.decision_id().empty());
  EXPECT_EQ(summary.valid_until().seconds(), 1'700'000'010);
  ASSERT_EQ(summary.notes_size(), 1);
  EXPECT_EQ(summary.notes(0).code(), v1::NOTE_CODE_COMPARTMENT_COMPUTED);
  EXPECT_EQ(clinic.metrics.decisions(policy::Effect::kPermit,
                                     fhir::Interaction::kRead,
                                     policy::Reason::kPermitted),
            4u);
}

TEST(ResourceFilterTest, RemovesHiddenFieldsAndNothingElse) {
  const Clinic clinic(testing::Clinic(
      "[{'resourceType':'Patient','hiddenFields':['name.family','deceased[x]',"
      "'telecom']}]"));
  const std::string rest =
      "{ 'resourceType' : 'Patient', 'id':'p1','meta':{'project':'$PROJECT'},";
  const Result result = RunStream(
      clinic.service,
      {Header(),
       Resource(StrCat(rest,
                       "'name':[{'family':'A','given':['B']},{'family':'C'}],"
                       "'deceasedBoolean':false,'_deceasedBoolean':{'id':'x'},"
                       "'multipleBirthInteger':1.0}"))});
  ASSERT_TRUE(result.status.ok()) << result.status;
  ASSERT_EQ(result.resources.size(), 1u);
  EXPECT_EQ(result.resources[0].resource(),
            testing::Expand(StrCat(
                rest,
                "'name':[{'given':['B']},{}],'_deceasedBoolean':{'id':'x'},"
                "'multipleBirthInteger':1.0}")));
  EXPECT_EQ(result.resources[0].removed_fields(), 3u);
  EXPECT_EQ(result.summary.removed_fields(), 3u);
}

TEST(ResourceFilterTest, WhatCannotBeHiddenIsNotShown) {
  const Clinic clinic(testing::Clinic(
      "[{'resourceType':'Patient','hiddenFields':['name.family']}]"));
  const Result result = RunStream(
      clinic.service,
      {Header(), Resource(Patient(1, ",'name':[{'family':'A'},null]"))});
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_TRUE(result.resources.empty());
  ASSERT_EQ(result.summary.denied_by_reason_size(), 1);
  EXPECT_EQ(result.summary.denied_by_reason(0).reason(),
            v1::REASON_EVALUATION_ERROR);
}

TEST(ResourceFilterTest, ASearchNeedsSearchAlone) {
  const Clinic clinic(testing::Clinic(
      "[{'resourceType':'Patient','interaction':['search'],"
      "'criteria':'Patient?active=true','hiddenFields':['name']}]"));
  const auto header = [](std::string_view interaction) {
    return Header(
        StrCat("header { subject { reference: 'ProjectMembership/member' } "
               "interaction: INTERACTION_",
               interaction, " }"));
  };
  const auto resources = [&](v1::FilterResourcesRequest first) {
    return RunStream(
        clinic.service,
        {std::move(first),
         Resource(Patient(1, ",'active':true,'name':[{'text':'A'}]")),
         Resource(Patient(2, ",'active':false"))});
  };
  const Result found = resources(header("SEARCH"));
  ASSERT_TRUE(found.status.ok()) << found.status;
  EXPECT_THAT(Indexes(found), ElementsAre(0));
  EXPECT_THAT(found.resources[0].resource(), ::testing::Not(HasSubstr("name")));
  EXPECT_EQ(resources(header("READ")).summary.permitted(), 0u);
}

TEST(ResourceFilterTest, AResourceWithoutAProjectIsOfThatOfTheHeader) {
  const Clinic clinic(ReadersClinic());
  const auto permitted = [&](std::string_view project) {
    const Result result = RunStream(
        clinic.service, {Header(StrCat("header { subject { reference: "
                                       "'ProjectMembership/member' } "
                                       "interaction: INTERACTION_READ ",
                                       project, " }")),
                         Resource("{'resourceType':'Patient','id':'p1'}")});
    EXPECT_TRUE(result.status.ok()) << result.status;
    return result.summary.permitted();
  };
  EXPECT_EQ(permitted(""), 0u);
  EXPECT_EQ(permitted("project: '$PROJECT'"), 1u);
  EXPECT_EQ(permitted("project: '$OTHER_PROJECT'"), 0u);
}

TEST(ResourceFilterTest,
     OfWhoHasNoAccessEverythingIsDeniedAndTheSummarySaysSo) {
  const Clinic clinic(ReadersClinic());
  const Result result = RunStream(
      clinic.service,
      {Header("header { subject { reference: 'ProjectMembership/nobody' } "
              "interaction: INTERACTION_READ }"),
       Resource(Patient(1))});
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.summary.reason(), v1::REASON_SUBJECT_UNKNOWN);
  EXPECT_EQ(result.summary.enforcement_http_status(), 401u);
  EXPECT_EQ(result.summary.denied(), 1u);
}

TEST(ResourceFilterTest, FieldsOfANewerApiAreDenied) {
  const Clinic clinic(ReadersClinic());
  v1::FilterResourcesRequest strange = Resource(Patient(2));
  strange.GetReflection()->MutableUnknownFields(&strange)->AddVarint(99, 1);
  const Result result = RunStream(
      clinic.service,
      {Header(), Resource(Patient(1)), strange, Resource(Patient(3))});
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_THAT(Indexes(result), ElementsAre(0));
  EXPECT_EQ(result.summary.reason(), v1::REASON_NOT_SUPPORTED);
  ASSERT_EQ(result.summary.denied_by_reason_size(), 1);
  EXPECT_EQ(result.summary.denied_by_reason(0).reason(),
            v1::REASON_NOT_SUPPORTED);
}

TEST(ResourceFilterTest, WhatIsMalformedEndsTheStream) {
  struct Case {
    const char* name;
    std::vector<v1::FilterResourcesRequest> messages;
    const char* message;
  };
  const Case kCases[] = {
      {"NoMessage", {}, "header: missing; it is the first message"},
      {"NoHeader", {Resource(Patient(1))}, "header: missing"},
      {"TwoHeaders", {Header(), Header()}, "header: sent before; send one"},
      {"NoPart", {Header(), v1::FilterResourcesRequest()}, "part: missing"},
      {"Update",
       {Header("header { subject { reference: 'ProjectMembership/member' } "
               "interaction: INTERACTION_UPDATE }")},
       "header.interaction: UPDATE shows no resources; send READ or SEARCH"},
      {"NoSubject",
       {Header("header { interaction: INTERACTION_READ }")},
       "header.subject.reference: missing"},
      {"NotJson",
       {Header(), Resource(Patient(1)), Resource("{'resourceType'")},
       "resource 1: JSON: "},
      {"NoId",
       {Header(), Resource("{'resourceType':'Patient'}")},
       "resource 0: id: missing"},
      {"NotABundle", {Header(), Bundle(Patient(1))}, "bundle: is of another"},
      {"BundleIsNoJson", {Header(), Bundle("[")}, "bundle: JSON: "},
      {"EntryIsNoArray",
       {Header(), Bundle("{'resourceType':'Bundle','entry':{}}")},
       "bundle: `entry` is no array"},
      {"EntryIsNoObject",
       {Header(), Bundle("{'resourceType':'Bundle','entry':[1]}")},
       "bundle: an item of `entry` is no object"},
      {"ResourceOfAnEntryIsNone",
       {Header(), Bundle(StrCat("{'resourceType':'Bundle','entry':[{'resource'"
                                ":",
                                Patient(0), "},{'resource':null}]}"))},
       "resource 1: "},
  };
  const Clinic clinic(ReadersClinic());
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Result result = RunStream(clinic.service, c.messages);
    EXPECT_EQ(result.status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(result.status.message()), HasSubstr(c.message));
  }
}

TEST(ResourceFilterTest, ALargeResourceEndsTheStream) {
  const Clinic clinic(ReadersClinic());
  const Result result = RunStream(
      clinic.service,
      {Header(), Resource(Patient(1, StrCat(",'language':'",
                                            std::string(1 << 20, 'x'), "'")))});
  EXPECT_EQ(result.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("resource 0: "));
}

TEST(ResourceFilterTest, StaleDataEndsTheStreamWhereverItIs) {
  Clinic clinic(ReadersClinic());
  ResourceFilter filter(clinic.service);
  v1::FilterResourcesRequest header = Header();
  ASSERT_TRUE(filter.Take(header).ok());
  v1::FilterResourcesResponse response;
  bool is_permitted = false;
  ASSERT_TRUE(filter.Next({}, response, is_permitted).status.ok());
  clinic.data.SetAge(absl::Hours(1));
  v1::FilterResourcesRequest patient = Resource(Patient(1));
  ASSERT_TRUE(filter.Take(patient).ok());
  const CallOutcome outcome = filter.Next({}, response, is_permitted);
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(outcome.status.message()),
              ::testing::StartsWith("STALE"));
}

// Random worlds: each resource is shown where Check says so, without what that
// says is hidden.
TEST(ResourceFilterTest, DecidesAsCheckDoes) {
  size_t permits = 0;
  size_t removals = 0;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    testing::Generator generator(seed);
    const Clinic clinic(generator.World(), seed % 2 == 0
                                               ? policy::Mode::kStrict
                                               : policy::Mode::kParity);
    for (const v1::Interaction interaction :
         {v1::INTERACTION_READ, v1::INTERACTION_SEARCH}) {
      v1::CheckRequest check;
      check.set_interaction(interaction);
      check.mutable_subject()->set_reference("ProjectMembership/member");
      if (generator.OneIn(3)) {
        check.mutable_context()->set_smart_scope(
            generator.Pick(testing::kRandomScopes));
      }
      std::vector<v1::FilterResourcesRequest> messages(1);
      v1::FilterResourcesHeader& header = *messages[0].mutable_header();
      *header.mutable_subject() = check.subject();
      *header.mutable_context() = check.context();
      header.set_interaction(interaction);
      for (const char* resource : testing::kRandomResources) {
        messages.push_back(Resource(resource));
      }
      const Result result = RunStream(clinic.service, messages);
      ASSERT_TRUE(result.status.ok()) << result.status;
      auto shown = result.resources.begin();
      for (size_t i = 0; i + 1 < messages.size(); ++i) {
        check.mutable_resource()->set_body(messages[i + 1].resource());
        v1::CheckResponse response;
        ASSERT_TRUE(clinic.service.Check({}, check, response).status.ok());
        const v1::Decision& decision = response.decision();
        const bool permitted = decision.effect() != v1::EFFECT_DENY;
        const bool is_shown =
            shown != result.resources.end() && shown->index() == i;
        ASSERT_EQ(is_shown, permitted) << i << ": " << decision.message();
        if (!is_shown) continue;
        ++permits;
        removals += shown->removed_fields();
        for (const std::string& field : decision.hidden_fields()) {
          EXPECT_EQ(shown->resource().find(StrCat("\"", field, "\":")),
                    std::string::npos);
        }
        if (decision.hidden_fields().empty()) {
          EXPECT_EQ(shown->resource(), messages[i + 1].resource());
        }
        ++shown;
      }
    }
  }
  EXPECT_GT(permits, 500u);
  EXPECT_GT(removals, 50u);
}

}  // namespace
}  // namespace pdp::service
