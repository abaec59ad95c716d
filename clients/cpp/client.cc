#include "medplum_pdp/client.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <iterator>
#include <utility>

#include "clients/cpp/batch.h"
#include "clients/cpp/core.h"
#include "clients/cpp/filter_call.h"
#include "clients/cpp/filter_check.h"
#include "clients/cpp/unary_call.h"
#include "pdp/base/status_macros.h"

namespace medplum_pdp {
namespace {

// Parts of a large batch that are under way at once.
constexpr size_t kPartsInFlight = 4;

// Waits for what `start` hands to the function that it is given.
template <typename T, typename Start>
T Await(Start start) {
  const auto promise = std::make_shared<std::promise<T>>();
  start([promise](T value) { promise->set_value(std::move(value)); });
  return promise->get_future().get();
}

// A method that does not decide.  `check`: whether the answer can be used.
template <typename Request, typename Response>
absl::StatusOr<Response> Call(
    ClientCore& core, const char* name,
    typename UnaryCall<Request, Response>::Method method,
    const Request& request, const CallOptions& options, Retry retry,
    absl::Status (*check)(Response&) = nullptr) {
  return Await<absl::StatusOr<Response>>([&](auto done) {
    UnaryCall<Request, Response>::Start(
        core, method, request, options, core.Begin(options), retry,
        [&core, name, check, done](const CallResult& result,
                                   Response& response) {
          absl::Status status = result.status;
          if (status.ok() && check != nullptr) status = check(response);
          core.Report({.method = name,
                       .effect = {},
                       .reason = {},
                       .status = status,
                       .latency = result.latency,
                       .retried = result.retried});
          if (!status.ok()) return done(status);
          done(std::move(response));
        });
  });
}

// One CheckMany.  Keeps itself alive until all parts are answered.
class ManyChecks : public std::enable_shared_from_this<ManyChecks> {
 public:
  using Done = std::function<void(std::vector<Decision>)>;

  ManyChecks(ClientCore& core, std::vector<v1::BatchCheckRequest> parts,
             const CallOptions& options, Done done)
      : core_(core),
        parts_(std::move(parts)),
        options_(options),
        times_(core.Begin(options)),
        done_(std::move(done)),
        decisions_(parts_.size()),
        open_(parts_.size()) {}

  void Start() {
    if (parts_.empty()) return done_({});
    const size_t first = std::min(parts_.size(), kPartsInFlight);
    for (size_t i = 0; i < first; ++i) StartNext();
  }

 private:
  void StartNext() {
    const size_t index = next_++;
    if (index >= parts_.size()) return;
    const auto items = static_cast<size_t>(parts_[index].items_size());
    UnaryCall<v1::BatchCheckRequest, v1::BatchCheckResponse>::Start(
        core_, &AsyncStub::BatchCheck, std::move(parts_[index]), options_,
        times_, Retry::kOnce,
        [self = shared_from_this(), index, items](
            const CallResult& result, v1::BatchCheckResponse& response) {
          self->core_.Report({.method = "BatchCheck",
                              .effect = {},
                              .reason = {},
                              .status = result.status,
                              .latency = result.latency,
                              .retried = result.retried});
          self->decisions_[index] =
              DecisionsOf(result.status, std::move(response), items);
          self->PartEnded();
        });
  }

  void PartEnded() {
    StartNext();
    if (--open_ > 0) return;
    std::vector<Decision> all;
    for (std::vector<Decision>& decisions : decisions_) {
      std::move(decisions.begin(), decisions.end(), std::back_inserter(all));
    }
    done_(std::move(all));
  }

  ClientCore& core_;
  std::vector<v1::BatchCheckRequest> parts_;
  const CallOptions options_;
  const CallTimes times_;
  const Done done_;
  std::vector<std::vector<Decision>> decisions_;  // Of each part.
  std::atomic<size_t> next_{0};
  std::atomic<size_t> open_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(
    const ClientOptions& options) {
  PDP_ASSIGN_OR_RETURN(auto core, ClientCore::Create(options));
  return std::unique_ptr<Client>(new Client(std::move(core)));
}

Client::Client(std::shared_ptr<ClientCore> core) : core_(std::move(core)) {}

Client::~Client() { core_->calls().CloseAndWait(); }

Decision Client::Check(const v1::CheckRequest& request,
                       const CallOptions& options) {
  return Await<Decision>(
      [&](auto done) { CheckAsync(request, std::move(done), options); });
}

void Client::CheckAsync(v1::CheckRequest request,
                        std::function<void(Decision)> done,
                        const CallOptions& options) {
  UnaryCall<v1::CheckRequest, v1::CheckResponse>::Start(
      *core_, &AsyncStub::Check, std::move(request), options,
      core_->Begin(options), Retry::kOnce,
      [core = core_.get(), done = std::move(done)](
          const CallResult& result, v1::CheckResponse& response) {
        Decision decision =
            result.status.ok()
                ? Decision::From(std::move(*response.mutable_decision()))
                : Decision(result.status);
        core->Report("Check", decision, result.latency, result.retried);
        done(std::move(decision));
      });
}

absl::Status Client::RequireCheck(const v1::CheckRequest& request,
                                  Obligations honored,
                                  const CallOptions& options) {
  return Check(request, options).Require(honored);
}

std::vector<Decision> Client::CheckMany(const v1::BatchCheckRequest& request,
                                        const CallOptions& options) {
  return Await<std::vector<Decision>>(
      [&](auto done) { CheckManyAsync(request, std::move(done), options); });
}

void Client::CheckManyAsync(const v1::BatchCheckRequest& request,
                            std::function<void(std::vector<Decision>)> done,
                            const CallOptions& options) {
  const ClientOptions& limits = core_->options();
  std::make_shared<ManyChecks>(
      *core_,
      SplitBatch(request, limits.max_batch_items, limits.max_batch_bytes),
      options, std::move(done))
      ->Start();
}

absl::StatusOr<v1::FilterResponse> Client::Filter(
    const v1::FilterRequest& request, const CallOptions& options) {
  return Call<v1::FilterRequest, v1::FilterResponse>(
      *core_, "Filter", &AsyncStub::Filter, request, options, Retry::kOnce,
      &CheckFilterAnswer);
}

absl::StatusOr<FilteredResources> Client::FilterResources(
    const v1::FilterResourcesHeader& header,
    std::span<const std::string> resources, const CallOptions& options) {
  std::vector<v1::FilterResourcesRequest> messages(1);
  *messages[0].mutable_header() = header;
  for (const std::string& resource : resources) {
    messages.emplace_back().set_resource(resource);
  }
  PDP_ASSIGN_OR_RETURN(FilteredResources result,
                       Await<absl::StatusOr<FilteredResources>>([&](auto done) {
                         StartFilterCall(*core_, std::move(messages), options,
                                         std::move(done));
                       }));
  if (result.summary.received() != resources.size()) {
    return absl::InternalError(
        "the answer is not understood: other resources than were sent");
  }
  return result;
}

absl::StatusOr<FilteredResources> Client::FilterBundle(
    const v1::FilterResourcesHeader& header, const std::string& bundle,
    const CallOptions& options) {
  std::vector<v1::FilterResourcesRequest> messages(2);
  *messages[0].mutable_header() = header;
  messages[1].set_bundle(bundle);
  return Await<absl::StatusOr<FilteredResources>>([&](auto done) {
    StartFilterCall(*core_, std::move(messages), options, std::move(done));
  });
}

absl::StatusOr<v1::ExplainResponse> Client::Explain(
    const v1::ExplainRequest& request, const CallOptions& options) {
  return Call<v1::ExplainRequest, v1::ExplainResponse>(
      *core_, "Explain", &AsyncStub::Explain, request, options, Retry::kOnce);
}

absl::StatusOr<v1::DescribeAccessResponse> Client::DescribeAccess(
    const v1::DescribeAccessRequest& request, const CallOptions& options) {
  return Call<v1::DescribeAccessRequest, v1::DescribeAccessResponse>(
      *core_, "DescribeAccess", &AsyncStub::DescribeAccess, request, options,
      Retry::kOnce);
}

absl::Status Client::RecordAccess(const v1::RecordAccessRequest& request,
                                  const CallOptions& options) {
  return Call<v1::RecordAccessRequest, v1::RecordAccessResponse>(
             *core_, "RecordAccess", &AsyncStub::RecordAccess, request, options,
             Retry::kNever)
      .status();
}

}  // namespace medplum_pdp
