#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/decision_test_support.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Clinic;
using testing::Expand;
using testing::Json;
using testing::World;

TEST(SubjectAccessTest, Subjects) {
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
      {"AUserConfigurationWithoutReferenceToo", "ProjectMembership/member",
       ",'accessPolicy':{'reference':'AccessPolicy/policy'},"
       "'userConfiguration':{'display':'x'}",
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

TEST(SubjectAccessTest, ALoginIsAnsweredOtherwiseThanATokenFromBefore) {
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

TEST(SubjectAccessTest, AnAmbiguousSubjectIsNeverPicked) {
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

TEST(SubjectAccessTest, ParametersAndTenants) {
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

TEST(SubjectAccessTest, AnEntryThatNamesNoTenantIsConfinedOnPatientData) {
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

TEST(SubjectAccessTest, AValueThatChangesThePolicyIsRefusedInStrictMode) {
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

TEST(SubjectAccessTest, APolicyOfAnUnlinkedProjectGrantsNothingInStrictMode) {
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

TEST(SubjectAccessTest, AnEmptyScopeIsNotAnAbsentOne) {
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

TEST(SubjectAccessTest, IpRules) {
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

TEST(SubjectAccessTest, AnIpRuleMatchesByTextAndTheFirstDecides) {
  const struct {
    const char* name;
    const char* rules;
    const char* address;
    const char* want;  // In parity.
  } kCases[] = {
      {"NoneMatches", "[{'value':'10.','action':'block'}]", "192.168.0.1",
       "PERMIT 200"},
      {"APrefixOfAnOctet", "[{'value':'1.2','action':'block'}]", "1.20.0.1",
       "DENY ADDRESS_NOT_ALLOWED 400"},
      {"TheFirstThatMatches",
       "[{'value':'1.2.3.','action':'block'},{'value':'1.2.3.4',"
       "'action':'allow'}]",
       "1.2.3.4", "DENY ADDRESS_NOT_ALLOWED 400"},
      {"NoNetworkMask",
       "[{'value':'1.2.3.0/24','action':'allow'},{'value':'*',"
       "'action':'block'}]",
       "1.2.3.4", "DENY ADDRESS_NOT_ALLOWED 400"},
      {"AnActionOfAnotherName",
       "[{'value':'*','action':'deny'},{'value':'1.','action':'allow'},"
       "{'value':'*','action':'block'}]",
       "1.2.3.4", "PERMIT 200"},
      {"AnEmptyValueIsNone",
       "[{'value':'','action':'allow'},{'action':'allow'},{'value':'*',"
       "'action':'block'}]",
       "1.2.3.4", "DENY ADDRESS_NOT_ALLOWED 400"},
      {"NoNormalFormOfAddresses",
       "[{'value':'::ffff:1.2.3.4','action':'block'}]", "1.2.3.4",
       "PERMIT 200"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    World world(
        Clinic("[{'resourceType':'*'}]", StrCat(",'ipAccessRule':", c.rules)),
        Mode::kParity);
    AccessRequest request;
    request.interaction = Interaction::kRead;
    request.context.remote_address = c.address;
    request.resource.current = Json(kObservation);
    EXPECT_EQ(Say(world.Decide(request)), c.want);
  }
}

TEST(SubjectAccessTest, OnBehalfOf) {
  constexpr std::string_view kColleague =
      "20000000-0000-4000-8000-000000000002";
  const auto membership = [&](std::string_view id, std::string_view profile,
                              std::string_view more) {
    return Json(StrCat("{'resourceType':'ProjectMembership','id':'", id,
                       "','meta':{'project':'$PROJECT'},'project':{'reference':"
                       "'Project/$PROJECT'},'user':{'reference':'User/",
                       id, "'},'profile':{'reference':'", profile, "'}", more,
                       "}"));
  };
  const struct {
    const char* name;
    bool admin;
    std::string value;
    const char* parity;
    const char* strict;
  } kCases[] = {
      {"NobodyIsTheCaller", true, "", "PERMIT 200", "PERMIT 200"},
      {"AMembership", true,
       "ProjectMembership/70000000-0000-4000-8000-000000000001",
       "DENY INTERACTION_NOT_GRANTED 403", "DENY INTERACTION_NOT_GRANTED 403"},
      {"AProfile", true, StrCat("Practitioner/", kColleague),
       "DENY INTERACTION_NOT_GRANTED 403", "DENY INTERACTION_NOT_GRANTED 403"},
      {"AUserIsNoProfile", true, "User/70000000-0000-4000-8000-000000000001",
       "DENY ON_BEHALF_OF 400", "DENY ON_BEHALF_OF 400"},
      {"Unknown", true, "Practitioner/20000000-0000-4000-8000-000000000009",
       "DENY ON_BEHALF_OF 400", "DENY ON_BEHALF_OF 400"},
      {"NoReference", true, "nobody", "DENY ON_BEHALF_OF 400",
       "DENY ON_BEHALF_OF 400"},
      {"OnlyForAdmins", false, StrCat("Practitioner/", kColleague),
       "DENY ON_BEHALF_OF 400", "DENY ON_BEHALF_OF 400"},
      {"AnInactiveMember", true, "Patient/$PATIENT", "PERMIT 200",
       "DENY ON_BEHALF_OF 200"},
      {"AProfileThatTheCallerMayNotRead", true, "Patient/$OTHER_PATIENT",
       "DENY ON_BEHALF_OF 400", "DENY ON_BEHALF_OF 400"},
  };
  for (const auto& c : kCases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(c.name);
      auto live = Clinic(
          "[{'resourceType':'Observation'},{'resourceType':'Practitioner'},"
          "{'resourceType':'Patient','criteria':'Patient?gender=female'}]",
          "",
          StrCat(",'admin':", c.admin ? "true" : "false",
                 ",'accessPolicy':{'reference':'AccessPolicy/policy'}"));
      // Memberships are read by UUID.
      live.push_back(
          Json(StrCat("{'resourceType':'Practitioner','id':'", kColleague,
                      "','meta':{'project':'$PROJECT'}}")));
      live.push_back(
          Json("{'resourceType':'AccessPolicy','id':'nothing','meta':"
               "{'project':'$PROJECT'}}"));
      live.push_back(
          membership("70000000-0000-4000-8000-000000000001",
                     StrCat("Practitioner/", kColleague),
                     ",'accessPolicy':{'reference':'AccessPolicy/nothing'}"));
      live.push_back(membership("70000000-0000-4000-8000-000000000002",
                                "Patient/$PATIENT",
                                ",'active':false,'accessPolicy':{'reference':"
                                "'AccessPolicy/policy'}"));
      live.push_back(membership("70000000-0000-4000-8000-000000000003",
                                "Patient/$OTHER_PATIENT", ""));
      World world(std::move(live), mode);
      AccessRequest request;
      request.interaction = Interaction::kRead;
      const std::string value = Expand(c.value);
      request.context.on_behalf_of = value;
      request.resource.current = Json(kObservation);
      EXPECT_EQ(Say(world.Decide(request)),
                mode == Mode::kStrict ? c.strict : c.parity);
    }
  }
}

TEST(SubjectAccessTest, AProfileThatIsNoReferenceDeniesEverything) {
  for (const char* profile : {"{}", "{'display':'x'}", "{'reference':'x'}"}) {
    SCOPED_TRACE(profile);
    auto live = Clinic("[{'resourceType':'*'}]");
    live.back() = Json(StrCat(
        "{'resourceType':'ProjectMembership','id':'member','meta':{'project':"
        "'$PROJECT'},'project':{'reference':'Project/$PROJECT'},"
        "'accessPolicy':{'reference':'AccessPolicy/policy'},'profile':",
        profile, "}"));
    World world(std::move(live), Mode::kParity);
    AccessRequest request;
    request.interaction = Interaction::kRead;
    request.resource.current = Json(kObservation);
    EXPECT_EQ(Say(world.Decide(request)), "DENY SUBJECT_INCOMPLETE 400");
  }
}

// Knows the deletions of profiles, and nothing else of them.
class DeletionsLookup : public fhir::MemoryLookup {
 public:
  DeletionsLookup(std::vector<fhir::ResourcePtr> live,
                  fhir::LookupState deletion)
      : MemoryLookup(std::move(live), {}), deletion_(deletion) {}

  fhir::LookupResult Read(const fhir::ResourceKey& key) const override {
    if (key.type == "Practitioner") return {};
    return MemoryLookup::Read(key);
  }
  fhir::LookupState FindDeletion(const fhir::ResourceKey&) const override {
    return deletion_;
  }

 private:
  const fhir::LookupState deletion_;
};

TEST(SubjectAccessTest, OfAProfileOnlyTheDeletionIsAskedFor) {
  using fhir::LookupState;
  const struct {
    LookupState deletion;
    const char* want;
  } kCases[] = {
      {LookupState::kAbsent, "PERMIT 200"},
      {LookupState::kFound, "PERMIT 200"},
      {LookupState::kDeleted, "DENY SUBJECT_INCOMPLETE 400"},
      {LookupState::kUnavailable, "UNAVAILABLE"},
      {LookupState::kPending, "PENDING"},
  };
  for (const auto& test_case : kCases) {
    SCOPED_TRACE(test_case.want);
    const DeletionsLookup lookup(Clinic("[{'resourceType':'*'}]"),
                                 test_case.deletion);
    const DecisionPoint decision_point(lookup, {});
    AccessRequest request;
    request.subject.reference = "ProjectMembership/member";
    request.interaction = Interaction::kRead;
    request.resource.current = Json(kObservation);
    Decision decision;
    const Outcome outcome = decision_point.Decide(request, decision);
    EXPECT_EQ(outcome.decided()   ? Say(decision)
              : outcome.pending() ? "PENDING"
                                  : "UNAVAILABLE",
              test_case.want);
  }
}

}  // namespace
}  // namespace pdp::policy
