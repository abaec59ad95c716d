// The methods that are called now and then: Explain, DescribeAccess, Simulate,
// FilterResources and RecordAccess, and the whole of PdpAdmin.  They run on
// gRPC's own threads, away from those that decide.

#ifndef PDP_SERVICE_SLOW_METHODS_H_
#define PDP_SERVICE_SLOW_METHODS_H_

#include "absl/time/time.h"
#include "medplum/pdp/v1/admin.grpc.pb.h"
#include "pdp/policy/decision_point.h"
#include "pdp/service/admin_backend.h"
#include "pdp/service/data_state.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/fact_fetcher.h"
#include "pdp/service/grpc_service.h"
#include "pdp/service/metrics.h"
#include "pdp/service/worker.h"

namespace pdp::service {

class DecisionGrpcService final : public PolicyDecisionPointService {
 public:
  // `fetcher` and `refresher` may be null.
  DecisionGrpcService(const DecisionService& service, Metrics& metrics,
                      FactFetcher* fetcher, Refresher* refresher)
      : service_(service),
        metrics_(metrics),
        fetcher_(fetcher),
        refresher_(refresher) {}

  grpc::ServerBidiReactor<v1::FilterResourcesRequest,
                          v1::FilterResourcesResponse>*
  FilterResources(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override;
  grpc::ServerUnaryReactor* DescribeAccess(
      grpc::CallbackServerContext* context,
      const v1::DescribeAccessRequest* request,
      v1::DescribeAccessResponse* response) override;
  grpc::ServerUnaryReactor* Simulate(grpc::CallbackServerContext* context,
                                     const v1::SimulateRequest* request,
                                     v1::SimulateResponse* response) override;
  grpc::ServerUnaryReactor* RecordAccess(
      grpc::CallbackServerContext* context,
      const v1::RecordAccessRequest* request,
      v1::RecordAccessResponse* response) override;

 private:
  class Describing;

  const DecisionService& service_;
  Metrics& metrics_;
  FactFetcher* const fetcher_;
  Refresher* const refresher_;
};

class AdminGrpcService final : public v1::PdpAdmin::CallbackService {
 public:
  AdminGrpcService(const policy::DecisionPoint& decision_point,
                   const DataState& data, AdminBackend& backend,
                   Metrics& metrics)
      : decision_point_(decision_point),
        data_(data),
        backend_(backend),
        metrics_(metrics),
        started_at_(absl::Now()) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override;
  grpc::ServerUnaryReactor* Resync(grpc::CallbackServerContext* context,
                                   const v1::ResyncRequest* request,
                                   v1::ResyncResponse* response) override;
  grpc::ServerUnaryReactor* Checkpoint(
      grpc::CallbackServerContext* context,
      const v1::CheckpointRequest* request,
      v1::CheckpointResponse* response) override;
  grpc::ServerUnaryReactor* LintPolicies(
      grpc::CallbackServerContext* context,
      const v1::LintPoliciesRequest* request,
      v1::LintPoliciesResponse* response) override;

 private:
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context,
                                Method method,
                                std::function<absl::Status()> task);

  const policy::DecisionPoint& decision_point_;
  const DataState& data_;
  AdminBackend& backend_;
  Metrics& metrics_;
  const absl::Time started_at_;
  // Last: its thread uses the others.
  Worker worker_{/*max_queued=*/8};
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_SLOW_METHODS_H_
