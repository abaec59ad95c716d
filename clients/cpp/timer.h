// Functions to be called later.

#ifndef PDP_CLIENTS_CPP_TIMER_H_
#define PDP_CLIENTS_CPP_TIMER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/time/time.h"

namespace medplum_pdp {

// A thread that calls functions at their time, one after another.  Thread-safe.
class Timer {
 public:
  using Id = uint64_t;  // Never 0.

  Timer();
  // Forgets what is not due, and waits for what runs.
  // REQUIRES: not called by such a function.
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Calls `function` once `wait` is over; at once where it is negative.
  Id After(absl::Duration wait, std::function<void()> function);

  // True: it will not be called.  False: it was, or is just now.
  bool Cancel(Id id);
  // It is neither called nor running when this returns, unless this is called
  // by such a function.  0 is no function.
  void CancelAndWait(Id id);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void Run();

  std::mutex mutex_;  // Guards all that follows.
  std::condition_variable changed_;
  bool is_ending_ = false;
  Id last_id_ = 0;
  Id running_ = 0;  // 0: none.
  std::map<std::pair<TimePoint, Id>, std::function<void()>> functions_;
  std::map<Id, TimePoint> times_;  // Of each of functions_.
  std::thread thread_;
};

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_TIMER_H_
