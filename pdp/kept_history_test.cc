// The past, asked about: Explain as of a moment and of a recorded decision over
// a store that kept it.

#include "pdp/kept_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/audit/file_journal.h"
#include "pdp/service/test_support.h"
#include "pdp/service/timestamp.h"
#include "pdp/sync/block_list.h"
#include "pdp/sync/membership_subjects.h"
#include "pdp/sync/mirrored_types.h"
#include "pdp/sync/store_lookup.h"
#include "tests/support/random_check.h"
#include "tests/support/random_world.h"
#include "tests/support/temp_directory.h"

namespace pdp {
namespace {

namespace v1 = medplum::pdp::v1;
using service::FakeClock;
using service::FakeData;
using store::Change;
using ::testing::HasSubstr;

store::HistoryOptions HistoryBy(const Clock& clock) {
  store::HistoryOptions options = sync::MirroredHistory();
  options.clock = &clock;
  return options;
}

std::unique_ptr<store::Store> MustOpen(const std::string& directory,
                                       const Clock& clock) {
  auto store =
      store::Store::Open({.directory = directory, .history = HistoryBy(clock)});
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

Change PutOf(const fhir::ResourcePtr& resource) {
  store::Record record;
  record.version_id =
      resource->version_id().empty() ? "v" : resource->version_id();
  record.project = resource->project();
  record.bytes = resource->json();
  if (resource->type() == "ProjectMembership") {
    for (const std::string_view subject : sync::MembershipSubjects(*resource)) {
      if (!subject.empty()) record.subjects.emplace_back(subject);
    }
  }
  return {.key = resource->key(), .record = std::move(record)};
}

// A server's inside, at a time of its own.
class KeptHistoryTest : public ::testing::Test {
 protected:
  KeptHistoryTest() {
    store_->AddObserver([this](const store::Applied& applied) {
      decision_point_.Invalidate(applied.revision, applied.keys);
    });
    auto blocks = sync::BlockList::Open(
        *store_,
        {.publish =
             [this](auto set) { decision_point_.Publish(std::move(set)); },
         .changed = {},
         .clock = &clock_});
    EXPECT_TRUE(blocks.ok()) << blocks.status();
    blocks_ = *std::move(blocks);
  }

  service::DecisionServiceOptions Options() {
    service::DecisionServiceOptions options;
    options.history = &history_;
    options.audit_directories = {directory_ / "audit"};
    options.clock = &clock_;
    return options;
  }

  // The data stays as fresh as it can be.
  void Advance(absl::Duration duration) {
    clock_.Advance(duration);
    data_.SetAge(absl::ZeroDuration());
  }

  void Apply(const std::vector<Change>& changes) {
    ASSERT_TRUE(store_->Apply(changes, {}).ok());
  }

  void Put(const std::vector<fhir::ResourcePtr>& resources) {
    std::vector<Change> changes;
    for (const auto& resource : resources) changes.push_back(PutOf(resource));
    Apply(changes);
  }

  static std::string Answer(const absl::Status& status, v1::Decision decision) {
    decision.clear_decision_id();
    decision.clear_valid_until();
    return status.ok() ? decision.ShortDebugString() : status.ToString();
  }

  std::string Check(const v1::CheckRequest& check) {
    v1::CheckResponse response;
    const absl::Status status = service_.Check({}, check, response).status;
    return Answer(status, response.decision());
  }

  std::string ExplainAsOf(const v1::CheckRequest& check, absl::Time time,
                          v1::ExplainResponse& response) {
    v1::ExplainRequest request;
    *request.mutable_check() = check;
    service::WriteTimestamp(time, *request.mutable_as_of());
    response.Clear();
    const absl::Status status = service_.Explain({}, request, response).status;
    return Answer(status, response.decision());
  }

  const TempDirectory directory_;
  FakeClock clock_;
  FakeData data_{clock_};
  service::Metrics metrics_;
  std::unique_ptr<store::Store> store_ = MustOpen(directory_ / "store", clock_);
  sync::StoreLookup lookup_{*store_};
  policy::DecisionPoint decision_point_{lookup_, {.clock = &clock_}};
  KeptHistory history_{*store_, lookup_, absl::Hours(24), clock_};
  service::DecisionService service_{decision_point_, lookup_, data_, metrics_,
                                    Options()};
  std::unique_ptr<sync::BlockList> blocks_;
};

struct Question {
  absl::Time time;
  v1::CheckRequest check;
  std::string answer;
};

TEST_F(KeptHistoryTest, EachPastMomentIsExplainedAsItWasAnswered) {
  std::vector<Question> asked;
  int permitted = 0;
  int blocked = 0;
  Put(testing::Generator(1).World());
  history_.Maintain();
  for (uint32_t seed = 2; seed < 602; ++seed) {
    testing::Generator generator(seed);
    Advance(absl::Seconds(1));
    // Of another world some of what says who may do what.
    std::vector<Change> changes;
    for (const auto& resource : generator.World()) {
      const sync::MirroredType* const type =
          sync::FindMirroredType(resource->type());
      if (type == nullptr || type->kept != sync::Mirrored::kWhole ||
          generator.OneIn(3)) {
        continue;
      }
      Change change = PutOf(resource);
      change.record.version_id = StrCat("v", seed);
      if (generator.OneIn(12)) {
        change = {.kind = generator.OneIn(2) ? Change::Kind::kErase
                                             : Change::Kind::kDelete,
                  .key = resource->key(),
                  .record = {.deleted = true}};
      }
      changes.push_back(std::move(change));
    }
    Apply(changes);
    if (seed % 7 == 0) {
      ASSERT_TRUE(blocks_
                      ->Set({.target = "ProjectMembership/member",
                             .until = clock_.Now() + absl::Seconds(2),
                             .reason = "lost"})
                      .ok());
    }
    for (int i = 0; i < 8; ++i) {
      Question question{.time = clock_.Now(),
                        .check = testing::ToMessage(generator.Request())};
      question.answer = Check(question.check);
      if (question.answer.find("EFFECT_PERMIT") != std::string::npos) {
        ++permitted;
      }
      if (question.answer.find("REASON_BLOCKED") != std::string::npos) {
        ++blocked;
      }
      asked.push_back(std::move(question));
    }
  }
  Advance(absl::Minutes(5));
  for (const Question& question : asked) {
    SCOPED_TRACE(question.check.ShortDebugString());
    v1::ExplainResponse response;
    EXPECT_EQ(ExplainAsOf(question.check, question.time, response),
              question.answer);
    EXPECT_FALSE(response.decision().has_valid_until());
  }
  EXPECT_GT(permitted, 100);  // Not a test of denials alone.
  EXPECT_GT(blocked, 50);
}

TEST_F(KeptHistoryTest, WhatIsNotKeptIsNotGuessed) {
  Put(service::ReadersClinic());
  const auto check = service::Proto<v1::CheckRequest>(service::kReadPatient);
  const absl::Time before = clock_.Now();
  v1::ExplainResponse response;
  EXPECT_THAT(ExplainAsOf(check, before, response),
              HasSubstr("OUT_OF_RANGE: nothing is kept of the past yet"));
  Advance(absl::Hours(1));
  history_.Maintain();
  const absl::Time begun = clock_.Now();
  EXPECT_THAT(ExplainAsOf(check, before, response),
              HasSubstr("OUT_OF_RANGE: nothing is kept of before "));
  EXPECT_THAT(ExplainAsOf(check, begun, response), HasSubstr("EFFECT_PERMIT"));
  EXPECT_TRUE(response.decision().decision_id().empty());
  EXPECT_EQ(service::ReadTimestamp(response.as_of()), begun);
  EXPECT_THAT(response.summary(), HasSubstr("by the policies of "));
  EXPECT_THAT(ExplainAsOf(check, begun + absl::Seconds(1), response),
              HasSubstr("INVALID_ARGUMENT: as_of: it is in the future"));

  // Past the retention.
  Advance(absl::Hours(30));
  Put(service::ReadersClinic());
  Advance(absl::Hours(30));
  for (int i = 0; i < 9; ++i) history_.Maintain();
  EXPECT_THAT(ExplainAsOf(check, begun, response), HasSubstr("OUT_OF_RANGE"));
  EXPECT_THAT(ExplainAsOf(check, clock_.Now(), response),
              HasSubstr("EFFECT_PERMIT"));
}

class RecordedDecisionTest : public KeptHistoryTest {
 protected:
  RecordedDecisionTest() {
    Put(service::ReadersClinic());
    history_.Maintain();
    auto journal = audit::FileJournal::Open({.directory = directory_ / "audit",
                                             .server = "test",
                                             .product = "test",
                                             .clock = &clock_,
                                             .run_thread = false});
    EXPECT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }

  // A record of what Check answers now.
  audit::Record Decide() {
    const absl::Status status =
        service_
            .Check({}, service::Proto<v1::CheckRequest>(service::kReadPatient),
                   check_)
            .status;
    EXPECT_TRUE(status.ok()) << status;
    patient_ = testing::Expand("Patient/$PATIENT");
    audit::Record record;
    record.time = clock_.Now();
    record.decision_id = check_.decision().decision_id();
    record.method = "Check";
    record.caller = "gateway";
    record.membership = "ProjectMembership/member";
    record.interaction = "read";
    record.resource = patient_;
    record.effect = "PERMIT";
    record.reason = "PERMITTED";
    record.policy = "AccessPolicy/policy";
    record.policy_version = "p1";
    record.revision = check_.decision().revision();
    return record;
  }

  void Write(const audit::Record& record) {
    const auto chain = journal_->NewChain();
    chain->Add(record);
    ASSERT_TRUE(chain->Write().ok());
  }

  absl::Status Explain(std::string_view id, v1::ExplainResponse& response) {
    v1::ExplainRequest request;
    request.set_decision_id(std::string(id));
    return service_.Explain({}, request, response).status;
  }

  std::unique_ptr<audit::FileJournal> journal_;
  v1::CheckResponse check_;
  std::string patient_;
};

TEST_F(RecordedDecisionTest, IsExplainedByThePoliciesItWasMadeBy) {
  const audit::Record record = Decide();
  Write(record);
  Advance(absl::Hours(2));
  // Whoever asks now is denied.
  Apply({{.kind = Change::Kind::kErase, .key = {"AccessPolicy", "policy"}}});
  v1::CheckResponse now;
  ASSERT_TRUE(
      service_
          .Check({}, service::Proto<v1::CheckRequest>(service::kReadPatient),
                 now)
          .status.ok());
  ASSERT_EQ(now.decision().effect(), v1::EFFECT_DENY);

  v1::ExplainResponse response;
  const absl::Status status = Explain(record.decision_id, response);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_PERMIT);
  EXPECT_EQ(response.decision().revision(), *record.revision);
  EXPECT_THAT(response.summary(),
              HasSubstr("the resource is judged by its attributes of now"));
  const v1::RecordedDecision& recorded = response.recorded();
  EXPECT_EQ(recorded.decision_id(), record.decision_id);
  EXPECT_EQ(service::ReadTimestamp(recorded.time()), record.time);
  EXPECT_EQ(recorded.caller(), "gateway");
  EXPECT_EQ(recorded.effect(), v1::EFFECT_PERMIT);
  EXPECT_EQ(recorded.policy_version_id(), "p1");
  EXPECT_TRUE(recorded.agrees());
}

TEST_F(RecordedDecisionTest, ADisagreementIsSaid) {
  audit::Record record = Decide();
  record.effect = "DENY";
  record.reason = "SESSION_EXPIRED";
  Write(record);
  v1::ExplainResponse response;
  const absl::Status status = Explain(record.decision_id, response);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_PERMIT);
  EXPECT_EQ(response.recorded().reason(), v1::REASON_SESSION_EXPIRED);
  EXPECT_FALSE(response.recorded().agrees());
}

TEST_F(RecordedDecisionTest, WhatCannotBeAskedAgainIsSaid) {
  struct Case {
    const char* name;
    void (*change)(audit::Record&);
    absl::StatusCode code;
    const char* message;
  };
  const Case kCases[] = {
      {"content", [](audit::Record& record) { record.interaction = "update"; },
       absl::StatusCode::kFailedPrecondition, "which holds no content"},
      {"a filter",
       [](audit::Record& record) {
         record.kind = audit::RecordKind::kFilter;
         record.method = "Filter";
       },
       absl::StatusCode::kFailedPrecondition, "the record is of Filter"},
      {"a token",
       [](audit::Record& record) {
         record.membership = "";
         record.subject = "token";
       },
       absl::StatusCode::kFailedPrecondition, "does not say who asked"},
      {"another store's revision",
       [](audit::Record& record) { record.revision = 77; },
       absl::StatusCode::kOutOfRange, "was not in force here"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    audit::Record record = Decide();
    c.change(record);
    Write(record);
    v1::ExplainResponse response;
    const absl::Status status = Explain(record.decision_id, response);
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
    EXPECT_FALSE(response.has_recorded());
  }
}

TEST_F(RecordedDecisionTest, OneThatIsNotHereIsNotFound) {
  Write(Decide());
  v1::ExplainResponse response;
  const absl::Status missing =
      Explain("018bcfe5-6800-7000-8000-000000000000", response);
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()),
              HasSubstr("another replica may have decided"));
  EXPECT_EQ(Explain("no id", response).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pdp
