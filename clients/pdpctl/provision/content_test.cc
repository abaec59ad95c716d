#include "clients/pdpctl/provision/content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "pdp/fhir/resource.h"

namespace pdp::provision {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Lines PolicyOf(const std::string& members) {
  const auto policy = fhir::Resource::Parse(
      R"({"resourceType":"AccessPolicy",)" + members + "}");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return PolicyLines((*policy)->root());
}

TEST(ContentTest, WhatMedplumStoresAlikeHasTheSameLines) {
  EXPECT_EQ(PolicyOf(R"("name":"a","resource":[{"criteria":"C?x=1",
                "resourceType":"C","interaction":[],"hiddenFields":null}])"),
            PolicyOf(R"("resource":[{"resourceType":"C","criteria":"C?x=1"}],
                "name":"a","id":"1","meta":{"versionId":"2"},"basedOn":[])"));
}

TEST(ContentTest, TheOrderOfEntriesCounts) {
  EXPECT_NE(PolicyOf(R"("resource":[{"resourceType":"A"},
                        {"resourceType":"B"}])"),
            PolicyOf(R"("resource":[{"resourceType":"B"},
                        {"resourceType":"A"}])"));
}

TEST(ContentTest, DifferenceTurnsOneIntoTheOther) {
  EXPECT_THAT(Difference({"a", "b", "c"}, {"a", "c", "d"}),
              ElementsAre("- b", "+ d"));
  EXPECT_THAT(Difference({"a"}, {"a"}), IsEmpty());
  EXPECT_THAT(Difference({}, {"a"}), ElementsAre("+ a"));
}

TEST(ContentTest, APolicyThatLosesAnEntryThatHidNothingIsNarrower) {
  struct Case {
    std::string name;
    Lines difference;
    bool widens;
  };
  const Case cases[] = {
      {"another name", {"- name: a", "+ name: b"}, false},
      {"an entry goes", {R"(- resource: {"resourceType":"A"})"}, false},
      {"an entry comes", {R"(+ resource: {"resourceType":"A"})"}, true},
      {"one that hid goes",
       {R"(- resource: {"hiddenFields":["a"],"resourceType":"A"})"},
       true},
      {"one that constrained goes",
       {R"(- resource: {"resourceType":"A","writeConstraint":[]})"},
       true},
      {"one that everybody reads without it goes",
       {R"(- resource: {"resourceType":"StructureDefinition"})"},
       true},
      {"an IP rule goes", {R"(- ipAccessRule: {"value":"*"})"}, true},
      {"the compartment goes", {R"(- compartment: {"reference":"x"})"}, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(PolicyChangeWidens(c.difference), c.widens);
  }
}

TEST(ContentTest, AMemberThatLosesAPolicyThatHidesMaySeeMore) {
  MembershipContent both;
  both.access = {{{"@role/a", ""}, {}}, {{"@role/b", ""}, {}}};
  MembershipContent second;
  second.access = {{{"@role/b", ""}, {}}};
  const auto nothing = [](const std::string&) { return false; };
  const auto a_hides = [](const std::string& policy) {
    return policy == "@role/a";
  };
  EXPECT_FALSE(MembershipChangeWidens(both, second, nothing));
  EXPECT_TRUE(MembershipChangeWidens(both, second, a_hides));
  EXPECT_TRUE(MembershipChangeWidens(second, both, nothing));

  MembershipContent inactive = both;
  inactive.active = false;
  EXPECT_FALSE(MembershipChangeWidens(both, inactive, a_hides));
  EXPECT_TRUE(MembershipChangeWidens(inactive, both, nothing));
  MembershipContent admin = both;
  admin.admin = true;
  EXPECT_TRUE(MembershipChangeWidens(both, admin, nothing));
  EXPECT_FALSE(MembershipChangeWidens(admin, both, nothing));
}

}  // namespace
}  // namespace pdp::provision
