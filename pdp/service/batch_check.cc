#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/strings.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/item_error.h"

namespace pdp::service {

namespace {

template <typename T>
void AddEachOnce(const std::vector<T>& added, std::vector<T>& all) {
  for (const T& value : added) {
    if (std::find(all.begin(), all.end(), value) == all.end()) {
      all.push_back(value);
    }
  }
}

// What several items wait for is got at once.
void AddPending(const CallOutcome& item, CallOutcome& all) {
  all.status = item.status;
  AddEachOnce(item.needed, all.needed);
  AddEachOnce(item.needs_refresh, all.needs_refresh);
}

}  // namespace

// One BatchCheck.
class DecisionService::Batch {
 public:
  Batch(const DecisionService& service, const CallAttempt& attempt,
        const v1::BatchCheckRequest& request, v1::BatchCheckResponse& response)
      : service_(service),
        attempt_(attempt),
        request_(request),
        response_(response) {}

  CallOutcome Run();

 private:
  struct SharedResource {
    bool converted = false;
    absl::Status status;
    policy::ResourceFacts facts;
    std::optional<std::string> unsupported;
  };

  absl::Status CheckLimits() const;
  absl::Status Prepare(const v1::BatchCheckItem& item);
  absl::Status PrepareSubject(const v1::BatchCheckItem& item);
  absl::Status PrepareResource(const v1::BatchCheckItem& item);
  SharedResource& Shared(size_t index);
  CallOutcome DecideItem(int i, Moment moment, v1::BatchCheckResult& result);
  void CountAll() const;
  void CompareAll();

  const DecisionService& service_;
  const CallAttempt& attempt_;
  const v1::BatchCheckRequest& request_;
  v1::BatchCheckResponse& response_;

  policy::AccessRequest access_;  // Its context is that of all items.
  std::vector<SharedResource> shared_;
  std::vector<ShadowedAnswer> answers_;  // Of each item that was decided.
  std::vector<Refusal> refusals_;        // Of each item.
  bool is_fresh_for_all_ = false;
  // Of the item being prepared.
  std::optional<std::string> unsupported_;
};

absl::Status DecisionService::Batch::CheckLimits() const {
  const size_t limit = service_.options_.max_batch_items;
  const auto items = static_cast<size_t>(request_.items_size());
  const auto resources = static_cast<size_t>(request_.resources_size());
  if (items > limit) {
    return absl::ResourceExhaustedError(
        StrCat("items: ", items, " items; at most ", limit,
               " are taken in one call, so send several"));
  }
  if (resources > limit) {
    return absl::ResourceExhaustedError(
        StrCat("resources: ", resources, " resources; at most ", limit,
               " are taken in one call, so send several"));
  }
  return absl::OkStatus();
}

CallOutcome DecisionService::Batch::Run() {
  if (!service_.data_.IsReady()) return service_.Counted(NotReady());
  absl::Status status = CheckLimits();
  if (!status.ok()) return Failed(std::move(status));
  const Moment moment = service_.Begin();
  const std::optional<std::string> unsupported = FindUnsupported(request_);
  if (!unsupported) {
    status = ConvertContext(request_.context(),
                            service_.decision_point_.options().mode,
                            service_.options_.limits, access_.context);
    if (!status.ok()) return Failed(std::move(status));
    // What is wrong with a subject is said of its items.
    const bool has_own = !request_.has_subject() && request_.items_size() > 0;
    ConvertSubject(has_own ? request_.items(0).subject() : request_.subject(),
                   access_.subject)
        .IgnoreError();
    CallOutcome outcome =
        CheckConsistency(service_.Facts(), attempt_, request_.consistency(),
                         {access_.subject, access_.context});
    if (!outcome.status.ok()) return service_.Counted(std::move(outcome));
  }

  is_fresh_for_all_ =
      service_.feeds_.IsFreshForAll(request_.consistency(), moment.age);
  answers_.resize(static_cast<size_t>(request_.items_size()));
  refusals_.resize(static_cast<size_t>(request_.items_size()));
  shared_.resize(static_cast<size_t>(request_.resources_size()));
  response_.mutable_results()->Reserve(request_.items_size());
  CallOutcome pending;
  for (int i = 0; i < request_.items_size(); ++i) {
    v1::BatchCheckResult& result = *response_.add_results();
    if (unsupported) {
      service_.DenyUnsupported(*unsupported, moment,
                               *result.mutable_decision());
      continue;
    }
    const CallOutcome outcome = DecideItem(i, moment, result);
    if (!outcome.status.ok())
      SetItemError(outcome.status, *result.mutable_error());
    if (outcome.pending()) AddPending(outcome, pending);
    refusals_[static_cast<size_t>(i)] = outcome.refusal;
  }
  if (pending.pending()) return pending;
  CountAll();
  if (service_.options_.shadow != nullptr) CompareAll();
  return {};
}

CallOutcome DecisionService::Batch::DecideItem(int i, Moment moment,
                                               v1::BatchCheckResult& result) {
  const absl::Status prepared = Prepare(request_.items(i));
  if (!prepared.ok()) {
    return Failed(InField(StrCat("items[", i, "]"), prepared));
  }
  if (unsupported_) {
    service_.DenyUnsupported(*unsupported_, moment, *result.mutable_decision());
    return {};
  }
  if (!is_fresh_for_all_) {
    CallOutcome outcome = service_.CheckFeeds(
        attempt_, request_.consistency(),
        {access_.subject, access_.context, &access_.resource}, moment);
    if (!outcome.status.ok()) return outcome;
  }
  return service_.Decide(attempt_, access_, moment, *result.mutable_decision(),
                         answers_[static_cast<size_t>(i)]);
}

absl::Status DecisionService::Batch::Prepare(const v1::BatchCheckItem& item) {
  unsupported_ = FindUnsupported(item);
  if (unsupported_) return absl::OkStatus();
  absl::Status status =
      ConvertInteraction(item.interaction(), access_.interaction);
  if (status.ok()) status = PrepareSubject(item);
  if (status.ok()) status = PrepareResource(item);
  return status;
}

absl::Status DecisionService::Batch::PrepareSubject(
    const v1::BatchCheckItem& item) {
  const v1::Subject& subject =
      item.has_subject() ? item.subject() : request_.subject();
  unsupported_ = FindUnsupported(subject);
  if (unsupported_) return absl::OkStatus();
  return ConvertSubject(subject, access_.subject);
}

absl::Status DecisionService::Batch::PrepareResource(
    const v1::BatchCheckItem& item) {
  switch (item.target_case()) {
    case v1::BatchCheckItem::kResource: {
      if (!unsupported_) unsupported_ = FindUnsupported(item.resource());
      if (unsupported_) return absl::OkStatus();
      access_.resource = {};
      absl::Status status = ConvertResource(
          item.resource(), service_.options_.limits, access_.resource);
      if (status.ok()) {
        status = CheckResource(access_.interaction, access_.resource);
      }
      return status.ok() ? status : InField("resource", status);
    }
    case v1::BatchCheckItem::kResourceIndex: {
      if (item.resource_index() >= shared_.size()) {
        return absl::InvalidArgumentError(
            StrCat("resource_index: ", item.resource_index(),
                   " is past the last of ", shared_.size(), " resources"));
      }
      const SharedResource& shared = Shared(item.resource_index());
      if (!unsupported_) unsupported_ = shared.unsupported;
      if (unsupported_) return absl::OkStatus();
      access_.resource = shared.facts;
      const absl::Status status =
          shared.status.ok()
              ? CheckResource(access_.interaction, access_.resource)
              : shared.status;
      if (status.ok()) return status;
      return InField(
          StrCat("resource_index: resources[", item.resource_index(), "]"),
          status);
    }
    case v1::BatchCheckItem::TARGET_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "resource: missing; send a resource, or the resource_index of one of "
      "BatchCheckRequest.resources");
}

DecisionService::Batch::SharedResource& DecisionService::Batch::Shared(
    size_t index) {
  SharedResource& shared = shared_[index];
  if (shared.converted) return shared;
  shared.converted = true;
  const v1::Resource& message = request_.resources(static_cast<int>(index));
  shared.unsupported = FindUnsupported(message);
  if (!shared.unsupported) {
    shared.status =
        ConvertResource(message, service_.options_.limits, shared.facts);
  }
  return shared;
}

void DecisionService::Batch::CountAll() const {
  for (int i = 0; i < request_.items_size(); ++i) {
    const v1::BatchCheckResult& result = response_.results(i);
    if (result.has_decision()) {
      service_.Count(request_.items(i).interaction(), result.decision());
    }
    const Refusal refusal = refusals_[static_cast<size_t>(i)];
    if (refusal != Refusal::kNone) service_.metrics_.CountRefusal(refusal);
  }
}

// Only now: a call that had to wait is made again from the start.
void DecisionService::Batch::CompareAll() {
  for (int i = 0; i < request_.items_size(); ++i) {
    const ShadowedAnswer& answer = answers_[static_cast<size_t>(i)];
    if (answer.effect == policy::Effect::kUnspecified) continue;
    if (!Prepare(request_.items(i)).ok()) continue;
    service_.options_.shadow->Compare(access_, answer);
  }
}

CallOutcome DecisionService::BatchCheck(
    const CallAttempt& attempt, const v1::BatchCheckRequest& request,
    v1::BatchCheckResponse& response) const {
  return Batch(*this, attempt, request, response).Run();
}

}  // namespace pdp::service
