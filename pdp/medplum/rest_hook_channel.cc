#include "pdp/medplum/rest_hook_channel.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/medplum/secret_file.h"

namespace pdp::medplum {
namespace {

constexpr int kOk = 200;

}  // namespace

RestHookChannel::RestHookChannel(Api& api, const Clock& clock,
                                 RestHookChannelOptions options,
                                 NotificationSink sink)
    : api_(api),
      clock_(clock),
      options_(std::move(options)),
      sink_(std::move(sink)),
      alarm_(clock, options_.tick),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

RestHookChannel::~RestHookChannel() {
  thread_.request_stop();
  thread_.join();
}

void RestHookChannel::Run(const std::stop_token& stop) {
  int failures = 0;
  absl::Duration last_check = -absl::InfiniteDuration();
  absl::Duration next_check = clock_.SinceBoot();
  while (!stop.stop_requested()) {
    const absl::StatusOr<bool> is_new = ReadSecret();
    const absl::Duration now = clock_.SinceBoot();
    if (is_new.ok() && *is_new) next_check = now;
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(check_is_wanted_, false)) {
        next_check = std::min(next_check, last_check + options_.min_check_gap);
      }
    }
    if (now >= next_check) {
      const absl::Status checked = is_new.ok() ? Check() : is_new.status();
      if (stop.stop_requested()) return;
      last_check = clock_.SinceBoot();
      {
        const std::lock_guard lock(mutex_);
        ++statistics_.checks;
      }
      if (checked.ok()) {
        failures = 0;
        next_check = last_check + options_.check_interval;
      } else {
        SetDisconnected(checked);
        next_check =
            last_check + RetryDelay(options_.retry, checked, failures++);
      }
    }
    alarm_.WaitUntil(
        std::min(next_check, clock_.SinceBoot() + options_.secret_interval),
        stop);
  }
}

absl::StatusOr<bool> RestHookChannel::ReadSecret() {
  absl::StatusOr<std::string> secret = ReadSecretFile(options_.secret_file);
  if (secret.ok() && secret->size() < kMinSecretBytes) {
    secret = absl::UnauthenticatedError(
        StrCat("the secret file `", options_.secret_file, "` has less than ",
               kMinSecretBytes, " bytes: write a longer secret to it"));
  }
  const std::lock_guard lock(mutex_);
  if (!secret.ok()) {
    // What was read before goes on: a file that is replaced may be away for a
    // moment.
    if (!secret_.empty()) return false;
    return secret.status();
  }
  if (*secret == secret_) return false;
  if (!secret_.empty()) {
    previous_secret_ = secret_;
    previous_until_ = clock_.SinceBoot() + options_.secret_overlap;
    Log(Severity::kInfo, "rest_hook_secret_reloaded");
  }
  secret_ = *std::move(secret);
  return true;
}

absl::Status RestHookChannel::Check() {
  std::string secret;
  {
    const std::lock_guard lock(mutex_);
    secret = secret_;
  }
  PDP_ASSIGN_OR_RETURN(
      RestHookSubscriptions found,
      EnsureRestHooks(api_, options_.target, secret, clock_.Now()));
  {
    const std::lock_guard lock(mutex_);
    types_ = std::move(found.types);
    statistics_.subscriptions_made += found.created;
  }
  SetConnected(found.created > 0);
  DeleteSuperseded(found.superseded);
  return absl::OkStatus();
}

void RestHookChannel::DeleteSuperseded(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    // Else the next check finds it again.
    if (api_.DeleteSubscription(id).ok()) {
      Log(Severity::kInfo, "rest_hook_subscription_superseded",
          {{"subscription", id}});
    }
  }
}

void RestHookChannel::SetConnected(bool has_gap) {
  {
    const std::lock_guard lock(mutex_);
    if (statistics_.is_connected && !has_gap) return;
    statistics_.Connect(clock_.Now());
  }
  if (sink_.connected) sink_.connected();
}

void RestHookChannel::SetDisconnected(const absl::Status& why) {
  {
    const std::lock_guard lock(mutex_);
    statistics_.Disconnect(why);
  }
  if (sink_.disconnected) sink_.disconnected(why);
}

int RestHookChannel::Receive(const RestHookRequest& request) {
  std::vector<std::string> secrets;
  StringMap<std::string> types;
  {
    const std::lock_guard lock(mutex_);
    secrets = Secrets();
    types = types_;
  }
  std::variant<Notification, RestHookRefusal> read =
      ReadRestHook(request, secrets, types);
  {
    const std::lock_guard lock(mutex_);
    if (std::holds_alternative<Notification>(read) && !TakeToken()) {
      read = RestHookRefusal::kTooMany;
    }
    if (const auto* refusal = std::get_if<RestHookRefusal>(&read)) {
      Count(*refusal);
      // Another server that shares the endpoint may have made it.
      if (*refusal == RestHookRefusal::kUnknownSubscription) {
        check_is_wanted_ = true;
      }
    } else {
      statistics_.last_event = clock_.Now();
      switch (std::get<Notification>(read).interaction) {
        case Interaction::kCreate:
          ++statistics_.creates;
          break;
        case Interaction::kUpdate:
          ++statistics_.updates;
          break;
        case Interaction::kDelete:
          ++statistics_.deletes;
          break;
      }
    }
  }
  if (const auto* refusal = std::get_if<RestHookRefusal>(&read)) {
    if (*refusal == RestHookRefusal::kUnknownSubscription) alarm_.Wake();
    return HttpStatus(*refusal);
  }
  sink_.notify(std::get<Notification>(std::move(read)));
  return kOk;
}

std::vector<std::string> RestHookChannel::Secrets() const {
  std::vector<std::string> secrets;
  if (!secret_.empty()) secrets.push_back(secret_);
  if (!previous_secret_.empty() && clock_.SinceBoot() < previous_until_) {
    secrets.push_back(previous_secret_);
  }
  return secrets;
}

bool RestHookChannel::TakeToken() {
  const int64_t second = absl::ToInt64Seconds(clock_.SinceBoot());
  if (second != second_) {
    second_ = second;
    taken_ = 0;
  }
  return ++taken_ <= options_.max_per_second;
}

void RestHookChannel::Count(RestHookRefusal refusal) {
  switch (refusal) {
    case RestHookRefusal::kNotSigned:
      ++statistics_.not_signed;
      break;
    case RestHookRefusal::kUnknownSubscription:
      ++statistics_.unknown_subscription;
      break;
    case RestHookRefusal::kTooMany:
      ++statistics_.too_many;
      break;
    case RestHookRefusal::kTooLarge:
    case RestHookRefusal::kMalformed:
      ++statistics_.malformed;
      break;
    case RestHookRefusal::kNotReady:
      break;
  }
}

RestHookChannelStatistics RestHookChannel::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

}  // namespace pdp::medplum
