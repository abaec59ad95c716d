// Channels to decision points.  Include only where calls are made.

#ifndef PDP_CLIENTS_CPP_CHANNEL_H_
#define PDP_CLIENTS_CPP_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "medplum_pdp/options.h"

namespace medplum_pdp {

// A channel to all servers of `options.target`, which it uses in turn.  It
// neither tries a call again nor takes settings from DNS.
//
// InvalidArgument: no target, plaintext together with TLS, a token that would
// leave in the clear.  NotFound: a file cannot be read.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(
    const ClientOptions& options);

// Whether everything that `target` names is on this host.
bool IsLocal(std::string_view target);

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_CHANNEL_H_
