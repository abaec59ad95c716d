#include "pdp/auth/key_source.h"

#include <chrono>
#include <utility>

#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/secret_file.h"

namespace pdp::auth {

absl::StatusOr<std::unique_ptr<KeySource>> KeySource::OpenFile(
    std::string path) {
  std::unique_ptr<KeySource> source(new KeySource);
  source->path_ = std::move(path);
  PDP_RETURN_IF_ERROR(source->Reload());
  return source;
}

std::unique_ptr<KeySource> KeySource::OpenFetched(
    std::function<absl::StatusOr<medplum::KeySet>()> fetch,
    std::function<void()> stop, absl::Duration min_interval) {
  std::unique_ptr<KeySource> source(new KeySource);
  source->fetch_ = std::move(fetch);
  source->stop_ = std::move(stop);
  source->min_interval_ = min_interval;
  source->is_fetching_ = true;
  source->thread_ = std::thread([s = source.get()] { s->Run(); });
  return source;
}

KeySource::~KeySource() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  changed_.notify_all();
  if (stop_) stop_();
  thread_.join();
}

KeySource::Found KeySource::Find(std::string_view key_id) {
  const std::lock_guard lock(mutex_);
  if (const auto held = keys_.find(key_id); held != keys_.end()) {
    return {.key = held->second};
  }
  if (!fetch_) return {};
  // Anybody can name a key: it is asked for at a bounded rate.
  is_wanted_ = true;
  changed_.notify_all();
  return {.may_come = is_fetching_};
}

uint64_t KeySource::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

absl::Status KeySource::Reload() {
  if (path_.empty()) return absl::OkStatus();
  absl::StatusOr<std::string> text = medplum::ReadSecretFile(path_);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  {
    const std::lock_guard lock(mutex_);
    if (*text == text_) return absl::OkStatus();
  }
  absl::StatusOr<medplum::KeySet> keys = medplum::ParseKeySet(*text);
  if (!keys.ok() || keys->empty()) {
    return absl::InvalidArgumentError(
        StrCat("`", path_,
               "` holds no key set by which a signature can be "
               "checked"));
  }
  const std::lock_guard lock(mutex_);
  keys_ = *std::move(keys);
  text_ = *std::move(text);
  ++generation_;
  return absl::OkStatus();
}

void KeySource::Run() {
  std::unique_lock lock(mutex_);
  while (!is_stopped_) {
    is_wanted_ = false;
    is_fetching_ = true;
    lock.unlock();
    absl::StatusOr<medplum::KeySet> keys = fetch_();
    lock.lock();
    is_fetching_ = false;
    if (keys.ok()) {
      keys_ = *std::move(keys);
      ++generation_;
    } else if (!is_stopped_) {
      Log(Severity::kWarning, "caller_keys_not_fetched",
          {{"error", ToStd(keys.status().message())}});
    }
    // What is known goes on while the issuer is away.
    changed_.wait_for(lock, absl::ToChronoNanoseconds(min_interval_),
                      [this] { return is_stopped_; });
    is_fetching_ = true;  // From here on whoever asks may hope.
    changed_.wait_for(lock, absl::ToChronoNanoseconds(kMaxAge),
                      [this] { return is_stopped_ || is_wanted_; });
  }
}

}  // namespace pdp::auth
