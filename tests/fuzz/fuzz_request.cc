// Requests of the API as bytes: parsed, converted, decided over a small clinic
// in both modes, and the answer converted.

#include <google/protobuf/stubs/logging.h>

#include "absl/time/time.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/decision_point.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/metrics.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/request.h"
#include "tests/support/world.h"

namespace pdp::fuzz {
namespace {

namespace v1 = ::medplum::pdp::v1;

class AlwaysFresh final : public service::DataState {
 public:
  AlwaysFresh() { feeds_.Add("").Confirm(absl::Hours(1'000'000)); }

  bool IsReady() const override { return true; }
  const FreshnessTable& Feeds() const override { return feeds_; }
  uint64_t StoredRevision() const override { return 0; }

 private:
  FreshnessTable feeds_;
};

std::vector<fhir::ResourcePtr> MakeClinic() {
  return testing::Clinic(
      "[{'resourceType':'Patient','criteria':'Patient?gender=female',"
      "'hiddenFields':['birthDate']},"
      "{'resourceType':'Observation','interaction':['read','create','update'],"
      "'criteria':'Observation?subject=%patient','writeConstraint':"
      "[{'language':'text/fhirpath','expression':"
      "'%before.exists() implies %after.status = %before.status'}]},"
      "{'resourceType':'Task','criteria':'Task?owner=%profile',"
      "'readonlyFields':['status']},"
      "{'resourceType':'Binary'},"
      "{'resourceType':'*','interaction':['read','search','create'],"
      "'criteria':'*?_compartment=%organization'}]",
      ",'ipAccessRule':[{'value':'10.','action':'allow'},"
      "{'value':'*','action':'block'}]",
      ",'access':[{'policy':{'reference':'AccessPolicy/policy'},'parameter':["
      "{'name':'organization','valueReference':{'reference':"
      "'Organization/$NORTH'}}]}]");
}

class Service {
 public:
  explicit Service(policy::Mode mode)
      : lookup_(MakeClinic(), {}),
        decision_point_(lookup_, {.mode = mode,
                                  .parameter_semantics =
                                      policy::ParameterSemantics::kServer}),
        service_(decision_point_, lookup_, data_, metrics_,
                 {.max_batch_items = 20}) {}

  const service::DecisionService* operator->() const { return &service_; }

 private:
  AlwaysFresh data_;
  service::Metrics metrics_;
  fhir::MemoryLookup lookup_;
  policy::DecisionPoint decision_point_;
  service::DecisionService service_;
};

const Service& Parity() {
  static const auto* const service = new Service(policy::Mode::kParity);
  return *service;
}

const Service& Strict() {
  static const auto* const service = new Service(policy::Mode::kStrict);
  return *service;
}

bool Permits(const v1::Decision& decision) {
  return decision.effect() == v1::EFFECT_PERMIT ||
         decision.effect() == v1::EFFECT_PERMIT_WITH_OBLIGATIONS;
}

void CheckDecision(const v1::Decision& decision) {
  Require(decision.effect() != v1::EFFECT_UNSPECIFIED, "an answer decides");
  Require(decision.reason() != v1::REASON_UNSPECIFIED, "an answer says why");
  Require(Permits(decision) == (decision.reason() == v1::REASON_PERMITTED),
          "only PERMITTED permits");
  Require(Permits(decision) == (decision.enforcement_http_status() < 400),
          "what is denied is an HTTP error");
  Require(decision.effect() != v1::EFFECT_PERMIT ||
              decision.hidden_fields().empty(),
          "a permit without obligations hides nothing");
}

absl::Status Run(const Service& service, const v1::CheckRequest& request,
                 v1::CheckResponse& response) {
  const service::CallOutcome outcome = service->Check({}, request, response);
  Require(!outcome.pending(), "nothing has to be fetched");
  if (outcome.status.ok()) CheckDecision(response.decision());
  return outcome.status;
}

void Check(const v1::CheckRequest& request) {
  v1::CheckResponse by_parity;
  v1::CheckResponse by_strict;
  const absl::Status parity = Run(Parity(), request, by_parity);
  const absl::Status strict = Run(Strict(), request, by_strict);
  if (!strict.ok()) return;
  Require(parity.ok(), "parity takes every request that strict takes");
  Require(Permits(by_parity.decision()) || !Permits(by_strict.decision()),
          "strict permits no more than parity");
}

void BatchCheck(const v1::BatchCheckRequest& request) {
  v1::BatchCheckResponse response;
  if (!Strict()->BatchCheck({}, request, response).status.ok()) return;
  Require(response.results_size() == request.items_size(),
          "a batch has a result for every item");
  for (int i = 0; i < request.items_size(); ++i) {
    const v1::BatchCheckItem& item = request.items(i);
    const v1::BatchCheckResult& result = response.results(i);
    if (!result.has_decision()) continue;
    CheckDecision(result.decision());
    if (!Permits(result.decision())) continue;
    // Whatever the batch permits is permitted alone.
    v1::CheckRequest alone;
    *alone.mutable_subject() =
        item.has_subject() ? item.subject() : request.subject();
    if (request.has_context()) *alone.mutable_context() = request.context();
    alone.set_interaction(item.interaction());
    if (item.target_case() == v1::BatchCheckItem::kResource) {
      *alone.mutable_resource() = item.resource();
    } else {
      *alone.mutable_resource() =
          request.resources(static_cast<int>(item.resource_index()));
    }
    v1::CheckResponse single;
    Require(Run(Strict(), alone, single).ok() && Permits(single.decision()),
            "a batch permits what its items do alone");
  }
}

void CheckStream(const v1::CheckStreamRequest& request) {
  v1::CheckStreamResponse response;
  Require(Strict()->CheckStream({}, request, response).status.ok(),
          "a stream answers every request");
  Require(response.id() == request.id(), "an answer has its request's id");
  if (response.has_decision()) CheckDecision(response.decision());
}

void Filter(const v1::FilterRequest& request) {
  v1::FilterResponse by_parity;
  v1::FilterResponse by_strict;
  if (!Strict()->Filter({}, request, by_strict).status.ok()) return;
  Require(Parity()->Filter({}, request, by_parity).status.ok(),
          "parity takes every request that strict takes");
  Require(by_strict.kind() != v1::FILTER_KIND_UNSPECIFIED, "a filter decides");
  Require(by_strict.kind() == v1::FILTER_KIND_ALWAYS_DENIED ||
              by_parity.kind() != v1::FILTER_KIND_ALWAYS_DENIED,
          "strict searches no more than parity");
  Require(by_strict.kind() != v1::FILTER_KIND_ALWAYS_DENIED ||
              by_strict.queries().empty(),
          "what is denied has no query");
}

}  // namespace

void RunInput(std::string_view input) {
  if (input.empty()) return;
  // It tells of every text that is not UTF-8.
  static const auto silenced = google::protobuf::SetLogHandler(nullptr);
  (void)silenced;
  const auto message = MakeRequest(input.front());
  if (message == nullptr ||
      !message->ParseFromArray(input.data() + 1,
                               static_cast<int>(input.size() - 1))) {
    return;
  }
  switch (static_cast<Method>(input.front())) {
    case Method::kCheck:
      Check(static_cast<const v1::CheckRequest&>(*message));
      break;
    case Method::kBatchCheck:
      BatchCheck(static_cast<const v1::BatchCheckRequest&>(*message));
      break;
    case Method::kCheckStream:
      CheckStream(static_cast<const v1::CheckStreamRequest&>(*message));
      break;
    case Method::kFilter:
      Filter(static_cast<const v1::FilterRequest&>(*message));
      break;
    case Method::kDescribeAccess: {
      v1::DescribeAccessResponse response;
      (void)Strict()->DescribeAccess(
          {}, static_cast<const v1::DescribeAccessRequest&>(*message),
          response);
      break;
    }
  }
}

}  // namespace pdp::fuzz
