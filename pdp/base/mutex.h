// std::mutex, made visible to clang's -Wthread-safety.
//
// absl::Mutex is annotated already, but Debian's libabsl is not built with
// ThreadSanitizer, which then reports every value it guards as a race.

#ifndef PDP_BASE_MUTEX_H_
#define PDP_BASE_MUTEX_H_

#include <mutex>

#include "absl/base/thread_annotations.h"

namespace pdp {

class ABSL_LOCKABLE Mutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace pdp

#endif  // PDP_BASE_MUTEX_H_
