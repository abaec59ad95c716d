// How late are decisions while memberships change?
//   storm SECONDS CHANGES_PER_SECOND
// Decides at a steady pace, and prints the 99th percentile of the time that a
// decision took, in microseconds: first while nothing changes, then while so
// many memberships change each second, some by each commit.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "tests/bench/bench_world.h"

namespace pdp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMemberships = 10'000;
constexpr int kChangesAtOnce = 10;
constexpr int kDecisionsAtOnce = 10;
constexpr auto kPace = std::chrono::microseconds(100);

// Microseconds.
double Percentile99(const BenchWorld& world, double seconds) {
  const policy::AccessRequest request = world.ReadPatient();
  policy::Decision decision;
  std::vector<double> times;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    const auto next = Clock::now() + kPace;
    for (int i = 0; i < kDecisionsAtOnce; ++i) {
      const auto begin = Clock::now();
      world.Decide(request, decision);
      const std::chrono::duration<double, std::micro> took =
          Clock::now() - begin;
      times.push_back(took.count());
    }
    std::this_thread::sleep_until(next);
  }
  const auto at =
      times.begin() + static_cast<std::ptrdiff_t>(times.size() * 99 / 100);
  std::nth_element(times.begin(), at, times.end());
  return *at;
}

int Run(double seconds, int changes_per_second) {
  BenchWorld world({.other_memberships = kMemberships});
  const double quiet = Percentile99(world, seconds);
  std::atomic<bool> is_over = false;
  int changed = 0;
  std::thread changer([&] {
    const std::chrono::duration<double> gap(
        static_cast<double>(kChangesAtOnce) / changes_per_second);
    auto next = Clock::now();
    while (!is_over) {
      world.ChangeMemberships(changed % (kMemberships - kChangesAtOnce),
                              kChangesAtOnce);
      changed += kChangesAtOnce;
      next += std::chrono::duration_cast<Clock::duration>(gap);
      std::this_thread::sleep_until(next);
    }
  });
  const double stormy = Percentile99(world, seconds);
  is_over = true;
  changer.join();
  std::printf("{\"quiet\":%.3f,\"stormy\":%.3f,\"changes_per_second\":%.0f}\n",
              quiet, stormy, changed / seconds);
  return 0;
}

}  // namespace
}  // namespace pdp

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: storm SECONDS CHANGES_PER_SECOND\n");
    return 2;
  }
  return pdp::Run(std::atof(argv[1]), std::atoi(argv[2]));
}
