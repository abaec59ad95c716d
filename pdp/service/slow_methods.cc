#include "pdp/service/slow_methods.h"

#include <chrono>
#include <cstdint>
#include <utility>

#include "pdp/base/strings.h"

namespace pdp::service {
namespace {

using Clock = std::chrono::steady_clock;

absl::Status NotBuilt(std::string_view method, std::string_view instead) {
  return absl::UnimplementedError(
      StrCat(method, " is not available yet; ", instead));
}

grpc::ServerUnaryReactor* EndWith(const absl::Status& status, Method method,
                                  Metrics& metrics,
                                  grpc::CallbackServerContext* context) {
  metrics.CallStarted(method);
  metrics.CallEnded(method, status.code());
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

// A stream that ends as soon as it began.
class RefusedStream final
    : public grpc::ServerBidiReactor<v1::FilterResourcesRequest,
                                     v1::FilterResourcesResponse> {
 public:
  explicit RefusedStream(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerBidiReactor<v1::FilterResourcesRequest,
                        v1::FilterResourcesResponse>*
DecisionGrpcService::FilterResources(grpc::CallbackServerContext* /*context*/) {
  metrics_.CallStarted(Method::kFilterResources);
  metrics_.CallEnded(Method::kFilterResources,
                     absl::StatusCode::kUnimplemented);
  return new RefusedStream(
      NotBuilt("FilterResources",
               "ask BatchCheck about each resource and remove the "
               "hidden_fields of its decision"));
}

grpc::ServerUnaryReactor* DecisionGrpcService::Explain(
    grpc::CallbackServerContext* context, const v1::ExplainRequest*,
    v1::ExplainResponse*) {
  return EndWith(NotBuilt("Explain",
                          "the reason, message and entry of a Check's decision "
                          "say what decided"),
                 Method::kExplain, metrics_, context);
}

grpc::ServerUnaryReactor* DecisionGrpcService::Simulate(
    grpc::CallbackServerContext* context, const v1::SimulateRequest*,
    v1::SimulateResponse*) {
  return EndWith(NotBuilt("Simulate",
                          "start a second server on a directory that holds the "
                          "proposed policies, and ask that"),
                 Method::kSimulate, metrics_, context);
}

grpc::ServerUnaryReactor* DecisionGrpcService::RecordAccess(
    grpc::CallbackServerContext* context, const v1::RecordAccessRequest*,
    v1::RecordAccessResponse*) {
  return EndWith(NotBuilt("RecordAccess",
                          "keep the decision_id in the enforcement point's own "
                          "log"),
                 Method::kRecordAccess, metrics_, context);
}

// A DescribeAccess, which may have to be made several times.
class DecisionGrpcService::Describing {
 public:
  Describing(DecisionGrpcService& owner,
             const v1::DescribeAccessRequest& request,
             v1::DescribeAccessResponse& response,
             grpc::ServerUnaryReactor& reactor)
      : owner_(owner),
        request_(request),
        response_(response),
        reactor_(reactor) {
    attempt_.may_fetch = owner.fetcher_ != nullptr;
    attempt_.may_refresh = owner.refresher_ != nullptr;
    owner_.metrics_.CallStarted(Method::kDescribeAccess);
  }

  // Deletes this when the call has ended.
  void Answer() {
    constexpr int kMaxRounds = 16;
    if (++rounds_ > kMaxRounds) GiveUp();
    response_.Clear();
    CallOutcome outcome =
        owner_.service_.DescribeAccess(attempt_, request_, response_);
    if (!outcome.pending()) {
      owner_.metrics_.CallEnded(Method::kDescribeAccess, outcome.status.code());
      reactor_.Finish(ToGrpc(outcome.status));
      delete this;
      return;
    }
    const bool refresh = outcome.needs_refresh;
    FetchDone done = [this, refresh](const absl::Status& status) {
      if (!status.ok()) GiveUp();
      if (refresh) attempt_.refreshed = status.ok();
      Answer();
    };
    if (refresh) {
      owner_.refresher_->Refresh(std::move(done));
    } else {
      owner_.fetcher_->Fetch(std::move(outcome.needed), std::move(done));
    }
  }

 private:
  void GiveUp() {
    attempt_.may_fetch = false;
    attempt_.may_refresh = false;
  }

  DecisionGrpcService& owner_;
  const v1::DescribeAccessRequest& request_;
  v1::DescribeAccessResponse& response_;
  grpc::ServerUnaryReactor& reactor_;
  CallAttempt attempt_;
  int rounds_ = 0;
};

grpc::ServerUnaryReactor* DecisionGrpcService::DescribeAccess(
    grpc::CallbackServerContext* context,
    const v1::DescribeAccessRequest* request,
    v1::DescribeAccessResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  (new Describing(*this, *request, *response, *reactor))->Answer();
  return reactor;
}

}  // namespace pdp::service
