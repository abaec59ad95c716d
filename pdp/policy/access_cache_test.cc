#include "pdp/policy/access_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace pdp::policy {
namespace {

AccessCache::Item Item(std::vector<fhir::ResourceKey> dependencies) {
  auto access = std::make_shared<SubjectAccess>();
  access->dependencies = std::move(dependencies);
  return access;
}

const fhir::ResourceKey kPolicy{"AccessPolicy", "p"};
const fhir::ResourceKey kOther{"AccessPolicy", "q"};

TEST(AccessCacheTest, KeepsWhatWasInserted) {
  AccessCache cache(100);
  uint64_t generation = 0;
  EXPECT_EQ(cache.Find("a", generation), nullptr);
  const auto item = Item({kPolicy});
  cache.Insert("a", item, generation);
  EXPECT_EQ(cache.Find("a", generation), item);
  EXPECT_EQ(cache.size(), 1u);
}

TEST(AccessCacheTest, ForgetsWhatDependsOnAChange) {
  AccessCache cache(100);
  uint64_t generation = 0;
  cache.Find("a", generation);
  cache.Insert("a", Item({kPolicy}), generation);
  cache.Find("b", generation);
  cache.Insert("b", Item({kOther}), generation);
  cache.Invalidate(std::vector{kPolicy});
  EXPECT_EQ(cache.Find("a", generation), nullptr);
  EXPECT_NE(cache.Find("b", generation), nullptr);
}

TEST(AccessCacheTest, RefusesWhatWasBuiltBeforeAChange) {
  AccessCache cache(100);
  uint64_t generation = 0;
  cache.Find("a", generation);
  cache.Invalidate(std::vector{kPolicy});
  cache.Insert("a", Item({kPolicy}), generation);
  EXPECT_EQ(cache.Find("a", generation), nullptr);
}

TEST(AccessCacheTest, IsBounded) {
  AccessCache cache(16);
  for (int i = 0; i < 1000; ++i) {
    uint64_t generation = 0;
    const std::string key = std::to_string(i);
    cache.Find(key, generation);
    cache.Insert(key, Item({kPolicy}), generation);
  }
  EXPECT_LE(cache.size(), 16u);
}

}  // namespace
}  // namespace pdp::policy
