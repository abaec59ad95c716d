// Decisions over a store that is fed by a Medplum server: it holds policies,
// memberships and projects, and no record of a patient.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "pdp/policy/decision_test_support.h"
#include "pdp/sync/mirror_test_support.h"
#include "pdp/sync/store_lookup.h"

namespace pdp::sync {
namespace {

using fhir::Interaction;
using fhir::ResourceKey;
using testing::Expand;
using testing::Json;

constexpr std::string_view kPolicyId = "50000000-0000-4000-8000-00000000000a";

// Text with single quotes and $NAMES as in testing::Expand, without a version.
Observation Stored(ReadTicket ticket, std::string_view text) {
  std::string json = Expand(text);
  const size_t meta = json.find(R"("meta":{)");
  json.insert(meta + 8, R"("versionId":"v1","lastUpdated":)"
                        R"("2026-11-21T01:00:00.000Z",)");
  return {.ticket = ticket, .by_id = true, .json = std::move(json)};
}

class MedplumLookupTest : public ::testing::Test {
 protected:
  MedplumLookupTest()
      : fixture_({.projects = {std::string(testing::kProject)}}),
        lookup_(fixture_.store(), Options()),
        strict_(lookup_, {.mode = policy::Mode::kStrict}),
        parity_(lookup_, {.mode = policy::Mode::kParity}) {
    Apply({Stored(Begin(),
                  "{'resourceType':'Project','id':'$PROJECT',"
                  "'checkReferencesOnWrite':false,"
                  "'meta':{'project':'$PROJECT'}}"),
           Stored(Begin(),
                  StrCat("{'resourceType':'AccessPolicy','id':'", kPolicyId,
                         "','meta':{'project':'$PROJECT'},'resource':["
                         "{'resourceType':'*'},"
                         "{'resourceType':'Encounter','criteria':"
                         "'Encounter?patient.gender=female'}]}"))});
    AddMember("member", "");
  }

  static StoreLookup::Options Options() {
    StoreLookup::Options options;
    options.mirrored_types_only = true;
    return options;
  }

  ReadTicket Begin() { return fixture_.Begin(); }

  void Apply(std::vector<Observation> observations) {
    const auto result =
        fixture_.Apply(testing::kProject, std::move(observations));
    ASSERT_TRUE(result.ok()) << result.status();
    strict_.Invalidate(result->revision, fixture_.told());
    parity_.Invalidate(result->revision, fixture_.told());
  }

  // A membership with its own profile.
  void AddMember(std::string_view id, std::string_view members) {
    Apply(
        {Stored(Begin(),
                StrCat("{'resourceType':'ProjectMembership','id':'", id,
                       "','meta':{'project':'$PROJECT'},"
                       "'project':{'reference':'Project/$PROJECT'},"
                       "'user':{'reference':'User/",
                       id, "'},'profile':{'reference':'Practitioner/", id, "'}",
                       members.empty() ? StrCat(",'accessPolicy':{'reference':"
                                                "'AccessPolicy/",
                                                kPolicyId, "'}")
                                       : std::string(members),
                       "}"))});
  }

  std::string Decide(policy::AccessRequest request,
                     const policy::DecisionPoint& decision_point) const {
    if (request.subject.reference.empty()) {
      request.subject.reference = "ProjectMembership/member";
    }
    policy::Decision decision;
    const policy::Outcome outcome = decision_point.Decide(request, decision);
    if (outcome.decided()) return Say(decision);
    return std::string(absl::StatusCodeToString(outcome.status.code()));
  }
  // In both modes, which have to agree.
  std::string Decide(const policy::AccessRequest& request) const {
    const std::string strict = Decide(request, strict_);
    EXPECT_EQ(strict, Decide(request, parity_));
    return strict;
  }
  std::string ReadInline(std::string_view subject) const {
    policy::AccessRequest request;
    request.subject.reference = subject;
    request.interaction = Interaction::kRead;
    request.resource.current = Json(policy::kObservation);
    return Decide(request);
  }

  MirrorFixture fixture_;
  StoreLookup lookup_;
  policy::DecisionPoint strict_;
  policy::DecisionPoint parity_;
};

TEST_F(MedplumLookupTest, WhatTheStoreCannotKnowIsNeverGuessed) {
  constexpr std::string_view kNewObservation =
      "{'resourceType':'Observation','status':'final',"
      "'subject':{'reference':'Patient/$PATIENT'}}";
  constexpr std::string_view kBinary =
      "{'resourceType':'Binary','id':'60000000-0000-4000-8000-000000000001',"
      "'contentType':'text/plain','meta':{'project':'$PROJECT'},"
      "'securityContext':{'reference':'Patient/$PATIENT'}}";
  const struct {
    const char* name;
    Interaction interaction;
    const char* type;
    std::string_view id;
    const char* version;
    std::string_view current;
    std::string_view proposed;
    const char* want;
  } kCases[] = {
      {"AReadOfWhatIsInTheRequest", Interaction::kRead, "", "", "",
       policy::kObservation, "", "PERMIT 200"},
      {"AnUpdateOfWhatIsInTheRequestNeedsTheAccountsOfItsPatient",
       Interaction::kUpdate, "", "", "", policy::kObservation,
       policy::kFinalObservation, "UNAVAILABLE"},
      {"ACreateNeedsTheAccountsOfItsPatient", Interaction::kCreate, "", "", "",
       "", kNewObservation, "UNAVAILABLE"},
      {"ADeleteOfWhatIsInTheRequest", Interaction::kDelete, "", "", "",
       policy::kObservation, "", "PERMIT 200"},
      {"AResourceByReference", Interaction::kRead, "Patient", testing::kPatient,
       "", "", "", "DENY RESOURCE_UNAVAILABLE 0"},
      {"APolicyByReference", Interaction::kRead, "AccessPolicy", kPolicyId, "",
       "", "", "PERMIT 200"},
      {"AnUnknownPolicyByReference", Interaction::kRead, "AccessPolicy",
       testing::kPatient, "", "", "", "DENY RESOURCE_NOT_FOUND 404"},
      {"AnOlderVersionOfAPolicy", Interaction::kVread, "AccessPolicy",
       kPolicyId, "70000000-0000-4000-8000-000000000001", "", "",
       "DENY RESOURCE_UNAVAILABLE 0"},
      {"ABinarysSecurityContext", Interaction::kRead, "", "", "", kBinary, "",
       "DENY RESOURCE_UNAVAILABLE 0"},
  };
  for (const auto& test_case : kCases) {
    SCOPED_TRACE(test_case.name);
    policy::AccessRequest request;
    request.interaction = test_case.interaction;
    request.resource.type = test_case.type;
    request.resource.id = test_case.id;
    request.resource.version_id = test_case.version;
    request.resource.project = testing::kProject;
    if (!test_case.current.empty()) {
      request.resource.current = Json(test_case.current);
    }
    if (!test_case.proposed.empty()) {
      request.resource.proposed = Json(test_case.proposed);
    }
    EXPECT_EQ(Decide(request), test_case.want);
  }
}

TEST_F(MedplumLookupTest, AMemberIsDecidedByTheMirroredTypesAlone) {
  EXPECT_EQ(ReadInline("ProjectMembership/member"), "PERMIT 200");
  EXPECT_EQ(ReadInline("Practitioner/member"), "PERMIT 200");
  EXPECT_EQ(ReadInline("User/member"), "PERMIT 200");
  EXPECT_EQ(ReadInline("User/nobody"), "DENY SUBJECT_UNKNOWN 401");
  EXPECT_EQ(ReadInline("ProjectMembership/nobody"), "DENY SUBJECT_UNKNOWN 400");
}

TEST_F(MedplumLookupTest, ADeletedMembershipIsNoSubject) {
  Apply({ReadDeleted(Begin(), {"ProjectMembership", "member"})});
  EXPECT_EQ(ReadInline("ProjectMembership/member"), "DENY SUBJECT_UNKNOWN 400");
  EXPECT_EQ(ReadInline("Practitioner/member"), "DENY SUBJECT_UNKNOWN 401");
  EXPECT_EQ(ReadInline("User/member"), "DENY SUBJECT_UNKNOWN 401");
}

TEST_F(MedplumLookupTest, ADeletedProfileEndsEveryRequestOfItsMember) {
  const ResourceKey profile{"Practitioner", "member"};
  Apply({ReadDeleted(Begin(), profile)});
  EXPECT_EQ(ReadInline("ProjectMembership/member"),
            "DENY SUBJECT_INCOMPLETE 400");
  Apply({ReadAbsent(Begin(), profile)});
  EXPECT_EQ(ReadInline("ProjectMembership/member"), "PERMIT 200");
}

TEST_F(MedplumLookupTest, WhatAMembershipNamesMustBeThere) {
  AddMember("policy", ",'accessPolicy':{'reference':'AccessPolicy/gone'}");
  EXPECT_EQ(ReadInline("ProjectMembership/policy"),
            "DENY POLICY_UNAVAILABLE 400");
  AddMember("configuration",
            StrCat(",'userConfiguration':{'reference':'UserConfiguration/c'},"
                   "'accessPolicy':{'reference':'AccessPolicy/",
                   kPolicyId, "'}"));
  EXPECT_EQ(ReadInline("ProjectMembership/configuration"),
            "DENY SUBJECT_INCOMPLETE 400");
  Apply({Stored(Begin(),
                "{'resourceType':'UserConfiguration','id':'c',"
                "'meta':{'project':'$PROJECT'}}")});
  EXPECT_EQ(ReadInline("ProjectMembership/configuration"), "PERMIT 200");
}

TEST_F(MedplumLookupTest, OnBehalfOfAProfileThatCannotBeReadIsUnavailable) {
  AddMember("admin", StrCat(",'admin':true,'accessPolicy':{'reference':"
                            "'AccessPolicy/",
                            kPolicyId, "'}"));
  AddMember(testing::kPractitioner, "");
  const std::string profile = StrCat("Practitioner/", testing::kPractitioner);
  policy::AccessRequest request;
  request.subject.reference = "ProjectMembership/admin";
  request.context.on_behalf_of = profile;
  request.interaction = Interaction::kRead;
  request.resource.current = Json(policy::kObservation);
  EXPECT_EQ(Decide(request), "UNAVAILABLE");
}

}  // namespace
}  // namespace pdp::sync
