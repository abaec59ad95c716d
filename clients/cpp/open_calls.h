// The calls that a client has open, so that it can end with none left.

#ifndef PDP_CLIENTS_CPP_OPEN_CALLS_H_
#define PDP_CLIENTS_CPP_OPEN_CALLS_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

namespace medplum_pdp {

// Thread-safe.
class OpenCalls {
 public:
  using Id = uint64_t;

  OpenCalls() = default;
  // REQUIRES: no call is open.
  ~OpenCalls() = default;
  OpenCalls(const OpenCalls&) = delete;
  OpenCalls& operator=(const OpenCalls&) = delete;

  // A call begins, which `cancel` would make end soon.  Nothing after
  // CloseAndWait: it must not begin.
  std::optional<Id> Add(std::function<void()> cancel);

  // It has ended, and touches nothing any more.
  void Remove(Id id);

  // Cancels what is open, and returns when all of it was removed.
  void CloseAndWait();

 private:
  std::mutex mutex_;  // Guards all that follows.
  std::condition_variable removed_;
  bool is_closed_ = false;
  Id last_id_ = 0;
  std::map<Id, std::function<void()>> cancels_;
};

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_OPEN_CALLS_H_
