// The services of the server, as gRPC generated them.

#ifndef PDP_SERVICE_GRPC_SERVICES_H_
#define PDP_SERVICE_GRPC_SERVICES_H_

#include <grpcpp/support/status.h>

#include <span>
#include <string>

#include "absl/status/status.h"
#include "envoy/service/auth/v3/external_auth.grpc.pb.h"
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
  ::envoy::service::auth::v3::Authorization::AsyncService ext_authz;
};

// The first of them is served where there is a gateway alone.
inline constexpr const char* kServiceNames[] = {
    "envoy.service.auth.v3.Authorization", "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection", "medplum.pdp.v1.PdpAdmin",
    "medplum.pdp.v1.PolicyDecisionPoint"};

inline std::span<const char* const> ServiceNames(bool with_gateway) {
  return std::span(kServiceNames).subspan(with_gateway ? 0 : 1);
}

// The numbers of absl's codes are those of gRPC.
inline grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()),
          std::string(status.message())};
}

}  // namespace pdp::service

#endif  // PDP_SERVICE_GRPC_SERVICES_H_
