// Many decisions over one stream: cheaper than calls of their own, and as many
// at once as the caller likes.

#ifndef MEDPLUM_PDP_CHECK_STREAM_H_
#define MEDPLUM_PDP_CHECK_STREAM_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "medplum_pdp/decision.h"
#include "medplum_pdp/options.h"

namespace medplum_pdp {

struct CheckStreamOptions {
  // Of each check.  Absent: the client's.
  std::optional<absl::Duration> timeout;
  // Checks that may be open; one more has no decision, ResourceExhausted.
  size_t max_in_flight = 1'000;
  // Of the whole stream; `CheckRequest.context` has those of one check.
  std::string traceparent;
  std::string request_id;
};

// Thread-safe.  A stream is at one server: with several, open several.
//
// When the stream breaks, everything that is open has no decision, Unavailable:
// ask again, if there is time.  The next check opens another stream.  So it is
// with a server that has answered nothing for as long as a check may take.
class CheckStream {
 public:
  // What is open has no decision, Cancelled; waits for the callbacks.
  // REQUIRES: not called by a callback.
  ~CheckStream();
  CheckStream(const CheckStream&) = delete;
  CheckStream& operator=(const CheckStream&) = delete;

  // Never waits.  `done` is called once, by a thread of the library or by this
  // one.  Answers come in the order of the checks; what has no decision may
  // come before.
  void Check(v1::CheckRequest request, std::function<void(Decision)> done);

 private:
  friend class Client;
  class Impl;
  explicit CheckStream(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace medplum_pdp

#endif  // MEDPLUM_PDP_CHECK_STREAM_H_
