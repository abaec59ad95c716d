#include "pdp/sync/sharded_cache.h"

#include <gtest/gtest.h>

#include <string>

#include "pdp/base/strings.h"

namespace pdp::sync {
namespace {

using Cache = ShardedCache<std::string, int, StringHash, StringEqual>;

TEST(ShardedCacheTest, WhatWasReadBeforeAnErasureIsNotInsertedAfterIt) {
  Cache cache(1 << 20);
  Cache::Ticket ticket;
  EXPECT_FALSE(cache.Find("a", ticket).has_value());
  cache.Erase("a");
  cache.Insert("a", 1, 0, ticket);
  EXPECT_FALSE(cache.Find("a", ticket).has_value());
  cache.Insert("a", 2, 0, ticket);
  EXPECT_EQ(cache.Find("a", ticket), 2);
}

TEST(ShardedCacheTest, TheFirstToInsertWins) {
  Cache cache(1 << 20);
  Cache::Ticket ticket;
  cache.Find("a", ticket);
  cache.Insert("a", 1, 0, ticket);
  cache.Insert("a", 2, 0, ticket);
  EXPECT_EQ(cache.Find("a", ticket), 1);
}

TEST(ShardedCacheTest, WhatIsLookedUpStaysLonger) {
  Cache cache(16 * 4096);
  Cache::Ticket ticket;
  cache.Find("hot", ticket);
  cache.Insert("hot", 7, 0, ticket);
  for (int i = 0; i < 5000; ++i) {
    const std::string key = StrCat("cold", i);
    cache.Find(key, ticket);
    cache.Insert(key, i, 0, ticket);
    EXPECT_EQ(cache.Find("hot", ticket), 7);
  }
  EXPECT_LE(cache.statistics().bytes, 16u * 4096);
  EXPECT_GT(cache.statistics().evictions, 1000u);
}

TEST(ShardedCacheTest, WhatIsTooLargeIsNotKept) {
  Cache cache(16 * 4096);
  Cache::Ticket ticket;
  cache.Find("a", ticket);
  cache.Insert("a", 1, 4096, ticket);
  EXPECT_FALSE(cache.Find("a", ticket).has_value());
  EXPECT_EQ(cache.statistics().bytes, 0u);
}

TEST(ShardedCacheTest, ErasedRoomIsUsedAgain) {
  Cache cache(1 << 20);
  Cache::Ticket ticket;
  for (int i = 0; i < 10000; ++i) {
    const std::string key = StrCat(i);
    cache.Find(key, ticket);
    cache.Insert(key, i, 100, ticket);
    cache.Erase(key);
  }
  EXPECT_EQ(cache.statistics().entries, 0u);
  EXPECT_EQ(cache.statistics().bytes, 0u);
  EXPECT_EQ(cache.statistics().evictions, 0u);
}

}  // namespace
}  // namespace pdp::sync
