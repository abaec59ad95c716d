#include "pdp/audit/log_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "pdp/audit/audit_test_support.h"

namespace pdp::audit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LogReaderTest : public testing::Test {
 protected:
  // A record a minute, by turns in two chains; each segment has two.
  void Write(int records) {
    options_.max_segment_age = absl::Minutes(3);
    const auto journal = FileJournal::Open(options_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    const std::unique_ptr<Chain> chains[] = {(*journal)->NewChain(),
                                             (*journal)->NewChain()};
    for (int i = 0; i < records; ++i) {
      ids_.push_back(DecisionId(clock_.Now(), i));
      times_.push_back(clock_.Now());
      chains[i % 2]->Add(TestRecord(clock_.Now(), ids_.back()));
      ASSERT_TRUE(chains[i % 2]->Write().ok());
      clock_.Advance(absl::Minutes(1));
    }
  }

  // The ids of the decisions that are found.
  std::vector<std::string> Find(const Selection& selection) {
    defects_.clear();
    const auto reader = LogReader::Open({options_.directory});
    EXPECT_TRUE(reader.ok()) << reader.status();
    std::vector<std::string> ids;
    const absl::Status status = reader->ForEach(
        selection,
        [&](const FoundRecord& found) {
          if (found.parsed.is_record()) {
            ids.emplace_back(found.parsed.record().decision_id);
          }
          return true;
        },
        [&](const Defect& defect) { defects_.push_back(defect.ToString()); });
    EXPECT_TRUE(status.ok()) << status;
    return ids;
  }

  TempDirectory directory_;
  FakeClock clock_;
  JournalOptions options_ = TestOptions(directory_ / "audit", clock_);
  std::vector<std::string> ids_;
  std::vector<absl::Time> times_;
  std::vector<std::string> defects_;
};

TEST_F(LogReaderTest, RecordsOfAllChainsComeInTheOrderOfTime) {
  Write(20);
  EXPECT_GT(SegmentPaths(options_.directory).size(), 4u);
  EXPECT_EQ(Find({}), ids_);
  EXPECT_THAT(defects_, IsEmpty());
}

TEST_F(LogReaderTest, RecordsOfATimeAreFoundWithoutTheOtherSegments) {
  Write(60);
  // A segment that is not looked at may be anything.
  for (const std::string& path : SegmentPaths(options_.directory)) {
    const auto name =
        SegmentName::Parse(std::filesystem::path(path).filename().string());
    if (name->start > times_[50]) WriteFile(path, "no record\n");
  }
  EXPECT_THAT(Find({.from = times_[30], .to = times_[33]}),
              ElementsAre(ids_[30], ids_[31], ids_[32], ids_[33]));
  EXPECT_THAT(defects_, IsEmpty());
}

TEST_F(LogReaderTest, ADecisionIsFoundByItsId) {
  Write(30);
  const auto reader = LogReader::Open({options_.directory});
  ASSERT_TRUE(reader.ok());
  for (const std::string& id : ids_) {
    const auto found = reader->FindDecision(id);
    ASSERT_TRUE(found.ok() && found->has_value()) << id;
    EXPECT_EQ((*found)->parsed.record().decision_id, id);
    EXPECT_EQ((*found)->parsed.record().resource, "Patient/p1");
    EXPECT_THAT((*found)->json, HasSubstr(id));
  }
  const auto other = reader->FindDecision(DecisionId(times_[3], 99));
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other->has_value());
  EXPECT_FALSE(reader->FindDecision("x").ok());
}

TEST_F(LogReaderTest, RecordsOfOneLineAreFoundEach) {
  {
    const auto journal = FileJournal::Open(options_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    const auto chain = (*journal)->NewChain();
    for (int i = 0; i < 3; ++i) {
      ids_.push_back(DecisionId(clock_.Now(), i));
      const std::string resource = StrCat("Patient/", i);
      Record record = TestRecord(clock_.Now(), ids_.back());
      record.resource = resource;
      chain->Add(record);
      clock_.Advance(absl::Seconds(1));
    }
    ASSERT_TRUE(chain->Write().ok());
  }
  const std::string path = SegmentPaths(options_.directory)[0];
  ASSERT_THAT(Lines(path), SizeIs(3)) << "a header, a line, the end";
  EXPECT_EQ(Find({}), ids_);
  const auto reader = LogReader::Open({options_.directory});
  ASSERT_TRUE(reader.ok());
  for (size_t i = 0; i < ids_.size(); ++i) {
    const auto found = reader->FindDecision(ids_[i]);
    ASSERT_TRUE(found.ok() && found->has_value()) << ids_[i];
    EXPECT_EQ((*found)->parsed.record().resource, StrCat("Patient/", i));
    EXPECT_EQ((*found)->parsed.record().subject, "ProjectMembership/m1");
    EXPECT_THAT((*found)->json, HasSubstr(StrCat("Patient/", i)));
  }
  // Within a line by their own times.
  EXPECT_THAT(Find({.from = clock_.Now() - absl::Seconds(2)}),
              ElementsAre(ids_[1], ids_[2]));
  std::string text = ReadFile(path);
  text.replace(text.find("\"more\":[{") + 8, 1, "1,{");
  WriteFile(path, text);
  EXPECT_THAT(Find({}), testing::IsEmpty());
  EXPECT_THAT(defects_, ElementsAre(StrCat(
                            path, ":2: `more` has something but records")));
}

TEST_F(LogReaderTest, WhatIsNoRecordIsToldWithItsPlace) {
  Write(6);
  const std::string path = SegmentPaths(options_.directory)[0];
  WriteFile(path, StrCat("garbage\n", ReadFile(path), "{\"seq\":"));
  EXPECT_THAT(Find({}), SizeIs(6));
  const size_t lines = Lines(path).size();
  EXPECT_THAT(defects_,
              ElementsAre(StrCat(path, ":1: not a JSON object"),
                          StrCat(path, ":", lines, ": not a whole line")));
}

TEST_F(LogReaderTest, ALineOfAnyLengthIsReadInBoundedMemory) {
  Write(2);
  const std::string path = SegmentPaths(options_.directory)[0];
  WriteFile(path,
            StrCat(std::string(size_t{5} << 20, 'x'), "\n", ReadFile(path)));
  EXPECT_THAT(Find({}), SizeIs(2));
  EXPECT_THAT(defects_, ElementsAre(StrCat(path, ":1: too long for a record")));
}

TEST_F(LogReaderTest, ASegmentInTwoDirectoriesIsReadOnce) {
  Write(4);
  const std::string archive = directory_ / "archive";
  std::filesystem::copy(options_.directory, archive);
  const auto reader = LogReader::Open({options_.directory, archive});
  ASSERT_TRUE(reader.ok());
  int records = 0;
  ASSERT_TRUE(reader
                  ->ForEach(
                      {},
                      [&](const FoundRecord& found) {
                        records += found.parsed.is_record();
                        return true;
                      },
                      [](const Defect&) {})
                  .ok());
  EXPECT_EQ(records, 4);
}

TEST_F(LogReaderTest, ADirectoryThatIsNotThereIsAnError) {
  EXPECT_FALSE(LogReader::Open({directory_ / "none"}).ok());
}

TEST(TimeOfIdTest, OnlyIdsOfVersionSevenHaveATime) {
  EXPECT_EQ(TimeOfId("019aaaaa-bbbb-7000-8000-000000000000"),
            absl::FromUnixMillis(0x019aaaaabbbb));
  EXPECT_FALSE(TimeOfId("019aaaaa-bbbb-4000-8000-000000000000").has_value());
  EXPECT_FALSE(TimeOfId("019aaaaa-bbbb-7000-8000-00000000000").has_value());
  EXPECT_FALSE(TimeOfId("019aaaaa-bbbb-7000-8000-00000000000g").has_value());
  EXPECT_FALSE(TimeOfId("").has_value());
}

}  // namespace
}  // namespace pdp::audit
