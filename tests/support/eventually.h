// Waiting for other threads, in tests.

#ifndef PDP_TESTS_SUPPORT_EVENTUALLY_H_
#define PDP_TESTS_SUPPORT_EVENTUALLY_H_

#include <chrono>
#include <thread>

namespace pdp {

// Waits until `condition` holds: true, or false after a time that no machine
// needs.
template <typename Condition>
bool Eventually(Condition condition) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

}  // namespace pdp

#endif  // PDP_TESTS_SUPPORT_EVENTUALLY_H_
