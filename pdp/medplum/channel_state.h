// What every channel of notifications says of itself.

#ifndef PDP_MEDPLUM_CHANNEL_STATE_H_
#define PDP_MEDPLUM_CHANNEL_STATE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/strings.h"

namespace pdp::medplum {

struct ChannelState {
  bool is_connected = false;
  absl::Time connected_since = absl::InfinitePast();  // While it is connected.
  uint64_t failures = 0;   // Ends, and attempts that did not connect.
  std::string last_error;  // Why the last one was.

  void Connect(absl::Time now) {
    is_connected = true;
    connected_since = now;
  }
  void Disconnect(const absl::Status& why) {
    is_connected = false;
    connected_since = absl::InfinitePast();
    last_error = ToStd(why.message());
    ++failures;
  }
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_CHANNEL_STATE_H_
