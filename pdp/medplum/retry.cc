#include "pdp/medplum/retry.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "pdp/base/strings.h"

namespace pdp::medplum {
namespace {

constexpr int kTooManyRequests = 429;
constexpr int kServiceUnavailable = 503;

bool IsTransient(const HttpExchange& exchange) {
  if (exchange.status.ok()) {
    return exchange.answer.code == kTooManyRequests ||
           exchange.answer.code >= 500;
  }
  return absl::IsUnavailable(exchange.status) ||
         absl::IsDataLoss(exchange.status);
}

}  // namespace

std::optional<absl::Duration> ParseRetryAfter(std::string_view text,
                                              absl::Time now) {
  uint32_t seconds = 0;
  if (absl::SimpleAtoi(ToAbsl(text), &seconds)) return absl::Seconds(seconds);
  const std::optional<absl::Time> date = ParseHttpDate(text);
  if (!date) return std::nullopt;
  return std::max(*date - now, absl::ZeroDuration());
}

RetryingHttp::RetryingHttp(std::unique_ptr<Http> http, RetryOptions options)
    : http_(std::move(http)), options_(std::move(options)) {}

HttpExchange RetryingHttp::Send(const HttpRequest& request, Repeat repeat) {
  const absl::Duration end = clock().SinceBoot() + options_.total_time;
  for (int attempt = 1;; ++attempt) {
    HttpExchange exchange = http_->Send(request);
    Count(exchange);
    const std::optional<absl::Duration> wait =
        WaitBeforeRetry(exchange, repeat, attempt);
    if (!wait || clock().SinceBoot() + *wait >= end) return exchange;
    Sleep(*wait);
    ++retries_;
  }
}

std::optional<absl::Duration> RetryingHttp::WaitBeforeRetry(
    const HttpExchange& exchange, Repeat repeat, int attempt) {
  if (attempt >= options_.max_attempts || !IsTransient(exchange)) {
    return std::nullopt;
  }
  const int code = exchange.answer.code;
  const bool is_answered = exchange.status.ok();
  // A request over the rate is refused before anything is done about it.
  if (repeat == Repeat::kIfNotReceived && exchange.may_have_arrived &&
      !(is_answered && code == kTooManyRequests)) {
    return std::nullopt;
  }
  if (is_answered &&
      (code == kTooManyRequests || code == kServiceUnavailable)) {
    const auto asked =
        ParseRetryAfter(exchange.answer.retry_after, clock().Now());
    if (asked) return std::min(*asked, options_.max_retry_after);
  }
  absl::Duration backoff = options_.first_backoff;
  for (int i = 1; i < attempt && backoff < options_.max_backoff; ++i) {
    backoff *= 2;
  }
  return std::min(backoff, options_.max_backoff) * Random();
}

void RetryingHttp::Count(const HttpExchange& exchange) {
  ++requests_;
  const int code = exchange.answer.code;
  if (!exchange.status.ok()) {
    ++unanswered_;
  } else if (code >= 500) {
    ++failed_;
  } else if (code == kTooManyRequests) {
    ++rate_limited_;
  } else if (code >= 300) {
    ++refused_;
  } else {
    ++succeeded_;
  }
}

double RetryingHttp::Random() {
  if (options_.random) return options_.random();
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

void RetryingHttp::Sleep(absl::Duration duration) {
  if (options_.sleep) {
    options_.sleep(duration);
    return;
  }
  std::unique_lock lock(mutex_);
  stop_.wait_for(lock, absl::ToChronoNanoseconds(duration),
                 [&] { return stopped_; });
}

void RetryingHttp::Stop() {
  http_->Stop();  // First: who is woken sends nothing more.
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stop_.notify_all();
}

HttpStatistics RetryingHttp::statistics() const {
  return {.requests = requests_,
          .retries = retries_,
          .succeeded = succeeded_,
          .refused = refused_,
          .rate_limited = rate_limited_,
          .failed = failed_,
          .unanswered = unanswered_,
          .bytes_received = http_->bytes_received()};
}

}  // namespace pdp::medplum
