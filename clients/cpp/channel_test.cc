#include "clients/cpp/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/cpp/scripted_pdp.h"
#include "tests/support/temp_file.h"
#include "tests/support/test_certificates.h"

namespace medplum_pdp {
namespace {

TEST(IsLocalTest, OnlyWhatStaysOnThisHost) {
  for (const char* target :
       {"localhost:8990", "127.0.0.1:8990", "dns:///localhost:1",
        "ipv4:127.0.0.1:1,127.0.0.2:2", "ipv6:[::1]:1", "[::1]:8990",
        "unix:/run/pdp.sock", "localhost"}) {
    EXPECT_TRUE(IsLocal(target)) << target;
  }
  for (const char* target :
       {"pdp:8990", "10.0.0.1:8990", "ipv4:127.0.0.1:1,10.0.0.1:1",
        "localhost.example.com:1", "127.example.com:1", "dns:///pdp:1", "",
        "ipv6:[2001:db8::1]:1", "dns://10.0.0.1/localhost:1"}) {
    EXPECT_FALSE(IsLocal(target)) << target;
  }
}

TEST(ChannelTest, OptionsThatAreInConflictAreRefused) {
  const auto token = [] { return std::string("t"); };
  const ClientOptions kOptions[] = {
      {.target = ""},
      {.target = "pdp:1", .tls = {.ca_file = "ca.pem"}, .plaintext = true},
      {.target = "unix:/run/pdp.sock", .tls = {.server_name = "pdp"}},
      {.target = "pdp:1", .tls = {.cert_file = "cert.pem"}},
      {.target = "pdp:1", .plaintext = true, .token = token},
      {.target = "pdp:1", .timeout = absl::ZeroDuration()},
      {.target = "pdp:1", .max_batch_items = 0},
  };
  for (const ClientOptions& options : kOptions) {
    const auto client = Client::Create(options);
    EXPECT_TRUE(absl::IsInvalidArgument(client.status()))
        << options.target << ": " << client.status();
  }
  EXPECT_TRUE(absl::IsNotFound(
      Client::Create({.target = "pdp:1", .tls = {.ca_file = "/nowhere/ca.pem"}})
          .status()));
  EXPECT_TRUE(Client::Create({.target = "pdp:1", .token = token}).ok());
}

PdpScript Permitting() {
  return {.check = [](grpc::ServerContext*, const v1::CheckRequest&,
                      v1::CheckResponse& response) {
    *response.mutable_decision() = Permit();
    return grpc::Status::OK;
  }};
}

TEST(ChannelTest, AServerThatDoesNotServeIsPassedOver) {
  grpc::EnableDefaultHealthCheckService(true);
  ScriptedPdp starting(Permitting());  // Its health knows of no service.
  grpc::EnableDefaultHealthCheckService(false);
  ScriptedPdp serving(Permitting());
  ClientOptions options = serving.client_options();
  options.target = "ipv4:" + starting.address() + "," + serving.address();
  const auto client = *Client::Create(options);
  for (int i = 0; i < 10; ++i) {
    const Decision decision = client->Check({});
    EXPECT_TRUE(decision.permitted()) << decision.status();
  }
  EXPECT_EQ(starting.calls(), 0);
  EXPECT_EQ(serving.calls(), 10);
}

class ClientTlsTest : public testing::Test {
 protected:
  ClientTlsTest() {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = clients_.certificate();
    options.pem_key_cert_pairs.push_back(
        {served_.private_key, served_.certificate});
    server_ = std::make_unique<ScriptedPdp>(
        Permitting(), grpc::SslServerCredentials(options));
  }

  ClientOptions Options() const {
    return {.target = server_->address(),
            .tls = {.ca_file = ca_.path(),
                    .cert_file = certificate_.path(),
                    .key_file = key_.path(),
                    .server_name = "pdp.internal"},
            .timeout = absl::Seconds(30)};
  }

  static Decision Check(const ClientOptions& options) {
    const auto client = Client::Create(options);
    return client.ok() ? (*client)->Check({}) : Decision(client.status());
  }

  const pdp::TestAuthority servers_;
  const pdp::TestAuthority clients_;
  const pdp::ServerCertificate served_ = servers_.Issue("DNS:pdp.internal");
  const pdp::ServerCertificate shown_ = clients_.Issue("DNS:scheduler");
  const pdp::TempFile ca_{servers_.certificate()};
  const pdp::TempFile certificate_{shown_.certificate};
  const pdp::TempFile key_{shown_.private_key};
  std::unique_ptr<ScriptedPdp> server_;
};

TEST_F(ClientTlsTest, BothSidesShowWhoTheyAre) {
  EXPECT_TRUE(Check(Options()).permitted()) << Check(Options()).status();
}

TEST_F(ClientTlsTest, AnythingElseIsNoDecision) {
  ClientOptions other_name = Options();
  other_name.tls.server_name = "other.internal";
  ClientOptions other_authority = Options();
  const pdp::TempFile other_ca(clients_.certificate());
  other_authority.tls.ca_file = other_ca.path();
  ClientOptions no_certificate = Options();
  no_certificate.tls.cert_file.clear();
  no_certificate.tls.key_file.clear();
  ClientOptions plaintext = Options();
  plaintext.tls = {};
  plaintext.plaintext = true;
  for (const ClientOptions& options :
       {other_name, other_authority, no_certificate, plaintext}) {
    const Decision decision = Check(options);
    EXPECT_TRUE(absl::IsUnavailable(decision.status())) << decision.status();
  }
}

}  // namespace
}  // namespace medplum_pdp
