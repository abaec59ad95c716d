// Who watches revisions, while these change and watches come and go.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pdp/fhir/memory_lookup.h"
#include "pdp/service/revision_watchers.h"
#include "tests/support/eventually.h"
#include "tests/support/world.h"

namespace pdp::service {
namespace {

constexpr size_t kMembers = 8;
constexpr int kChanges = 2'000;

std::string Member(size_t i) { return StrCat("ProjectMembership/m", i); }

// Members with a policy each.
std::vector<fhir::ResourcePtr> Members() {
  std::vector<fhir::ResourcePtr> live;
  for (size_t i = 0; i < kMembers; ++i) {
    live.push_back(
        testing::Json(StrCat("{'resourceType':'ProjectMembership','id':'m", i,
                             "','meta':{'project':'$PROJECT'},"
                             "'project':{'reference':'Project/$PROJECT'},"
                             "'user':{'reference':'User/u'},"
                             "'profile':{'reference':'Practitioner/p'},"
                             "'accessPolicy':{'reference':'AccessPolicy/a",
                             i, "'}}")));
  }
  return live;
}

// Up to which revision changes of each member were told.
class Told {
 public:
  void Add(const WatchedChanges& changes) {
    for (size_t i = 0; i < kMembers; ++i) {
      if (changes.all) Raise(i, changes.revision);
    }
    for (const std::string& member : changes.members) {
      for (size_t i = 0; i < kMembers; ++i) {
        if (member == Member(i)) Raise(i, changes.revision);
      }
    }
  }
  uint64_t at(size_t i) const { return revisions_[i]; }

 private:
  void Raise(size_t i, uint64_t revision) {
    uint64_t before = revisions_[i];
    while (before < revision &&
           !revisions_[i].compare_exchange_weak(before, revision)) {
    }
  }
  std::array<std::atomic<uint64_t>, kMembers> revisions_{};
};

// Takes what its watch is told, from the thread that tells.
struct Taker {
  std::mutex mutex;
  std::shared_ptr<RevisionWatchers::Watch> watch;
  Told told;

  void Take() {
    const std::lock_guard lock(mutex);
    if (watch == nullptr) return;
    while (auto changes = watch->Take()) told.Add(*changes);
  }
  void Begin(RevisionWatchers& watchers, std::vector<std::string> members) {
    auto added = watchers.Add(std::move(members), [this] { Take(); });
    ASSERT_TRUE(added.ok()) << added.status();
    {
      const std::lock_guard lock(mutex);
      watch = *std::move(added);
    }
    Take();  // It may have been told before.
  }
};

TEST(RevisionWatchersConcurrencyTest, NoChangeIsLeftOut) {
  const fhir::MemoryLookup lookup(Members(), {});
  // So few that some do not fit.
  auto watchers = std::make_unique<RevisionWatchers>(
      lookup, RevisionWatchers::Limits{.changes_waiting = 4});
  Taker of_all;
  of_all.Begin(*watchers, {});
  std::vector<std::string> names;
  for (size_t i = 0; i < kMembers; ++i) names.push_back(Member(i));
  Taker of_each;
  of_each.Begin(*watchers, names);

  std::mutex revision_mutex;
  uint64_t revision = 0;
  std::array<uint64_t, kMembers> changed{};
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&, thread] {
      for (int n = 0; n < kChanges; ++n) {
        const size_t i = (static_cast<size_t>(n) * 3 + thread) % kMembers;
        const fhir::ResourceKey keys[] = {
            {"AccessPolicy", StrCat("a", i)},
            {"ProjectMembership", StrCat("m", i)}};
        // As the one who applies changes tells of them.
        const std::lock_guard lock(revision_mutex);
        changed[i] = ++revision;
        watchers->Changed(revision, keys);
      }
    });
  }
  std::atomic<bool> done = false;
  std::thread passing([&] {
    while (!done) {
      auto watch = watchers->Add({Member(1), Member(2)}, [] {});
      if (watch.ok()) (void)(*watch)->Take();
    }
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  passing.join();
  for (const Taker* taker : {&of_all, &of_each}) {
    EXPECT_TRUE(Eventually([&] {
      for (size_t i = 0; i < kMembers; ++i) {
        if (taker->told.at(i) < changed[i]) return false;
      }
      return true;
    }));
  }

  // A watch may outlive those who tell it.
  std::thread ending([&] { watchers.reset(); });
  of_all.Take();
  ending.join();
  of_all.Take();
}

}  // namespace
}  // namespace pdp::service
