// RetryingHttp: an Http that asks again where that may help.
//
// Between two attempts it waits a random part of a time that doubles
// (exponential back-off with full jitter), or for as long as the server asks
// with Retry-After, within a bound.

#ifndef PDP_MEDPLUM_RETRY_H_
#define PDP_MEDPLUM_RETRY_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/medplum/http.h"

namespace pdp::medplum {

struct RetryOptions {
  int max_attempts = 4;
  absl::Duration first_backoff = absl::Milliseconds(200);
  absl::Duration max_backoff = absl::Seconds(5);
  // The longest wait that a server can ask for.
  absl::Duration max_retry_after = absl::Seconds(30);
  // No attempt begins after this, counted from the first.
  absl::Duration total_time = absl::Minutes(1);

  // For tests.
  const Clock* clock = &Clock::Real();
  // In [0, 1).  Null: random.
  std::function<double()> random;
  // Waits.  Null: waits, until Stop.
  std::function<void(absl::Duration)> sleep;
};

// The value of a Retry-After header, seconds or a date, as a wait from `now`;
// nothing where it is neither.  Never negative.
std::optional<absl::Duration> ParseRetryAfter(std::string_view text,
                                              absl::Time now);

struct HttpStatistics {
  uint64_t requests = 0;      // Attempts.
  uint64_t retries = 0;       // Attempts after the first.
  uint64_t succeeded = 0;     // 2xx.
  uint64_t refused = 0;       // 4xx but 429; redirects.
  uint64_t rate_limited = 0;  // 429.
  uint64_t failed = 0;        // 5xx.
  uint64_t unanswered = 0;    // No whole answer.
  uint64_t bytes_received = 0;
};

// Thread-safe.
class RetryingHttp {
 public:
  // What may be sent twice.
  enum class Repeat : uint8_t {
    kAlways,
    // Only where the server cannot have acted upon it.
    kIfNotReceived,
  };

  RetryingHttp(std::unique_ptr<Http> http, RetryOptions options);

  // The last exchange.
  HttpExchange Send(const HttpRequest& request, Repeat repeat);

  // Ends every Send, now and later.
  void Stop();

  HttpStatistics statistics() const;
  const Clock& clock() const { return *options_.clock; }

 private:
  std::optional<absl::Duration> WaitBeforeRetry(const HttpExchange& exchange,
                                                Repeat repeat, int attempt);
  void Count(const HttpExchange& exchange);
  double Random();
  void Sleep(absl::Duration duration);

  const std::unique_ptr<Http> http_;
  const RetryOptions options_;

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopped_ = false;

  std::atomic<uint64_t> requests_ = 0;
  std::atomic<uint64_t> retries_ = 0;
  std::atomic<uint64_t> succeeded_ = 0;
  std::atomic<uint64_t> refused_ = 0;
  std::atomic<uint64_t> rate_limited_ = 0;
  std::atomic<uint64_t> failed_ = 0;
  std::atomic<uint64_t> unanswered_ = 0;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_RETRY_H_
