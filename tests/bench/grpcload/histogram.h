// Histogram: durations in nanoseconds, each kept to within 0.4 %.

#ifndef PDP_TESTS_BENCH_GRPCLOAD_HISTOGRAM_H_
#define PDP_TESTS_BENCH_GRPCLOAD_HISTOGRAM_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace grpcload {

class Histogram {
 public:
  Histogram() : counts_((64 - kBits + 1) << kBits) {}

  void Record(int64_t nanoseconds) {
    const uint64_t value =
        static_cast<uint64_t>(std::max<int64_t>(nanoseconds, 0));
    ++counts_[IndexOf(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  void Merge(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }

  // In nanoseconds; 0 where nothing was recorded.
  double Quantile(double quantile) const {
    const auto wanted = std::max<uint64_t>(
        1, static_cast<uint64_t>(
               std::ceil(quantile * static_cast<double>(count_))));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) {
        return std::min(static_cast<double>(max_), MiddleOf(i));
      }
    }
    return static_cast<double>(max_);
  }

  uint64_t count() const { return count_; }
  double max() const { return static_cast<double>(max_); }

 private:
  // Each power of two is split into 2^kBits steps.
  static constexpr size_t kBits = 8;

  static size_t IndexOf(uint64_t value) {
    if (value < (1u << kBits)) return value;
    const size_t shift = static_cast<size_t>(std::bit_width(value)) - 1 - kBits;
    return ((shift + 1) << kBits) + ((value >> shift) & ((1u << kBits) - 1));
  }
  static double MiddleOf(size_t index) {
    const size_t high = index >> kBits;
    const size_t low = index & ((1u << kBits) - 1);
    if (high == 0) return static_cast<double>(low);
    const double width = std::ldexp(1.0, static_cast<int>(high) - 1);
    return (static_cast<double>((1u << kBits) + low) + 0.5) * width;
  }

  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace grpcload

#endif  // PDP_TESTS_BENCH_GRPCLOAD_HISTOGRAM_H_
