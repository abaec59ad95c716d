// Simulate: the same checks before and after a proposal.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/metrics_page.h"
#include "pdp/service/test_support.h"
#include "tests/support/random_check.h"
#include "tests/support/random_world.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The clinic's policy with other entries.
std::string Policy(std::string_view entries) {
  return testing::Expand(StrCat(
      "{'resourceType':'AccessPolicy','id':'policy','resource':", entries,
      "}"));
}

v1::SimulateRequest ReadPatientUnder(std::string_view entries) {
  v1::SimulateRequest request;
  *request.add_checks() = Proto<v1::CheckRequest>(kReadPatient);
  request.add_proposed(Policy(entries));
  return request;
}

v1::SimulateResponse Simulate(const Fixture& f,
                              const v1::SimulateRequest& request) {
  v1::SimulateResponse response;
  const CallOutcome outcome = f.service.Simulate({}, request, response);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  return response;
}

absl::Status Refusal(const Fixture& f, const v1::SimulateRequest& request) {
  v1::SimulateResponse response;
  return f.service.Simulate({}, request, response).status;
}

TEST(SimulateTest, StopsWhenTheCallerHasLeft) {
  const Fixture f;
  const std::atomic<bool> has_left{true};
  v1::SimulateResponse response;
  CallAttempt attempt;
  attempt.has_left = &has_left;
  const CallOutcome outcome = f.service.Simulate(
      attempt, ReadPatientUnder("[{'resourceType':'Patient'}]"), response);
  EXPECT_TRUE(absl::IsCancelled(outcome.status)) << outcome.status;
  EXPECT_EQ(response.checks_size(), 0);
}

TEST(SimulateTest, SaysWhatAPolicyWouldChange) {
  struct Case {
    const char* name;
    const char* entries;
    v1::SimulatedOutcome outcome;
  };
  const Case kCases[] = {
      {"the same", "[{'resourceType':'Patient','interaction':['read']}]",
       v1::SIMULATED_OUTCOME_UNCHANGED},
      {"nothing of the kind", "[{'resourceType':'Observation'}]",
       v1::SIMULATED_OUTCOME_LOST},
      {"a field more hidden",
       "[{'resourceType':'Patient','hiddenFields':['name']}]",
       v1::SIMULATED_OUTCOME_LOST},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Fixture f;
    const v1::SimulateResponse response =
        Simulate(f, ReadPatientUnder(c.entries));
    ASSERT_EQ(response.checks_size(), 1);
    EXPECT_EQ(response.checks(0).outcome(), c.outcome);
    EXPECT_EQ(response.checks(0).before().effect(), v1::EFFECT_PERMIT);
    EXPECT_EQ(response.changed(),
              c.outcome == v1::SIMULATED_OUTCOME_UNCHANGED ? 0u : 1u);
    EXPECT_EQ(response.unknown(), 0u);
    EXPECT_EQ(response.revision(), 7u);
  }
}

// One clinic, whose policy hides name and gender, and changes of it.
TEST(SimulateTest, TellsFewerObligationsFromMoreAndFromOthers) {
  struct Case {
    const char* hidden;
    v1::SimulatedOutcome outcome;
  };
  const Case kCases[] = {
      {"['gender','name']", v1::SIMULATED_OUTCOME_UNCHANGED},
      {"['name']", v1::SIMULATED_OUTCOME_GAINED},
      {"[]", v1::SIMULATED_OUTCOME_GAINED},
      {"['name','gender','active']", v1::SIMULATED_OUTCOME_LOST},
      {"['name','active']", v1::SIMULATED_OUTCOME_OTHER_OBLIGATIONS},
  };
  FakeClock clock;
  FakeData data(clock);
  Metrics metrics;
  const PendingLookup lookup(testing::Clinic(
      "[{'resourceType':'Patient','hiddenFields':['name','gender']}]"));
  policy::DecisionPoint decision_point(lookup, {});
  decision_point.Invalidate(7, {});
  const DecisionService service(decision_point, lookup, data, metrics,
                                Fixture::With({}, clock));
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.hidden);
    v1::SimulateResponse response;
    ASSERT_TRUE(service
                    .Simulate({},
                              ReadPatientUnder(StrCat(
                                  "[{'resourceType':'Patient','hiddenFields':",
                                  c.hidden, "}]")),
                              response)
                    .status.ok());
    ASSERT_EQ(response.checks_size(), 1);
    EXPECT_EQ(response.checks(0).outcome(), c.outcome);
  }
}

TEST(SimulateTest, AMembershipAProjectAndADeletionCountAsWell) {
  const Fixture f;
  const v1::CheckRequest check = Proto<v1::CheckRequest>(kReadPatient);
  v1::SimulateRequest inactive;
  *inactive.add_checks() = check;
  inactive.add_proposed(testing::Expand(
      "{'resourceType':'ProjectMembership','id':'member','active':false,"
      "'project':{'reference':'Project/$PROJECT'},'profile':{'reference':"
      "'Practitioner/$PRACTITIONER'},'accessPolicy':{'reference':"
      "'AccessPolicy/policy'}}"));
  EXPECT_EQ(Simulate(f, inactive).checks(0).after().reason(),
            v1::REASON_SUBJECT_INACTIVE);

  v1::SimulateRequest deleted;
  *deleted.add_checks() = check;
  deleted.add_deleted("AccessPolicy/policy");
  EXPECT_EQ(Simulate(f, deleted).checks(0).after().reason(),
            v1::REASON_POLICY_UNAVAILABLE);
  EXPECT_EQ(Simulate(f, deleted).checks(0).outcome(),
            v1::SIMULATED_OUTCOME_LOST);

  // A membership that is new: by its own reference, and by the user's.
  v1::SimulateRequest added;
  for (const char* subject : {"ProjectMembership/new", "User/nobody-yet"}) {
    *added.add_checks() = check;
    added.mutable_checks(added.checks_size() - 1)
        ->mutable_subject()
        ->set_reference(subject);
  }
  added.add_proposed(testing::Expand(
      "{'resourceType':'ProjectMembership','id':'new',"
      "'project':{'reference':'Project/$PROJECT'},'user':{'reference':"
      "'User/nobody-yet'},'profile':{'reference':"
      "'Practitioner/$PRACTITIONER'},'accessPolicy':{'reference':"
      "'AccessPolicy/policy'}}"));
  const v1::SimulateResponse response = Simulate(f, added);
  for (const v1::SimulatedCheck& simulated : response.checks()) {
    EXPECT_EQ(simulated.before().reason(), v1::REASON_SUBJECT_UNKNOWN);
    EXPECT_EQ(simulated.outcome(), v1::SIMULATED_OUTCOME_GAINED);
  }
}

TEST(SimulateTest, WhatIsNotKnownHereIsUnknownRatherThanUnchanged) {
  Fixture f;
  v1::SimulateRequest request =
      ReadPatientUnder("[{'resourceType':'Observation'}]");
  *request.add_checks() = Proto<v1::CheckRequest>(
      "subject { reference: 'ProjectMembership/member' } "
      "resource { type: 'Patient' id: '$PATIENT' }");
  *request.add_checks() = request.checks(0);
  request.mutable_checks(2)->mutable_consistency()->set_at_least_revision(99);
  f.lookup.Hold({"Patient", std::string(testing::kPatient)});
  const v1::SimulateResponse response = Simulate(f, request);
  ASSERT_EQ(response.checks_size(), 3);
  EXPECT_EQ(response.unknown(), 3u);
  EXPECT_EQ(response.changed(), 0u);
  // Has to be fetched; is malformed; wants a revision that is not here.
  EXPECT_EQ(response.checks(1).error().code(), 3);
  EXPECT_EQ(response.checks(2).error().code(), 14);
  EXPECT_THAT(response.checks(2).error().message(), HasSubstr("revision 99"));
  for (const v1::SimulatedCheck& simulated : response.checks()) {
    EXPECT_EQ(simulated.outcome(), v1::SIMULATED_OUTCOME_UNKNOWN);
  }
}

TEST(SimulateTest, WaitsForFactsWhereTheyCanBeFetched) {
  Fixture f;
  const fhir::ResourceKey patient{"Patient", std::string(testing::kPatient)};
  f.lookup.Hold(patient);
  v1::SimulateResponse response;
  const CallAttempt attempt{.may_fetch = true};
  const v1::SimulateRequest request =
      ReadPatientUnder("[{'resourceType':'Observation'}]");
  const CallOutcome outcome = f.service.Simulate(attempt, request, response);
  ASSERT_TRUE(outcome.pending());
  EXPECT_EQ(outcome.needed, std::vector<fhir::ResourceKey>{patient});
  f.lookup.Release(patient);
  EXPECT_TRUE(f.service.Simulate(attempt, request, response).status.ok());
  EXPECT_EQ(response.checks(0).outcome(), v1::SIMULATED_OUTCOME_LOST);
}

TEST(SimulateTest, LeavesNoTraceInWhatIsKeptAndCounted) {
  const Fixture f;
  const policy::DecisionPointStatistics before = f.decision_point.statistics();
  const std::string page = RenderMetrics(
      {f.metrics, f.decision_point, f.data, f.admin}, absl::UnixEpoch());
  Simulate(f, ReadPatientUnder("[{'resourceType':'Observation'}]"));
  const policy::DecisionPointStatistics after = f.decision_point.statistics();
  EXPECT_EQ(before.bound_policies, after.bound_policies);
  EXPECT_EQ(before.bound_policy_misses, after.bound_policy_misses);
  EXPECT_EQ(before.compiled_policies, after.compiled_policies);
  EXPECT_EQ(RenderMetrics({f.metrics, f.decision_point, f.data, f.admin},
                          absl::UnixEpoch()),
            page);
  v1::CheckResponse check;
  f.service.Check({}, Proto<v1::CheckRequest>(kReadPatient), check);
  EXPECT_EQ(check.decision().effect(), v1::EFFECT_PERMIT);
}

// Nobody may act on what was never so, nor keep it.
TEST(SimulateTest, NothingOfItMayBeReused) {
  const Fixture f;
  const v1::SimulateResponse response =
      Simulate(f, ReadPatientUnder("[{'resourceType':'*'}]"));
  EXPECT_FALSE(response.checks(0).before().has_valid_until());
  EXPECT_FALSE(response.checks(0).after().has_valid_until());
}

TEST(SimulateTest, BlocksHoldInWhatIsSimulated) {
  Fixture f;
  f.decision_point.Publish(std::make_shared<policy::BlockSet>(
      std::vector<policy::Block>{{.target = "ProjectMembership/member",
                                  .until = f.clock.Now() + absl::Hours(1),
                                  .reason = "lost phone"}},
      f.clock));
  const v1::SimulateResponse response =
      Simulate(f, ReadPatientUnder("[{'resourceType':'*'}]"));
  EXPECT_EQ(response.checks(0).before().reason(), v1::REASON_BLOCKED);
  EXPECT_EQ(response.checks(0).after().reason(), v1::REASON_BLOCKED);
  EXPECT_EQ(response.checks(0).outcome(), v1::SIMULATED_OUTCOME_UNCHANGED);
}

TEST(SimulateTest, NoAnswerIsMadeOfTwoRevisions) {
  Fixture f;
  f.data.stored_revision = 8;  // The decision point has not heard of it yet.
  EXPECT_EQ(Refusal(f, ReadPatientUnder("[]")).code(),
            absl::StatusCode::kUnavailable);
  f.decision_point.Invalidate(8, {});
  EXPECT_EQ(Simulate(f, ReadPatientUnder("[]")).revision(), 8u);
}

TEST(SimulateTest, RefusesWhatIsNoProposalAndNamesIt) {
  struct Case {
    const char* proposed;
    const char* deleted;
    const char* message;
  };
  const Case kCases[] = {
      {"{", "", "proposed[1]: "},
      {"{'resourceType':'Patient','id':'1'}", "",
       "proposed[1]: resourceType: `Patient` cannot be proposed"},
      {"{'resourceType':'AccessPolicy','meta':{'project':'p'}}", "",
       "proposed[1]: id: missing"},
      {"{'resourceType':'AccessPolicy','id':'new'}", "",
       "proposed[1]: meta.project: missing"},
      {"{'resourceType':'AccessPolicy','id':'new','meta':{'project':'p'},"
       "'resource':[{}]}",
       "", "proposed[1]: "},
      {"{'resourceType':'AccessPolicy','id':'policy'}", "",
       "proposed[1]: AccessPolicy/policy is proposed or deleted already"},
      {"{'resourceType':'ProjectMembership','id':'new'}", "",
       "proposed[1]: project: not a reference to a Project"},
      {"{'resourceType':'ProjectMembership','id':'new','meta':{'project':"
       "'$OTHER_PROJECT'},'project':{'reference':'Project/$PROJECT'}}",
       "", "proposed[1]: meta.project: "},
      {"", "AccessPolicy", "deleted[0]: `AccessPolicy` is not `Type/id`"},
      {"", "Patient/1", "deleted[0]: resourceType: `Patient` cannot"},
      {"", "AccessPolicy/none", "deleted[0]: AccessPolicy/none is not known"},
      {"", "AccessPolicy/policy", "deleted[0]: AccessPolicy/policy is propo"},
  };
  const Fixture f;
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.message);
    v1::SimulateRequest request = ReadPatientUnder("[]");
    if (*c.proposed != '\0') request.add_proposed(testing::Expand(c.proposed));
    if (*c.deleted != '\0') request.add_deleted(c.deleted);
    const absl::Status status = Refusal(f, request);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), StartsWith(c.message));
  }
}

TEST(SimulateTest, HasALimitOnEachList) {
  const Fixture f;
  for (const char* field : {"checks", "proposed", "deleted"}) {
    SCOPED_TRACE(field);
    v1::SimulateRequest request;
    for (int i = 0; i < 1'001; ++i) {
      if (field == std::string_view("checks")) request.add_checks();
      if (field == std::string_view("proposed")) request.add_proposed();
      if (field == std::string_view("deleted")) request.add_deleted();
    }
    const absl::Status status = Refusal(f, request);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(status.message()), StartsWith(field));
  }
}

bool CanBeProposed(const fhir::Resource& resource) {
  return resource.type() == "AccessPolicy" ||
         resource.type() == "ProjectMembership" || resource.type() == "Project";
}

// Over random clinics: what a proposal is said to lead to is what is answered
// once it is so.
TEST(SimulatePropertyTest, AfterIsWhatIsAnsweredOnceTheProposalIsApplied) {
  constexpr uint32_t kWorlds = 300;
  constexpr int kChecks = 20;
  uint32_t changed = 0;
  for (uint32_t seed = 1; seed <= kWorlds; ++seed) {
    SCOPED_TRACE(StrCat("seed ", seed));
    testing::Generator generator(seed);
    const policy::Mode mode =
        seed % 3 == 0 ? policy::Mode::kParity : policy::Mode::kStrict;
    std::vector<fhir::ResourcePtr> now = generator.World();
    std::vector<fhir::ResourcePtr> then = generator.World();
    v1::SimulateRequest request;
    std::vector<fhir::ResourcePtr> gone;
    if (generator.OneIn(4)) {  // The second member is deleted.
      request.add_deleted(then.back()->key().ToString());
      gone.push_back(then.back());
      then.pop_back();
    }
    for (const fhir::ResourcePtr& resource : then) {
      if (CanBeProposed(*resource)) {
        request.add_proposed(std::string(resource->json()));
      }
    }
    for (int i = 0; i < kChecks; ++i) {
      *request.add_checks() = testing::ToMessage(generator.Request());
    }

    FakeClock clock;
    FakeData data(clock);
    Metrics metrics;
    const auto service_over = [&](const fhir::ResourceLookup& lookup,
                                  policy::DecisionPoint& decision_point) {
      decision_point.Invalidate(7, {});
      return std::make_unique<DecisionService>(
          decision_point, lookup, data, metrics,
          Fixture::With({.decision_reuse = absl::ZeroDuration()}, clock));
    };
    const fhir::MemoryLookup lookup_now(now, {});
    const fhir::MemoryLookup lookup_then(then, gone);
    policy::DecisionPoint point_now(lookup_now, {.mode = mode});
    policy::DecisionPoint point_then(lookup_then, {.mode = mode});
    const auto service_now = service_over(lookup_now, point_now);
    const auto service_then = service_over(lookup_then, point_then);

    v1::SimulateResponse response;
    ASSERT_TRUE(service_now->Simulate({}, request, response).status.ok());
    changed += response.changed();
    v1::SimulateRequest no_proposal = request;
    no_proposal.clear_proposed();
    no_proposal.clear_deleted();
    v1::SimulateResponse unchanged;
    ASSERT_TRUE(service_now->Simulate({}, no_proposal, unchanged).status.ok());
    EXPECT_EQ(unchanged.changed(), 0u);

    for (int i = 0; i < kChecks; ++i) {
      SCOPED_TRACE(request.checks(i).ShortDebugString());
      const v1::SimulatedCheck& simulated = response.checks(i);
      for (const bool after : {false, true}) {
        v1::CheckResponse expected;
        const absl::Status status = (after ? *service_then : *service_now)
                                        .Check({}, request.checks(i), expected)
                                        .status;
        if (!status.ok()) {
          EXPECT_EQ(simulated.error().code(), static_cast<int>(status.code()));
          continue;
        }
        if (simulated.has_error()) continue;  // Of the other one.
        v1::Decision got = after ? simulated.after() : simulated.before();
        got.clear_decision_id();
        expected.mutable_decision()->clear_decision_id();
        EXPECT_EQ(got.ShortDebugString(),
                  expected.decision().ShortDebugString());
      }
    }
  }
  EXPECT_GT(changed, kWorlds);  // Not a test of nothing.
}

}  // namespace
}  // namespace pdp::service
