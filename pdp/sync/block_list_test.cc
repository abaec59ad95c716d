#include "pdp/sync/block_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace pdp::sync {
namespace {

using policy::Block;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A store on disk, a list over it, and what the list published last.
class BlockListTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    list_.reset();
    store_.reset();
    auto store = store::Store::Open({.directory = directory_ / "store"});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto list = BlockList::Open(
        *store_, {.publish = [this](auto set) { published_ = std::move(set); },
                  .changed =
                      [this](uint64_t revision,
                             const std::vector<std::string>& targets) {
                        EXPECT_EQ(revision, store_->revision());
                        changed_.push_back(targets);
                      },
                  .clock = &clock_});
    ASSERT_TRUE(list.ok()) << list.status();
    list_ = *std::move(list);
  }

  absl::Status Set(std::string_view target, absl::Duration duration,
                   std::string_view reason = "r") {
    return list_
        ->Set({.target = std::string(target),
               .until = clock_.Now() + duration,
               .reason = std::string(reason)})
        .status();
  }

  std::vector<std::string> InForce() const {
    std::vector<std::string> targets;
    for (const Block& block : list_->InForce()) {
      targets.push_back(StrCat(block.target, " ", block.reason));
    }
    return targets;
  }

  bool IsDenied(std::string_view target) const {
    return published_->Find(target) != nullptr;
  }

  const TempDirectory directory_;
  FakeClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<BlockList> list_;
  std::shared_ptr<const policy::BlockSet> published_;
  std::vector<std::vector<std::string>> changed_;
};

TEST_F(BlockListTest, PublishesWhatTheStoreHasWhenItIsOpened) {
  ASSERT_NE(published_, nullptr);
  EXPECT_EQ(published_->size(), 0u);
  ASSERT_TRUE(Set("User/u", absl::Hours(1)).ok());
  published_ = nullptr;
  Reopen();
  ASSERT_NE(published_, nullptr);
  EXPECT_TRUE(IsDenied("User/u"));
  const std::vector<Block> blocks = list_->InForce();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].until, clock_.Now() + absl::Hours(1));
  EXPECT_EQ(blocks[0].since, clock_.Now());
  EXPECT_EQ(blocks[0].deadline, clock_.SinceBoot() + absl::Hours(1));
}

TEST_F(BlockListTest, ABlockIsReplacedAndEnded) {
  ASSERT_TRUE(Set("User/u", absl::Hours(2), "first").ok());
  ASSERT_TRUE(Set("User/a", absl::Hours(2)).ok());
  ASSERT_TRUE(Set("User/u", absl::Hours(1), "second").ok());
  EXPECT_THAT(InForce(), ElementsAre("User/a r", "User/u second"));
  EXPECT_TRUE(list_->End("User/u").ok());
  EXPECT_FALSE(IsDenied("User/u"));
  EXPECT_TRUE(IsDenied("User/a"));
  EXPECT_EQ(list_->End("User/u").code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(changed_,
              ElementsAre(ElementsAre("User/u"), ElementsAre("User/a"),
                          ElementsAre("User/u"), ElementsAre("User/u")));
  Reopen();
  EXPECT_THAT(InForce(), ElementsAre("User/a r"));
}

TEST_F(BlockListTest, EndedBlocksAreForgotten) {
  ASSERT_TRUE(Set("User/short", absl::Minutes(1)).ok());
  ASSERT_TRUE(Set("User/long", absl::Hours(1)).ok());
  const uint64_t revision = store_->revision();
  EXPECT_TRUE(list_->RemoveEnded().ok());
  EXPECT_EQ(store_->revision(), revision) << "nothing had ended";
  clock_.Advance(absl::Minutes(1));
  EXPECT_FALSE(IsDenied("User/short"));
  EXPECT_THAT(InForce(), ElementsAre("User/long r"));
  EXPECT_EQ(list_->End("User/short").code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(list_->RemoveEnded().ok());
  EXPECT_EQ(store_->revision(), revision + 1);
  EXPECT_EQ(store_->Blocks()->size(), 1u);
  EXPECT_THAT(changed_.back(), ElementsAre("User/short"));
}

TEST_F(BlockListTest, AfterARestartTheTimeOfDayCounts) {
  ASSERT_TRUE(Set("User/u", absl::Hours(1)).ok());
  clock_.SetNow(clock_.Now() - absl::Hours(5));
  Reopen();
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(IsDenied("User/u")) << "the clock was set back";
  clock_.Advance(absl::Hours(4));
  EXPECT_FALSE(IsDenied("User/u"));
}

TEST_F(BlockListTest, TakesSoManyAndNoMore) {
  std::vector<store::Block> many;
  for (size_t i = 0; i < policy::kMaxBlocks; ++i) {
    many.push_back({{"User", StrCat(i)},
                    clock_.Now(),
                    clock_.Now() + absl::Hours(i == 0 ? 1 : 2),
                    "r"});
  }
  ASSERT_TRUE(store_->ApplyBlocks(many, {}).ok());
  Reopen();
  EXPECT_EQ(Set("User/x", absl::Hours(1)).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(IsDenied("User/x"));
  EXPECT_TRUE(Set("User/7", absl::Hours(3)).ok()) << "takes another's place";
  clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(Set("User/x", absl::Hours(1)).ok()) << "one has ended";
  EXPECT_TRUE(IsDenied("User/x"));
}

TEST_F(BlockListTest, WhatTheStoreRefusesIsTakenBack) {
  ASSERT_TRUE(Set("User/u", absl::Hours(1)).ok());
  EXPECT_EQ(Set("User/a b", absl::Hours(1)).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(InForce(), ElementsAre("User/u r"));
  EXPECT_TRUE(IsDenied("User/u"));
  EXPECT_EQ(changed_.size(), 1u);
}

TEST_F(BlockListTest, IsPublishedBeforeTheStoreHasTheRevision) {
  bool denied = false;
  const int observer = store_->AddObserver(
      [&](const store::Applied&) { denied = IsDenied("User/u"); });
  ASSERT_TRUE(Set("User/u", absl::Hours(1)).ok());
  EXPECT_TRUE(denied);
  ASSERT_TRUE(list_->End("User/u").ok());
  EXPECT_FALSE(denied);
  store_->RemoveObserver(observer);
}

}  // namespace
}  // namespace pdp::sync
