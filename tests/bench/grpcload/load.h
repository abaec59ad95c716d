// What the loops of grpcload share: the requests, the connections, the phase
// of the run, and what is counted.

#ifndef PDP_TESTS_BENCH_GRPCLOAD_LOAD_H_
#define PDP_TESTS_BENCH_GRPCLOAD_LOAD_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/grpcload/histogram.h"
#include "tests/bench/grpcload/options.h"

namespace grpcload {

using Nanoseconds = int64_t;  // Since boot, or a duration.

Nanoseconds Now();
void SleepUntil(Nanoseconds time);

struct Payload {
  grpc::ByteBuffer request;
  std::string contains;  // Empty: any answer will do.
};

// Of one run.  What ended in [begin, end) counts; in an open loop, what was due
// then.
struct Measurement {
  std::atomic<Nanoseconds> begin{INT64_MAX};
  std::atomic<Nanoseconds> end{INT64_MAX};
  std::atomic<bool> is_over{false};

  bool Includes(Nanoseconds time) const {
    return time >= begin.load(std::memory_order_acquire) &&
           time < end.load(std::memory_order_acquire);
  }
};

struct Counts {
  Histogram latency;   // Of good calls.
  Histogram send_lag;  // How late the client itself was; open loop.
  uint64_t done = 0;
  uint64_t mismatches = 0;
  uint64_t unanswered = 0;
  std::array<uint64_t, 18> codes{};  // By grpc::StatusCode.
  std::string first_error;

  void AddStatus(const grpc::Status& status);
};

class Load {
 public:
  // Ends the process with 2 where no connection can be made.
  explicit Load(const Options& options);

  const Options& options() const { return options_; }
  const Payload& payload(size_t number) const {
    return payloads_[number % payloads_.size()];
  }
  grpc::GenericStub& stub(size_t number) const {
    return *stubs_[number % stubs_.size()];
  }
  void Prepare(grpc::ClientContext& context) const;

  Measurement measurement;
  Counts counts;

 private:
  const Options& options_;
  std::vector<Payload> payloads_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
};

bool IsAsExpected(const Payload& payload, const grpc::ByteBuffer& answer);
std::string ToString(const grpc::ByteBuffer& buffer);

// Each runs until the measurement is over and what is in flight has ended.
void RunClosedLoop(Load& load);
void RunOpenLoop(Load& load);
void RunStreams(Load& load);

}  // namespace grpcload

#endif  // PDP_TESTS_BENCH_GRPCLOAD_LOAD_H_
