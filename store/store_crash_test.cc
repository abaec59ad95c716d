// What is left after kill -9.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "pdp/base/strings.h"
#include "store/history_view.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp::store {
namespace {

using fhir::ResourceKey;

constexpr uint64_t kMemberships = 7;

// Always the same moment: revisions alone tell what was when.
class StillClock final : public Clock {
 public:
  absl::Time Now() const override {
    return absl::FromUnixSeconds(1'700'000'000);
  }
  absl::Duration SinceBoot() const override { return absl::ZeroDuration(); }
};
const StillClock kClock;

absl::StatusOr<std::unique_ptr<Store>> OpenAt(const std::string& directory) {
  return Store::Open(
      {.directory = directory,
       .write_buffer_bytes = size_t{256} << 10,
       .history = {.whole = {"ProjectMembership"}, .clock = &kClock}});
}

// Batch `number` gives each of the memberships another subject and version, and
// moves the cursor: any state that mixes two batches can be told.
std::vector<Change> BatchOf(uint64_t number) {
  std::vector<Change> changes;
  for (uint64_t i = 0; i < kMemberships; ++i) {
    Record record;
    record.version_id = StrCat("v", number);
    record.last_updated = "2024-05-01T12:00:00.000Z";
    record.project = StrCat("p", number % 3);
    record.subjects = {StrCat("Patient/", number)};
    record.bytes = std::string(1 + number % 5000, 'x');
    changes.push_back({.key = {"ProjectMembership", StrCat("m", i)},
                       .record = std::move(record)});
  }
  return changes;
}

// Between two batches, the block before gives way to this one.
Block BlockOf(uint64_t number) {
  return {.target = {"Practitioner", StrCat("p", number)},
          .since = absl::UnixEpoch(),
          .until = absl::UnixEpoch() + absl::Seconds(number),
          .reason = std::string(number % 200, 'r')};
}

bool IsBlock(uint64_t number) { return number % 2 == 0; }

absl::StatusOr<uint64_t> ApplyNumber(Store& store, uint64_t number) {
  if (!IsBlock(number)) {
    const Cursor cursors[] = {
        {.source = "s", .position = std::to_string(number)}};
    return store.Apply(BatchOf(number), cursors);
  }
  const Block put[] = {BlockOf(number)};
  const ResourceKey erased[] = {BlockOf(number - 2).target};
  return store.ApplyBlocks(put, erased);
}

// A process that applies one batch or block after the other, and writes the
// number of each to a pipe once it is acknowledged.
//
// It runs this binary anew: the threads of RocksDB do not survive a fork.
constexpr char kDirectoryVariable[] = "PDP_STORE_CRASH_TEST_DIRECTORY";
constexpr char kPipeVariable[] = "PDP_STORE_CRASH_TEST_PIPE";

TEST(StoreCrashTest, DISABLED_Child) {
  const char* const directory = std::getenv(kDirectoryVariable);
  const char* const pipe = std::getenv(kPipeVariable);
  if (directory == nullptr || pipe == nullptr) GTEST_SKIP();
  auto store = OpenAt(directory);
  if (!store.ok() || !(*store)->BeginHistory().ok()) _exit(1);
  for (;;) {
    const uint64_t number = (*store)->revision() + 1;
    const auto revision = ApplyNumber(**store, number);
    if (!revision.ok() || *revision != number) _exit(2);
    if (write(std::atoi(pipe), &number, sizeof number) != sizeof number) {
      _exit(3);
    }
  }
}

class Child {
 public:
  explicit Child(const std::string& directory) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    setenv(kDirectoryVariable, directory.c_str(), 1);
    setenv(kPipeVariable, std::to_string(ends[1]).c_str(), 1);
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      execl("/proc/self/exe", "child", "--gtest_also_run_disabled_tests",
            "--gtest_filter=StoreCrashTest.DISABLED_Child",
            "--gtest_output=", nullptr);
      _exit(4);
    }
    close(ends[1]);
    acknowledged_ = ends[0];
  }

  // False where the process has ended and all was read.
  bool Next(uint64_t& number) {
    return read(acknowledged_, &number, sizeof number) == sizeof number;
  }

  void Kill() { kill(pid_, SIGKILL); }

  ~Child() {
    Kill();
    close(acknowledged_);
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = 0;
  int acknowledged_ = -1;
};

// What was in force after `number` batches and blocks.
void ExpectAsOf(const Store& store, uint64_t number) {
  SCOPED_TRACE(number);
  const auto view = store.HistoryAt(number, kClock.Now());
  ASSERT_TRUE(view.ok()) << view.status();
  const uint64_t batch = IsBlock(number) ? number - 1 : number;
  for (const Change& change : BatchOf(batch)) {
    const auto record = (*view)->Get(change.key);
    ASSERT_TRUE(record.ok() && record->has_value());
    EXPECT_EQ(**record, change.record);
  }
  uint64_t found = 0;
  ASSERT_TRUE((*view)
                  ->FindMemberships(StrCat("Patient/", batch),
                                    [&](const ResourceKey&, const Record&) {
                                      return ++found > 0;
                                    })
                  .ok());
  EXPECT_EQ(found, kMemberships);
  if (number >= 2) {
    EXPECT_EQ(*(*view)->Blocks(), std::vector{BlockOf(number - number % 2)});
  }
}

void ExpectWholeSince(const std::string& directory, uint64_t acknowledged) {
  auto store = OpenAt(directory);
  ASSERT_TRUE(store.ok()) << store.status();
  const uint64_t revision = (*store)->revision();
  // The last batch may have become durable and not been acknowledged.
  ASSERT_GE(revision, acknowledged);
  ASSERT_LE(revision, acknowledged + 1);
  ASSERT_TRUE((*store)->Verify().ok()) << (*store)->Verify();
  if (revision == 0) return;
  const auto blocks = (*store)->Blocks();
  ASSERT_TRUE(blocks.ok()) << blocks.status();
  if (revision < 2) {
    EXPECT_TRUE(blocks->empty());
  } else {
    EXPECT_EQ(*blocks, std::vector{BlockOf(revision - revision % 2)});
  }
  const uint64_t batch = IsBlock(revision) ? revision - 1 : revision;
  EXPECT_EQ(*(*store)->GetCursor("s", "", ""), std::to_string(batch));
  for (const Change& change : BatchOf(batch)) {
    const auto record = (*store)->Get(change.key);
    ASSERT_TRUE(record.ok() && record->has_value());
    EXPECT_EQ(**record, change.record);
  }
  for (uint64_t number = 1; number <= revision; ++number) {
    uint64_t found = 0;
    ASSERT_TRUE((*store)
                    ->FindMemberships(StrCat("Patient/", number),
                                      [&](const ResourceKey&, const Record&) {
                                        ++found;
                                        return true;
                                      })
                    .ok());
    EXPECT_EQ(found, number == batch ? kMemberships : 0);
  }
  // The last ones, and of those before some.
  for (uint64_t number = revision; number > 0;
       number -= std::min(number, number + 40 > revision ? 1 : revision / 20)) {
    ExpectAsOf(**store, number);
  }
}

TEST(StoreCrashTest, EveryAcknowledgedBatchAndBlockSurvivesKill9) {
  const TempDirectory directory;
  std::mt19937 random(20240501);
  uint64_t acknowledged = 0;
  const int kills = std::getenv("PDP_LONG") == nullptr ? 8 : 200;
  for (int kill_number = 0; kill_number < kills; ++kill_number) {
    SCOPED_TRACE(kill_number);
    {
      Child child(directory / "store");
      uint64_t batches = 1 + random() % 120;
      while (batches-- > 0 && child.Next(acknowledged)) {
      }
      // Somewhere in the next batch.
      usleep(static_cast<useconds_t>(random() % 2000));
      child.Kill();
      while (child.Next(acknowledged)) {
      }
    }
    ExpectWholeSince(directory / "store", acknowledged);
    if (HasFailure()) return;
  }
  std::printf("%d kills, %llu batches survived\n", kills,
              static_cast<unsigned long long>(acknowledged));
}

TEST(StoreCrashTest, AStoreThatAnotherProcessHasOpenIsRefused) {
  const TempDirectory directory;
  {
    Child child(directory / "store");
    uint64_t number = 0;
    ASSERT_TRUE(child.Next(number));
    const auto store = Store::Open({.directory = directory / "store"});
    EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_TRUE(Store::Open({.directory = directory / "store"}).ok());
}

}  // namespace
}  // namespace pdp::store
