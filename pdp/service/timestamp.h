// absl::Time and absl::Duration ↔ protobuf's.

#ifndef PDP_SERVICE_TIMESTAMP_H_
#define PDP_SERVICE_TIMESTAMP_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>

#include "absl/time/time.h"

namespace pdp::service {

inline void WriteTimestamp(absl::Time time,
                           google::protobuf::Timestamp& message) {
  const int64_t nanos = absl::ToUnixNanos(time);
  message.set_seconds(nanos / 1'000'000'000);
  message.set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

inline absl::Time ReadTimestamp(const google::protobuf::Timestamp& message) {
  return absl::FromUnixSeconds(message.seconds()) +
         absl::Nanoseconds(message.nanos());
}

inline void WriteDuration(absl::Duration duration,
                          google::protobuf::Duration& message) {
  const int64_t nanos = absl::ToInt64Nanoseconds(duration);
  message.set_seconds(nanos / 1'000'000'000);
  message.set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

inline absl::Duration ReadDuration(const google::protobuf::Duration& message) {
  return absl::Seconds(message.seconds()) + absl::Nanoseconds(message.nanos());
}

}  // namespace pdp::service

#endif  // PDP_SERVICE_TIMESTAMP_H_
