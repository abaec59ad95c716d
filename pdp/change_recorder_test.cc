#include "pdp/change_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/service/audit_test_support.h"
#include "tests/support/temp_directory.h"

namespace pdp {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kRun[] = "0b7b8a1e-3c7e-4b0e-9d0a-111111111111";
constexpr char kNextRun[] = "5d1f0c52-8a4e-4c58-b2f5-222222222222";

class ChangeRecorderTest : public ::testing::Test {
 protected:
  ChangeRecorderTest() {
    auto store = store::Store::Open({.directory = directory_ / "s"});
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void Record(bool is_new, const std::string& machine_run = kRun) {
    recorder_ = std::make_unique<ChangeRecorder>(
        service::Audit{.mode = service::AuditMode::kRequired,
                       .journal = &journal_},
        metrics_, *store_, is_new, directory_ / "recorded", machine_run);
    observer_ = store_->AddObserver(
        [this](const store::Applied& applied) { recorder_->Changed(applied); });
  }

  // As a process that ends before it has recorded what it stored.
  void StopRecording() {
    store_->RemoveObserver(observer_);
    recorder_.reset();
  }

  void Apply(const std::vector<store::Change>& changes) {
    const auto applied = store_->Apply(changes, {});
    ASSERT_TRUE(applied.ok()) << applied.status();
  }

  static store::Change Put(std::string_view type, std::string_view version) {
    const std::string name(type);
    return {.kind = store::Change::Kind::kPut,
            .key = {name, "x"},
            .record = {.last_updated = "2026-01-01T00:00:00.000Z",
                       .version_id = std::string(version),
                       .project = "p",
                       .bytes = R"({"resourceType":")" + name +
                                R"(","id":"x","name":"Planted"})"}};
  }
  static store::Change Delete(std::string_view type) {
    return {.kind = store::Change::Kind::kDelete,
            .key = {std::string(type), "x"},
            .record = {.deleted = true,
                       .last_updated = "2026-01-02T00:00:00.000Z",
                       .version_id = "3",
                       .project = "p"}};
  }

  TempDirectory directory_;
  std::unique_ptr<store::Store> store_;
  service::MemoryJournal journal_;
  service::Metrics metrics_;
  std::unique_ptr<ChangeRecorder> recorder_;
  int observer_ = 0;
};

TEST_F(ChangeRecorderTest, ChangesOfWhoMayDoWhatAreRecorded) {
  Record(/*is_new=*/false);
  Apply({Put("AccessPolicy", "1"), Put("Bot", "1")});
  Apply({Put("ProjectMembership", "2")});
  Apply({Delete("AccessPolicy")});
  EXPECT_THAT(
      journal_.lines(),
      ElementsAre(
          AllOf(HasSubstr(R"("kind":"change")"),
                HasSubstr(R"("resource":"AccessPolicy/x")"),
                HasSubstr(R"("version_id":"1")"), HasSubstr(R"("project":"p")"),
                HasSubstr(R"("event":"updated")"), HasSubstr(R"("revision":1)"),
                Not(HasSubstr("Planted"))),
          AllOf(HasSubstr(R"("resource":"ProjectMembership/x")"),
                HasSubstr(R"("revision":2)")),
          AllOf(HasSubstr(R"("resource":"AccessPolicy/x")"),
                HasSubstr(R"("event":"deleted")"),
                HasSubstr(R"("revision":3)"))));
}

TEST_F(ChangeRecorderTest, TheFirstLoadOfAnEmptyStoreIsOneRecord) {
  Record(/*is_new=*/true);
  Apply({Put("AccessPolicy", "1")});
  Apply({Put("Project", "1")});
  EXPECT_THAT(journal_.lines(), IsEmpty());
  recorder_->Filled();
  recorder_->Filled();
  EXPECT_THAT(journal_.lines(),
              ElementsAre(AllOf(HasSubstr(R"("event":"loaded")"),
                                HasSubstr(R"("revision":2)"))));
  Apply({Put("AccessPolicy", "2")});
  EXPECT_EQ(journal_.lines().size(), 2u);
}

TEST_F(ChangeRecorderTest, AChangeCountsWhetherItIsRecordedOrNot) {
  Record(/*is_new=*/false);
  journal_.Fail(absl::ResourceExhaustedError("no room"));
  Apply({Put("AccessPolicy", "1")});
  EXPECT_EQ(metrics_.audit_dropped(), 1u);
}

TEST_F(ChangeRecorderTest, WhatWasStoredAndNotRecordedIsNamedAtTheNextStart) {
  Record(/*is_new=*/false);
  Apply({Put("AccessPolicy", "1")});
  StopRecording();
  Apply({Put("AccessPolicy", "2")});
  Apply({Put("Project", "1")});
  Record(/*is_new=*/false);
  ASSERT_EQ(journal_.lines().size(), 2u);
  EXPECT_THAT(journal_.lines().back(),
              AllOf(HasSubstr(R"("kind":"change")"),
                    HasSubstr(R"("event":"unrecorded 2-3")"),
                    HasSubstr(R"("revision":3)")));
  // Once.
  StopRecording();
  Record(/*is_new=*/false);
  Apply({Put("AccessPolicy", "3")});
  EXPECT_EQ(journal_.lines().size(), 3u);
}

TEST_F(ChangeRecorderTest, WhatCouldNotBeRecordedIsNamedWhenThereIsRoom) {
  Record(/*is_new=*/false);
  Apply({Put("AccessPolicy", "1")});
  journal_.Fail(absl::ResourceExhaustedError("no room"));
  Apply({Put("AccessPolicy", "2")});
  Apply({Put("AccessPolicy", "3")});
  journal_.Fail(absl::OkStatus());
  Apply({Put("AccessPolicy", "4")});
  ASSERT_EQ(journal_.lines().size(), 3u);
  EXPECT_THAT(journal_.lines()[1], HasSubstr(R"("event":"unrecorded 2-3")"));
  EXPECT_THAT(journal_.lines()[2], HasSubstr(R"("revision":4)"));
}

TEST_F(ChangeRecorderTest, AFirstLoadThatWasCutShortIsNamed) {
  Record(/*is_new=*/true);
  Apply({Put("AccessPolicy", "1")});
  StopRecording();
  Record(/*is_new=*/false);
  EXPECT_THAT(journal_.lines(),
              ElementsAre(HasSubstr(R"("event":"unrecorded 1-1")")));
}

TEST_F(ChangeRecorderTest, AfterALossOfPowerWhatWasNotSyncedIsInDoubt) {
  Record(/*is_new=*/false);
  Apply({Put("AccessPolicy", "1")});
  recorder_->Sync([] { return absl::OkStatus(); });
  recorder_->Sync([] {
    ADD_FAILURE() << "nothing is new";
    return absl::OkStatus();
  });
  Apply({Put("AccessPolicy", "2")});
  recorder_->Sync([] { return absl::UnavailableError("the disk"); });
  Apply({Put("AccessPolicy", "3")});
  StopRecording();

  // The process alone ended.
  Record(/*is_new=*/false);
  EXPECT_EQ(journal_.lines().size(), 3u);
  StopRecording();

  Record(/*is_new=*/false, kNextRun);
  ASSERT_EQ(journal_.lines().size(), 4u);
  EXPECT_THAT(journal_.lines()[3], HasSubstr(R"("event":"unrecorded 2-3")"));
  StopRecording();
  // The record of it was not synced, either.
  Record(/*is_new=*/false, kRun);
  EXPECT_EQ(journal_.lines().size(), 5u);
  recorder_->Sync([] { return absl::OkStatus(); });
  StopRecording();
  Record(/*is_new=*/false, kNextRun);
  EXPECT_EQ(journal_.lines().size(), 5u);
}

// What cannot say during which run it was written is not believed.
TEST_F(ChangeRecorderTest, AMachineWithoutANameIsAnotherEachTime) {
  Record(/*is_new=*/false, "");
  Apply({Put("AccessPolicy", "1")});
  StopRecording();
  Record(/*is_new=*/false, "");
  ASSERT_EQ(journal_.lines().size(), 2u);
  EXPECT_THAT(journal_.lines()[1], HasSubstr(R"("event":"unrecorded 1-1")"));
}

TEST(MachineRunTest, IsTheSameUntilTheMachineStartsAgain) {
  EXPECT_EQ(MachineRun().size(), 36u);
  EXPECT_EQ(MachineRun(), MachineRun());
}

// Of an earlier version, which kept one number.
TEST_F(ChangeRecorderTest, AnEarlierFileIsReadOn) {
  Apply({Put("AccessPolicy", "1")});
  Apply({Put("AccessPolicy", "2")});
  std::ofstream(directory_ / "recorded") << "00000000000000000001\n";
  Record(/*is_new=*/false);
  EXPECT_THAT(journal_.lines(),
              ElementsAre(HasSubstr(R"("event":"unrecorded 2-2")")));
}

// Of a store that was used before, by a program that kept no account.
TEST_F(ChangeRecorderTest, AnUnknownPastIsNotNamed) {
  Apply({Put("AccessPolicy", "1")});
  Record(/*is_new=*/false);
  EXPECT_THAT(journal_.lines(), IsEmpty());
}

}  // namespace
}  // namespace pdp
