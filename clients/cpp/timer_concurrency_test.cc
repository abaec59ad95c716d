// What threads share in a client; ThreadSanitizer watches.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "clients/cpp/open_calls.h"
#include "clients/cpp/retry.h"
#include "clients/cpp/timer.h"

namespace medplum_pdp {
namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 500;

void InThreads(const std::function<void()>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

TEST(TimerConcurrencyTest, WhatIsNotCancelledIsCalledOnce) {
  std::atomic<int> called = 0;
  std::atomic<int> cancelled = 0;
  {
    Timer timer;
    InThreads([&] {
      for (int i = 0; i < kRounds; ++i) {
        const Timer::Id id =
            timer.After(absl::Microseconds(i % 50), [&] { ++called; });
        if (i % 3 == 0 && timer.Cancel(id)) ++cancelled;
      }
    });
    // Time passes until all that is left was called.
    while (called + cancelled < kThreads * kRounds) std::this_thread::yield();
  }
  EXPECT_EQ(called + cancelled, kThreads * kRounds);
}

TEST(TimerConcurrencyTest, WhatWasCancelledAndWaitedForDoesNotRun) {
  Timer timer;
  InThreads([&] {
    for (int i = 0; i < kRounds; ++i) {
      auto guarded = std::make_unique<int>(0);
      const Timer::Id id =
          timer.After(absl::Microseconds(i % 20), [&] { ++*guarded; });
      if (i % 2 == 0) std::this_thread::yield();
      timer.CancelAndWait(id);
      guarded.reset();
    }
  });
}

TEST(RetryBudgetConcurrencyTest, IsNeverSpentTwice) {
  RetryBudget budget;
  std::atomic<int> taken = 0;
  InThreads([&] {
    for (int i = 0; i < kRounds; ++i) {
      if (budget.Take()) ++taken;
    }
  });
  EXPECT_EQ(taken, 10);
  InThreads([&] {
    for (int i = 0; i < kRounds; ++i) {
      budget.Return();
      if (budget.Take()) ++taken;
    }
  });
  EXPECT_LE(taken, 10 + kThreads * kRounds / 10);
  EXPECT_GT(taken, 10);
}

TEST(OpenCallsConcurrencyTest, EndsWithNoCallLeft) {
  for (int round = 0; round < 20; ++round) {
    OpenCalls calls;
    int open = 0;  // Guarded by nothing but the calls' own order.
    const auto first = calls.Add([] {});
    ASSERT_TRUE(first.has_value());
    ++open;
    std::thread others([&] {
      InThreads([&] {
        for (int i = 0; i < kRounds; ++i) {
          if (const auto id = calls.Add([] {})) calls.Remove(*id);
        }
      });
    });
    std::thread last([&] {
      --open;
      calls.Remove(*first);
    });
    calls.CloseAndWait();
    EXPECT_EQ(open, 0);
    EXPECT_FALSE(calls.Add([] {}).has_value());
    others.join();
    last.join();
  }
}

}  // namespace
}  // namespace medplum_pdp
