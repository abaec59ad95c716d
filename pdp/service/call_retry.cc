#include "pdp/service/call_retry.h"

#include <string>
#include <utility>
#include <vector>

#include "pdp/base/mutex.h"
#include "pdp/policy/access_tokens.h"

namespace pdp::service {

// What one call waits for.  It may outlive the call.  Thread-safe.
class CallRetry::Gathering {
 public:
  Gathering(size_t parts, FetchDone done)
      : missing_(parts), done_(std::move(done)) {}

  void Fetched(const std::vector<fhir::ResourceKey>& keys,
               const absl::Status& status) {
    MutexLock lock(mutex_);
    if (status.ok()) {
      fetched_.insert(fetched_.end(), keys.begin(), keys.end());
    }
    PartEnded(status);
  }

  void Refreshed(const std::string& project, const absl::Status& status) {
    MutexLock lock(mutex_);
    if (status.ok()) refreshed_.push_back(project);
    PartEnded(status);
  }

  void Resolved(const std::string& token, const absl::Status& status) {
    MutexLock lock(mutex_);
    if (status.ok()) resolved_.push_back(token);
    PartEnded(status);
  }

  // Tells `attempt` what has been got.
  void Describe(CallAttempt& attempt) const {
    MutexLock lock(mutex_);
    attempt.fetched.insert(attempt.fetched.end(), fetched_.begin(),
                           fetched_.end());
    attempt.refreshed.insert(attempt.refreshed.end(), refreshed_.begin(),
                             refreshed_.end());
    attempt.resolved.insert(attempt.resolved.end(), resolved_.begin(),
                            resolved_.end());
  }

 private:
  void PartEnded(const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    status_.Update(status);
    if (--missing_ == 0) done_(status_);
  }

  mutable Mutex mutex_;
  size_t missing_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::vector<fhir::ResourceKey> fetched_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> refreshed_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> resolved_ ABSL_GUARDED_BY(mutex_);
  const FetchDone done_;
};

void CallRetry::Gather(const FactSources& sources, CallOutcome outcome,
                       FetchDone done) {
  const size_t parts = outcome.needs_refresh.size() +
                       outcome.needs_tokens.size() +
                       (outcome.needed.empty() ? 0 : 1);
  auto gathering = std::make_shared<Gathering>(parts, std::move(done));
  gathering_ = gathering;
  for (const std::string& project : outcome.needs_refresh) {
    sources.refresher->Refresh(
        project, [gathering, project](const absl::Status& status) {
          gathering->Refreshed(project, status);
        });
  }
  for (const std::string& token : outcome.needs_tokens) {
    sources.tokens->Resolve(token, outcome.needs_tokens_anew,
                            [gathering, token](const absl::Status& status) {
                              gathering->Resolved(token, status);
                            });
  }
  if (!outcome.needed.empty()) {
    std::vector<fhir::ResourceKey> keys = outcome.needed;
    sources.fetcher->Fetch(
        std::move(outcome.needed), std::move(outcome.needed_by),
        [gathering, keys = std::move(keys)](const absl::Status& status) {
          gathering->Fetched(keys, status);
        });
  }
}

void CallRetry::Resumed(const absl::Status& status) {
  if (!status.ok()) GiveUp();
  gathering_->Describe(attempt_);
  gathering_.reset();
}

}  // namespace pdp::service
