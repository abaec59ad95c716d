// What gRPC's server reflection answers: the descriptors that this program was
// compiled with.

#ifndef PDP_SERVICE_REFLECTION_H_
#define PDP_SERVICE_REFLECTION_H_

#include <span>
#include <string>

namespace grpc::reflection::v1alpha {
class ServerReflectionRequest;
class ServerReflectionResponse;
}  // namespace grpc::reflection::v1alpha

namespace pdp::service {

// `services` are the full names of what is served.
void AnswerReflection(
    std::span<const char* const> services,
    const grpc::reflection::v1alpha::ServerReflectionRequest& request,
    grpc::reflection::v1alpha::ServerReflectionResponse& response);

}  // namespace pdp::service

#endif  // PDP_SERVICE_REFLECTION_H_
