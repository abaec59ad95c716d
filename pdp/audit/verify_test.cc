#include "pdp/audit/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "pdp/audit/audit_test_support.h"
#include "pdp/audit/line_writer.h"
#include "pdp/audit/segment_scan.h"

namespace pdp::audit {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kPrivateKey[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n";
constexpr char kOtherKey[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJPp3y/JBX9yxn9HH1+xm/U7OT/0ztjZ9BJQUd1GPlT2\n"
    "-----END PRIVATE KEY-----\n";

std::shared_ptr<const SigningKey> Key(const char* pem) {
  return std::make_shared<const SigningKey>(*SigningKey::FromPrivatePem(pem));
}

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    options_.signing_key = Key(kPrivateKey);
    options_.checkpoint_records = 3;
  }

  std::unique_ptr<FileJournal> Open() {
    auto journal = FileJournal::Open(options_);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }

  // Two runs of two chains, of several segments each.
  void WriteLog() {
    options_.max_segment_bytes = 1500;
    for (int run = 0; run < 2; ++run) {
      const auto journal = Open();
      const std::unique_ptr<Chain> chains[] = {journal->NewChain(),
                                               journal->NewChain()};
      for (int i = 0; i < 20; ++i) WriteOne(*chains[i % 2]);
    }
  }

  void WriteOne(Chain& chain) {
    chain.Add(TestRecord(clock_.Now(), DecisionId(clock_.Now(), ++ids_)));
    ASSERT_TRUE(chain.Write().ok());
    clock_.Advance(absl::Milliseconds(10));
  }

  // In one line.
  void WriteTwo(Chain& chain) {
    chain.Add(TestRecord(clock_.Now(), DecisionId(clock_.Now(), ++ids_)));
    WriteOne(chain);
  }

  VerifyReport Verify(const char* key = kPrivateKey,
                      std::vector<Head> heads = {}) const {
    VerifyOptions options{.directories = {options_.directory},
                          .heads = std::move(heads)};
    if (key != nullptr) options.public_keys = {*Key(key)};
    auto report = audit::Verify(options);
    EXPECT_TRUE(report.ok()) << report.status();
    return *std::move(report);
  }

  static std::vector<std::string> Faults(const VerifyReport& report) {
    std::vector<std::string> faults;
    for (const Finding& finding : report.findings.all()) {
      if (finding.is_fault()) faults.push_back(finding.ToString());
    }
    return faults;
  }

  std::vector<std::string> Paths() const {
    return SegmentPaths(options_.directory);
  }
  std::string HeadsPath() const { return options_.directory + "/heads.jsonl"; }

  // Without what is kept beside the segments.
  void RemoveHeads() const { std::filesystem::remove(HeadsPath()); }

  TempDirectory directory_;
  FakeClock clock_;
  JournalOptions options_ = TestOptions(directory_ / "audit", clock_);
  int ids_ = 0;
};

void Edit(const std::string& path,
          const std::function<void(std::vector<std::string>&)>& change) {
  std::vector<std::string> lines = Lines(path);
  change(lines);
  WriteFile(path, absl::StrJoin(lines, "\n") + "\n");
}

TEST_F(VerifyTest, ALogIsFoundWhole) {
  WriteLog();
  const VerifyReport report = Verify();
  EXPECT_THAT(Faults(report), IsEmpty());
  EXPECT_EQ(report.chains, 2u);
  EXPECT_EQ(report.records, 40u);
  EXPECT_EQ(report.segments, Paths().size());
  EXPECT_GT(report.checkpoints, report.segments);
  EXPECT_EQ(report.signatures, report.checkpoints);
  EXPECT_EQ(report.heads, 2u);
  EXPECT_EQ(Verify(nullptr).signatures, 0u);
}

TEST_F(VerifyTest, NothingIsNotALog) {
  std::filesystem::create_directory(directory_ / "empty");
  EXPECT_EQ(
      audit::Verify({.directories = {directory_ / "empty"}}).status().code(),
      absl::StatusCode::kNotFound);
}

TEST_F(VerifyTest, EachRecordOfALineCounts) {
  {
    const auto journal = Open();
    const auto chain = journal->NewChain();
    WriteTwo(*chain);
    WriteOne(*chain);
  }
  const VerifyReport report = Verify();
  EXPECT_THAT(Faults(report), IsEmpty());
  EXPECT_EQ(report.records, 3u);
}

TEST_F(VerifyTest, ALogThatIsBeingWrittenIsWholeToo) {
  const auto journal = Open();
  const auto chain = journal->NewChain();
  for (int i = 0; i < 5; ++i) WriteOne(*chain);
  journal->Maintain();
  WriteOne(*chain);
  const VerifyReport report = Verify();
  EXPECT_THAT(Faults(report), IsEmpty());
  EXPECT_EQ(report.findings.remarks(), 1u);
}

TEST_F(VerifyTest, AFlipOfAnyBitOfASegmentIsFound) {
  {
    const auto journal = Open();
    const auto chain = journal->NewChain();
    WriteOne(*chain);
    WriteTwo(*chain);
  }
  RemoveHeads();
  const std::string path = Paths()[0];
  const std::string whole = ReadFile(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int bit : {0, 2, 5, 7}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      WriteFile(path, changed);
      ASSERT_FALSE(Verify(nullptr).ok()) << "byte " << i << ", bit " << bit;
    }
  }
}

TEST_F(VerifyTest, ACutAnywhereIsFoundByTheHeads) {
  {
    const auto journal = Open();
    WriteOne(*journal->NewChain());
  }
  const std::string path = Paths()[0];
  const std::string whole = ReadFile(path);
  for (size_t size = 0; size < whole.size(); ++size) {
    WriteFile(path, whole.substr(0, size));
    ASSERT_FALSE(Verify(nullptr).ok()) << size << " bytes left";
  }
}

TEST_F(VerifyTest, TamperingIsFoundAndPlaced) {
  struct Case {
    const char* name;
    std::function<void(std::vector<std::string>&)> change;  // Of lines.
    std::string fault;
    uint64_t line;
    uint64_t seq;
  };
  const auto record = [](const std::vector<std::string>& lines, size_t index) {
    return lines[index];
  };
  const std::vector<Case> cases = {
      {"a changed effect",
       [](auto& lines) {
         lines[2] = absl::StrReplaceAll(lines[2], {{"PERMIT\"", "DENIED\""}});
       },
       "does not have its hash", 3, 3},
      {"a record that is taken out",
       [](auto& lines) { lines.erase(lines.begin() + 2); },
       "records 3 to 3 are missing", 3, 4},
      {"several that are",
       [](auto& lines) { lines.erase(lines.begin() + 1, lines.begin() + 4); },
       "records 2 to 4 are missing", 2, 5},
      {"two that change places",
       [](auto& lines) { std::swap(lines[1], lines[2]); },
       "records 2 to 2 are missing", 2, 3},
      {"a record that stands twice",
       [&](auto& lines) { lines.insert(lines.begin() + 3, record(lines, 2)); },
       "stands behind", 4, 3},
      {"one that is put in",
       [](auto& lines) {
         lines.insert(lines.begin() + 2,
                      absl::StrReplaceAll(lines[1], {{"PERMIT\"", "DENY\""}}));
       },
       "stands behind", 3, 2},
      {"one after the end",
       [&](auto& lines) {
         lines.push_back(absl::StrReplaceAll(
             lines[1],
             {{"{\"seq\":2", StrCat("{\"seq\":", lines.size() + 1)}}));
       },
       "after the closing one", 0, 0},
      {"the header taken out", [](auto& lines) { lines.erase(lines.begin()); },
       "has no header", 1, 2},
      {"a line that is no JSON", [](auto& lines) { lines[3] = "garbage"; },
       "not a record", 4, 4},
      {"an empty line", [](auto& lines) { lines[2] += "\n"; }, "not a record",
       4, 4},
      {"a signature of another",
       [](auto& lines) {
         std::string& line = lines[4];
         const size_t at = line.find("\"signature\":\"") + 14;
         line[at] = line[at] == 'A' ? 'B' : 'A';
       },
       "signature is not of this checkpoint", 5, 5}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::filesystem::remove_all(options_.directory);
    {
      const auto journal = Open();
      const auto chain = journal->NewChain();
      for (int i = 0; i < 7; ++i) WriteOne(*chain);
    }
    RemoveHeads();
    ASSERT_TRUE(Verify().ok());
    Edit(Paths()[0], c.change);
    const VerifyReport report = Verify();
    EXPECT_THAT(Faults(report), Contains(HasSubstr(c.fault)));
    if (c.line == 0) continue;
    const Finding& first = report.findings.all()[0];
    EXPECT_EQ(first.file, Paths()[0]);
    EXPECT_EQ(first.line, c.line) << first.ToString();
    EXPECT_EQ(first.seq, c.seq) << first.ToString();
  }
}

// Who can write the files can hash them again, but not sign them.
TEST_F(VerifyTest, AChainThatIsHashedAgainIsFoundByItsSignatures) {
  {
    const auto journal = Open();
    const auto chain = journal->NewChain();
    for (int i = 0; i < 4; ++i) WriteOne(*chain);
  }
  RemoveHeads();
  const std::string path = Paths()[0];
  Digest digest;
  Hash previous{};
  std::string forged;
  for (std::string line : Lines(path)) {
    line = absl::StrReplaceAll(line, {{"Patient/p1", "Patient/p2"}});
    const std::string text(SplitLine(line)->hashed_part);
    if (const size_t head = text.find("\"head\":\"");
        head != std::string::npos) {
      line = StrCat(text.substr(0, head + 8), ToHex(previous),
                    line.substr(head + 8 + 64));
    }
    previous = LinkLine(digest, previous, *SplitLine(line));
    forged += StrCat(SplitLine(line)->hashed_part, kHashPrefix, ToHex(previous),
                     kHashSuffix, "\n");
  }
  WriteFile(path, forged);
  EXPECT_TRUE(Verify(nullptr).ok()) << "nothing else shows it";
  EXPECT_THAT(Faults(Verify()),
              Contains(HasSubstr("signature is not of this checkpoint")));
}

TEST_F(VerifyTest, KeysMayFollowEachOtherAndNoneComesBack) {
  const auto run = [&](const char* key) {
    options_.signing_key = Key(key);
    const auto journal = Open();
    WriteOne(*journal->NewChain());
  };
  const auto faults = [&](std::vector<const char*> keys) {
    VerifyOptions options{.directories = {options_.directory}};
    for (const char* key : keys) options.public_keys.push_back(*Key(key));
    const auto report = audit::Verify(options);
    EXPECT_TRUE(report.ok()) << report.status();
    return Faults(*report);
  };
  run(kOtherKey);
  run(kPrivateKey);
  EXPECT_THAT(faults({kOtherKey, kPrivateKey}), IsEmpty());
  EXPECT_THAT(faults({kPrivateKey, kOtherKey}),
              Contains(HasSubstr("had followed before")));
  EXPECT_THAT(faults({kPrivateKey}), Contains(HasSubstr("not by")));
  EXPECT_THAT(faults({kOtherKey}), Contains(HasSubstr("not by")));
  // Whoever has the key that was replaced cannot go on.
  run(kOtherKey);
  EXPECT_THAT(faults({kOtherKey, kPrivateKey}),
              Contains(HasSubstr("had followed before")));
}

TEST_F(VerifyTest, SignaturesOfAnotherKeyOrNoneAreFound) {
  WriteLog();
  EXPECT_THAT(Faults(Verify(kOtherKey)), Contains(HasSubstr("not by")));
  std::filesystem::remove_all(options_.directory);
  options_.signing_key = nullptr;
  WriteLog();
  EXPECT_THAT(Faults(Verify()), Contains(HasSubstr("is not signed")));
  EXPECT_TRUE(Verify(nullptr).ok());
}

TEST_F(VerifyTest, AMissingSegmentIsFound) {
  WriteLog();
  RemoveHeads();
  const std::vector<std::string> paths = Paths();
  int last_of_chain = 0;
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const std::string text = ReadFile(path);
    std::filesystem::remove(path);
    const VerifyReport report = Verify();
    if (report.ok()) {
      // Closed when the server stopped, the one before looks like the last.
      ++last_of_chain;
    }
    WriteFile(path, text);
  }
  EXPECT_EQ(last_of_chain, 0) << "rotated, so that one follows";
}

TEST_F(VerifyTest, AMissingEndIsFoundByAHead) {
  for (int run = 0; run < 2; ++run) {
    const auto journal = Open();
    WriteOne(*journal->NewChain());
  }
  const auto heads = ReadHeads(HeadsPath());
  ASSERT_TRUE(heads.ok());
  RemoveHeads();
  EXPECT_TRUE(Verify(kPrivateKey, *heads).ok());
  std::filesystem::remove(Paths()[1]);
  EXPECT_TRUE(Verify().ok()) << "nothing else shows it";
  EXPECT_THAT(Faults(Verify(kPrivateKey, *heads)),
              Contains(HasSubstr("a later head was told of")));
  std::filesystem::remove(Paths()[0]);
  EXPECT_THAT(Faults(Verify(kPrivateKey, *heads)),
              Contains(HasSubstr("the chain is missing")));
}

TEST_F(VerifyTest, ASegmentUnderAnotherNameIsFound) {
  WriteLog();
  const std::vector<std::string> paths = Paths();
  std::filesystem::rename(paths[0], directory_ / "x");
  std::filesystem::rename(paths[1], paths[0]);
  std::filesystem::rename(directory_ / "x", paths[1]);
  EXPECT_THAT(Faults(Verify()), Contains(HasSubstr("of another segment")));
}

TEST_F(VerifyTest, ACopyThatDiffersIsFound) {
  WriteLog();
  const std::string archive = directory_ / "archive";
  std::filesystem::copy(options_.directory, archive);
  VerifyOptions options{.directories = {options_.directory, archive}};
  EXPECT_TRUE(audit::Verify(options)->ok());
  const std::string copy = SegmentPaths(archive)[1];
  WriteFile(copy, ReadFile(copy) + " ");
  EXPECT_THAT(Faults(*audit::Verify(options)), Contains(HasSubstr("differs")));
}

TEST_F(VerifyTest, WhatAKilledServerLeavesIsARemark) {
  {
    const auto journal = Open();
    WriteOne(*journal->NewChain());
  }
  RemoveHeads();
  const std::string path = Paths()[0];
  std::string text = ReadFile(path);
  text.resize(text.size() - 50);  // In the closing record.
  WriteFile(path, text);
  const VerifyReport before = Verify();
  EXPECT_THAT(Faults(before), IsEmpty());
  EXPECT_EQ(before.findings.remarks(), 2u);
  { const auto journal = Open(); }
  const VerifyReport after = Verify();
  EXPECT_THAT(Faults(after), IsEmpty());
  EXPECT_EQ(after.findings.remarks(), 1u);
  // It is known what was torn, too.
  text.back() ^= 1;
  WriteFile(path, text);
  EXPECT_THAT(Faults(Verify()), Contains(HasSubstr("not what the server")));
  text.pop_back();
  WriteFile(path, text);
  EXPECT_THAT(Faults(Verify()), Contains(HasSubstr("not what the server")));
}

TEST_F(VerifyTest, ARecordThatWasChangedWhileTheServerWasDownIsFound) {
  options_.checkpoint_records = 100;
  {
    const auto journal = Open();
    const auto chain = journal->NewChain();
    for (int i = 0; i < 5; ++i) WriteOne(*chain);
  }
  RemoveHeads();
  Edit(Paths()[0], [](std::vector<std::string>& lines) {
    lines.pop_back();
    lines[3] = absl::StrReplaceAll(lines[3], {{"PERMIT\"", "DENIED\""}});
  });
  EXPECT_FALSE(Verify().ok());
  { const auto journal = Open(); }
  EXPECT_THAT(Faults(Verify()),
              Contains(HasSubstr("were no records any more")));
}

// A server that was killed has not closed its chain.
TEST_F(VerifyTest, WhatWasPutBehindTheEndOfAChainStaysAFault) {
  {
    const auto journal = Open();
    WriteOne(*journal->NewChain());
  }
  RemoveHeads();
  const std::string path = Paths()[0];
  WriteFile(path, ReadFile(path) + "{\"seq\":9,\"kind\":\"dec");
  EXPECT_FALSE(Verify().ok());
  { const auto journal = Open(); }
  EXPECT_THAT(Faults(Verify()),
              Contains(HasSubstr("were no records any more")));
}

TEST_F(VerifyTest, ASegmentThatWasLeftIsARemark) {
  FaultyCalls calls;
  options_.calls = &calls;
  {
    const auto journal = Open();
    const auto chain = journal->NewChain();
    WriteOne(*chain);
    calls.write_error = EIO;
    calls.short_bytes = 100;
    calls.truncate_error = EIO;
    chain->Add(TestRecord(clock_.Now(), "lost"));
    EXPECT_FALSE(chain->Write().ok());
    calls = FaultyCalls();
    WriteOne(*chain);
  }
  const VerifyReport report = Verify();
  EXPECT_THAT(Faults(report), IsEmpty());
  EXPECT_EQ(report.findings.remarks(), 1u);
}

TEST_F(VerifyTest, SegmentsMayBeMissingWhereTheLogSaysSo) {
  WriteLog();
  RemoveHeads();
  const auto names = ListSegments(options_.directory);
  ASSERT_TRUE(names.ok());
  std::vector<Removal> removals;
  for (size_t i = 0; i < 2; ++i) {
    const std::string path =
        StrCat(options_.directory, "/", (*names)[i].ToString());
    const auto scan = ScanSegment(path);
    ASSERT_TRUE(scan.ok());
    removals.push_back({.chain = scan->header->chain,
                        .segment = (*names)[i].number,
                        .head = scan->end.head,
                        .where = "local"});
    std::filesystem::remove(path);
  }
  EXPECT_THAT(Faults(Verify()), Contains(HasSubstr("segments 1 to 2 missing")));
  {
    const auto journal = Open();
    ASSERT_TRUE(journal->RecordRemovals({removals[0]}).ok());
  }
  EXPECT_THAT(Faults(Verify()), Contains(HasSubstr("segment 2 missing")));
  {
    const auto journal = Open();
    ASSERT_TRUE(journal->RecordRemovals({removals[1]}).ok());
  }
  EXPECT_THAT(Faults(Verify()), IsEmpty());
}

}  // namespace
}  // namespace pdp::audit
