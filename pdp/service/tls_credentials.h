// TLS for one address of the server, with the files of the moment: each new
// connection has what TlsFiles holds then.  At least TLS 1.2.

#ifndef PDP_SERVICE_TLS_CREDENTIALS_H_
#define PDP_SERVICE_TLS_CREDENTIALS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "pdp/auth/tls_files.h"
#include "pdp/service/transport_settings.h"

namespace pdp::service {

// For one address: they know what that has seen.  `files` must outlive the
// server.
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    const auth::TlsFiles& files, ClientCertificates clients);

}  // namespace pdp::service

#endif  // PDP_SERVICE_TLS_CREDENTIALS_H_
