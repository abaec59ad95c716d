// Tenants: how they are given (the three ways of Medplum's guide), what
// choosing some of them leaves, and the choice that is stored.

#include "pdp/policy/tenants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pdp/policy/decision_test_support.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Clinic;
using testing::Expand;
using testing::Json;
using testing::World;

constexpr const char* kGuidePolicy =
    "[{'resourceType':'Patient','criteria':'Patient?_compartment=%organization'"
    "},{'resourceType':'Questionnaire','criteria':"
    "'Questionnaire?_compartment=%organization'},"
    "{'resourceType':'Organization','criteria':"
    "'Organization?_id=%organization.id','interaction':['read','search']},"
    "{'resourceType':'ValueSet','interaction':['read','search']},"
    "{'resourceType':'Observation'}]";

std::string Bind(std::string_view name, std::string_view tenant) {
  return StrCat("{'name':'", name, "','valueReference':{'reference':'", tenant,
                "'}}");
}
std::string Organization(std::string_view id) {
  return Bind("organization", StrCat("Organization/", id));
}
std::string Item(std::string_view parameters) {
  return StrCat("{'policy':{'reference':'AccessPolicy/policy'},'parameter':[",
                parameters, "]}");
}
std::string Access(std::string_view items) {
  return StrCat(",'access':[", items, "]");
}

// The interactions that are permitted, of read, search and delete: "rsd".
std::string Permitted(World& world, const fhir::ResourcePtr& resource,
                      const std::vector<std::string>& active, Reason& reason) {
  std::string permitted;
  const std::pair<char, Interaction> kInteractions[] = {
      {'r', Interaction::kRead},
      {'s', Interaction::kSearch},
      {'d', Interaction::kDelete}};
  for (const auto& [letter, interaction] : kInteractions) {
    AccessRequest request;
    request.interaction = interaction;
    request.context.active_tenants.assign(active.begin(), active.end());
    request.resource.current = resource;
    const Decision decision = world.Decide(request);
    if (decision.permitted()) permitted += letter;
    reason = decision.reason;
  }
  return permitted;
}

TEST(TenantsTest, TheGuidesThreeWaysOfGivingThem) {
  // Each of north and south, but for the ValueSet, which is of neither.
  struct Expected {
    const char* patient[2];
    const char* questionnaire[2];
    const char* organization[2];
    const char* observation[2];
    const char* value_set;
  };
  static constexpr Expected kBoth = {
      {"rsd", "rsd"}, {"rsd", "rsd"}, {"rs", "rs"}, {"rsd", "rsd"}, "rs"};
  static constexpr Expected kNorthOnly = {
      {"rsd", ""}, {"rsd", ""}, {"rs", ""}, {"rsd", ""}, "rs"};
  static constexpr Expected kSouthOnly = {
      {"", "rsd"}, {"", "rsd"}, {"", "rs"}, {"", "rsd"}, "rs"};
  // Observations are granted without a tenant: only a choice confines them.
  static constexpr Expected kOfNorth = {
      {"rsd", ""}, {"rsd", ""}, {"rs", ""}, {"rsd", "rsd"}, "rs"};
  static constexpr Expected kOfSouth = {
      {"", "rsd"}, {"", "rsd"}, {"", "rs"}, {"rsd", "rsd"}, "rs"};
  static constexpr Expected kNothing = {
      {"", ""}, {"", ""}, {"", ""}, {"", ""}, ""};

  const std::string north = Access(Item(Organization("$NORTH")));
  const std::string south = Access(Item(Organization("$SOUTH")));
  const std::string items = Access(
      StrCat(Item(Organization("$NORTH")), ",", Item(Organization("$SOUTH"))));
  const std::string repeated =
      Access(Item(StrCat(Organization("$NORTH"), ",", Organization("$SOUTH"))));
  const std::vector<std::string> none;
  const std::vector<std::string> n = {Expand("Organization/$NORTH")};
  const std::vector<std::string> s = {Expand("Organization/$SOUTH")};
  const std::vector<std::string> both = {n[0], s[0]};
  constexpr auto kDocumented = ParameterSemantics::kDocumented;
  constexpr auto kServer = ParameterSemantics::kServer;
  const struct {
    const char* name;
    const std::string& membership;
    ParameterSemantics semantics;
    const std::vector<std::string>& active;
    const Expected& expected;
  } kCases[] = {
      {"AMembershipEach/North", north, kDocumented, none, kOfNorth},
      {"AMembershipEach/NorthChoosesNorth", north, kDocumented, n, kNorthOnly},
      {"AMembershipEach/NorthChoosesSouth", north, kDocumented, s, kNothing},
      {"AMembershipEach/NorthChoosesBoth", north, kDocumented, both, kNothing},
      {"AMembershipEach/South", south, kDocumented, none, kOfSouth},
      {"AMembershipEach/SouthChoosesSouth", south, kDocumented, s, kSouthOnly},
      {"AMembershipEach/SouthChoosesNorth", south, kDocumented, n, kNothing},
      {"AnItemEach/ChoosesNone", items, kDocumented, none, kBoth},
      {"AnItemEach/ChoosesNorth", items, kDocumented, n, kNorthOnly},
      {"AnItemEach/ChoosesSouth", items, kDocumented, s, kSouthOnly},
      {"AnItemEach/ChoosesBoth", items, kDocumented, both, kBoth},
      {"AnItemEach/UnderTheServersSemantics", items, kServer, s, kSouthOnly},
      {"Repeated/ChoosesNone", repeated, kDocumented, none, kBoth},
      {"Repeated/ChoosesNorth", repeated, kDocumented, n, kNorthOnly},
      {"Repeated/ChoosesSouth", repeated, kDocumented, s, kSouthOnly},
      {"Repeated/ChoosesBoth", repeated, kDocumented, both, kBoth},
      {"Repeated/TheServerTakesTheFirst", repeated, kServer, none, kOfNorth},
      {"Repeated/WhichMayBeChosen", repeated, kServer, n, kNorthOnly},
      {"Repeated/TheOtherIsNoTenantThere", repeated, kServer, s, kNothing},
  };
  const auto of_tenant = [](std::string_view type, std::string_view tenant) {
    return Json(StrCat("{'resourceType':'", type,
                       "','id':'60000000-0000-4000-8000-000000000001','meta':{"
                       "'project':'$PROJECT','accounts':[{'reference':"
                       "'Organization/",
                       tenant, "'}]}}"));
  };
  const auto organization = [](std::string_view id) {
    return Json(StrCat("{'resourceType':'Organization','id':'", id,
                       "','meta':{'project':'$PROJECT'}}"));
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    World world(Clinic(kGuidePolicy, "", c.membership), Mode::kStrict,
                c.semantics);
    Reason reason = Reason::kUnspecified;
    const auto permitted = [&](const fhir::ResourcePtr& resource) {
      return Permitted(world, resource, c.active, reason);
    };
    for (const int i : {0, 1}) {
      SCOPED_TRACE(i == 0 ? "of north" : "of south");
      const char* const tenant = i == 0 ? "$NORTH" : "$SOUTH";
      EXPECT_EQ(permitted(of_tenant("Patient", tenant)), c.expected.patient[i]);
      EXPECT_EQ(permitted(of_tenant("Questionnaire", tenant)),
                c.expected.questionnaire[i]);
      EXPECT_EQ(permitted(of_tenant("Observation", tenant)),
                c.expected.observation[i]);
      EXPECT_EQ(permitted(organization(tenant)), c.expected.organization[i]);
    }
    EXPECT_EQ(permitted(Json("{'resourceType':'ValueSet','id':'v','meta':{"
                             "'project':'$PROJECT'}}")),
              c.expected.value_set);
    EXPECT_EQ(reason == Reason::kTenantNotAllowed, &c.expected == &kNothing);
  }
}

// Whether a resource of the type of `entry` may be read under active tenant
// north.
bool MayRead(std::string_view entries, std::string_view parameters,
             std::string_view resource,
             ParameterSemantics semantics = ParameterSemantics::kDocumented) {
  World world(Clinic(entries, "", Access(Item(parameters))), Mode::kStrict,
              semantics);
  AccessRequest request;
  request.interaction = Interaction::kRead;
  const std::string north = Expand("Organization/$NORTH");
  request.context.active_tenants = {north};
  request.resource.current = Json(resource);
  return world.Decide(request).permitted();
}

TEST(TenantsTest, AnEntryThatNamesTheTenantIsNotConfinedAgain) {
  const struct {
    const char* name;
    const char* criteria;
    bool permitted;
  } kCases[] = {
      {"ByAnotherParameter", "organization=%organization", true},
      {"AmongOthers", "active=true&organization=%organization", true},
      {"WithOneThatIsNotActive",
       "organization=%organization,Organization/$SOUTH", false},
      {"ByItsNegation", "organization:not=Organization/$SOUTH", false},
      {"NotAtAll", "active=true", false},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    // It is of the organization, and not in its compartment.
    EXPECT_EQ(
        MayRead(StrCat("[{'resourceType':'Patient','criteria':'Patient?",
                       c.criteria, "'}]"),
                Organization("$NORTH"),
                "{'resourceType':'Patient','id':'p','active':true,"
                "'managingOrganization':{'reference':'Organization/$NORTH'},"
                "'meta':{'project':'$PROJECT'}}"),
        c.permitted);
  }
}

TEST(TenantsTest, ParametersBesideTheChosenOneKeepTheirValues) {
  constexpr const char* kEntries =
      "[{'resourceType':'Task','criteria':"
      "'Task?_compartment=%organization&owner=%care_team'}]";
  const std::string parameters =
      StrCat(Organization("$SOUTH"), ",", Organization("$NORTH"), ",",
             Bind("care_team", "CareTeam/t"));
  const auto task = [](std::string_view owner, std::string_view tenant) {
    return StrCat("{'resourceType':'Task','id':'t','owner':{'reference':'",
                  owner, "'},'meta':{'project':'$PROJECT','accounts':[{",
                  "'reference':'Organization/", tenant, "'}]}}");
  };
  EXPECT_TRUE(MayRead(kEntries, parameters, task("CareTeam/t", "$NORTH")));
  EXPECT_FALSE(MayRead(kEntries, parameters, task("CareTeam/u", "$NORTH")));
  EXPECT_FALSE(MayRead(kEntries, parameters, task("CareTeam/t", "$SOUTH")));
}

// The reason of a read of a patient of `tenant` under the stored choice.
std::string ReadByStoredTenant(std::string_view option,
                               std::string_view tenant) {
  std::vector<fhir::ResourcePtr> live = Clinic(
      kGuidePolicy, "",
      StrCat(Access(StrCat(Item(Organization("$NORTH")), ",",
                           Item(Organization("$SOUTH")))),
             ",'userConfiguration':{'reference':'UserConfiguration/c'}"));
  live.push_back(
      Json(StrCat("{'resourceType':'UserConfiguration','id':'c','option':[",
                  option, "]}")));
  World world(std::move(live), Mode::kStrict);
  AccessRequest request;
  request.interaction = Interaction::kRead;
  request.context.use_stored_tenant = true;
  request.resource.current = Json(
      StrCat("{'resourceType':'Patient','id':'p','meta':{'project':'$PROJECT',"
             "'accounts':[{'reference':'Organization/",
             tenant, "'}]}}"));
  return std::string(ReasonName(world.Decide(request).reason));
}

TEST(TenantsTest, AStoredChoiceNeverFallsBackToAll) {
  const struct {
    const char* option;
    const char* north;
    const char* south;
  } kCases[] = {
      {"", "PERMITTED", "PERMITTED"},
      {"{'id':'other','valueString':'Organization/$NORTH'}", "PERMITTED",
       "PERMITTED"},
      {"{'id':'activeTenant','valueString':'Organization/$NORTH'}", "PERMITTED",
       "RESOURCE_NOT_GRANTED"},
      {"{'id':'activeTenant','valueCode':'Organization/$SOUTH'}",
       "RESOURCE_NOT_GRANTED", "PERMITTED"},
      {"{'id':'activeTenant','valueString':'Organization/gone'}",
       "TENANT_NOT_ALLOWED", "TENANT_NOT_ALLOWED"},
      {"{'id':'activeTenant','valueBoolean':true}", "TENANT_NOT_ALLOWED",
       "TENANT_NOT_ALLOWED"},
      {"{'id':'activeTenant'}", "TENANT_NOT_ALLOWED", "TENANT_NOT_ALLOWED"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.option);
    EXPECT_EQ(ReadByStoredTenant(c.option, "$NORTH"), c.north);
    EXPECT_EQ(ReadByStoredTenant(c.option, "$SOUTH"), c.south);
  }
}

TEST(TenantsTest, DescribesWhatIsGrantedAndThroughWhat) {
  World world(
      Clinic("[{'resourceType':'Patient','criteria':"
             "'Patient?_compartment=%organization'},"
             "{'resourceType':'ValueSet','interaction':['read','search']},"
             "{'resourceType':'Task','writeConstraint':[{'expression':"
             "'status.exists()'}]},{'resourceType':'Device','criteria':"
             "'Device?_compartment=Organization/literal'}]",
             "",
             Access(StrCat(Item(Organization("$NORTH")), ",",
                           Item(Organization("$SOUTH"))))),
      Mode::kStrict);
  const auto describe = [&](std::vector<std::string_view> active) {
    RequestContext context;
    context.active_tenants = std::move(active);
    DecisionPoint::EffectivePolicy answer;
    EXPECT_TRUE(
        world.decision_point()
            .DescribeEffectivePolicy({.reference = "ProjectMembership/member"},
                                     context, answer)
            .decided());
    return answer;
  };
  const auto roles = [](const DecisionPoint::EffectivePolicy& answer) {
    std::string text;
    for (const RoleDescription& role : answer.roles) {
      text += StrCat(role.policy, " ", role.name, " ", role.tenant, " ",
                     role.source, "\n");
    }
    return text;
  };
  const DecisionPoint::EffectivePolicy all = describe({});
  EXPECT_EQ(roles(all),
            Expand("AccessPolicy/policy P Organization/$NORTH 1\n"
                   "AccessPolicy/policy P Organization/$SOUTH 2\n"));
  const std::string south = Expand("Organization/$SOUTH");
  const DecisionPoint::EffectivePolicy chosen = describe({south});
  EXPECT_EQ(roles(chosen),
            Expand("AccessPolicy/policy P Organization/$SOUTH 2\n"));
  EXPECT_EQ(chosen.tenants.size(), all.tenants.size());

  std::string tenants;
  for (const TenantDescription& tenant : all.tenants) {
    tenants += StrCat(tenant.reference, " ", tenant.policy, " ", tenant.source,
                      " ", tenant.parameter, ": ", tenant.granted_by, "\n");
  }
  EXPECT_EQ(tenants,
            Expand("Organization/$NORTH AccessPolicy/policy 1 organization: "
                   "access[0] binds the parameter `organization`\n"
                   "Organization/literal AccessPolicy/policy 1 : a criteria of "
                   "the policy names it in `_compartment=`; the policy is "
                   "given by access[0]\n"
                   "Organization/$SOUTH AccessPolicy/policy 2 organization: "
                   "access[1] binds the parameter `organization`\n"
                   "Organization/literal AccessPolicy/policy 2 : a criteria of "
                   "the policy names it in `_compartment=`; the policy is "
                   "given by access[1]\n"));

  const auto types = [](const DecisionPoint::EffectivePolicy& answer) {
    std::string text;
    for (const TypeAccess& type : answer.types) {
      text += StrCat(type.resource_type, ":");
      for (int i = 1; i < 8; ++i) {
        const auto interaction = static_cast<Interaction>(i);
        if (type.interactions & fhir::Bit(interaction)) {
          text += StrCat(" ", fhir::InteractionName(interaction),
                         type.unrestricted & fhir::Bit(interaction) ? "!" : "");
        }
      }
      text += "\n";
    }
    return text;
  };
  EXPECT_THAT(types(all),
              ::testing::StartsWith(
                  "Patient: read vread update delete history create search\n"
                  "ValueSet: read! search!\n"
                  "Task: read! vread! update delete! history! create search!\n"
                  "Device: read vread update delete history create search\n"));
}

}  // namespace
}  // namespace pdp::policy
