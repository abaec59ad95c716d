// NotificationRecorder: a sink of notifications that keeps them.

#ifndef PDP_TESTS_SUPPORT_NOTIFICATION_RECORDER_H_
#define PDP_TESTS_SUPPORT_NOTIFICATION_RECORDER_H_

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "pdp/medplum/notification.h"

namespace pdp::medplum {

// What a channel of notifications told.  Thread-safe.
class NotificationRecorder {
 public:
  NotificationSink Sink() {
    return {.notify =
                [this](Notification notification) {
                  const std::lock_guard lock(mutex_);
                  notifications_.push_back(std::move(notification));
                },
            .connected = [this] { ++connected_; },
            .disconnected =
                [this](absl::Status why) {
                  const std::lock_guard lock(mutex_);
                  ends_.push_back(std::move(why));
                }};
  }

  int connected() const { return connected_; }
  std::vector<Notification> notifications() const {
    const std::lock_guard lock(mutex_);
    return notifications_;
  }
  std::vector<absl::Status> ends() const {
    const std::lock_guard lock(mutex_);
    return ends_;
  }

 private:
  std::atomic<int> connected_ = 0;
  mutable std::mutex mutex_;
  std::vector<Notification> notifications_;
  std::vector<absl::Status> ends_;
};

}  // namespace pdp::medplum

#endif  // PDP_TESTS_SUPPORT_NOTIFICATION_RECORDER_H_
