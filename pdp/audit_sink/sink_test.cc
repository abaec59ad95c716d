#include "pdp/audit_sink/sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "pdp/audit/audit_test_support.h"
#include "pdp/audit/file_journal.h"
#include "pdp/fhir/json.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace pdp::audit_sink {
namespace {

using audit::Record;
using audit::RecordKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// What a server would hold: events by identity.
struct Server {
  std::map<std::string, std::string> events;
  std::vector<size_t> batches;
  // Null: all is taken.
  std::function<absl::Status(const PostedEvent&)> judge;
  absl::Status failure;  // Of the whole.
  bool loses_answers = false;

  // The ids of decisions, with how many each event tells of.
  std::map<std::string, int> Counts() const {
    std::map<std::string, int> counts;
    simdjson::dom::parser parser;
    for (const auto& [identity, json] : events) {
      fhir::JsonElement event;
      EXPECT_EQ(parser.parse(json).get(event), simdjson::SUCCESS);
      std::string id;
      int count = 1;
      fhir::ForEachItem(event, "entity", [&](fhir::JsonElement entity) {
        fhir::ForEachItem(entity, "detail", [&](fhir::JsonElement detail) {
          const auto type = fhir::StringMember(detail, "type");
          const auto value = fhir::StringMember(detail, "valueString");
          if (type == "decision") id = value;
          if (type == "count") {
            EXPECT_TRUE(absl::SimpleAtoi(ToAbsl(value), &count));
          }
        });
      });
      counts[id] += count;
    }
    return counts;
  }
};

class FakeTarget : public Target {
 public:
  explicit FakeTarget(Server& server) : server_(server) {}

  absl::StatusOr<std::vector<absl::Status>> Post(
      absl::Span<const PostedEvent> events) override {
    if (!server_.failure.ok()) return server_.failure;
    server_.batches.push_back(events.size());
    std::vector<absl::Status> results;
    for (const PostedEvent& event : events) {
      absl::Status status;
      if (server_.judge != nullptr) status = server_.judge(event);
      if (status.ok() &&
          !server_.events.try_emplace(std::string(event.identity), event.json)
               .second) {
        status = absl::AlreadyExistsError("");
      }
      results.push_back(status);
    }
    if (server_.loses_answers) return absl::UnavailableError("lost");
    return results;
  }
  void Stop() override {}

 private:
  Server& server_;
};

class SinkTest : public testing::Test {
 protected:
  SinkTest() { Open(); }

  void Open() {
    chains_.clear();
    journal_.reset();
    auto journal =
        audit::FileJournal::Open(audit::TestOptions(directory(), clock_));
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }
  std::string directory() const { return directory_ / "audit"; }

  void StartSink(std::string project = "p") {
    sink_.reset();
    options_.directory = directory();
    options_.project = std::move(project);
    options_.clock = &clock_;
    options_.run_thread = false;
    options_.random = [] { return 0.0; };
    options_.server = "s";
    auto sink = Sink::Start(options_, std::make_unique<FakeTarget>(server_));
    ASSERT_TRUE(sink.ok()) << sink.status();
    sink_ = *std::move(sink);
  }

  // A record of chain `chain`; returns the decision's id.
  std::string Write(Record record, size_t chain = 0) {
    while (chains_.size() <= chain) chains_.push_back(journal_->NewChain());
    const std::string id = record.decision_id.empty()
                               ? audit::DecisionId(clock_.Now(), ++number_)
                               : std::string(record.decision_id);
    record.decision_id = id;
    record.time = clock_.Now();
    if (record.membership.empty()) record.membership = "ProjectMembership/m";
    chains_[chain]->Add(record);
    EXPECT_TRUE(chains_[chain]->Write().ok());
    return id;
  }
  std::string Deny(size_t chain = 0, std::string_view project = "p") {
    return Write({.project = project,
                  .interaction = "read",
                  .resource = "Observation/1",
                  .effect = "DENY"},
                 chain);
  }
  std::string Read(std::string_view patient, size_t chain = 0) {
    return Write({.project = "p",
                  .interaction = "read",
                  .resource = "Observation/1",
                  .patient = patient,
                  .effect = "PERMIT"},
                 chain);
  }

  // What is written is read at the second look.
  void Round(int times = 3) {
    for (int i = 0; i < times; ++i) {
      clock_.Advance(absl::Seconds(1));
      sink_->RunOnce();
    }
  }

  const TempDirectory directory_;
  FakeClock clock_;
  std::unique_ptr<audit::FileJournal> journal_;
  std::vector<std::unique_ptr<audit::Chain>> chains_;
  int number_ = 0;
  Server server_;
  SinkOptions options_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(SinkTest, BeginsWithWhatIsRecordedFromThenOn) {
  Deny();
  StartSink();
  Open();  // The next segment.
  const std::string id = Deny();
  Round();
  EXPECT_THAT(server_.Counts(), ElementsAre(testing::Pair(id, 1)));
  EXPECT_EQ(sink_->Status().created, 1);
}

TEST_F(SinkTest, PostsWhatAllChainsHold) {
  StartSink();
  std::map<std::string, int> expected;
  for (size_t i = 0; i < 500; ++i) expected[Deny(i % 3)] = 1;
  Round(6);
  EXPECT_EQ(server_.Counts(), expected);
  EXPECT_THAT(server_.batches, testing::Each(testing::Le(50u)));
  EXPECT_EQ(sink_->Status().unread_bytes, 0);
  EXPECT_EQ(sink_->Status().waiting_events, 0);
}

TEST_F(SinkTest, EachRecordOfALineIsAnEventOfItsOwn) {
  StartSink();
  const auto chain = journal_->NewChain();
  std::map<std::string, int> expected;
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(audit::DecisionId(clock_.Now(), ++number_));
    expected[ids.back()] = 1;
    chain->Add({.time = clock_.Now(),
                .decision_id = ids.back(),
                .membership = "ProjectMembership/m",
                .project = "p",
                .interaction = "read",
                .resource = "Observation/1",
                .effect = "DENY"});
  }
  ASSERT_TRUE(chain->Write().ok());
  // What is another's is so in each record of a line.
  chain->Add({.decision_id = ids[0], .project = "q", .effect = "DENY"});
  chain->Add({.decision_id = ids[1], .project = "q", .effect = "DENY"});
  ASSERT_TRUE(chain->Write().ok());
  Round();
  EXPECT_EQ(server_.Counts(), expected);
  EXPECT_EQ(sink_->Status().created, 3);
}

TEST_F(SinkTest, TakesWhatIsOfItsProject) {
  StartSink();
  const std::string own = Deny();
  Deny(0, "q");
  Deny(0, "");
  Round();
  EXPECT_THAT(server_.Counts(), ElementsAre(testing::Pair(own, 1)));
}

TEST_F(SinkTest, TheSinkOfAllTakesTheRestAndNamesTheProject) {
  options_.other_projects = {"p"};
  options_.takes_unplaced = true;
  StartSink("");
  Deny();
  const std::string other = Deny(0, "q");
  const std::string of_none = Deny(0, "");
  Round();
  EXPECT_THAT(
      server_.Counts(),
      UnorderedElementsAre(testing::Pair(other, 1), testing::Pair(of_none, 1)));
  EXPECT_THAT(server_.events.begin()->second, HasSubstr(R"("project":"q")"));
}

TEST_F(SinkTest, ReadsAreOneEventForAMemberAPatientAndAWindow) {
  StartSink();
  const std::string first = Read("Patient/1");
  for (int i = 0; i < 6; ++i) Read("Patient/1", static_cast<size_t>(i % 2));
  const std::string other = Read("Patient/2");
  Round();
  EXPECT_THAT(server_.events, IsEmpty());
  EXPECT_EQ(sink_->Status().open_folds, 2);
  clock_.Advance(absl::Minutes(6));
  Round();
  EXPECT_THAT(server_.Counts(), UnorderedElementsAre(testing::Pair(first, 7),
                                                     testing::Pair(other, 1)));
  EXPECT_EQ(sink_->Status().open_folds, 0);
}

TEST_F(SinkTest, FoldsSurviveARestart) {
  StartSink();
  const std::string first = Read("Patient/1");
  Read("Patient/1");
  Round();
  StartSink();
  Read("Patient/1");
  Round();
  clock_.Advance(absl::Minutes(6));
  Round();
  EXPECT_THAT(server_.Counts(), ElementsAre(testing::Pair(first, 3)));
}

TEST_F(SinkTest, ManyOpenFoldsArePostedEarlyAndAddUp) {
  options_.max_folds = 10;
  StartSink();
  for (int i = 0; i < 40; ++i) Read(StrCat("Patient/", i % 20));
  Round();
  EXPECT_THAT(server_.events, Not(IsEmpty()));
  EXPECT_LE(sink_->Status().open_folds, 10);
  clock_.Advance(absl::Minutes(6));
  Round();
  int total = 0;
  for (const auto& [id, count] : server_.Counts()) total += count;
  EXPECT_EQ(total, 40);
}

TEST_F(SinkTest, WhatIsNotAnsweredIsSentAgainUnderTheSameIdentity) {
  StartSink();
  const std::string id = Deny();
  server_.loses_answers = true;
  Round();
  EXPECT_EQ(sink_->Status().waiting_events, 1);
  EXPECT_GT(sink_->Status().failures, 0);
  // More is recorded, and the server is killed: the same is sent again.
  const std::string second = Deny();
  StartSink();
  server_.loses_answers = false;
  Round();
  EXPECT_THAT(server_.Counts(), UnorderedElementsAre(testing::Pair(id, 1),
                                                     testing::Pair(second, 1)));
  EXPECT_EQ(sink_->Status().existing, 1);
  EXPECT_EQ(sink_->Status().created, 1);
}

TEST_F(SinkTest, AFoldThatMayHaveArrivedIsNotChanged) {
  StartSink();
  const std::string first = Read("Patient/1");
  Round();
  clock_.Advance(absl::Minutes(6));
  server_.loses_answers = true;
  Round();
  ASSERT_THAT(server_.events, SizeIs(1));
  // A record of the same window that was late.
  const absl::Time now = clock_.Now();
  clock_.SetNow(now - absl::Minutes(6));
  const std::string late = Read("Patient/1");
  clock_.SetNow(now);
  StartSink();
  server_.loses_answers = false;
  Round();
  EXPECT_THAT(server_.Counts(), UnorderedElementsAre(testing::Pair(first, 1),
                                                     testing::Pair(late, 1)));
}

TEST_F(SinkTest, WaitsLongerAfterEachFailure) {
  StartSink();
  Deny();
  Round();
  server_.failure = absl::UnavailableError("away");
  Deny();
  Round();
  const absl::Duration first = sink_->RunOnce();
  const absl::Duration second = sink_->RunOnce();
  EXPECT_GT(second, first);
  for (int i = 0; i < 20; ++i) sink_->RunOnce();
  EXPECT_LE(sink_->RunOnce(), absl::Minutes(1));
  server_.failure = absl::OkStatus();
  EXPECT_LE(sink_->RunOnce(), absl::Seconds(1));
  EXPECT_EQ(sink_->Status().created, 2);
}

TEST_F(SinkTest, TellsHowFarBehindItIs) {
  StartSink();
  Round();
  EXPECT_LE(clock_.Now() - sink_->Status().posted_until, absl::Seconds(2));
  server_.failure = absl::UnavailableError("away");
  const absl::Time denied = clock_.Now();
  Deny();
  Round();
  clock_.Advance(absl::Hours(1));
  Round();
  EXPECT_EQ(sink_->Status().posted_until, denied);
}

TEST_F(SinkTest, WithoutReferencesWhereTheServerTakesNone) {
  StartSink();
  server_.judge = [](const PostedEvent& event) {
    return event.json.find(R"("reference":)") == std::string_view::npos
               ? absl::OkStatus()
               : absl::InvalidArgumentError("Invalid reference");
  };
  const std::string id = Deny();
  Round();
  EXPECT_THAT(server_.Counts(), ElementsAre(testing::Pair(id, 1)));
  EXPECT_THAT(server_.events.begin()->second,
              HasSubstr(R"({"display":"Observation/1"})"));
  EXPECT_EQ(sink_->Status().rejected, 0);
}

TEST_F(SinkTest, WhatTheServerWillNeverTakeHoldsUpNothing) {
  StartSink();
  const std::string bad = Deny();
  const std::string good = Deny();
  server_.judge = [&](const PostedEvent& event) {
    return event.json.find(bad) == std::string_view::npos
               ? absl::OkStatus()
               : absl::InvalidArgumentError("no");
  };
  Round();
  EXPECT_THAT(server_.Counts(), ElementsAre(testing::Pair(good, 1)));
  EXPECT_EQ(sink_->Status().rejected, 1);
  EXPECT_EQ(sink_->Status().waiting_events, 0);
}

TEST_F(SinkTest, SendsLessAtOnceWhereThatIsTooMuch) {
  StartSink();
  std::map<std::string, int> expected;
  for (int i = 0; i < 40; ++i) expected[Deny()] = 1;
  server_.failure = absl::ResourceExhaustedError("413");
  clock_.Advance(absl::Seconds(1));
  sink_->RunOnce();
  clock_.Advance(absl::Seconds(1));
  // All sizes down to one were refused.
  sink_->RunOnce();
  EXPECT_EQ(sink_->Status().waiting_events, 0);
  EXPECT_EQ(sink_->Status().rejected, 40);
}

TEST_F(SinkTest, ARefusedLoginIsToldAndLosesNothing) {
  StartSink();
  const std::string id = Deny();
  server_.judge = [](const PostedEvent&) {
    return absl::PermissionDeniedError("Forbidden");
  };
  Round();
  EXPECT_TRUE(sink_->Status().is_refused);
  EXPECT_EQ(sink_->Status().waiting_events, 1);
  server_.judge = nullptr;
  Round();
  EXPECT_FALSE(sink_->Status().is_refused);
  EXPECT_THAT(server_.Counts(), ElementsAre(testing::Pair(id, 1)));
}

TEST_F(SinkTest, WhatWasDoneNamesWhomTheDecisionWasAbout) {
  options_.settings.reads = Reads::kNone;
  StartSink();
  const std::string id = Read("Patient/1");
  const std::string foreign = Deny(0, "q");
  for (const std::string& decision : {id, foreign}) {
    Write({.kind = RecordKind::kAccess,
           .decision_id = decision,
           .membership = " ",
           .event = "exported",
           .success = true});
  }
  Round();
  ASSERT_THAT(server_.events, SizeIs(1));
  EXPECT_THAT(server_.events.begin()->second, HasSubstr("Patient/1"));
  // The decision may be long ago: it is looked for in the log.
  StartSink();
  Write({.kind = RecordKind::kAccess,
         .decision_id = id,
         .event = "viewed",
         .success = true});
  Round();
  ASSERT_THAT(server_.events, SizeIs(2));
  EXPECT_THAT(server_.events.rbegin()->second, HasSubstr("Patient/1"));
}

TEST_F(SinkTest, NeedsASegmentUntilItIsReadAndThatIsLasting) {
  StartSink();
  Deny();
  const auto names = audit::ListSegments(directory());
  ASSERT_TRUE(names.ok() && !names->empty());
  EXPECT_TRUE(sink_->Needs(names->back()));
  Round();
  Open();
  Deny();
  clock_.Advance(absl::Seconds(20));
  Round();
  const auto later = audit::ListSegments(directory());
  ASSERT_TRUE(later.ok());
  ASSERT_GT(later->size(), names->size());
  EXPECT_FALSE(sink_->Needs(names->back()));
  EXPECT_TRUE(sink_->Needs(later->back()));
}

TEST_F(SinkTest, SegmentsThatAreGoneAreReadInTheArchiveOrCounted) {
  StartSink();
  const std::string archive = directory_ / "archive";
  std::filesystem::create_directory(archive);
  const std::string archived = Deny();
  const auto move_first = [&](const std::string& to) {
    const auto names = audit::ListSegments(directory());
    ASSERT_TRUE(names.ok());
    const std::string name = names->front().ToString();
    if (!to.empty()) {
      std::filesystem::copy(directory() + "/" + name, to + "/" + name);
    }
    std::filesystem::remove(directory() + "/" + name);
  };
  Open();
  const std::string lost = Deny();
  move_first(archive);
  Open();
  const std::string here = Deny();
  move_first("");
  options_.archive_directory = archive;
  StartSink();
  Round();
  EXPECT_THAT(server_.Counts(), UnorderedElementsAre(testing::Pair(archived, 1),
                                                     testing::Pair(here, 1)));
  EXPECT_EQ(sink_->Status().lost_segments, 1);
}

TEST_F(SinkTest, HalfALineIsReadWhenItIsWhole) {
  StartSink();
  Deny();
  Round();
  ASSERT_THAT(server_.events, SizeIs(1));
  const std::string path = audit::SegmentPaths(directory()).back();
  const std::string before = ReadFile(path);
  Deny();
  const std::string after = ReadFile(path);
  std::filesystem::resize_file(path, before.size() + 10);
  Round();
  EXPECT_THAT(server_.events, SizeIs(1));
  WriteFile(path, after);
  Round();
  EXPECT_THAT(server_.events, SizeIs(2));
}

TEST_F(SinkTest, ADamagedStateIsAnError) {
  StartSink();
  sink_.reset();
  for (const char* text : {"", "{", R"({"format":2})",
                           R"({"format":1,"positions":[],"folds":[{}]})"}) {
    WriteFile(directory() + "/medplum-p.json", text);
    options_.project = "p";
    const auto sink =
        Sink::Start(options_, std::make_unique<FakeTarget>(server_));
    EXPECT_TRUE(absl::IsDataLoss(sink.status())) << text << sink.status();
  }
}

}  // namespace
}  // namespace pdp::audit_sink
