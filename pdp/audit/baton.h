// Baton: held by one thread at a time, and rarely asked for by two.

#ifndef PDP_AUDIT_BATON_H_
#define PDP_AUDIT_BATON_H_

#include <sched.h>

#include <atomic>

namespace pdp::audit {

// Other than a mutex it may be given back by another thread, and taking it is
// one exchange.  Who waits yields: it is held for microseconds, or for as long
// as it takes to start a file.
class Baton {
 public:
  bool TryTake() { return !taken_.exchange(true, std::memory_order_acquire); }
  void Take() {
    while (!TryTake()) sched_yield();
  }
  void GiveBack() { taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> taken_ = false;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_BATON_H_
