// The PolicyDecisionPoint service as gRPC sees it: the methods that are called
// all the time on completion queues (call_queue.h), the others on gRPC's own
// threads, by its callback API.

#ifndef PDP_SERVICE_GRPC_SERVICE_H_
#define PDP_SERVICE_GRPC_SERVICE_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "medplum/pdp/v1/decision.grpc.pb.h"

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

template <typename Base>
using WithQueuedMethods = v1::PolicyDecisionPoint::WithAsyncMethod_Check<
    v1::PolicyDecisionPoint::WithAsyncMethod_BatchCheck<
        v1::PolicyDecisionPoint::WithAsyncMethod_CheckStream<
            v1::PolicyDecisionPoint::WithAsyncMethod_Filter<Base>>>>;

template <typename Base>
using WithCallbackMethods =
    v1::PolicyDecisionPoint::WithCallbackMethod_FilterResources<
        v1::PolicyDecisionPoint::WithCallbackMethod_Explain<
            v1::PolicyDecisionPoint::WithCallbackMethod_DescribeAccess<
                v1::PolicyDecisionPoint::WithCallbackMethod_Simulate<
                    v1::PolicyDecisionPoint::WithCallbackMethod_RecordAccess<
                        Base>>>>>;

using PolicyDecisionPointService =
    WithQueuedMethods<WithCallbackMethods<v1::PolicyDecisionPoint::Service>>;

// The numbers of absl's codes are those of gRPC.
inline grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()),
          std::string(status.message())};
}

}  // namespace pdp::service

#endif  // PDP_SERVICE_GRPC_SERVICE_H_
