// What a warm decision allocates and locks does not grow with the policy, the
// resource, or the store.  Links nothing else that replaces operator new.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "pdp/policy/decision.h"
#include "tests/bench/bench_world.h"

namespace {

// Of the thread that counts.
struct Counts {
  uint64_t allocations = 0;
  uint64_t bytes = 0;
  uint64_t locks = 0;
};
thread_local Counts* counting = nullptr;

void* Allocate(size_t size) {
  if (counting != nullptr) {
    ++counting->allocations;
    counting->bytes += size;
  }
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

// What std::mutex calls.
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock lock =
      reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  if (counting != nullptr) ++counting->locks;
  return lock(mutex);
}

namespace pdp {
namespace {

Counts CountWarmDecision(const BenchWorldSize& size) {
  const BenchWorld world(size);
  const policy::AccessRequest request = world.ReadPatient();
  policy::Decision decision;
  // Twice, until everything that is kept is kept.
  world.Decide(request, decision);
  world.Decide(request, decision);
  Counts counts;
  counting = &counts;
  world.Decide(request, decision);
  counting = nullptr;
  return counts;
}

TEST(WarmDecisionTest, WhatIsAllocatedDoesNotGrowWithWhatIsKept) {
  const Counts small = CountWarmDecision({.entries = 1});
  EXPECT_GT(small.allocations, 0u) << "nothing is counted";
  const struct {
    std::string name;
    BenchWorldSize size;
  } kCases[] = {
      {"500 entries", {.entries = 500}},
      {"a resource of 100 KB", {.entries = 1, .patient_bytes = 100'000}},
      {"1,000 more policies", {.entries = 1, .other_policies = 1'000}},
      {"1,000 more memberships", {.entries = 1, .other_memberships = 1'000}},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    const Counts counts = CountWarmDecision(test.size);
    EXPECT_EQ(counts.allocations, small.allocations);
    EXPECT_EQ(counts.bytes, small.bytes);
    EXPECT_EQ(counts.locks, small.locks);
  }
}

// Each of a part of a cache, for as long as one look-up in it takes.
TEST(WarmDecisionTest, TwoLocksAreTaken) {
  EXPECT_EQ(CountWarmDecision({}).locks, 2u);
}

}  // namespace
}  // namespace pdp
