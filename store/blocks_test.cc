// The blocks of a store.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "rocksdb/db.h"
#include "store/keys.h"
#include "store/rocks.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp::store {
namespace {

namespace fs = std::filesystem;
using fhir::ResourceKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const ResourceKey kAnn{"Practitioner", "ann"};
const ResourceKey kBob{"Practitioner", "bob"};
const ResourceKey kNorth{"Organization", "north"};

Block BlockOf(const ResourceKey& target, std::string_view reason = "lost key") {
  return {.target = target,
          .since = absl::FromUnixMicros(1'700'000'000'000'001),
          .until = absl::FromUnixMicros(1'800'000'000'000'002),
          .reason = std::string(reason)};
}

std::unique_ptr<Store> MustOpen(const std::string& directory) {
  auto store = Store::Open({.directory = directory});
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

std::vector<Block> BlocksOf(const Store& store) {
  const auto blocks = store.Blocks();
  EXPECT_TRUE(blocks.ok()) << blocks.status();
  return blocks.value_or(std::vector<Block>());
}

TEST(BlockTest, IsReadAsItWasWritten) {
  for (const char* reason : {"", " ", "lost key", "1 2 3 ", "é\n"}) {
    SCOPED_TRACE(reason);
    const Block block = BlockOf(kAnn, reason);
    const auto read = DecodeBlock(kAnn, EncodeBlock(block));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, block);
  }
}

TEST(BlockTest, WhatIsNotABlockIsDataLoss) {
  for (const char* text :
       {"", "1", "1 ", "1 2", "1 2 ", "1 2 3", "2 2 3 x", "1  2 3 x",
        "1 +2 3 x", "1 02 3 x", "1 2 x y", "1 99999999999999999999 3 x"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(DecodeBlock(kAnn, text).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST(StoreBlocksTest, AreKeptInOrderOverReopening) {
  const TempDirectory directory;
  {
    const auto store = MustOpen(directory / "store");
    EXPECT_THAT(BlocksOf(*store), IsEmpty());
    const Block put[] = {BlockOf(kBob), BlockOf(kNorth), BlockOf(kAnn)};
    EXPECT_EQ(*store->ApplyBlocks(put, {}), 1u);
  }
  const auto store = MustOpen(directory / "store");
  EXPECT_EQ(store->revision(), 1u);
  EXPECT_THAT(BlocksOf(*store),
              ElementsAre(BlockOf(kNorth), BlockOf(kAnn), BlockOf(kBob)));
  EXPECT_TRUE(store->Verify().ok());

  const Block replaced[] = {BlockOf(kAnn, "other")};
  const ResourceKey erased[] = {kBob, {"Practitioner", "none"}};
  EXPECT_EQ(*store->ApplyBlocks(replaced, erased), 2u);
  EXPECT_THAT(BlocksOf(*store),
              ElementsAre(BlockOf(kNorth), BlockOf(kAnn, "other")));
}

TEST(StoreBlocksTest, AreNotTouchedByResourcesOfTheSameName) {
  const TempDirectory directory;
  const auto store = MustOpen(directory / "store");
  const Block put[] = {BlockOf(kAnn)};
  ASSERT_TRUE(store->ApplyBlocks(put, {}).ok());
  const Change erase[] = {{.kind = Change::Kind::kErase, .key = kAnn}};
  ASSERT_TRUE(store->Apply(erase, {}).ok());
  EXPECT_THAT(BlocksOf(*store), ElementsAre(BlockOf(kAnn)));
  EXPECT_FALSE(store->Get(kAnn)->has_value());
  EXPECT_THAT(*store->Cursors(), IsEmpty());
}

TEST(StoreBlocksTest, WhatCannotBeATargetIsRefused) {
  const TempDirectory directory;
  const auto store = MustOpen(directory / "store");
  const Block put[] = {BlockOf({"Practitioner", "a/b"})};
  EXPECT_EQ(store->ApplyBlocks(put, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const ResourceKey erased[] = {{"", "a"}};
  EXPECT_EQ(store->ApplyBlocks({}, erased).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store->revision(), 0u);
}

TEST(StoreBlocksTest, RaiseTheRevisionAndTellTheObservers) {
  const TempDirectory directory;
  const auto store = MustOpen(directory / "store");
  std::vector<uint64_t> revisions;
  store->AddObserver([&](const Applied& applied) {
    EXPECT_THAT(applied.keys, IsEmpty());
    revisions.push_back(applied.revision);
  });
  const Block put[] = {BlockOf(kAnn)};
  const ResourceKey erased[] = {kAnn};
  ASSERT_TRUE(store->ApplyBlocks(put, {}).ok());
  ASSERT_TRUE(store->ApplyBlocks({}, erased).ok());
  EXPECT_THAT(revisions, ElementsAre(1u, 2u));
}

TEST(StoreBlocksTest, ArePartOfACheckpoint) {
  const TempDirectory directory;
  const auto store = MustOpen(directory / "store");
  const Block put[] = {BlockOf(kAnn)};
  ASSERT_TRUE(store->ApplyBlocks(put, {}).ok());
  ASSERT_TRUE(store->Checkpoint(directory / "copy").ok());
  EXPECT_THAT(BlocksOf(*MustOpen(directory / "copy")),
              ElementsAre(BlockOf(kAnn)));
}

// Writes to the database of a closed store, past the store.
void PutMeta(const std::string& directory, std::string_view key,
             std::string_view value) {
  auto rocks = Rocks::Open({.path = directory + "/db",
                            .block_cache_bytes = 1 << 20,
                            .write_buffer_bytes = 1 << 20});
  ASSERT_TRUE(rocks.ok()) << rocks.status();
  rocksdb::WriteOptions options;
  options.sync = true;
  ASSERT_TRUE((*rocks)
                  ->db()
                  .Put(options, (*rocks)->family(ColumnFamily::kMeta),
                       ToSlice(key), ToSlice(value))
                  .ok());
}

TEST(StoreBlocksTest, OneThatCannotBeReadIsDataLoss) {
  const TempDirectory directory;
  {
    const auto store = MustOpen(directory / "store");
    const Block put[] = {BlockOf(kAnn)};
    ASSERT_TRUE(store->ApplyBlocks(put, {}).ok());
  }
  const std::pair<std::string, std::string> kCases[] = {
      {BlockKey(kAnn), "2 1 2 x"}, {StrCat(kBlockPrefix, "Practitioner"), ""}};
  for (const auto& [key, value] : kCases) {
    SCOPED_TRACE(key);
    fs::remove_all(directory / "copy");
    fs::copy(directory / "store", directory / "copy",
             fs::copy_options::recursive);
    PutMeta(directory / "copy", key, value);
    const auto store = MustOpen(directory / "copy");
    EXPECT_EQ(store->Blocks().status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(store->Verify().code(), absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace pdp::store
