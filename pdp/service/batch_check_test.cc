#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

constexpr std::string_view kMember =
    "subject { reference: 'ProjectMembership/member' } ";
constexpr std::string_view kGoodItem =
    "items { interaction: INTERACTION_READ "
    "resource { type: 'Patient' id: '$PATIENT' } } ";

CallOutcome Batch(const Fixture& f, std::string_view text,
                  v1::BatchCheckResponse& response,
                  const CallAttempt& attempt = {}) {
  response.Clear();
  return f.service.BatchCheck(attempt, Proto<v1::BatchCheckRequest>(text),
                              response);
}

struct ItemCase {
  const char* name;
  const char* item;  // Beside two resources, of which the second is no JSON.
  const char* message;
};

const ItemCase kItemCases[] = {
    {"NoTarget", "items { interaction: INTERACTION_READ }",
     "items[1].resource: missing; send a resource, or the resource_index of "
     "one of BatchCheckRequest.resources"},
    {"NoInteraction", "items { resource_index: 0 }",
     "items[1].interaction: missing; say what is to be done, READ for example"},
    {"IndexPastTheEnd",
     "items { interaction: INTERACTION_READ resource_index: 2 }",
     "items[1].resource_index: 2 is past the last of 2 resources"},
    {"NoId",
     "items { interaction: INTERACTION_READ resource { type: 'Patient' } }",
     "items[1].resource.id: missing; READ needs the resource's id"},
    {"SharedResourceDoesNotFit",
     "items { interaction: INTERACTION_SEARCH resource_index: 0 }",
     "items[1].resource_index: resources[0].id: not for SEARCH; leave it out"},
    {"BadSubject",
     "items { subject { reference: 'x' } interaction: INTERACTION_READ "
     "resource_index: 0 }",
     "items[1].subject.reference: `x` is not a member; send `Type/id` of a "
     "ProjectMembership, Practitioner, Patient, RelatedPerson, "
     "ClientApplication, Bot or User"},
};

TEST(BatchCheckTest, OneBadItemFailsAlone) {
  for (const ItemCase& c : kItemCases) {
    SCOPED_TRACE(c.name);
    Fixture f;
    v1::BatchCheckResponse response;
    ASSERT_EQ(Batch(f,
                    StrCat(kMember,
                           "resources { type: 'Patient' id: '$PATIENT' } "
                           "resources { body: 'x' } ",
                           kGoodItem, c.item, " ", kGoodItem),
                    response)
                  .status,
              absl::OkStatus());
    ASSERT_EQ(response.results_size(), 3);
    EXPECT_EQ(response.results(0).decision().effect(), v1::EFFECT_PERMIT);
    EXPECT_EQ(response.results(1).error().code(), 3);
    EXPECT_EQ(response.results(1).error().message(), c.message);
    EXPECT_EQ(response.results(2).decision().effect(), v1::EFFECT_PERMIT);
    EXPECT_EQ(
        f.metrics.decisions(policy::Effect::kPermit, fhir::Interaction::kRead,
                            policy::Reason::kPermitted),
        2u);
  }
}

TEST(BatchCheckTest, ASharedResourceThatIsNoJsonFailsItsItems) {
  Fixture f;
  v1::BatchCheckResponse response;
  ASSERT_EQ(Batch(f,
                  StrCat(kMember, "resources { body: 'x' } ",
                         "items { interaction: INTERACTION_READ "
                         "resource_index: 0 } ",
                         "items { interaction: INTERACTION_DELETE "
                         "resource_index: 0 } ",
                         kGoodItem),
                  response)
                .status,
            absl::OkStatus());
  EXPECT_THAT(
      response.results(0).error().message(),
      ::testing::StartsWith("items[0].resource_index: resources[0].body: "));
  EXPECT_TRUE(response.results(1).has_error());
  EXPECT_TRUE(response.results(2).has_decision());
}

TEST(BatchCheckTest, ItemsMayHaveSubjectsOfTheirOwn) {
  Fixture f;
  v1::BatchCheckResponse response;
  ASSERT_EQ(
      Batch(f,
            StrCat(kMember, kGoodItem,
                   "items { subject { reference: 'ProjectMembership/nobody' } "
                   "interaction: INTERACTION_READ "
                   "resource { type: 'Patient' id: '$PATIENT' } } ",
                   "items { subject { access_token: 'x' } interaction: "
                   "INTERACTION_READ "
                   "resource { type: 'Patient' id: '$PATIENT' } } ",
                   kGoodItem),
            response)
          .status,
      absl::OkStatus());
  EXPECT_EQ(response.results(0).decision().reason(), v1::REASON_PERMITTED);
  EXPECT_EQ(response.results(1).decision().reason(),
            v1::REASON_SUBJECT_UNKNOWN);
  EXPECT_EQ(response.results(2).decision().reason(), v1::REASON_NOT_SUPPORTED);
  EXPECT_EQ(response.results(3).decision().reason(), v1::REASON_PERMITTED);
}

TEST(BatchCheckTest, StopsWhereItStandsWhenNobodyWaitsForItAnyMore) {
  std::atomic<bool> has_left;
  CallAttempt attempt;
  attempt.has_left = &has_left;
  const struct {
    const char* name;
    std::function<void()> end;
    absl::StatusCode code;
  } kCases[] = {
      {"the caller left", [&] { has_left = true; },
       absl::StatusCode::kCancelled},
      {"the deadline passed",
       [&] { attempt.deadline = std::chrono::system_clock::now(); },
       absl::StatusCode::kDeadlineExceeded},
  };
  constexpr int kItems = 100;
  std::string items;
  for (int i = 0; i < kItems; ++i) {
    items += StrCat("items { subject { reference: 'ProjectMembership/m", i,
                    "' } interaction: INTERACTION_READ "
                    "resource { type: 'Patient' id: '$PATIENT' } } ");
  }
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    has_left = false;
    attempt.deadline = std::chrono::system_clock::time_point::max();
    Fixture f;
    int read = 0;
    f.lookup.while_reading = [&] {
      if (++read == kItems / 2) test.end();
    };
    v1::BatchCheckResponse response;
    EXPECT_EQ(Batch(f, items, response, attempt).status.code(), test.code);
    EXPECT_GE(response.results_size(), kItems / 8) << "it had begun";
    EXPECT_LT(response.results_size(), kItems);
    EXPECT_EQ(
        f.metrics.decisions(policy::Effect::kDeny, fhir::Interaction::kRead,
                            policy::Reason::kSubjectUnknown),
        0u);
  }
}

TEST(BatchCheckTest, ABadContextFailsTheCall) {
  Fixture f;
  v1::BatchCheckResponse response;
  EXPECT_EQ(
      Batch(f, StrCat(kMember, "context { active_tenants: 'x' } ", kGoodItem),
            response)
          .status,
      absl::InvalidArgumentError(
          "context.active_tenants[0]: `x` is not a reference; send "
          "`Type/id`, such as `Organization/123`"));
}

TEST(BatchCheckTest, AnUnsupportedContextDeniesEveryItem) {
  Fixture f;
  v1::BatchCheckResponse response;
  auto request = Proto<v1::BatchCheckRequest>(
      StrCat(kMember, "context { } ", kGoodItem, kGoodItem));
  v1::Context& context = *request.mutable_context();
  context.GetReflection()->MutableUnknownFields(&context)->AddVarint(1000, 1);
  ASSERT_EQ(f.service.BatchCheck({}, request, response).status,
            absl::OkStatus());
  ASSERT_EQ(response.results_size(), 2);
  for (const v1::BatchCheckResult& result : response.results()) {
    EXPECT_EQ(result.decision().reason(), v1::REASON_NOT_SUPPORTED);
  }
}

TEST(BatchCheckTest, HasALimit) {
  Fixture f;
  v1::BatchCheckRequest request =
      Proto<v1::BatchCheckRequest>(StrCat(kMember, kGoodItem));
  while (request.items_size() < 1'000) *request.add_items() = request.items(0);
  v1::BatchCheckResponse response;
  EXPECT_EQ(f.service.BatchCheck({}, request, response).status,
            absl::OkStatus());
  EXPECT_EQ(response.results_size(), 1'000);

  *request.add_items() = request.items(0);
  response.Clear();
  EXPECT_EQ(f.service.BatchCheck({}, request, response).status,
            absl::ResourceExhaustedError(
                "items: 1001 items; at most 1000 are taken in one call, so "
                "send several"));
}

TEST(BatchCheckTest, NothingAskedIsNothingAnswered) {
  Fixture f;
  v1::BatchCheckResponse response;
  EXPECT_EQ(Batch(f, kMember, response).status, absl::OkStatus());
  EXPECT_EQ(response.results_size(), 0);
}

TEST(BatchCheckTest, WaitsForTheFactsOfAllItemsAndCountsThemOnce) {
  Fixture f;
  const fhir::ResourceKey member{"ProjectMembership", "member"};
  f.lookup.Hold(member);
  const std::string text =
      StrCat(kMember, kGoodItem,
             "items { subject { reference: 'ProjectMembership/nobody' } "
             "interaction: INTERACTION_READ "
             "resource { type: 'Patient' id: '$PATIENT' } } ");
  v1::BatchCheckResponse response;
  const CallOutcome waiting = Batch(f, text, response, {.may_fetch = true});
  EXPECT_TRUE(waiting.pending());

  // What cannot be fetched is an error of its item alone.
  ASSERT_EQ(Batch(f, text, response).status, absl::OkStatus());
  EXPECT_EQ(response.results(0).error().code(), 14);
  EXPECT_EQ(response.results(1).decision().reason(),
            v1::REASON_SUBJECT_UNKNOWN);

  f.lookup.Release(member);
  ASSERT_EQ(Batch(f, text, response, {.may_fetch = true}).status,
            absl::OkStatus());
  EXPECT_EQ(
      f.metrics.decisions(policy::Effect::kPermit, fhir::Interaction::kRead,
                          policy::Reason::kPermitted),
      1u);
  EXPECT_EQ(f.metrics.decisions(policy::Effect::kDeny, fhir::Interaction::kRead,
                                policy::Reason::kSubjectUnknown),
            2u);
}

}  // namespace
}  // namespace pdp::service
