// Counters and latency histograms that may be bumped while deciding.
//
// Every thread adds to a shard of its own cache lines, so that two threads
// counting the same thing do not wait for each other; whoever reads adds the
// shards up.  prometheus::Histogram takes a mutex in Observe(), which is why
// these exist.

#ifndef PDP_BASE_CELL_H_
#define PDP_BASE_CELL_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pdp {

inline constexpr size_t kCellShards = 8;

// The shard of the calling thread.
inline size_t CellShard() {
  static std::atomic<size_t> next{0};
  static thread_local const size_t shard =
      next.fetch_add(1, std::memory_order_relaxed) % kCellShards;
  return shard;
}

// A fixed number of counters that only grow.  Thread-safe, without a lock.
class CounterTable {
 public:
  explicit CounterTable(size_t counters)
      : lines_per_shard_((counters + kPerLine - 1) / kPerLine),
        lines_(lines_per_shard_ * kCellShards) {}

  // REQUIRES: counter < the number of counters
  void Add(size_t counter, uint64_t amount = 1) {
    Cell(CellShard(), counter).fetch_add(amount, std::memory_order_relaxed);
  }

  uint64_t Get(size_t counter) const {
    uint64_t sum = 0;
    for (size_t shard = 0; shard < kCellShards; ++shard) {
      sum += Cell(shard, counter).load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  static constexpr size_t kPerLine = 8;
  struct alignas(64) Line {
    std::array<std::atomic<uint64_t>, kPerLine> cells{};
  };

  std::atomic<uint64_t>& Cell(size_t shard, size_t counter) {
    return lines_[shard * lines_per_shard_ + counter / kPerLine]
        .cells[counter % kPerLine];
  }
  const std::atomic<uint64_t>& Cell(size_t shard, size_t counter) const {
    return lines_[shard * lines_per_shard_ + counter / kPerLine]
        .cells[counter % kPerLine];
  }

  const size_t lines_per_shard_;
  std::vector<Line> lines_;
};

// How long something took, in buckets from half a microsecond to a second.
// Thread-safe, without a lock.
class LatencyHistogram {
 public:
  // Upper bounds, inclusive, in nanoseconds; a last bucket holds the rest.
  static constexpr std::array<uint64_t, 19> kBounds = {
      500,        1'000,       2'000,       5'000,        10'000,
      20'000,     50'000,      100'000,     200'000,      500'000,
      1'000'000,  2'000'000,   5'000'000,   10'000'000,   20'000'000,
      50'000'000, 100'000'000, 500'000'000, 1'000'000'000};
  static constexpr size_t kBuckets = kBounds.size() + 1;

  LatencyHistogram() : cells_(kBuckets + 1) {}

  void Observe(uint64_t nanoseconds) {
    const auto bound =
        std::lower_bound(kBounds.begin(), kBounds.end(), nanoseconds);
    cells_.Add(static_cast<size_t>(bound - kBounds.begin()));
    cells_.Add(kSum, nanoseconds);
  }

  struct Values {
    std::array<uint64_t, kBuckets> buckets{};  // Not cumulative.
    uint64_t sum = 0;                          // Nanoseconds.
  };
  Values Get() const {
    Values values;
    for (size_t i = 0; i < kBuckets; ++i) values.buckets[i] = cells_.Get(i);
    values.sum = cells_.Get(kSum);
    return values;
  }

 private:
  static constexpr size_t kSum = kBuckets;

  CounterTable cells_;
};

}  // namespace pdp

#endif  // PDP_BASE_CELL_H_
