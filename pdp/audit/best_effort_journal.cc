#include "pdp/audit/best_effort_journal.h"

#include <algorithm>
#include <utility>

#include "pdp/audit/line_writer.h"
#include "pdp/audit/record_line.h"
#include "pdp/audit/segment.h"

namespace pdp::audit {
namespace {

constexpr size_t kRecordsPerWrite = 256;

}  // namespace

class BestEffortJournal::QueueingChain : public Chain {
 public:
  explicit QueueingChain(BestEffortJournal& journal) : journal_(journal) {}

  void Add(const Record& record) override {
    AppendMembers(record, records_.emplace_back());
  }
  bool has_added() const override { return !records_.empty(); }
  absl::Status Write() override {
    journal_.Offer(records_);
    records_.clear();
    return absl::OkStatus();
  }

 private:
  BestEffortJournal& journal_;
  std::vector<std::string> records_;
};

BestEffortJournal::BestEffortJournal(FileJournal& journal, size_t max_bytes)
    : journal_(journal),
      max_bytes_(max_bytes),
      handle_(journal.NewHandle()),
      thread_([this] { Run(); }) {}

BestEffortJournal::~BestEffortJournal() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::unique_ptr<Chain> BestEffortJournal::NewChain() {
  return std::make_unique<QueueingChain>(*this);
}

void BestEffortJournal::Offer(std::vector<std::string>& records) {
  uint64_t dropped = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (std::string& record : records) {
      if (bytes_ + record.size() > max_bytes_) {
        ++dropped;
        continue;
      }
      bytes_ += record.size();
      queue_.push_back(std::move(record));
    }
  }
  if (dropped != 0) journal_.counters().dropped += dropped;
  changed_.notify_all();
}

void BestEffortJournal::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::vector<std::string> batch = std::exchange(queue_, {});
    is_writing_ = true;
    lock.unlock();
    size_t bytes = 0;
    for (const std::string& record : batch) bytes += record.size();
    WriteBatch(std::move(batch));
    lock.lock();
    bytes_ -= bytes;
    is_writing_ = false;
    changed_.notify_all();
  }
}

void BestEffortJournal::WriteBatch(std::vector<std::string> batch) {
  JournalCounters& counters = journal_.counters();
  for (size_t begin = 0; begin < batch.size(); begin += kRecordsPerWrite) {
    const size_t end = std::min(batch.size(), begin + kRecordsPerWrite);
    const uint64_t dropped = counters.dropped;
    if (dropped != told_dropped_) {
      std::string members;
      LineWriter line(members);
      line.Time("time", journal_.options().clock->Now());
      line.Text("kind", kDroppedKind);
      line.Number("records", dropped - told_dropped_);
      handle_->AddOwn(members);
    }
    for (size_t i = begin; i < end; ++i) handle_->AddMembers(batch[i]);
    if (handle_->Write().ok()) {
      told_dropped_ = dropped;
    } else {
      counters.dropped += end - begin;
    }
  }
}

void BestEffortJournal::Flush() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return queue_.empty() && !is_writing_; });
}

uint64_t BestEffortJournal::queued_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

}  // namespace pdp::audit
