#include "pdp/medplum/token_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/base/strings.h"
#include "tests/support/scripted_server.h"
#include "tests/support/test_keys.h"

namespace pdp::medplum {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kMe[] = R"({"project":{"id":"p1"},"membership":{"resourceType":)"
                       R"("ProjectMembership","id":"m1"},)"
                       R"("profile":{"reference":"Practitioner/x"}})";
constexpr char kOutcome[] =
    R"({"resourceType":"OperationOutcome","issue":[{"severity":"error"}]})";

std::unique_ptr<TokenClient> ClientOf(const ScriptedServer& server) {
  TokenClientOptions options;
  options.base_url = server.url();
  options.retry = {.max_attempts = 1};
  return *TokenClient::Open(std::move(options));
}

TEST(TokenClientTest, AsksAsTheTokenAndWhereItsIssuerIs) {
  const ScriptedServer server(
      [](const ServerRequest&) { return ServerAnswer{.body = kMe}; });
  const auto client = ClientOf(server);
  const auto login = client->WhoIs("a.b.c", "");
  ASSERT_TRUE(login.ok()) << login.status();
  EXPECT_EQ(login->project, "p1");
  EXPECT_EQ(login->membership, "ProjectMembership/m1");
  ASSERT_TRUE(client->WhoIs("a.b.c", "p1").ok());
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].target, "/auth/me");
  EXPECT_EQ(requests[0].headers.at("authorization"), "Bearer a.b.c");
  EXPECT_EQ(requests[1].target, "/projects/p1/auth/me");
}

TEST(TokenClientTest, OnlyTheServersOwnWordRefusesAToken) {
  struct Case {
    const char* name;
    int code;
    const char* body;
    absl::StatusCode status;
  };
  using Code = absl::StatusCode;
  const Case cases[] = {
      {"TheServerDoesNotTakeIt", 401, kOutcome, Code::kUnauthenticated},
      {"TheServerForbids", 403, kOutcome, Code::kUnauthenticated},
      {"ItsMembershipIsIncomplete", 400, kOutcome, Code::kInvalidArgument},
      {"AProxyForbids", 403, "<html>no</html>", Code::kPermissionDenied},
      {"TheServerFails", 500, kOutcome, Code::kUnavailable},
      {"TheServerIsBusy", 429, kOutcome, Code::kUnavailable},
      {"NoJson", 200, "hello", Code::kDataLoss},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    const ScriptedServer server([&](const ServerRequest&) {
      return ServerAnswer{.code = test.code, .body = test.body};
    });
    const auto login = ClientOf(server)->WhoIs("secret.token.x", "");
    EXPECT_EQ(login.status().code(), test.status) << login.status();
    EXPECT_THAT(ToStd(login.status().message()),
                Not(HasSubstr("secret.token.x")));
  }
}

TEST(TokenClientTest, ReadsTheKeys) {
  const auto key = testing::TestKey::Ec("P-256");
  const std::string set = testing::KeySetOf({key.Jwk("k1")});
  const ScriptedServer server(
      [&](const ServerRequest&) { return ServerAnswer{.body = set}; });
  const auto keys = ClientOf(server)->FetchKeys();
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(server.requests()[0].target, "/.well-known/jwks.json");
  EXPECT_EQ(server.requests()[0].headers.count("authorization"), 0u);

  const ScriptedServer away(
      [](const ServerRequest&) { return ServerAnswer{.code = 503}; });
  EXPECT_TRUE(absl::IsUnavailable(ClientOf(away)->FetchKeys().status()));
}

}  // namespace
}  // namespace pdp::medplum
