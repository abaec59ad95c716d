#include "tests/fuzz/fuzz_target.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace pdp::fuzz {
namespace {

double ThreadMilliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 +
         static_cast<double>(now.tv_nsec) / 1e6;
}

double MillisecondsOf(std::string_view input) {
  const double start = ThreadMilliseconds();
  RunInput(input);
  return ThreadMilliseconds() - start;
}

// Zero: no bound.
double MaxMilliseconds() {
  const char* const text = std::getenv("PDP_FUZZ_MAX_MS");
  return text == nullptr ? 0 : std::strtod(text, nullptr);
}

}  // namespace

void Require(bool holds, std::string_view claim) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(claim.size()),
               claim.data());
  std::abort();
}

void RunTimed(std::string_view input) {
  static const double max_milliseconds = MaxMilliseconds();
  double taken = MillisecondsOf(input);
  if (max_milliseconds <= 0 || taken <= max_milliseconds) return;
  // The first input of a process also builds the tables that all share.
  taken = MillisecondsOf(input);
  if (taken <= max_milliseconds) return;
  std::fprintf(stderr, "slow: %.0f ms for %zu bytes\n", taken, input.size());
  std::abort();
}

}  // namespace pdp::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pdp::fuzz::RunTimed({reinterpret_cast<const char*>(data), size});
  return 0;
}
