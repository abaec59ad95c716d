#include "pdp/medplum/required_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace pdp::medplum {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Use = MissingAccess::Use;

// The effective policy of an admin, as the server shows it (S-2).
constexpr char kAdminRules[] = R"(
    {"resourceType":"Project","criteria":"Project?_id=p",
     "hiddenFields":["superAdmin","systemSecret","strictMode"]},
    {"resourceType":"Project","readonly":true,"hiddenFields":["secret"]},
    {"resourceType":"ProjectMembership",
     "criteria":"ProjectMembership?_project=p"})";

constexpr char kPolicyOfThePdp[] =
    R"({"resourceType":"AccessPolicy","resource":[
    {"resourceType":"Project","readonly":true},
    {"resourceType":"ProjectMembership","readonly":true},
    {"resourceType":"AccessPolicy","interaction":["read","search"]},
    {"resourceType":"UserConfiguration","readonly":true},
    {"resourceType":"ClientApplication","readonly":true},
    {"resourceType":"Bot","readonly":true},
    {"resourceType":"Subscription"}]})";

std::string Effective(std::string_view entries) {
  return std::string(R"({"resourceType":"AccessPolicy","resource":[)") +
         kAdminRules + "," + std::string(entries) + "]}";
}

constexpr char kOrdinaryEntries[] = R"(
    {"resourceType":"AccessPolicy","interaction":["read","search"]},
    {"resourceType":"UserConfiguration","readonly":true},
    {"resourceType":"ClientApplication","readonly":true},
    {"resourceType":"Bot","readonly":true},
    {"resourceType":"Subscription"})";

LoginFacts GoodFacts() {
  LoginFacts facts;
  facts.login = {.project = "p",
                 .membership = "ProjectMembership/m",
                 .profile = "ClientApplication/c",
                 .project_admin = true,
                 .access_policy = Effective(kOrdinaryEntries)};
  facts.project_features = {std::string(kWebSocketFeature)};
  facts.membership_is_readable = true;
  facts.policies = {kPolicyOfThePdp};
  return facts;
}

RequiredAccess OfProject() {
  RequiredAccess required;
  required.project = "p";
  return required;
}

MATCHER_P2(Misses, use, text, "") {
  return arg.use == use && testing::ExplainMatchResult(
                               HasSubstr(text), arg.what, result_listener);
}

TEST(RequiredAccessTest, AnAdminWhosePolicyNamesEveryTypeLacksNothing) {
  EXPECT_THAT(FindMissingAccess(GoodFacts(), OfProject()), IsEmpty());
}

TEST(RequiredAccessTest, TheLoginMustBelongToTheProject) {
  LoginFacts facts = GoodFacts();
  facts.login.project = "other";
  EXPECT_THAT(FindMissingAccess(facts, OfProject()),
              ElementsAre(Misses(
                  Use::kDecide, "belongs to Project/other, not to Project/p")));
}

TEST(RequiredAccessTest, TheMembershipMustBeAnAdmins) {
  LoginFacts facts = GoodFacts();
  facts.login.project_admin = false;
  facts.membership_is_readable = false;
  EXPECT_THAT(FindMissingAccess(facts, OfProject()),
              ElementsAre(Misses(Use::kDecide,
                                 "set `admin: true` in ProjectMembership/m")));
}

TEST(RequiredAccessTest, EveryProjectTakesASuperAdminAndNoWebSockets) {
  LoginFacts facts = GoodFacts();
  RequiredAccess required;
  required.web_socket = false;
  EXPECT_THAT(FindMissingAccess(facts, required),
              ElementsAre(Misses(Use::kDecide, "is no super admin")));
  facts.login.super_admin = true;
  facts.login.access_policy = R"({"resourceType":"AccessPolicy","resource":[
      {"resourceType":"*"},{"resourceType":"Project"},
      {"resourceType":"ProjectMembership"}]})";
  EXPECT_THAT(FindMissingAccess(facts, required), IsEmpty());
  required.web_socket = true;
  EXPECT_THAT(
      FindMissingAccess(facts, required),
      ElementsAre(Misses(Use::kNotify, "cannot have WebSocket Subscriptions")));
}

struct PolicyCase {
  const char* name;
  const char* entries;  // After the rules of admins.
  const char* missing;  // Of what; empty: nothing.
};

TEST(RequiredAccessTest, EveryTypeMustBeReadWhole) {
  const PolicyCase cases[] = {
      {"StarCoversOrdinaryTypes", R"({"resourceType":"*"})", ""},
      {"ATypeIsLeftOut",
       R"({"resourceType":"AccessPolicy"},{"resourceType":"ClientApplication"},
          {"resourceType":"Bot"},{"resourceType":"Subscription"})",
       "read every UserConfiguration"},
      {"ReadWithoutSearch",
       R"({"resourceType":"AccessPolicy","interaction":["read"]},
          {"resourceType":"UserConfiguration"},{"resourceType":"Bot"},
          {"resourceType":"ClientApplication"},
          {"resourceType":"Subscription"})",
       "search every AccessPolicy"},
      {"NoInteractionGrantsNothing",
       R"({"resourceType":"AccessPolicy","interaction":[]},
          {"resourceType":"UserConfiguration"},{"resourceType":"Bot"},
          {"resourceType":"ClientApplication"},
          {"resourceType":"Subscription"})",
       "read every AccessPolicy"},
      {"CriteriaMayLeaveSomeOut",
       R"({"resourceType":"AccessPolicy"},{"resourceType":"Subscription"},
          {"resourceType":"UserConfiguration"},
          {"resourceType":"ClientApplication"},
          {"resourceType":"Bot","criteria":"Bot?name=a"})",
       "read every Bot"},
      {"CriteriaOfTheWholeProjectLeaveNothingOut",
       R"({"resourceType":"*"},
          {"resourceType":"Bot","criteria":"Bot?_project=p"})",
       ""},
      // A policy without its criteria would let through what it does not.
      {"HiddenFields",
       R"({"resourceType":"*"},
          {"resourceType":"AccessPolicy","hiddenFields":["resource.criteria"]})",
       "hides fields of AccessPolicy"},
      {"HiddenStatus",
       R"({"resourceType":"*"},
          {"resourceType":"ClientApplication","hiddenFields":["status"]})",
       "hides fields of ClientApplication"},
      {"HiddenSecretsAreNotMissed",
       R"({"resourceType":"*"},
          {"resourceType":"Bot","hiddenFields":["sourceCode"]},
          {"resourceType":"ClientApplication","hiddenFields":["secret"]})",
       ""},
      {"SubscriptionIsReadonly",
       R"({"resourceType":"AccessPolicy"},{"resourceType":"Bot"},
          {"resourceType":"UserConfiguration"},
          {"resourceType":"ClientApplication"},
          {"resourceType":"Subscription","readonly":true})",
       "create a Subscription"},
  };
  for (const PolicyCase& test : cases) {
    SCOPED_TRACE(test.name);
    LoginFacts facts = GoodFacts();
    facts.login.access_policy = Effective(test.entries);
    const auto missing = FindMissingAccess(facts, OfProject());
    if (*test.missing == '\0') {
      EXPECT_THAT(missing, IsEmpty());
    } else {
      ASSERT_EQ(missing.size(), 1u);
      EXPECT_THAT(missing[0].what, HasSubstr(test.missing));
    }
  }
}

TEST(RequiredAccessTest, StarAndAdminRulesDoNotDeliverAdminTypes) {
  LoginFacts facts = GoodFacts();
  facts.policies = {
      R"({"resourceType":"AccessPolicy","resource":[{"resourceType":"*"}]})"};
  EXPECT_THAT(
      FindMissingAccess(facts, OfProject()),
      ElementsAre(
          Misses(Use::kNotify, "changes of Project are not delivered"),
          Misses(
              Use::kNotify,
              R"(add {"resourceType":"ProjectMembership","readonly":true})")));
}

TEST(RequiredAccessTest, AMembershipWithoutPolicyIsDeliveredNothing) {
  LoginFacts facts = GoodFacts();
  facts.policies.clear();
  EXPECT_EQ(FindMissingAccess(facts, OfProject()).size(),
            std::size(kFollowedTypes));
}

TEST(RequiredAccessTest, WebSocketsTakeTheFeatureAndRestHooksDoNot) {
  LoginFacts facts = GoodFacts();
  facts.project_features.clear();
  RequiredAccess required = OfProject();
  EXPECT_THAT(
      FindMissingAccess(facts, required),
      ElementsAre(
          Misses(Use::kNotify, "lacks the feature `websocket-subscriptions`")));
  required.web_socket = false;
  required.rest_hook = true;
  EXPECT_THAT(FindMissingAccess(facts, required), IsEmpty());
}

// A server that has some resources.
class FakeApi : public Api {
 public:
  LoginInfo login;
  std::map<std::string, std::string> resources;
  absl::Status refusal;  // Of what is not there.

  absl::StatusOr<ReadAnswer> Read(const fhir::ResourceKey& key) override {
    const auto found = resources.find(key.ToString());
    if (found != resources.end()) {
      return ReadAnswer{ReadAnswer::State::kFound, found->second,
                        absl::InfinitePast()};
    }
    if (!refusal.ok()) return refusal;
    return ReadAnswer{};
  }
  absl::StatusOr<LoginInfo> WhoAmI() override { return login; }
  absl::StatusOr<SearchPage> Search(std::string_view) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<SearchPage> NextPage(std::string_view) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::string> ServerVersion() override { return ""; }
  absl::StatusOr<std::string> CreateSubscription(std::string_view) override {
    return absl::UnimplementedError("");
  }
  absl::Status DeleteSubscription(std::string_view) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<BindingToken> GetBindingToken(std::string_view) override {
    return absl::UnimplementedError("");
  }
  void Stop() override {}
};

TEST(ReadLoginFactsTest, ReadsTheProjectTheMembershipAndItsPolicies) {
  FakeApi api;
  api.login = GoodFacts().login;
  api.resources = {
      {"Project/p", R"({"resourceType":"Project","id":"p",
                        "features":["bots","websocket-subscriptions"]})"},
      {"ProjectMembership/m",
       R"({"resourceType":"ProjectMembership","id":"m",
           "accessPolicy":{"reference":"AccessPolicy/a"},
           "access":[{"policy":{"reference":"AccessPolicy/b"}},
                     {"policy":{"reference":"AccessPolicy/gone"}}]})"},
      {"AccessPolicy/a", R"({"resourceType":"AccessPolicy","id":"a"})"},
      {"AccessPolicy/b", R"({"resourceType":"AccessPolicy","id":"b"})"},
  };
  const auto facts = ReadLoginFacts(api);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_THAT(facts->project_features,
              ElementsAre("bots", "websocket-subscriptions"));
  EXPECT_TRUE(facts->membership_is_readable);
  EXPECT_THAT(facts->policies,
              ElementsAre(HasSubstr(R"("id":"a")"), HasSubstr(R"("id":"b")")));
}

TEST(ReadLoginFactsTest, WhatTheLoginMayNotSeeIsNoError) {
  FakeApi api;
  api.login = GoodFacts().login;
  api.refusal = absl::PermissionDeniedError("forbidden");
  const auto facts = ReadLoginFacts(api);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_FALSE(facts->membership_is_readable);
}

TEST(ReadLoginFactsTest, AServerThatIsAwayIsAnError) {
  FakeApi api;
  api.login = GoodFacts().login;
  api.refusal = absl::UnavailableError("no answer");
  EXPECT_TRUE(absl::IsUnavailable(ReadLoginFacts(api).status()));
}

}  // namespace
}  // namespace pdp::medplum
