// A sink that follows a log while threads write it and segments are removed.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pdp/audit/audit_test_support.h"
#include "pdp/audit/file_journal.h"
#include "pdp/audit_sink/sink.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_directory.h"

namespace pdp::audit_sink {
namespace {

constexpr int kThreads = 3;
constexpr int kRecords = 200;

// Events by identity; every now and then the answer is lost.  Thread-safe.
class Server {
 public:
  absl::StatusOr<std::vector<absl::Status>> Post(
      absl::Span<const PostedEvent> events) {
    const std::lock_guard lock(mutex_);
    std::vector<absl::Status> results;
    for (const PostedEvent& event : events) {
      const bool is_new =
          events_.emplace(std::string(event.identity), std::string(event.json))
              .second;
      results.push_back(is_new ? absl::OkStatus()
                               : absl::AlreadyExistsError("there"));
    }
    if (++requests_ % 5 == 0) return absl::UnavailableError("lost");
    return results;
  }

  size_t size() const {
    const std::lock_guard lock(mutex_);
    return events_.size();
  }
  // How many events name it.
  int Count(const std::string& decision) const {
    const std::lock_guard lock(mutex_);
    int count = 0;
    for (const auto& [identity, json] : events_) {
      if (json.find(decision) != std::string::npos) ++count;
    }
    return count;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> events_;
  int requests_ = 0;
};

class ServerTarget final : public Target {
 public:
  explicit ServerTarget(Server& server) : server_(server) {}
  absl::StatusOr<std::vector<absl::Status>> Post(
      absl::Span<const PostedEvent> events) override {
    if (is_stopped_) return absl::CancelledError("stopped");
    return server_.Post(events);
  }
  void Stop() override { is_stopped_ = true; }

 private:
  Server& server_;
  std::atomic<bool> is_stopped_ = false;
};

class SinkConcurrencyTest : public testing::Test {
 protected:
  SinkConcurrencyTest() {
    audit::JournalOptions options;
    options.directory = directory_ / "audit";
    options.max_segment_bytes = 10'000;
    options.sync_interval = absl::Milliseconds(1);
    options.checkpoint_interval = absl::Milliseconds(5);
    auto journal = audit::FileJournal::Open(options);
    if (!journal.ok()) std::abort();
    journal_ = *std::move(journal);
  }

  // In place of the one that is there.
  void StartSink() {
    const std::lock_guard lock(sink_mutex_);
    sink_.reset();
    SinkOptions options;
    options.settings.interval = absl::Milliseconds(1);
    options.settings.batch_size = 20;
    options.directory = directory_ / "audit";
    options.server = "s";
    options.project = "p";
    options.random = [] { return 0.0; };
    auto sink = Sink::Start(std::move(options),
                            std::make_unique<ServerTarget>(server_));
    ASSERT_TRUE(sink.ok()) << sink.status();
    sink_ = *std::move(sink);
  }

  void WriteDenials(int thread) {
    auto chain = journal_->NewChain();
    for (int i = 0; i < kRecords; ++i) {
      const std::string id =
          audit::DecisionId(absl::Now(), thread * kRecords + i);
      audit::Record record = audit::TestRecord(absl::Now(), id);
      record.project = "p";
      record.membership = "ProjectMembership/m";
      record.effect = "DENY";
      chain->Add(record);
      EXPECT_TRUE(chain->Write().ok());
      const std::lock_guard lock(ids_mutex_);
      ids_.push_back(id);
    }
  }

  // What the sink has no more need of.
  void RemoveSegments() {
    const auto closed = journal_->ClosedSegments();
    ASSERT_TRUE(closed.ok()) << closed.status();
    const std::lock_guard lock(sink_mutex_);
    if (sink_ == nullptr) return;
    lost_ += sink_->Status().lost_segments;
    for (const audit::SegmentName& name : *closed) {
      if (sink_->Needs(name)) continue;
      const std::string path =
          StrCat(directory_ / "audit", "/", name.ToString());
      if (std::remove(path.c_str()) == 0) ++removed_;
    }
  }

  const TempDirectory directory_;
  Server server_;
  std::unique_ptr<audit::FileJournal> journal_;
  std::mutex sink_mutex_;
  std::unique_ptr<Sink> sink_;
  std::mutex ids_mutex_;
  std::vector<std::string> ids_;
  int removed_ = 0;
  uint64_t lost_ = 0;
};

TEST_F(SinkConcurrencyTest, EachRecordBecomesOneEventWhateverGoesOnBesideIt) {
  StartSink();
  std::atomic<bool> done = false;
  std::thread remover([&] {
    while (!done) RemoveSegments();
  });
  std::vector<std::thread> writers;
  for (int thread = 0; thread < kThreads; ++thread) {
    writers.emplace_back([this, thread] { WriteDenials(thread); });
  }
  for (int i = 0; i < 10; ++i) {
    const size_t before = server_.size();
    Eventually([&] {
      return server_.size() > before ||
             server_.size() == size_t{kThreads} * kRecords;
    });
    StartSink();
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(Eventually([&] {
    return server_.size() == size_t{kThreads} * kRecords;
  })) << server_.size();
  done = true;
  remover.join();
  RemoveSegments();
  sink_.reset();
  EXPECT_GT(removed_, 0);
  EXPECT_EQ(lost_, 0u);
  for (const std::string& id : ids_) ASSERT_EQ(server_.Count(id), 1) << id;
}

}  // namespace
}  // namespace pdp::audit_sink
