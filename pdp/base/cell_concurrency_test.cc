#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "pdp/base/cell.h"

namespace pdp {
namespace {

TEST(CounterTableTest, LosesNothingThatThreadsAddAtOnce) {
  CounterTable table(20);
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&table] {
      for (int n = 0; n < 1'000; ++n) table.Add(19, 2);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table.Get(19), 24'000u);
  EXPECT_EQ(table.Get(18), 0u);
}

}  // namespace
}  // namespace pdp
