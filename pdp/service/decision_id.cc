#include "pdp/service/decision_id.h"

#include <cstddef>
#include <cstdint>
#include <random>

namespace pdp::service {
namespace {

// SplitMix64.
class Generator {
 public:
  Generator() {
    std::random_device device;
    state_ = (uint64_t{device()} << 32) | device();
  }

  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

}  // namespace

void WriteDecisionId(absl::Time now, std::string& id) {
  // Two generators: 74 random bits, so that neither the seeds nor the sequences
  // of two threads or processes meet.
  static thread_local Generator high_bits;
  static thread_local Generator low_bits;
  const uint64_t high = (static_cast<uint64_t>(absl::ToUnixMillis(now)) << 16) |
                        0x7000 | (high_bits.Next() >> 52);
  const uint64_t low = (uint64_t{2} << 62) | (low_bits.Next() >> 2);

  constexpr char kDigits[] = "0123456789abcdef";
  constexpr size_t kLength = 36;
  id.resize(kLength);
  size_t out = 0;
  for (const uint64_t half : {high, low}) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      if (out == 8 || out == 13 || out == 18 || out == 23) id[out++] = '-';
      id[out++] = kDigits[(half >> shift) & 0xf];
    }
  }
}

}  // namespace pdp::service
