// The services of the server, as gRPC generated them.

#ifndef PDP_SERVICE_GRPC_SERVICES_H_
#define PDP_SERVICE_GRPC_SERVICES_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "medplum/pdp/v1/admin.grpc.pb.h"
#include "medplum/pdp/v1/decision.grpc.pb.h"

namespace pdp::service {

struct GrpcServices {
  ::medplum::pdp::v1::PolicyDecisionPoint::AsyncService decisions;
  ::medplum::pdp::v1::PdpAdmin::AsyncService admin;
  grpc::health::v1::Health::AsyncService health;
  grpc::reflection::v1alpha::ServerReflection::AsyncService reflection;
};

inline constexpr const char* kServiceNames[] = {
    "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection",
    "medplum.pdp.v1.PdpAdmin", "medplum.pdp.v1.PolicyDecisionPoint"};

// The numbers of absl's codes are those of gRPC.
inline grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()),
          std::string(status.message())};
}

}  // namespace pdp::service

#endif  // PDP_SERVICE_GRPC_SERVICES_H_
