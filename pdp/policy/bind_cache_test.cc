#include "pdp/policy/bind_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "tests/support/world.h"

namespace pdp::policy {
namespace {

std::shared_ptr<const CompiledPolicy> Policy(std::string_view criteria) {
  auto compiled = CompilePolicy(*testing::Json(
      StrCat("{'resourceType':'AccessPolicy','id':'p','resource':["
             "{'resourceType':'Task','criteria':'",
             criteria, "'}]}")));
  EXPECT_TRUE(compiled.ok());
  return *compiled;
}

BindInput Input(std::shared_ptr<const CompiledPolicy> policy,
                std::string_view profile, std::string_view org = "O/1") {
  BindInput input;
  input.uses = {{std::move(policy),
                 {{"organization", std::string(org), /*is_reference=*/true}},
                 1,
                 false}};
  input.profile = profile;
  input.project_id = "project";
  return input;
}

TEST(BindCacheTest, MembersOfOneTenantShareAPolicy) {
  BindCache cache;
  const auto policy = Policy("Task?_compartment=%organization");
  const auto a = cache.Get(Input(policy, "Practitioner/1"));
  const auto b = cache.Get(Input(policy, "Practitioner/2"));
  const auto other = cache.Get(Input(policy, "Practitioner/1", "O/2"));
  EXPECT_EQ(a.policy, b.policy);
  EXPECT_NE(a.policy, other.policy);
  EXPECT_EQ(cache.size(), 2u);
}

TEST(BindCacheTest, WhatAPolicyIsCalledIsAnInput) {
  BindInput plain = Input(Policy("Task?status=draft"), "Practitioner/1");
  BindInput named = plain;
  named.uses[0].based_on = R"({"reference":"AccessPolicy/p","display":"P"})";
  EXPECT_NE(BindKey(plain), BindKey(named));
}

TEST(BindCacheTest, MembersOfAPolicyThatNamesThemDoNot) {
  for (const char* criteria :
       {"Task?owner=%profile", "Task?patient=%patient", "Task?owner=%%x"}) {
    SCOPED_TRACE(criteria);
    BindCache cache;
    const auto policy = Policy(criteria);
    const auto a = cache.Get(Input(policy, "Practitioner/1"));
    const auto b = cache.Get(Input(policy, "Practitioner/2"));
    EXPECT_NE(a.policy, b.policy);
  }
}

TEST(BindCacheTest, AValueMayBringTheProfileIn) {
  BindCache cache;
  const auto policy = Policy("Task?owner=%organization");
  BindInput a = Input(policy, "Practitioner/1", "%profile");
  BindInput b = Input(policy, "Practitioner/2", "%profile");
  a.mode = b.mode = Mode::kParity;
  EXPECT_NE(cache.Get(a).policy, cache.Get(b).policy);
}

TEST(BindCacheTest, NoTwoInputsShareAKey) {
  const auto policy = Policy("Task?_compartment=%organization");
  const BindInput base = Input(policy, "Practitioner/1");
  std::vector<BindInput> others(8, base);
  others[0].admin = true;
  others[1].super_admin = true;
  others[2].project_id = "projec";
  others[3].smart_scope = "";
  others[4].smart_scope = "user/*.rs";
  others[5].mode = Mode::kParity;
  others[6].parameter_semantics = ParameterSemantics::kServer;
  others[7].uses[0].is_foreign = true;
  StringSet keys = {BindKey(base)};
  for (const BindInput& other : others) {
    EXPECT_TRUE(keys.insert(BindKey(other)).second);
  }
  BindInput recompiled = base;
  recompiled.uses[0].policy = Policy("Task?_compartment=%organization");
  EXPECT_TRUE(keys.insert(BindKey(recompiled)).second);
}

TEST(BindCacheTest, KeepsNothingAlive) {
  BindCache cache;
  cache.Get(Input(Policy("Task?status=x"), "Practitioner/1"));
  EXPECT_EQ(cache.size(), 0u);
}

}  // namespace
}  // namespace pdp::policy
