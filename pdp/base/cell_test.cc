#include "pdp/base/cell.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

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

TEST(LatencyHistogramTest, BoundsBelongToTheirBucket) {
  LatencyHistogram histogram;
  histogram.Observe(0);
  histogram.Observe(500);
  histogram.Observe(501);
  histogram.Observe(1'000'000'000);
  histogram.Observe(1'000'000'001);
  const LatencyHistogram::Values values = histogram.Get();
  EXPECT_EQ(values.buckets[0], 2u);
  EXPECT_EQ(values.buckets[1], 1u);
  EXPECT_EQ(values.buckets[LatencyHistogram::kBuckets - 2], 1u);
  EXPECT_EQ(values.buckets[LatencyHistogram::kBuckets - 1], 1u);
  EXPECT_EQ(values.sum, 2'000'001'002u);
}

}  // namespace
}  // namespace pdp
