// The caches of bound policies under several threads.  Runs under
// ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pdp/policy/access_cache.h"
#include "pdp/policy/bind_cache.h"
#include "pdp/policy/blocks.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

AccessCache::Item Item(std::vector<fhir::ResourceKey> dependencies) {
  auto access = std::make_shared<SubjectAccess>();
  access->dependencies = std::move(dependencies);
  return access;
}

const fhir::ResourceKey kPolicy{"AccessPolicy", "p"};
const fhir::ResourceKey kOther{"AccessPolicy", "q"};

TEST(AccessCacheConcurrency, ReadersAndAWriterShareIt) {
  AccessCache cache(64);
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&, r] {
      for (int i = 0; !done.load(); ++i) {
        uint64_t generation = 0;
        const std::string key = std::to_string((i + r) % 50);
        if (cache.Find(key, generation) == nullptr) {
          cache.Insert(key, Item({kPolicy, kOther}), generation);
        }
      }
    });
  }
  for (int i = 0; i < 2000; ++i) {
    cache.Invalidate(std::vector{i % 2 ? kPolicy : kOther});
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  cache.Invalidate(std::vector{kPolicy});
  EXPECT_EQ(cache.size(), 0u);
}

TEST(BindCacheConcurrency, ThreadsThatBindTheSameInputsGetEqualPolicies) {
  auto compiled = CompilePolicy(*testing::Json(
      "{'resourceType':'AccessPolicy','id':'p','resource':["
      "{'resourceType':'Task','criteria':'Task?_compartment=%org'}]}"));
  ASSERT_TRUE(compiled.ok());
  BindCache cache;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1500; ++i) {
        const std::string org = std::to_string(i % 7);
        BindInput input;
        input.uses = {{*compiled,
                       {{"org", StrCat("Organization/", org), true}},
                       1,
                       false}};
        input.profile = "Practitioner/1";
        const BindResult result = cache.Get(input);
        ASSERT_NE(result.policy, nullptr);
        // The cache keeps nothing alive: other threads meet dying policies.
        ASSERT_EQ(result.policy->entries()
                      .front()
                      .compiled->criteria.filters.front()
                      .value,
                  StrCat("Organization/", org));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cache.size(), 0u);
}

TEST(PublishedBlocksConcurrency, AReaderNeverGoesBackToAnOlderSet) {
  PublishedBlocks published;
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      size_t last = 0;
      while (!done.load()) {
        const BlockSet* const blocks = published.Get();
        if (blocks == nullptr) continue;
        ASSERT_GE(blocks->size(), last);
        ASSERT_NE(blocks->Find("User/0"), nullptr);
        last = blocks->size();
      }
    });
  }
  std::vector<Block> blocks;
  for (int i = 0; i < 300; ++i) {
    blocks.push_back({.target = StrCat("User/", i),
                      .since = absl::UnixEpoch(),
                      .until = absl::InfiniteFuture(),
                      .reason = "r"});
    published.Publish(std::make_shared<const BlockSet>(blocks, Clock::Real()));
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(published.Get()->size(), 300u);
}

}  // namespace
}  // namespace pdp::policy
