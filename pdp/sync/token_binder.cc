#include "pdp/sync/token_binder.h"

#include <algorithm>
#include <utility>

#include "pdp/medplum/signature.h"

namespace pdp::sync {

using policy::TokenAnswer;

TokenBinder::TokenBinder(TokenBinderOptions options, medplum::TokenApi& api,
                         medplum::Api* logins)
    : options_(std::move(options)),
      api_(api),
      lookup_(options_.lookup, api, logins),
      clock_(lookup_.clock()) {
  for (size_t i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

TokenBinder::~TokenBinder() { Stop(); }

TokenAnswer TokenBinder::Find(std::string_view token) {
  const std::string digest = medplum::Sha256(token);
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(digest);
    if (found != known_.end() &&
        clock_.SinceBoot() < found->second.holds_until) {
      Known& known = found->second;
      order_.splice(order_.end(), order_, known.used);
      const bool has_ended = known.answer.binding != nullptr &&
                             clock_.Now() >= known.answer.binding->expires;
      if (!has_ended) return known.answer;
    }
  }
  return lookup_.Screen(token);
}

void TokenBinder::Resolve(std::string token, bool anew, Done done) {
  absl::Status refusal;
  {
    const std::string digest = medplum::Sha256(token);
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      refusal = absl::CancelledError("the server is stopping");
    } else if (waiting_ >= options_.max_waiting) {
      refusal = absl::ResourceExhaustedError(
          "too many calls wait for access tokens to be looked up");
    } else {
      ++waiting_;
      const auto [entry, is_new] = flights_.try_emplace(digest);
      Flight& flight = entry->second;
      if (flight.is_running && anew) {
        flight.next.push_back(std::move(done));
      } else {
        flight.waiting.push_back(std::move(done));
      }
      if (is_new) {
        flight.token = std::move(token);
        Queue(digest);
      }
    }
  }
  if (!refusal.ok()) done(refusal);
}

policy::TokenStatistics TokenBinder::statistics() const {
  const std::lock_guard lock(mutex_);
  policy::TokenStatistics statistics = statistics_;
  statistics.key_fetches = lookup_.key_fetches();
  statistics.known = known_.size();
  return statistics;
}

void TokenBinder::Stop() {
  std::vector<Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    queue_.clear();
    for (auto& [digest, flight] : flights_) {
      for (std::vector<Done>* list : {&flight.waiting, &flight.next}) {
        std::move(list->begin(), list->end(), std::back_inserter(waiting));
        list->clear();
      }
    }
    waiting_ -= waiting.size();
  }
  changed_.notify_all();
  api_.Stop();
  for (const Done& done : waiting) {
    done(absl::CancelledError("the server is stopping"));
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void TokenBinder::Queue(const std::string& digest) {
  queue_.push_back(digest);
  changed_.notify_one();
}

void TokenBinder::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
    if (stopped_) return;
    const std::string digest = std::move(queue_.front());
    queue_.pop_front();
    Flight& started = flights_.find(digest)->second;
    started.is_running = true;
    const std::string token = started.token;
    lock.unlock();
    TokenLookup::Result result = lookup_.Look(token);
    const bool is_known =
        result.answer.state != TokenAnswer::State::kUnavailable;
    const absl::Status status =
        is_known ? absl::OkStatus()
                 : absl::UnavailableError(result.answer.message);
    lock.lock();
    Keep(digest, std::move(result));
    Flight& flight = flights_.find(digest)->second;  // May have moved.
    const std::vector<Done> waiting = std::move(flight.waiting);
    waiting_ -= waiting.size();
    flight.waiting = std::move(flight.next);
    flight.next.clear();
    flight.is_running = false;
    if (flight.waiting.empty()) {
      flights_.erase(digest);
    } else {
      Queue(digest);
    }
    lock.unlock();
    for (const Done& done : waiting) done(status);
    lock.lock();
  }
}

void TokenBinder::Keep(const std::string& digest, TokenLookup::Result result) {
  switch (result.answer.state) {
    case TokenAnswer::State::kBound:
      ++statistics_.bound;
      break;
    case TokenAnswer::State::kRefused:
      ++statistics_.refused;
      break;
    default:
      ++statistics_.unavailable;
  }
  const absl::Duration now = clock_.SinceBoot();
  const auto found = known_.find(digest);
  absl::Duration holds = std::min(result.holds, options_.cache);
  if (result.answer.state == TokenAnswer::State::kUnavailable) {
    // What was learned before holds as long as it did.
    if (found != known_.end() &&
        found->second.answer.state != TokenAnswer::State::kUnavailable &&
        now < found->second.holds_until) {
      return;
    }
    holds = std::min(holds, kUnavailableHold);
  }
  if (found != known_.end()) {
    found->second.answer = std::move(result.answer);
    found->second.holds_until = now + holds;
    order_.splice(order_.end(), order_, found->second.used);
    return;
  }
  while (known_.size() >= options_.max_tokens) {
    known_.erase(order_.front());
    order_.pop_front();
  }
  order_.push_back(digest);
  known_.emplace(digest, Known{.answer = std::move(result.answer),
                               .holds_until = now + holds,
                               .used = std::prev(order_.end())});
}

}  // namespace pdp::sync
