#include "pdp/audit/file_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "pdp/audit/audit_test_support.h"
#include "pdp/audit/line_records.h"
#include "pdp/audit/line_writer.h"
#include "pdp/audit/segment_scan.h"
#include "pdp/audit/shared_chain.h"
#include "pdp/medplum/signature.h"
#include "tests/support/eventually.h"

namespace pdp::audit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kPrivateKey[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n";

class FileJournalTest : public testing::Test {
 protected:
  FileJournalTest() { options_.calls = &calls_; }

  std::unique_ptr<FileJournal> Open() {
    auto journal = FileJournal::Open(options_);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }

  absl::Status WriteOne(Chain& chain) {
    const std::string id = DecisionId(clock_.Now(), ++ids_);
    chain.Add(TestRecord(clock_.Now(), id));
    return chain.Write();
  }

  std::vector<std::string> Paths() const {
    return SegmentPaths(options_.directory);
  }

  TempDirectory directory_;
  FakeClock clock_;
  FaultyCalls calls_;
  JournalOptions options_ = TestOptions(directory_ / "audit", clock_);
  int ids_ = 0;
};

TEST_F(FileJournalTest, RecordsAreLinesThatFollowFromEachOther) {
  {
    const auto journal = Open();
    const auto chain = journal->NewChain();
    EXPECT_FALSE(chain->has_added());
    EXPECT_TRUE(chain->Write().ok());
    chain->Add(TestRecord(clock_.Now(), "a"));
    EXPECT_TRUE(chain->has_added());
    ASSERT_TRUE(chain->Write().ok());
    EXPECT_FALSE(chain->has_added());
    chain->Add(TestRecord(clock_.Now(), "b"));
    chain->Add(TestRecord(clock_.Now(), "c"));
    ASSERT_TRUE(chain->Write().ok());
  }
  ASSERT_THAT(Paths(), SizeIs(1));
  EXPECT_THAT(Kinds(Paths()[0]),
              ElementsAre("segment", "decision", "decision", "close"));
  // As docs/audit.md says that it is checked by hand.
  std::string previous(32, '\0');
  for (const std::string& line : Lines(Paths()[0])) {
    const size_t hash_at = line.rfind(kHashPrefix);
    const std::string hash =
        medplum::Sha256(StrCat(previous, line.substr(0, hash_at), "}"));
    EXPECT_EQ(line.substr(hash_at),
              StrCat(kHashPrefix, absl::BytesToHexString(hash), kHashSuffix));
    previous = hash;
  }
}

TEST_F(FileJournalTest, RecordsOfOneWriteShareALine) {
  const auto journal = Open();
  const auto chain = journal->NewChain();
  const Record first = TestRecord(clock_.Now(), "a");
  Record other = first;
  other.project = "another";
  for (const Record& record : {first, first, first, other}) {
    chain->Add(record);
  }
  ASSERT_TRUE(chain->Write().ok());
  chain->Add(other);
  ASSERT_TRUE(chain->Write().ok());
  EXPECT_EQ(journal->Status().records, 5u);
  std::vector<size_t> records;
  LineRecords line_records;
  for (const std::string& line : Lines(Paths()[0])) {
    ASSERT_TRUE(line_records.Read(line).ok());
    records.push_back(line_records.size());
  }
  EXPECT_THAT(records, ElementsAre(1, 3, 1, 1)) << "a header comes first";
}

TEST_F(FileJournalTest, NothingIsInTheFileBeforeWriteAndAllIsAfter) {
  const auto journal = Open();
  const auto chain = journal->NewChain();
  chain->Add(TestRecord(clock_.Now(), "a"));
  EXPECT_THAT(Kinds(Paths()[0]), ElementsAre("segment"));
  ASSERT_TRUE(chain->Write().ok());
  EXPECT_THAT(Kinds(Paths()[0]), ElementsAre("segment", "decision"));
  EXPECT_EQ(journal->Status().records, 1u);
}

TEST_F(FileJournalTest, FilesAreForThisUserAlone) {
  const auto journal = Open();
  ASSERT_TRUE(WriteOne(*journal->NewChain()).ok());
  struct stat info = {};
  ASSERT_EQ(stat(options_.directory.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0700u);
  ASSERT_EQ(stat(Paths()[0].c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
}

TEST_F(FileJournalTest, ADirectoryIsForOneServerAtATime) {
  const auto journal = Open();
  EXPECT_EQ(FileJournal::Open(options_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(FileJournalTest, EachChainHasFilesOfItsOwnAndIsTakenUpAgain) {
  const auto journal = Open();
  auto first = journal->NewChain();
  const auto second = journal->NewChain();
  ASSERT_TRUE(WriteOne(*first).ok());
  ASSERT_TRUE(WriteOne(*second).ok());
  EXPECT_THAT(Paths(), SizeIs(2));
  first.reset();
  ASSERT_TRUE(WriteOne(*journal->NewChain()).ok());
  ASSERT_THAT(Paths(), SizeIs(3));
  EXPECT_THAT(Paths()[1], HasSubstr("-0000-00000002.jsonl"));
}

TEST_F(FileJournalTest, ARestartGoesOnWithTheChain) {
  for (int run = 0; run < 3; ++run) {
    const auto journal = Open();
    ASSERT_TRUE(WriteOne(*journal->NewChain()).ok());
  }
  const std::vector<std::string> paths = Paths();
  ASSERT_THAT(paths, SizeIs(3));
  for (size_t i = 1; i < paths.size(); ++i) {
    const auto before = ScanSegment(paths[i - 1]);
    const auto scan = ScanSegment(paths[i]);
    ASSERT_TRUE(before.ok() && scan.ok() && scan->header);
    EXPECT_TRUE(before->is_closed);
    EXPECT_EQ(scan->header->previous, before->end.head);
    EXPECT_EQ(scan->header->seq, before->end.seq + 1);
    EXPECT_EQ(scan->header->previous_bytes, before->size);
    EXPECT_EQ(scan->header->previous_left, "");
  }
}

TEST_F(FileJournalTest, SegmentsAreRotatedBySize) {
  options_.max_segment_bytes = 1000;
  {
    const auto journal = Open();
    const auto chain = journal->NewChain();
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(WriteOne(*chain).ok());
  }
  ASSERT_GT(Paths().size(), 2u);
  for (const std::string& path : Paths()) {
    EXPECT_LT(std::filesystem::file_size(path), 2000u);
    EXPECT_TRUE(ScanSegment(path)->is_closed);
  }
  EXPECT_THAT(Lines(Paths()[0]).back(), HasSubstr(R"("reason":"rotated")"));
  EXPECT_THAT(Lines(Paths().back()).back(), HasSubstr(R"("reason":"stopped")"));
}

TEST_F(FileJournalTest, IdleSegmentsAreRotatedByAgeUnlessNothingIsInThem) {
  const auto journal = Open();
  const auto chain = journal->NewChain();
  ASSERT_TRUE(WriteOne(*chain).ok());
  clock_.Advance(options_.max_segment_age);
  journal->Maintain();
  EXPECT_THAT(Paths(), SizeIs(2));
  clock_.Advance(options_.max_segment_age);
  journal->Maintain();
  EXPECT_THAT(Paths(), SizeIs(2));
  ASSERT_TRUE(WriteOne(*chain).ok());
  EXPECT_THAT(Paths(), SizeIs(3));
}

TEST_F(FileJournalTest, CheckpointsFollowAfterRecordsAndAfterTime) {
  options_.checkpoint_records = 2;
  const auto journal = Open();
  const auto chain = journal->NewChain();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(WriteOne(*chain).ok());
  EXPECT_THAT(Kinds(Paths()[0]), ElementsAre("segment", "decision", "decision",
                                             "checkpoint", "decision"));
  clock_.Advance(options_.checkpoint_interval);
  journal->Maintain();
  journal->Maintain();
  EXPECT_EQ(Kinds(Paths()[0]).back(), "checkpoint");
  EXPECT_THAT(Kinds(Paths()[0]), SizeIs(6));
  clock_.Advance(options_.checkpoint_interval);
  journal->Maintain();
  EXPECT_THAT(Kinds(Paths()[0]), SizeIs(6)) << "nothing is new";
}

TEST_F(FileJournalTest, CheckpointsAreSignedByTheKey) {
  const auto key = SigningKey::FromPrivatePem(kPrivateKey);
  ASSERT_TRUE(key.ok()) << key.status();
  options_.signing_key = std::make_shared<SigningKey>(*key);
  options_.checkpoint_records = 1;
  const auto journal = Open();
  ASSERT_TRUE(WriteOne(*journal->NewChain()).ok());
  RecordParser parser;
  ASSERT_TRUE(parser.Parse(Lines(Paths()[0])[2]).ok());
  ASSERT_EQ(parser.kind(), "checkpoint");
  const auto text = [&](std::string_view name) {
    return fhir::StringMember(parser.json(), name);
  };
  std::string signature;
  ASSERT_TRUE(absl::Base64Unescape(ToAbsl(text("signature")), &signature));
  const auto public_key = SigningKey::FromPublicPem(key->PublicPem());
  ASSERT_TRUE(public_key.ok());
  EXPECT_EQ(text("key"), public_key->id());
  EXPECT_TRUE(
      public_key->Verifies(SignedText(text("chain"), parser.seq(), text("head"),
                                      text("time"), "checkpoint"),
                           signature));
  EXPECT_FALSE(
      public_key->Verifies(SignedText(text("chain"), parser.seq() + 1,
                                      text("head"), text("time"), "checkpoint"),
                           signature));
}

TEST_F(FileJournalTest, WhatCannotBeWrittenLeavesNoTrace) {
  struct Case {
    const char* name;
    int error;
    size_t short_bytes;
    absl::StatusCode code;
  };
  for (const Case& c : std::vector<Case>{
           {"full", ENOSPC, 0, absl::StatusCode::kResourceExhausted},
           {"full on the way", ENOSPC, 100,
            absl::StatusCode::kResourceExhausted},
           {"quota", EDQUOT, 7, absl::StatusCode::kResourceExhausted},
           {"broken", EIO, 300, absl::StatusCode::kUnavailable}}) {
    SCOPED_TRACE(c.name);
    const auto journal = Open();
    const auto chain = journal->NewChain();
    ASSERT_TRUE(WriteOne(*chain).ok());
    const std::string path = Paths().back();
    const std::string before = ReadFile(path);
    calls_.write_error = c.error;
    calls_.short_bytes = c.short_bytes;
    chain->Add(TestRecord(clock_.Now(), "lost"));
    EXPECT_EQ(WriteOne(*chain).code(), c.code);
    EXPECT_FALSE(chain->has_added());
    EXPECT_EQ(ReadFile(path), before);
    calls_.write_error = 0;
    ASSERT_TRUE(WriteOne(*chain).ok());
    const auto scan = ScanSegment(path);
    EXPECT_EQ(scan->torn.bytes, 0u);
    EXPECT_EQ(scan->size, std::filesystem::file_size(path));
    EXPECT_EQ(journal->Status().failed_writes, 1u);
  }
}

TEST_F(FileJournalTest, ASegmentThatCannotBeCutBackIsLeft) {
  const auto journal = Open();
  const auto chain = journal->NewChain();
  ASSERT_TRUE(WriteOne(*chain).ok());
  const uint64_t size = std::filesystem::file_size(Paths()[0]);
  calls_.write_error = EIO;
  calls_.short_bytes = 100;
  calls_.truncate_error = EIO;
  EXPECT_FALSE(WriteOne(*chain).ok());
  calls_ = FaultyCalls();
  ASSERT_TRUE(WriteOne(*chain).ok());
  ASSERT_THAT(Paths(), SizeIs(2));
  const auto scan = ScanSegment(Paths()[1]);
  ASSERT_TRUE(scan->header);
  EXPECT_EQ(scan->header->previous_left, "write failed");
  EXPECT_EQ(scan->header->previous_bytes, size);
  EXPECT_EQ(scan->header->torn_bytes, 100u);
  EXPECT_EQ(scan->header->torn, ScanSegment(Paths()[0])->torn.digest);
}

TEST_F(FileJournalTest, NoSegmentCanBeStartedOnAFullDisk) {
  const auto journal = Open();
  const auto chain = journal->NewChain();
  calls_.write_error = ENOSPC;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(WriteOne(*chain).code(), absl::StatusCode::kResourceExhausted);
  }
  calls_.write_error = 0;
  EXPECT_TRUE(WriteOne(*chain).ok());
  ASSERT_THAT(Paths(), SizeIs(1));
  EXPECT_THAT(Kinds(Paths()[0]), ElementsAre("segment", "decision"));
}

TEST_F(FileJournalTest, AFullDiskWhileRotatingCostsNoRecord) {
  options_.max_segment_bytes = 1;
  const auto journal = Open();
  const auto chain = journal->NewChain();
  ASSERT_TRUE(WriteOne(*chain).ok());
  ASSERT_THAT(Paths(), SizeIs(2));
  // The record fits, what follows does not.
  class OneWrite : public FaultyCalls {
   public:
    ssize_t Write(int file, std::string_view bytes) override {
      if (--left < 0) write_error = ENOSPC;
      return FaultyCalls::Write(file, bytes);
    }
    int left = 1;
  };
  OneWrite calls;
  options_.calls = &calls;
  options_.directory = directory_ / "other";
  const auto other = Open();
  const auto other_chain = other->NewChain();
  calls.left = 2;  // A header and a record.
  EXPECT_TRUE(WriteOne(*other_chain).ok());
  EXPECT_THAT(Paths(), SizeIs(1));
  calls.left = 1000;
  calls.write_error = 0;
  EXPECT_TRUE(WriteOne(*other_chain).ok());
  EXPECT_THAT(Kinds(Paths()[0]),
              ElementsAre("segment", "decision", "decision", "close"));
}

TEST_F(FileJournalTest, WithSyncEachWriteARecordIsOnTheDiskOrNotThere) {
  options_.sync_each_write = true;
  const auto journal = Open();
  const auto chain = journal->NewChain();
  ASSERT_TRUE(WriteOne(*chain).ok());
  EXPECT_EQ(calls_.syncs, 2) << "the header, and the record";
  calls_.sync_error = EIO;
  EXPECT_EQ(WriteOne(*chain).code(), absl::StatusCode::kUnavailable);
  calls_.sync_error = 0;
  ASSERT_TRUE(WriteOne(*chain).ok());
  ASSERT_THAT(Paths(), SizeIs(2)) << "a file that lost something is left";
  EXPECT_EQ(ScanSegment(Paths()[1])->header->previous_left, "sync failed");
}

TEST_F(FileJournalTest, ASegmentThatCannotBeSyncedLaterIsLeft) {
  const auto journal = Open();
  const auto chain = journal->NewChain();
  ASSERT_TRUE(WriteOne(*chain).ok());
  calls_.sync_error = EIO;
  journal->Maintain();
  EXPECT_EQ(journal->Status().failed_syncs, 1u);
  calls_.sync_error = 0;
  ASSERT_TRUE(WriteOne(*chain).ok());
  EXPECT_EQ(ScanSegment(Paths()[1])->header->previous_left, "sync failed");
}

TEST_F(FileJournalTest, HeadsAreToldOfAndKept) {
  const auto journal = Open();
  const auto chain = journal->NewChain();
  ASSERT_TRUE(WriteOne(*chain).ok());
  journal->Maintain();
  const auto heads = ReadHeads(options_.directory + "/heads.jsonl");
  ASSERT_TRUE(heads.ok());
  ASSERT_THAT(*heads, SizeIs(1));
  EXPECT_EQ((*heads)[0].seq, 2u);
  EXPECT_EQ((*heads)[0].head, ScanSegment(Paths()[0])->end.head);
  ASSERT_THAT(journal->Status().heads, SizeIs(1));
  EXPECT_EQ(journal->Status().heads[0].chain, (*heads)[0].chain);
}

TEST_F(FileJournalTest, HeadsAreReadFromALogToo) {
  const std::vector<Head> heads = ParseHeads(
      "{\"time\":\"2026-01-02T03:04:05.678Z\",\"severity\":\"INFO\","
      "\"event\":\"audit_head\",\"chain\":\"a.0\",\"segment\":1,\"seq\":7,"
      "\"head\":\"" +
      std::string(64, 'a') + "\"}\nno json\n{\"event\":\"ready\"}\n");
  ASSERT_THAT(heads, SizeIs(1));
  EXPECT_EQ(heads[0].seq, 7u);
}

TEST_F(FileJournalTest, ATornLineIsKeptAndTold) {
  { ASSERT_TRUE(WriteOne(*Open()->NewChain()).ok()); }
  // Without its closing record, and with half of another.
  std::string text = ReadFile(Paths()[0]);
  text.resize(text.rfind('\n', text.size() - 2) + 1);
  const std::string torn = R"({"seq":3,"time":"20)";
  WriteFile(Paths()[0], text + torn);
  std::filesystem::remove(options_.directory + "/heads.jsonl");
  const auto journal = Open();
  EXPECT_EQ(ReadFile(Paths()[0]), text + torn);
  ASSERT_THAT(Paths(), SizeIs(2)) << "told at once";
  const auto scan = ScanSegment(Paths()[1]);
  ASSERT_TRUE(scan->header);
  EXPECT_EQ(scan->header->previous_left, "killed");
  EXPECT_EQ(scan->header->previous_bytes, text.size());
  EXPECT_EQ(scan->header->torn_bytes, torn.size());
  EXPECT_EQ(scan->header->seq, 3u);
  EXPECT_FALSE(scan->header->lost_to.has_value());
}

TEST_F(FileJournalTest, ATornHeaderIsToldAndTheChainGoesOn) {
  { ASSERT_TRUE(WriteOne(*Open()->NewChain()).ok()); }
  { ASSERT_TRUE(WriteOne(*Open()->NewChain()).ok()); }
  const auto first = ScanSegment(Paths()[0]);
  WriteFile(Paths()[1], R"({"seq":4,"ti)");
  std::filesystem::remove(options_.directory + "/heads.jsonl");
  const auto journal = Open();
  ASSERT_THAT(Paths(), SizeIs(3));
  const auto scan = ScanSegment(Paths()[2]);
  EXPECT_EQ(scan->header->previous, first->end.head);
  EXPECT_EQ(scan->header->seq, first->end.seq + 1);
  EXPECT_EQ(scan->header->torn_bytes, 12u);
}

TEST_F(FileJournalTest, RecordsThatWereToldOfAndAreGoneAreNoted) {
  {
    const auto journal = Open();
    ASSERT_TRUE(WriteOne(*journal->NewChain()).ok());
  }
  std::string text = ReadFile(Paths()[0]);
  text.resize(text.find('\n') + 1);
  WriteFile(Paths()[0], text);
  { const auto journal = Open(); }
  ASSERT_THAT(Paths(), SizeIs(2));
  EXPECT_EQ(ScanSegment(Paths()[1])->header->lost_to, 3u);
}

TEST_F(FileJournalTest, SegmentsThatAreGoneLeaveAGap) {
  { ASSERT_TRUE(WriteOne(*Open()->NewChain()).ok()); }
  const auto first = ScanSegment(Paths()[0]);
  std::filesystem::remove(Paths()[0]);
  { const auto journal = Open(); }
  ASSERT_THAT(Paths(), SizeIs(1));
  const auto scan = ScanSegment(Paths()[0]);
  EXPECT_EQ(scan->header->segment, 2u);
  EXPECT_EQ(scan->header->previous_left, "missing");
  EXPECT_EQ(scan->header->previous, first->end.head);
}

TEST_F(FileJournalTest, ASegmentThatShouldFollowAndDoesNotLeavesAGap) {
  options_.max_segment_bytes = 1;
  {
    const auto journal = Open();
    const auto chain = journal->NewChain();
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(WriteOne(*chain).ok());
  }
  ASSERT_THAT(Paths(), SizeIs(3));
  std::filesystem::remove(Paths()[2]);
  std::filesystem::remove(options_.directory + "/heads.jsonl");
  { const auto journal = Open(); }
  ASSERT_THAT(Paths(), SizeIs(3));
  const auto scan = ScanSegment(Paths()[2]);
  EXPECT_EQ(scan->header->segment, 4u);
  EXPECT_EQ(scan->header->previous_left, "missing");
}

TEST_F(FileJournalTest, AServerThatEndedWhileRotatingLeavesNoGap) {
  options_.max_segment_bytes = 1;
  {
    const auto journal = Open();
    ASSERT_TRUE(WriteOne(*journal->NewChain()).ok());
  }
  ASSERT_THAT(Paths(), SizeIs(2));
  WriteFile(Paths()[1], "");
  std::filesystem::remove(options_.directory + "/heads.jsonl");
  {
    const auto journal = Open();
    ASSERT_TRUE(WriteOne(*journal->NewChain()).ok());
  }
  ASSERT_THAT(Paths(), SizeIs(3));
  EXPECT_EQ(ScanSegment(Paths()[1])->header->previous_left, "");
}

TEST_F(FileJournalTest, ADirectoryOfTwoLogsIsRefused) {
  { ASSERT_TRUE(WriteOne(*Open()->NewChain()).ok()); }
  const std::string one = options_.directory;
  options_.directory = directory_ / "two";
  {
    const auto journal = Open();
    const auto unused = journal->NewChain();
    ASSERT_TRUE(WriteOne(*journal->NewChain()).ok());
  }
  const std::string path = Paths()[0];
  std::filesystem::copy(
      path, one + "/" + std::filesystem::path(path).filename().string());
  options_.directory = one;
  EXPECT_EQ(FileJournal::Open(options_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(FileJournalTest, ClosedSegmentsAreThoseThatNobodyWritesTo) {
  options_.max_segment_bytes = 1;
  const auto journal = Open();
  auto chain = journal->NewChain();
  ASSERT_TRUE(WriteOne(*chain).ok());
  ASSERT_TRUE(WriteOne(*chain).ok());
  auto closed = journal->ClosedSegments();
  ASSERT_TRUE(closed.ok());
  EXPECT_THAT(*closed, SizeIs(2));
  EXPECT_THAT(Paths(), SizeIs(3));
  chain.reset();
  EXPECT_THAT(*journal->ClosedSegments(), SizeIs(3));
}

TEST_F(FileJournalTest, RemovalsAreRecorded) {
  const auto journal = Open();
  ASSERT_TRUE(journal
                  ->RecordRemovals({{.chain = "a.0",
                                     .segment = 7,
                                     .where = "local",
                                     .reason = "age"}})
                  .ok());
  EXPECT_THAT(Lines(Paths()[0])[1], HasSubstr(R"("removed_through":7)"));
}

TEST_F(FileJournalTest, ASharedChainWritesAllOrNone) {
  const auto journal = Open();
  SharedChain chain(*journal);
  const Record records[] = {TestRecord(clock_.Now(), "a"),
                            TestRecord(clock_.Now(), "b")};
  ASSERT_TRUE(chain.Write(records).ok());
  calls_.write_error = ENOSPC;
  EXPECT_FALSE(chain.Write(records[0]).ok());
  EXPECT_THAT(Kinds(Paths()[0]), ElementsAre("segment", "decision"));
  EXPECT_EQ(journal->Status().records, 2u);
}

// What was written is there whenever the process ends.
TEST_F(FileJournalTest, AKilledProcessLosesNothingThatWasWritten) {
  constexpr int kKills = 10;
  uint64_t answered = 0;
  for (int kill_after = 0; kill_after < kKills; ++kill_after) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      options_.run_thread = true;
      options_.sync_interval = absl::Milliseconds(1);
      options_.max_segment_bytes = 20'000;
      auto journal = FileJournal::Open(options_);
      if (!journal.ok()) _exit(1);
      const auto chain = (*journal)->NewChain();
      while (WriteOne(*chain).ok()) {
        if (write(pipe_ends[1], ".", 1) != 1) _exit(1);
      }
      _exit(1);
    }
    close(pipe_ends[1]);
    char answer[64];
    for (int i = 0; i <= kill_after * 10; ++i) {
      ASSERT_EQ(read(pipe_ends[0], answer, 1), 1);
      ++answered;
    }
    kill(child, SIGKILL);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    ssize_t count = 0;
    while ((count = read(pipe_ends[0], answer, sizeof answer)) > 0) {
      answered += static_cast<uint64_t>(count);
    }
    close(pipe_ends[0]);
  }
  { const auto journal = Open(); }
  uint64_t found = 0;
  Position end;
  for (const std::string& path : Paths()) {
    const auto scan = ScanSegment(path);
    ASSERT_TRUE(scan.ok() && scan->header);
    EXPECT_EQ(scan->header->seq, end.seq + 1);
    EXPECT_EQ(scan->header->LinkedTo(), end.head);
    EXPECT_FALSE(scan->header->lost_to.has_value());
    end = scan->end;
    for (const std::string& kind : Kinds(path)) found += kind == "decision";
  }
  // At most one record of each run was not answered any more.
  EXPECT_GE(found, answered);
  EXPECT_LE(found, answered + kKills);
}

}  // namespace
}  // namespace pdp::audit
