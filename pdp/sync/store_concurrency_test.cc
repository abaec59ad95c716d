// Readers beside a writer.  Runs under ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/sync/sharded_cache.h"
#include "pdp/sync/store_lookup.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp::sync {
namespace {

using fhir::LookupState;
using fhir::ResourceKey;
using fhir::ResourcePtr;
using store::Change;

constexpr int kMemberships = 4;
constexpr uint64_t kBatches = 300;

const ResourceKey& KeyOf(int i) {
  static const auto* const keys = [] {
    auto* made = new std::vector<ResourceKey>();
    for (int k = 0; k < kMemberships; ++k) {
      made->push_back({"ProjectMembership", StrCat("m", k)});
    }
    return made;
  }();
  return (*keys)[static_cast<size_t>(i)];
}

// In batch `number` all memberships are of Patient/(number % 2).
std::vector<Change> BatchOf(uint64_t number) {
  std::vector<Change> changes;
  for (int i = 0; i < kMemberships; ++i) {
    store::Record record;
    record.version_id = StrCat(number);
    record.project = "p";
    record.subjects = {StrCat("Patient/", number % 2)};
    record.bytes =
        StrCat(R"({"resourceType":"ProjectMembership","id":")", KeyOf(i).id,
               R"(","meta":{"versionId":")", number,
               R"("},"profile":{"reference":"Patient/)", number % 2, "\"}}");
    changes.push_back({.key = KeyOf(i), .record = std::move(record)});
  }
  return changes;
}

uint64_t VersionOf(const ResourcePtr& resource) {
  return std::stoull(std::string(resource->version_id()));
}

class StoreConcurrencyTest : public ::testing::Test {
 protected:
  StoreConcurrencyTest() {
    auto store = store::Store::Open(
        {.directory = directory_ / "store", .write_buffer_bytes = 64 << 10});
    if (!store.ok()) std::abort();
    store_ = *std::move(store);
    lookup_ = std::make_unique<StoreLookup>(*store_);
    Write(1);
  }

  void Write(uint64_t number) {
    const auto revision = store_->Apply(BatchOf(number), {});
    ASSERT_TRUE(revision.ok()) << revision.status();
    applied_.store(number);
  }

  // Runs `read` in two threads while batches are written.
  template <typename Read>
  void ReadWhileWriting(Read read) {
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i) {
      readers.emplace_back([&] {
        while (!done_) read();
      });
    }
    for (uint64_t number = 2; number <= kBatches; ++number) Write(number);
    done_ = true;
    for (std::thread& reader : readers) reader.join();
  }

  TempDirectory directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<StoreLookup> lookup_;
  std::atomic<uint64_t> applied_{
      0};  // The last batch that Apply returned from.
  std::atomic<bool> done_{false};
};

TEST_F(StoreConcurrencyTest, NoReadIsAnsweredFromBeforeAnApplyThatHadReturned) {
  ReadWhileWriting([this] {
    for (int i = 0; i < kMemberships; ++i) {
      const uint64_t at_least = applied_;
      const auto result = lookup_->Read(KeyOf(i));
      ASSERT_EQ(result.state, LookupState::kFound);
      ASSERT_GE(VersionOf(result.resource), at_least);
    }
  });
}

TEST_F(StoreConcurrencyTest, MembershipsOfASubjectAreNeverThoseOfAnother) {
  ReadWhileWriting([this] {
    for (const char* subject : {"Patient/0", "Patient/1"}) {
      const uint64_t before = applied_;
      std::vector<ResourcePtr> found;
      ASSERT_EQ(lookup_->FindMemberships(subject,
                                         [&](const ResourcePtr& membership) {
                                           found.push_back(membership);
                                         }),
                LookupState::kFound);
      for (const ResourcePtr& membership : found) {
        ASSERT_EQ(VersionOf(membership) % 2,
                  static_cast<uint64_t>(subject[8] - '0'));
        ASSERT_GE(VersionOf(membership), before);
      }
    }
  });
}

TEST_F(StoreConcurrencyTest, AScanSeesOneBatch) {
  ReadWhileWriting([this] {
    std::vector<std::string> versions;
    ASSERT_TRUE(
        store_
            ->Scan("ProjectMembership", "p",
                   [&](const ResourceKey&, const store::Record& record) {
                     versions.push_back(record.version_id);
                     return true;
                   })
            .ok());
    ASSERT_EQ(versions.size(), static_cast<size_t>(kMemberships));
    for (const std::string& version : versions) {
      ASSERT_EQ(version, versions.front());
    }
  });
}

TEST_F(StoreConcurrencyTest, CheckpointsAndStatisticsMayBeTakenMeanwhile) {
  std::atomic<int> copies{0};
  ReadWhileWriting([&] {
    const int copy = copies++;
    if (copy < 6) {
      const absl::Status status =
          store_->Checkpoint(directory_ / StrCat("copy", copy));
      ASSERT_TRUE(status.ok()) << status;
    }
    ASSERT_GE(store_->statistics().revision, 1u);
    lookup_->statistics();
  });
  auto copy = store::Store::Open({.directory = directory_ / "copy5"});
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_TRUE((*copy)->Verify().ok());
}

TEST(ShardedCacheConcurrencyTest, AnOldValueIsNeverFoundAfterItsErasure) {
  ShardedCache<std::string, uint64_t, StringHash, StringEqual> cache(64 << 10);
  std::atomic<uint64_t> truth{1};
  std::atomic<uint64_t> erased{1};
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const uint64_t at_least = erased;
        decltype(cache)::Ticket ticket;
        const auto cached = cache.Find("key", ticket);
        if (cached) {
          ASSERT_GE(*cached, at_least);
        } else {
          cache.Insert("key", truth, 0, ticket);
        }
      }
    });
  }
  for (uint64_t value = 2; value < 20'000; ++value) {
    truth = value;
    cache.Erase("key");
    erased = value;
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace pdp::sync
