#include "pdp/policy/blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/policy/decision_point.h"
#include "pdp/policy/subject_access.h"
#include "tests/support/fake_clock.h"
#include "tests/support/random_world.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Clinic;
using testing::Expand;
using testing::Json;

// `target` with $NAMES, blocked for an hour.
Block BlockOf(std::string_view target, const Clock& clock) {
  return {.target = Expand(target),
          .since = clock.Now(),
          .until = clock.Now() + absl::Hours(1),
          .reason = "lost laptop",
          .deadline = clock.SinceBoot() + absl::Hours(1)};
}

void SetBlocks(const std::vector<std::string>& targets, const Clock& clock,
               DecisionPoint& decision_point) {
  std::vector<Block> blocks;
  for (const std::string& target : targets) {
    blocks.push_back(BlockOf(target, clock));
  }
  decision_point.Publish(
      std::make_shared<const BlockSet>(std::move(blocks), clock));
  decision_point.Invalidate(decision_point.revision() + 1, {});
}

// `member` and `other` of the tenants $NORTH and $SOUTH; and `admin`, a client
// of another tenant that may act for them.
std::vector<fhir::ResourcePtr> Members() {
  constexpr std::string_view kItem =
      "{'policy':{'reference':'AccessPolicy/policy'},'parameter':[{'name':"
      "'organization','valueReference':{'reference':'Organization/";
  const std::string tenants =
      StrCat(",'access':[", kItem, "$NORTH'}}]},", kItem, "$SOUTH'}}]}]");
  const auto member = [](std::string_view id, std::string_view user,
                         std::string_view profile, std::string_view more) {
    return Json(StrCat("{'resourceType':'ProjectMembership','id':'", id,
                       "','meta':{'project':'$PROJECT'},'project':{'reference':"
                       "'Project/$PROJECT'},'user':{'reference':'",
                       user, "'},'profile':{'reference':'", profile, "'}", more,
                       "}"));
  };
  auto live = Clinic(
      "[{'resourceType':'Task','criteria':'Task?_compartment=%organization'},"
      "{'resourceType':'Patient'}]",
      "", tenants);
  live.push_back(Json(
      "{'resourceType':'AccessPolicy','id':'all','meta':{'project':'$PROJECT'},"
      "'resource':[{'resourceType':'*'},{'resourceType':'ProjectMembership'},"
      "{'resourceType':'Task','criteria':'Task?_compartment=CareTeam/"
      "team'}]}"));
  live.push_back(member("70000000-0000-4000-8000-000000000001", "User/v",
                        "Patient/$PATIENT", tenants));
  live.push_back(member("admin", "ClientApplication/app",
                        "ClientApplication/app",
                        ",'admin':true,'accessPolicy':{'reference':"
                        "'AccessPolicy/all'}"));
  return live;
}

struct Case {
  const char* name;
  const char* target;
  const char* subject;
  const char* project;
  const char* on_behalf_of;
  std::vector<const char*> active_tenants;
  const char* expected;  // What Say says.
};

// "BLOCKED `x`" with the target of the block; "PERMITTED"; or another reason.
std::string Say(Reason reason, std::string_view message) {
  if (reason != Reason::kBlocked) return std::string(ReasonName(reason));
  const size_t end = message.find(" is blocked until ");
  EXPECT_NE(end, std::string_view::npos) << message;
  EXPECT_NE(message.find(": lost laptop"), std::string_view::npos) << message;
  const size_t begin = message.rfind('`', end - 2);
  std::string out = StrCat("BLOCKED ", message.substr(begin, end - begin));
  if (message.find("name others as the active tenants") !=
      std::string_view::npos) {
    out += " unless others are active";
  }
  return out;
}

TEST(BlocksTest, WhoIsDeniedByWhat) {
  constexpr const char* kMember = "ProjectMembership/member";
  constexpr const char* kAdmin = "ProjectMembership/admin";
  constexpr const char* kOther =
      "ProjectMembership/70000000-0000-4000-8000-000000000001";
  constexpr const char* kOtherProfile = "Patient/$PATIENT";
  constexpr const char* kProfile = "Practitioner/$PRACTITIONER";
  constexpr const char* kProject = "Project/$PROJECT";
  constexpr const char* kNorth = "Organization/$NORTH";
  constexpr const char* kSouth = "Organization/$SOUTH";
  const Case kCases[] = {
      {"NotBlocked", "Practitioner/x", kMember, "", "", {}, "PERMITTED"},
      {"TheMembership", kMember, kMember, "", "", {}, "BLOCKED `$T`"},
      {"ByProfile", kMember, kProfile, "", "", {}, "BLOCKED `$T`"},
      {"TheProfile", kProfile, kMember, "", "", {}, "BLOCKED `$T`"},
      {"TheProfileByItself", kProfile, kProfile, "", "", {}, "BLOCKED `$T`"},
      {"TheUser", "User/u", kMember, "", "", {}, "BLOCKED `$T`"},
      {"TheUserByProfile", "User/u", kProfile, "", "", {}, "BLOCKED `$T`"},
      {"AnotherUser", "User/uu", kMember, "", "", {}, "PERMITTED"},
      {"TheClient",
       "ClientApplication/app",
       kAdmin,
       "",
       "",
       {},
       "BLOCKED `$T`"},
      {"TheProject", kProject, kMember, "", "", {}, "BLOCKED `$T`"},
      {"ALinkedProject",
       "Project/$LINKED_PROJECT",
       kMember,
       "",
       "",
       {},
       "PERMITTED"},
      {"TheProjectThatIsNamed",
       kProject,
       "Practitioner/nobody",
       "$PROJECT",
       "",
       {},
       "BLOCKED `$T`"},
      {"AnUnknownMembership",
       "ProjectMembership/x",
       "ProjectMembership/x",
       "",
       "",
       {},
       "BLOCKED `$T`"},
      {"AnUnknownProfile",
       "Practitioner/x",
       "Practitioner/x",
       "",
       "",
       {},
       "BLOCKED `$T`"},
      {"UnknownAndNotBlocked",
       kMember,
       "Practitioner/x",
       "",
       "",
       {},
       "SUBJECT_UNKNOWN"},
      {"AnActiveTenant", kNorth, kMember, "", "", {kNorth}, "BLOCKED `$T`"},
      {"OneOfTheActiveTenants",
       kNorth,
       kMember,
       "",
       "",
       {kSouth, kNorth},
       "BLOCKED `$T`"},
      {"NotTheActiveTenant", kNorth, kMember, "", "", {kSouth}, "PERMITTED"},
      {"AnOwnTenantWhereNoneIsActive",
       kNorth,
       kMember,
       "",
       "",
       {},
       "BLOCKED `$T` unless others are active"},
      {"ATenantOfOthers",
       "Organization/other",
       kMember,
       "",
       "",
       {},
       "PERMITTED"},
      {"ATenantThatAPolicyNames",
       "CareTeam/team",
       kAdmin,
       "",
       "",
       {},
       "BLOCKED `$T` unless others are active"},
      {"OnBehalf", "Practitioner/x", kAdmin, "", kOther, {}, "PERMITTED"},
      {"OnBehalfOfABlockedMembership",
       kOther,
       kAdmin,
       "",
       kOther,
       {},
       "BLOCKED `$T`"},
      {"OnBehalfOfABlockedMembershipByProfile",
       kOther,
       kAdmin,
       "",
       kOtherProfile,
       {},
       "BLOCKED `$T`"},
      {"OnBehalfOfABlockedProfile",
       kOtherProfile,
       kAdmin,
       "",
       kOther,
       {},
       "BLOCKED `$T`"},
      {"OnBehalfOfABlockedUser",
       "User/v",
       kAdmin,
       "",
       kOther,
       {},
       "BLOCKED `$T`"},
      {"OnBehalfByABlockedMembership",
       kAdmin,
       kAdmin,
       "",
       kOther,
       {},
       "BLOCKED `$T`"},
      {"OnBehalfByABlockedClient",
       "ClientApplication/app",
       kAdmin,
       "",
       kOther,
       {},
       "BLOCKED `$T`"},
      {"OnBehalfInABlockedProject",
       kProject,
       kAdmin,
       "",
       kOther,
       {},
       "BLOCKED `$T`"},
      {"OnBehalfOfAMemberOfABlockedTenant",
       kSouth,
       kAdmin,
       "",
       kOther,
       {},
       "BLOCKED `$T` unless others are active"},
      {"OnBehalfByAMemberOfABlockedTenant",
       "CareTeam/team",
       kAdmin,
       "",
       kOther,
       {},
       "BLOCKED `$T` unless others are active"},
      {"OnBehalfOfNobody",
       "Practitioner/x",
       kAdmin,
       "",
       "Practitioner/x",
       {},
       "BLOCKED `$T`"},
  };
  const FakeClock clock;
  for (const Case& c : kCases) {
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(StrCat(c.name, mode == Mode::kParity ? " parity" : ""));
      testing::World world(Members(), mode);
      DecisionPoint& decision_point = world.decision_point();
      const std::string subject = Expand(c.subject);
      const std::string project = Expand(c.project);
      const std::string on_behalf_of = Expand(c.on_behalf_of);
      std::vector<std::string> tenants;
      for (const char* tenant : c.active_tenants) {
        tenants.push_back(Expand(tenant));
      }
      AccessRequest request;
      request.subject = {subject, project};
      if (!on_behalf_of.empty()) request.context.on_behalf_of = on_behalf_of;
      request.context.active_tenants = {tenants.begin(), tenants.end()};
      request.interaction = Interaction::kCreate;
      request.resource.proposed = Json(
          "{'resourceType':'Patient','active':true,'meta':{'accounts':["
          "{'reference':'Organization/$NORTH'},"
          "{'reference':'Organization/$SOUTH'}]}}");
      // What is kept from before must not be used, nor what is kept now after.
      const std::string before = [&] {
        const Decision decision = world.Decide(request);
        return std::string(ReasonName(decision.reason));
      }();
      SetBlocks({c.target}, clock, decision_point);
      std::string expected = c.expected;
      if (const size_t at = expected.find("$T"); at != std::string::npos) {
        expected.replace(at, 2, Expand(c.target));
      }
      const bool blocked = expected.starts_with("BLOCKED");

      const Decision decision = world.Decide(request);
      EXPECT_EQ(Say(decision.reason, decision.message), expected);
      EXPECT_EQ(decision.permitted(), expected == "PERMITTED");
      if (blocked) {
        EXPECT_EQ(decision.medplum_http_status, 0);
        EXPECT_EQ(EnforcementHttpStatus(decision), 403);
        EXPECT_EQ(decision.policy, nullptr);
        EXPECT_TRUE(decision.notes.empty());
      }

      FilterAnswer filter;
      ASSERT_TRUE(decision_point
                      .Filter({.subject = request.subject,
                               .context = request.context,
                               .resource_type = "Patient"},
                              filter)
                      .decided());
      EXPECT_EQ(Say(filter.reason, filter.message), expected);
      EXPECT_EQ(filter.kind == FilterKind::kAlwaysDenied,
                expected != "PERMITTED");

      DecisionPoint::EffectivePolicy description;
      ASSERT_TRUE(decision_point
                      .DescribeEffectivePolicy(request.subject, request.context,
                                               description)
                      .decided());
      EXPECT_EQ(Say(description.denial.reason, description.denial.message),
                expected);
      EXPECT_EQ(description.json.empty(), expected != "PERMITTED");

      SetBlocks({}, clock, decision_point);
      EXPECT_EQ(ReasonName(world.Decide(request).reason), before);
    }
  }
}

TEST(BlocksTest, AnAbsoluteOrVersionedReferenceIsTheSameResource) {
  const FakeClock clock;
  const BlockSet blocks({BlockOf("Organization/a", clock)}, clock);
  for (const char* tenant :
       {"Organization/a", "Organization/a/_history/1",
        "https://fhir.example.com/fhir/R4/Organization/a"}) {
    SCOPED_TRACE(tenant);
    SubjectAccess access;
    access.own_tenants = {tenant};
    EXPECT_TRUE(blocks.CheckAccess(access, {}).has_value());
  }
  for (const char* tenant : {"Organization/ab", "Organization/b", "a",
                             "Location/a", "", "/", "Organization"}) {
    SCOPED_TRACE(tenant);
    SubjectAccess access;
    access.own_tenants = {tenant};
    EXPECT_FALSE(blocks.CheckAccess(access, {}).has_value());
  }
}

TEST(BlocksTest, EndOnceBothTheClockAndTheTimeThatWentByHavePassed) {
  FakeClock clock;
  const BlockSet blocks({BlockOf("User/u", clock)}, clock);
  const absl::Time start = clock.Now();
  clock.SetNow(start + absl::Hours(5));
  EXPECT_NE(blocks.Find("User/u"), nullptr) << "the clock jumped ahead";
  clock.SetNow(start - absl::Hours(5));
  clock.Advance(absl::Minutes(61));
  EXPECT_NE(blocks.Find("User/u"), nullptr) << "the clock was set back";
  clock.SetNow(start + absl::Hours(1) - absl::Microseconds(1));
  EXPECT_NE(blocks.Find("User/u"), nullptr);
  EXPECT_EQ(blocks.in_force(), 1u);
  clock.SetNow(start + absl::Hours(1));
  EXPECT_EQ(blocks.Find("User/u"), nullptr);
  EXPECT_EQ(blocks.in_force(), 0u);
  EXPECT_EQ(blocks.List().size(), 1u);
}

TEST(BlocksTest, AnEndedBlockDeniesNobody) {
  FakeClock clock;
  testing::World world(Members(), Mode::kStrict);
  SetBlocks({"ProjectMembership/member"}, clock, world.decision_point());
  AccessRequest request;
  request.interaction = Interaction::kSearch;
  request.resource.type = "Patient";
  EXPECT_EQ(world.Decide(request).reason, Reason::kBlocked);
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(world.Decide(request).reason, Reason::kPermitted);
}

TEST(BlocksTest, ThePublishedSetIsTheLastOfItsOwnDecisionPoint) {
  const FakeClock clock;
  PublishedBlocks one;
  PublishedBlocks other;
  EXPECT_EQ(one.Get(), nullptr);
  const auto set = [&](std::string_view target) {
    return std::make_shared<const BlockSet>(
        std::vector<Block>{BlockOf(target, clock)}, clock);
  };
  one.Publish(set("User/a"));
  EXPECT_EQ(other.Get(), nullptr);
  other.Publish(set("User/b"));
  EXPECT_NE(one.Get()->Find("User/a"), nullptr);
  EXPECT_NE(other.Get()->Find("User/b"), nullptr);
  one.Publish(set("User/c"));
  EXPECT_EQ(one.Get()->Find("User/a"), nullptr);
  one.Publish(nullptr);
  EXPECT_EQ(one.Get(), nullptr);
  EXPECT_NE(other.Get()->Find("User/b"), nullptr);
}

// Any set of blocks: an answer is what it is without them, or BLOCKED.
TEST(BlocksPropertyTest, NoAnswerBecomesMorePermissive) {
  constexpr const char* kTargets[] = {
      "ProjectMembership/member",
      "ProjectMembership/70000000-0000-4000-8000-000000000001",
      "Practitioner/$PRACTITIONER",
      "User/u",
      "User/x",
      "Project/$PROJECT",
      "Project/$OTHER_PROJECT",
      "Organization/$NORTH",
      "Organization/$SOUTH",
      "Patient/$PATIENT"};
  const FakeClock clock;
  size_t blocked = 0;
  size_t permits = 0;
  size_t denials = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    testing::Generator generator(seed);
    const fhir::MemoryLookup lookup(generator.World(), {});
    const Mode mode = generator.OneIn(2) ? Mode::kParity : Mode::kStrict;
    const DecisionPoint plain(lookup, {.mode = mode});
    DecisionPoint guarded(lookup, {.mode = mode});
    for (int i = 0; i < 10; ++i) {
      SCOPED_TRACE(StrCat("seed ", seed, ", request ", i));
      std::vector<std::string> targets;
      for (const char* target : kTargets) {
        if (generator.OneIn(12)) targets.push_back(target);
      }
      SetBlocks(targets, clock, guarded);
      AccessRequest request = generator.Request();
      const std::string north = Expand("Organization/$NORTH");
      if (generator.OneIn(4)) request.context.active_tenants = {north};
      Decision expected;
      Decision decision;
      ASSERT_TRUE(plain.Decide(request, expected).decided());
      ASSERT_TRUE(guarded.Decide(request, decision).decided());
      if (decision.reason == Reason::kBlocked) {
        ASSERT_FALSE(decision.permitted());
        ASSERT_FALSE(targets.empty());
        ++blocked;
      } else {
        ASSERT_EQ(decision.effect, expected.effect);
        ASSERT_EQ(decision.reason, expected.reason);
        ASSERT_EQ(decision.message, expected.message);
        ASSERT_EQ(decision.hidden_fields, expected.hidden_fields);
        ASSERT_EQ(decision.readonly_fields, expected.readonly_fields);
        ASSERT_EQ(decision.medplum_http_status, expected.medplum_http_status);
        (decision.permitted() ? permits : denials) += 1;
      }

      const FilterRequest search{.subject = request.subject,
                                 .context = request.context,
                                 .resource_type = "Observation"};
      FilterAnswer expected_filter;
      FilterAnswer filter;
      ASSERT_TRUE(plain.Filter(search, expected_filter).decided());
      ASSERT_TRUE(guarded.Filter(search, filter).decided());
      ASSERT_EQ(filter.reason == Reason::kBlocked,
                decision.reason == Reason::kBlocked);
      if (filter.reason == Reason::kBlocked) {
        ASSERT_EQ(filter.kind, FilterKind::kAlwaysDenied);
        ASSERT_TRUE(filter.queries.empty());
      } else {
        ASSERT_EQ(filter.kind, expected_filter.kind);
        ASSERT_EQ(filter.reason, expected_filter.reason);
        ASSERT_EQ(filter.queries, expected_filter.queries);
      }
    }
  }
  EXPECT_GT(blocked, 200u);
  EXPECT_GT(permits, 100u);
  EXPECT_GT(denials, 100u);
}

}  // namespace
}  // namespace pdp::policy
