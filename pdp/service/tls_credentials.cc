#include "pdp/service/tls_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <atomic>
#include <string>

namespace pdp::service {
namespace {

grpc_ssl_client_certificate_request_type RequestType(
    ClientCertificates clients) {
  switch (clients) {
    case ClientCertificates::kNone:
      return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
    case ClientCertificates::kOptional:
      return GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
    case ClientCertificates::kRequired:
      return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
}

// gRPC's own credentials, which ask for the certificates with each connection.
// Its C++ wrappers cannot, nor can their file watcher be used: it gives up what
// serves before it knows that what comes is usable.
class ReloadingCredentials final : public grpc::ServerCredentials {
 public:
  ReloadingCredentials(const auth::TlsFiles& files, ClientCertificates clients)
      : files_(files),
        credentials_(grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                RequestType(clients), &ReloadingCredentials::Fetch, this))) {}
  ~ReloadingCredentials() override {
    grpc_server_credentials_release(credentials_);
  }

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& /*processor*/)
      override {}

 private:
  int AddPortToServer(const std::string& address,
                      grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // Of any of gRPC's threads.  What it does not like it leaves, and goes on
  // with what it has.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    auto& credentials = *static_cast<ReloadingCredentials*>(self);
    const uint64_t generation = credentials.files_.generation();
    if (credentials.seen_.exchange(generation) == generation) {
      return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    }
    const auto material = credentials.files_.Current();
    const grpc_ssl_pem_key_cert_pair pair = {material->private_key.c_str(),
                                             material->certificates.c_str()};
    // gRPC insists on authorities, also where it is to ask for nothing.
    const std::string& authorities = material->client_authorities.empty()
                                         ? material->certificates
                                         : material->client_authorities;
    *config = grpc_ssl_server_certificate_config_create(authorities.c_str(),
                                                        &pair, 1);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const auth::TlsFiles& files_;
  std::atomic<uint64_t> seen_{0};
  grpc_server_credentials* const credentials_;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    const auth::TlsFiles& files, ClientCertificates clients) {
  return std::make_shared<ReloadingCredentials>(files, clients);
}

}  // namespace pdp::service
