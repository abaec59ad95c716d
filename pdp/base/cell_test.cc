#include "pdp/base/cell.h"

#include <gtest/gtest.h>

namespace pdp {
namespace {

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
