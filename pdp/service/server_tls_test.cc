// TLS over the wire: who is let in by a certificate, and files that change.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pdp/service/server_test_support.h"
#include "tests/support/temp_file.h"
#include "tests/support/test_certificates.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;

constexpr char kServerNames[] = "DNS:localhost,IP:127.0.0.1";

class ServerTlsTest : public ServerTest {
 protected:
  // A caller that may do everything, known by these.
  static CallerSettings Known(std::string name, std::string uri,
                              std::string dns = "") {
    CallerSettings settings;
    settings.caller.name = std::move(name);
    settings.caller.permissions = kAllPermissions;
    settings.caller.subjects_rule = SubjectsRule::kAny;
    settings.san_uri = std::move(uri);
    settings.san_dns = std::move(dns);
    return settings;
  }

  void Serve(ClientCertificates clients, std::vector<CallerSettings> settings) {
    auto files = auth::TlsFiles::Open(
        {certificate_.path(), key_.path(),
         clients == ClientCertificates::kNone ? "" : clients_file_.path()});
    ASSERT_TRUE(files.ok()) << files.status();
    tls_ = *std::move(files);
    options_.tls = tls_.get();
    options_.client_certificates = clients;
    callers_ = *Callers::Open(std::move(settings));
    Start();
  }

  // Checks over a connection of its own, with `shown` (may be empty), trusting
  // the servers of `authority`.
  grpc::Status CheckAs(const ServerCertificate& shown,
                       const TestAuthority& authority) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = authority.certificate();
    options.pem_cert_chain = shown.certificate;
    options.pem_private_key = shown.private_key;
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("localhost");
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = v1::PolicyDecisionPoint::NewStub(
        grpc::CreateCustomChannel(server_->addresses().front().ToString(),
                                  grpc::SslCredentials(options), arguments));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(30));
    v1::CheckResponse response;
    return stub->Check(&context, Proto<v1::CheckRequest>(kReadPatient),
                       &response);
  }

  const TestAuthority servers_;
  const TestAuthority clients_;
  const ServerCertificate served_ = servers_.Issue(kServerNames);
  const TempFile certificate_{served_.certificate};
  const TempFile key_{served_.private_key};
  const TempFile clients_file_{clients_.certificate()};
  std::unique_ptr<auth::TlsFiles> tls_;
};

TEST_F(ServerTlsTest, ACertificateLetsInTheCallerThatItNames) {
  Serve(ClientCertificates::kRequired,
        {Known("mesh", "spiffe://clinic/gateway"),
         Known("billing", "", "billing.example.com")});
  EXPECT_TRUE(
      CheckAs(clients_.Issue("URI:spiffe://clinic/gateway"), servers_).ok());
  EXPECT_TRUE(
      CheckAs(clients_.Issue("DNS:billing.example.com"), servers_).ok());
  const struct {
    const char* name;
    ServerCertificate shown;
  } kUnknown[] = {
      {"Prefix", clients_.Issue("URI:spiffe://clinic/gateway2")},
      {"Cut", clients_.Issue("URI:spiffe://clinic/gatewa")},
      {"Case", clients_.Issue("URI:spiffe://clinic/Gateway")},
      {"UriAsDns", clients_.Issue("DNS:spiffe")},
      {"DnsAsUri", clients_.Issue("URI:billing.example.com")},
      {"Wildcard", clients_.Issue("DNS:*.example.com")},
      // What a reader of C strings would take for the name (CVE-2026-47778).
      {"CutByNul",
       clients_.IssueRaw(std::string("billing.example.com\0.evil.com", 29))},
      {"EndsWithNul",
       clients_.IssueRaw(std::string("billing.example.com\0", 20))},
      {"TwoCallers", clients_.Issue("URI:spiffe://clinic/gateway,DNS:"
                                    "billing.example.com")},
  };
  for (const auto& test : kUnknown) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(CheckAs(test.shown, servers_).error_code(),
              grpc::StatusCode::UNAUTHENTICATED);
  }
}

TEST_F(ServerTlsTest, WithoutACertificateOfTheAuthorityThereIsNoConnection) {
  Serve(ClientCertificates::kRequired,
        {Known("mesh", "spiffe://clinic/gateway")});
  EXPECT_EQ(CheckAs({}, servers_).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(CheckAs(servers_.Issue("URI:spiffe://clinic/gateway"), servers_)
                .error_code(),
            grpc::StatusCode::UNAVAILABLE);
  // Nor in plain text.
  v1::CheckResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(30));
  EXPECT_EQ(
      stub_->Check(&context, Proto<v1::CheckRequest>(kReadPatient), &response)
          .error_code(),
      grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerTlsTest, AnUnknownCertificateIsNotTakenForWhoeverIsOnThisHost) {
  CallerSettings local;
  local.caller.name = "local";
  local.caller.permissions = kAllPermissions;
  local.caller.subjects_rule = SubjectsRule::kAny;
  local.from_loopback = true;
  Serve(ClientCertificates::kOptional,
        {Known("mesh", "spiffe://clinic/gateway"), local});
  EXPECT_TRUE(CheckAs({}, servers_).ok());
  EXPECT_EQ(CheckAs(clients_.Issue("URI:spiffe://clinic/other"), servers_)
                .error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ServerTlsTest,
       NewConnectionsHaveTheNewCertificateAndBadFilesChangeNone) {
  CallerSettings local = Known("mesh", "");
  local.from_loopback = true;
  Serve(ClientCertificates::kNone, {local});
  ASSERT_TRUE(CheckAs({}, servers_).ok());

  // A client that knows the new authority only sees which one is served.
  const TestAuthority new_authority;
  const ServerCertificate renewed = new_authority.Issue(kServerNames);
  certificate_.Write("damaged");
  EXPECT_FALSE(tls_->Reload().ok());
  EXPECT_TRUE(CheckAs({}, servers_).ok());
  certificate_.Write(renewed.certificate);
  key_.Write(renewed.private_key);
  ASSERT_TRUE(tls_->Reload().ok());
  EXPECT_TRUE(CheckAs({}, new_authority).ok());
  EXPECT_EQ(CheckAs({}, servers_).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerTlsTest, ClientsOfANewAuthorityAreLetInAndThoseOfTheOldAreNot) {
  Serve(ClientCertificates::kRequired,
        {Known("mesh", "spiffe://clinic/gateway")});
  const TestAuthority renewed;
  const ServerCertificate old_client =
      clients_.Issue("URI:spiffe://clinic/gateway");
  const ServerCertificate new_client =
      renewed.Issue("URI:spiffe://clinic/gateway");
  EXPECT_TRUE(CheckAs(old_client, servers_).ok());
  EXPECT_FALSE(CheckAs(new_client, servers_).ok());
  clients_file_.Write(renewed.certificate());
  ASSERT_TRUE(tls_->Reload().ok());
  EXPECT_TRUE(CheckAs(new_client, servers_).ok());
  EXPECT_FALSE(CheckAs(old_client, servers_).ok());
}

// Whether a handshake of this version alone succeeds.
bool Shakes(uint16_t port, int version) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
      SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  // What the library would not offer by itself any more.
  SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  static constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context.get(), kHttp2, sizeof kHttp2);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_ssl_connect(context.get()), BIO_free_all);
  BIO_set_conn_hostname(bio.get(), StrCat("127.0.0.1:", port).c_str());
  return BIO_do_connect(bio.get()) == 1 && BIO_do_handshake(bio.get()) == 1;
}

TEST_F(ServerTlsTest, NothingBelowTls12IsSpoken) {
  Serve(ClientCertificates::kNone, {Known("mesh", "spiffe://clinic/gateway")});
  const uint16_t port = server_->addresses().front().port;
  EXPECT_TRUE(Shakes(port, TLS1_3_VERSION));
  EXPECT_TRUE(Shakes(port, TLS1_2_VERSION));
  EXPECT_FALSE(Shakes(port, TLS1_1_VERSION));
  EXPECT_FALSE(Shakes(port, TLS1_VERSION));
}

}  // namespace
}  // namespace pdp::service
