// An audit log in memory that a test can make fail.

#ifndef PDP_SERVICE_AUDIT_TEST_SUPPORT_H_
#define PDP_SERVICE_AUDIT_TEST_SUPPORT_H_

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "pdp/audit/journal.h"
#include "pdp/audit/record_json.h"
#include "pdp/audit/record_line.h"
#include "pdp/base/mutex.h"

namespace pdp::service {

// Thread-safe.
class MemoryJournal final : public audit::Journal {
 public:
  std::unique_ptr<audit::Chain> NewChain() override {
    return std::make_unique<MemoryChain>(*this);
  }

  // What writes end with from now on.
  void Fail(absl::Status status) {
    MutexLock lock(mutex_);
    status_ = std::move(status);
  }

  // As long as it is locked, whoever writes waits, after it has been counted.
  std::mutex& gate() { return gate_; }

  // The members of each record that was written.
  std::vector<std::string> lines() const {
    MutexLock lock(mutex_);
    return lines_;
  }
  size_t writes() const {
    MutexLock lock(mutex_);
    return writes_;
  }
  // How many lines have all of `texts`.
  size_t Count(const std::vector<std::string>& texts) const {
    MutexLock lock(mutex_);
    size_t count = 0;
    for (const std::string& line : lines_) {
      bool has_all = true;
      for (const std::string& text : texts) {
        has_all = has_all && line.find(text) != std::string::npos;
      }
      if (has_all) ++count;
    }
    return count;
  }

 private:
  class MemoryChain final : public audit::Chain {
   public:
    explicit MemoryChain(MemoryJournal& journal) : journal_(journal) {}

    void Add(const audit::Record& record) override {
      std::string line;
      audit::AppendMembers(record, line);
      added_.push_back(std::move(line));
    }
    bool has_added() const override { return !added_.empty(); }
    absl::Status Write() override {
      const std::vector<std::string> added = std::exchange(added_, {});
      {
        MutexLock lock(journal_.mutex_);
        ++journal_.writes_;
      }
      { const std::lock_guard wait(journal_.gate_); }
      MutexLock lock(journal_.mutex_);
      if (!journal_.status_.ok()) return journal_.status_;
      journal_.lines_.insert(journal_.lines_.end(), added.begin(), added.end());
      return absl::OkStatus();
    }

   private:
    MemoryJournal& journal_;
    std::vector<std::string> added_;
  };

  std::mutex gate_;
  mutable Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  size_t writes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_AUDIT_TEST_SUPPORT_H_
