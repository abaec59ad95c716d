// What becomes of a store on a disk that is full.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace {

// How many more bytes the disk takes; negative: any number.
std::atomic<int64_t> room{-1};
// How many bytes it says it has left; negative: what is true.
std::atomic<int64_t> told_room{-1};

bool IsFile(int file) {
  struct stat about;
  return fstat(file, &about) == 0 && S_ISREG(about.st_mode);
}

// Of `bytes` those that the disk still takes; 0 with ENOSPC.
size_t Take(int file, size_t bytes) {
  if (bytes == 0 || !IsFile(file)) return bytes;
  int64_t left = room.load();
  size_t taken;
  do {
    if (left < 0) return bytes;
    taken = std::min(bytes, static_cast<size_t>(left));
  } while (
      !room.compare_exchange_weak(left, left - static_cast<int64_t>(taken)));
  if (taken == 0) errno = ENOSPC;
  return taken;
}

// Whether all of it stands in the file already.
bool IsOverwrite(int file, size_t size, off_t offset) {
  struct stat about;
  return fstat(file, &about) == 0 && S_ISREG(about.st_mode) &&
         offset + static_cast<off_t>(size) <= about.st_size;
}

ssize_t WriteAt(int file, const void* bytes, size_t size, off_t offset) {
  // In place it needs no room, unless the file system copies what it changes:
  // then it copies a whole block or none of it.
  if (IsOverwrite(file, size, offset)) {
    if (room.load() != 0) {
      return syscall(SYS_pwrite64, file, bytes, size, offset);
    }
    errno = ENOSPC;
    return -1;
  }
  const size_t taken = Take(file, size);
  if (taken == 0 && size > 0) return -1;
  return syscall(SYS_pwrite64, file, bytes, taken, offset);
}

}  // namespace

// In place of those of the C library, also for RocksDB.
extern "C" {
ssize_t write(int file, const void* bytes, size_t size) {
  const size_t taken = Take(file, size);
  if (taken == 0 && size > 0) return -1;
  return syscall(SYS_write, file, bytes, taken);
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  return WriteAt(file, bytes, size, offset);
}
ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
  return WriteAt(file, bytes, size, offset);
}
int statvfs(const char* path, struct statvfs* about) {
  struct statfs real;
  if (statfs(path, &real) != 0) return -1;
  const int64_t told = told_room.load();
  about->f_frsize = 1;
  about->f_bavail = told >= 0
                        ? static_cast<fsblkcnt_t>(told)
                        : real.f_bavail * static_cast<fsblkcnt_t>(real.f_bsize);
  return 0;
}
}

namespace pdp::store {
namespace {

using fhir::ResourceKey;
using ::testing::HasSubstr;

constexpr int kMembers = 5;

// Each batch gives every membership another version and moves the cursor.
std::vector<Change> BatchOf(uint64_t number) {
  std::vector<Change> changes;
  for (int i = 0; i < kMembers; ++i) {
    Record record;
    record.version_id = StrCat("v", number);
    record.last_updated = "2024-05-01T12:00:00.000Z";
    record.project = "p";
    record.subjects = {StrCat("Patient/", number)};
    record.bytes = std::string(200 + number % 2000, 'x');
    changes.push_back({.key = {"ProjectMembership", StrCat("m", i)},
                       .record = std::move(record)});
  }
  return changes;
}

absl::Status Apply(Store& store, uint64_t number) {
  const std::vector<Cursor> cursors = {
      {.source = "s", .position = StrCat(number)}};
  return store.Apply(BatchOf(number), cursors).status();
}

// That all of batch `number` is there, and nothing of another.
void ExpectHolds(const Store& store, uint64_t number) {
  EXPECT_EQ(store.revision(), number);
  EXPECT_EQ(**store.GetCursor("s", "", ""), StrCat(number));
  for (const Change& change : BatchOf(number)) {
    const auto record = store.Get(change.key);
    ASSERT_TRUE(record.ok() && record->has_value()) << record.status();
    EXPECT_EQ(**record, change.record);
  }
  int found = 0;
  const absl::Status status = store.FindMemberships(
      StrCat("Patient/", number), [&](const ResourceKey&, const Record&) {
        ++found;
        return true;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(found, kMembers);
}

absl::StatusOr<std::unique_ptr<Store>> OpenAt(const std::string& directory) {
  return Store::Open(
      {.directory = directory, .write_buffer_bytes = size_t{64} << 10});
}

TEST(StoreDiskFullTest, ApplyFailsWholeReadsGoOnAndItGoesOnOnceThereIsRoom) {
  const TempDirectory directory;
  auto store = OpenAt(directory / "store");
  ASSERT_TRUE(store.ok()) << store.status();
  for (uint64_t number = 1; number <= 5; ++number) {
    ASSERT_TRUE(Apply(**store, number).ok());
    told_room = 100'000;
    const absl::Status status = Apply(**store, number + 1);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr("disk is full"));
    ExpectHolds(**store, number);
    told_room = -1;
  }
  EXPECT_TRUE((*store)->Verify().ok());
}

// A process of its own, whose disk is full after so many bytes, and that ends
// by itself or by an assertion of RocksDB's.
constexpr char kDirectoryVariable[] = "PDP_STORE_DISK_FULL_TEST_DIRECTORY";
constexpr char kRoomVariable[] = "PDP_STORE_DISK_FULL_TEST_ROOM";
constexpr char kPipeVariable[] = "PDP_STORE_DISK_FULL_TEST_PIPE";

TEST(StoreDiskFullTest, DISABLED_Child) {
  const char* const directory = std::getenv(kDirectoryVariable);
  if (directory == nullptr) GTEST_SKIP();
  const int pipe = std::atoi(std::getenv(kPipeVariable));
  auto store = OpenAt(directory);
  if (!store.ok()) _exit(1);
  room = std::atoll(std::getenv(kRoomVariable));
  int failures = 0;
  for (int i = 0; i < 400 && failures < 5; ++i) {
    const uint64_t number = (*store)->revision() + 1;
    const absl::Status status = Apply(**store, number);
    if (status.ok() &&
        syscall(SYS_write, pipe, &number, sizeof number) != sizeof number) {
      _exit(2);
    }
    if (status.ok()) continue;
    if (status.code() != absl::StatusCode::kUnavailable) {
      std::fprintf(stderr, "%s\n", status.ToString().c_str());
      _exit(3);
    }
    ++failures;
    if ((*store)->revision() > 0) ExpectHolds(**store, (*store)->revision());
    if (::testing::Test::HasFailure()) _exit(4);
    if (failures == 3) room = -1;  // Somebody made room.
  }
  _exit(failures == 0 ? 5 : 0);
}

// Runs it; returns the last batch that was acknowledged, or `before`.
uint64_t FillDisk(const std::string& directory, int64_t bytes,
                  uint64_t before) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  setenv(kDirectoryVariable, directory.c_str(), 1);
  setenv(kRoomVariable, StrCat(bytes).c_str(), 1);
  setenv(kPipeVariable, StrCat(ends[1]).c_str(), 1);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    close(STDOUT_FILENO);
    execl("/proc/self/exe", "child", "--gtest_also_run_disabled_tests",
          "--gtest_filter=StoreDiskFullTest.DISABLED_Child",
          "--gtest_output=", nullptr);
    _exit(6);
  }
  close(ends[1]);
  uint64_t acknowledged = before;
  while (read(ends[0], &acknowledged, sizeof acknowledged) ==
         sizeof acknowledged) {
  }
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  const bool ended_itself = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  const bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  EXPECT_TRUE(ended_itself || aborted) << status;
  if (aborted) std::printf("RocksDB ended the process\n");
  return acknowledged;
}

// Where the room is gone although the file system said there was some: another
// program took it, or a quota ends it.
TEST(StoreDiskFullTest, WhatWasAcknowledgedOutlivesAWriteThatWasCutShort) {
  const TempDirectory directory;
  std::mt19937 random(20261121);
  uint64_t acknowledged = 0;
  for (int round = 0; round < 10; ++round) {
    SCOPED_TRACE(round);
    acknowledged =
        FillDisk(directory / "store", static_cast<int64_t>(random() % 200'000),
                 acknowledged);
    auto store = OpenAt(directory / "store");
    ASSERT_TRUE(store.ok()) << store.status();
    // The last batch may have become durable and not been acknowledged.
    ASSERT_GE((*store)->revision(), acknowledged);
    ASSERT_LE((*store)->revision(), acknowledged + 1);
    acknowledged = (*store)->revision();
    if (acknowledged > 0) ExpectHolds(**store, acknowledged);
    EXPECT_TRUE((*store)->Verify().ok()) << (*store)->Verify();
    ASSERT_TRUE(Apply(**store, ++acknowledged).ok());
  }
}

}  // namespace
}  // namespace pdp::store
