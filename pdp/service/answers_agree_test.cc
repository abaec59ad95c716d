// Whichever way a question is put, the answer is the same: Check, BatchCheck,
// CheckStream, Explain, Simulate and FilterResources over random clinics.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/resource_filter.h"
#include "pdp/service/test_support.h"
#include "tests/support/random_check.h"
#include "tests/support/random_world.h"

namespace pdp::service {
namespace {

// A service over one random clinic.
struct RandomClinic {
  RandomClinic(std::vector<fhir::ResourcePtr> live, policy::Mode mode)
      : lookup(std::move(live), {}), decision_point(lookup, {.mode = mode}) {
    decision_point.Invalidate(7, {});
  }

  FakeClock clock;
  FakeData data{clock};
  Metrics metrics;
  fhir::MemoryLookup lookup;
  policy::DecisionPoint decision_point;
  DecisionService service{decision_point, lookup, data, metrics,
                          Fixture::With({}, clock)};
};

// One answer, comparable: the decision without what differs each time, or the
// code of its error.
std::string Answer(v1::Decision decision) {
  decision.clear_decision_id();
  decision.clear_valid_until();
  return decision.ShortDebugString();
}

std::string Answer(int code) { return StrCat("no decision: ", code); }

std::string Answer(const absl::Status& status, const v1::Decision& decision) {
  return status.ok() ? Answer(decision)
                     : Answer(static_cast<int>(status.code()));
}

std::string ByCheck(const DecisionService& service,
                    const v1::CheckRequest& check) {
  v1::CheckResponse response;
  const absl::Status status = service.Check({}, check, response).status;
  return Answer(status, response.decision());
}

std::string ByBatch(const DecisionService& service,
                    const v1::CheckRequest& check, bool shares_resource) {
  v1::BatchCheckRequest batch;
  *batch.mutable_subject() = check.subject();
  *batch.mutable_context() = check.context();
  v1::BatchCheckItem& item = *batch.add_items();
  item.set_interaction(check.interaction());
  if (shares_resource) {
    *batch.add_resources() = check.resource();
    item.set_resource_index(0);
  } else {
    *item.mutable_resource() = check.resource();
  }
  v1::BatchCheckResponse response;
  const absl::Status status = service.BatchCheck({}, batch, response).status;
  if (!status.ok()) return Answer(static_cast<int>(status.code()));
  const v1::BatchCheckResult& result = response.results(0);
  return result.has_decision() ? Answer(result.decision())
                               : Answer(result.error().code());
}

std::string ByStream(const DecisionService& service,
                     const v1::CheckRequest& check) {
  v1::CheckStreamRequest request;
  *request.mutable_check() = check;
  v1::CheckStreamResponse response;
  EXPECT_TRUE(service.CheckStream({}, request, response).status.ok());
  return response.has_decision() ? Answer(response.decision())
                                 : Answer(response.error().code());
}

std::string ByExplain(const DecisionService& service,
                      const v1::CheckRequest& check) {
  v1::ExplainRequest request;
  *request.mutable_check() = check;
  v1::ExplainResponse response;
  const absl::Status status = service.Explain({}, request, response).status;
  return Answer(status, response.decision());
}

std::string BySimulation(const DecisionService& service,
                         const v1::CheckRequest& check) {
  v1::SimulateRequest request;
  *request.add_checks() = check;
  v1::SimulateResponse response;
  EXPECT_TRUE(service.Simulate({}, request, response).status.ok());
  const v1::SimulatedCheck& simulated = response.checks(0);
  if (simulated.has_error()) return Answer(simulated.error().code());
  EXPECT_EQ(Answer(simulated.before()), Answer(simulated.after()));
  return Answer(simulated.after());
}

bool HasNull(const v1::Resource& resource) {
  return resource.body().find("null") != std::string::npos;
}

// Whether FilterResources lets through what `check` asks to read.
bool IsLetThrough(const DecisionService& service,
                  const v1::CheckRequest& check) {
  ResourceFilter filter(service);
  v1::FilterResourcesRequest header;
  *header.mutable_header()->mutable_subject() = check.subject();
  *header.mutable_header()->mutable_context() = check.context();
  header.mutable_header()->set_interaction(check.interaction());
  v1::FilterResourcesRequest resource;
  resource.set_resource(check.resource().body());
  bool is_permitted = false;
  for (v1::FilterResourcesRequest* message : {&header, &resource}) {
    if (!filter.Take(*message).ok()) return false;
    while (filter.has_next()) {
      v1::FilterResourcesResponse response;
      if (!filter.Next({}, response, is_permitted).status.ok()) return false;
    }
  }
  return is_permitted;
}

TEST(AnswersAgreePropertyTest, WhicheverWayAQuestionIsPut) {
  const uint32_t worlds = std::getenv("PDP_LONG") == nullptr ? 100 : 20'000;
  constexpr int kQuestions = 20;
  int permitted = 0;
  int filtered = 0;
  for (uint32_t seed = 1; seed <= worlds; ++seed) {
    testing::Generator generator(seed);
    const policy::Mode mode =
        seed % 3 == 0 ? policy::Mode::kParity : policy::Mode::kStrict;
    const RandomClinic clinic(generator.World(), mode);
    const DecisionService& service = clinic.service;
    for (int i = 0; i < kQuestions; ++i) {
      const v1::CheckRequest check = testing::ToMessage(generator.Request());
      SCOPED_TRACE(StrCat("seed ", seed, ": ", check.ShortDebugString()));
      const std::string answer = ByCheck(service, check);
      EXPECT_EQ(ByBatch(service, check, /*shares_resource=*/false), answer);
      EXPECT_EQ(ByBatch(service, check, /*shares_resource=*/true), answer);
      EXPECT_EQ(ByStream(service, check), answer);
      EXPECT_EQ(ByExplain(service, check), answer);
      EXPECT_EQ(BySimulation(service, check), answer);

      v1::CheckResponse response;
      const bool is_decided = service.Check({}, check, response).status.ok();
      const v1::Decision& decision = response.decision();
      const bool is_permitted =
          is_decided &&
          (decision.effect() == v1::EFFECT_PERMIT ||
           decision.effect() == v1::EFFECT_PERMIT_WITH_OBLIGATIONS);
      if (is_permitted) ++permitted;
      if (check.interaction() != v1::INTERACTION_READ ||
          check.resource().deleted()) {
        continue;
      }
      const bool is_let_through = IsLetThrough(service, check);
      if (is_let_through) ++filtered;
      // Where a hidden field cannot be removed, as there is no object around
      // it, nothing is let through.
      const bool may_differ =
          !decision.hidden_fields().empty() && HasNull(check.resource());
      if (!may_differ || is_let_through) {
        EXPECT_EQ(is_let_through, is_permitted);
      }
    }
  }
  EXPECT_GT(permitted, 120);  // Not a test of denials alone.
  EXPECT_GT(filtered, 12);
}

}  // namespace
}  // namespace pdp::service
