#include "pdp/auth/key_fetch.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "pdp/base/strings.h"
#include "tests/support/eventually.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_file.h"
#include "tests/support/test_certificates.h"
#include "tests/support/test_keys.h"

namespace pdp::auth {
namespace {

ServerAnswer KeysOnly(const ServerRequest& request, const std::string& keys) {
  if (request.target != "/keys") return {.code = 404};
  return {.body = keys};
}

TEST(KeyFetchTest, KeysAreTakenFromWhomTheCaFileVouchesForAlone) {
  const TestAuthority authority;
  const TestAuthority other;
  const struct {
    const char* name;
    ServerCertificate certificate;
    bool is_trusted;
  } kCases[] = {
      {"of the authority", authority.Issue("IP:127.0.0.1"), true},
      {"of another authority", other.Issue("IP:127.0.0.1"), false},
      {"of another host", authority.Issue("DNS:example.com"), false},
  };
  const testing::TestKey key = testing::TestKey::Ec("P-256");
  const std::string keys = testing::KeySetOf({key.Jwk("k")});
  const TempFile ca(authority.certificate());
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    const ScriptedServer server(
        [&](const ServerRequest& request) { return KeysOnly(request, keys); },
        test.certificate);
    const auto source = OpenKeysByUrl(StrCat(server.url(), "keys"), ca.path());
    ASSERT_TRUE(source.ok()) << source.status();
    ASSERT_TRUE(Eventually([&] {
      const KeySource::Found found = (*source)->Find("k");
      return found.key || !found.may_come;
    }));
    EXPECT_EQ((*source)->Find("k").key.has_value(), test.is_trusted);
    EXPECT_EQ(server.requests().size(), test.is_trusted ? 1u : 0u);
  }
}

// As a certificate that nobody vouches for is: the system knows it not.
TEST(KeyFetchTest, WithoutACaFileTheSystemsAuthoritiesCount) {
  const TestAuthority authority;
  const ScriptedServer server(
      [](const ServerRequest&) { return ServerAnswer(); },
      authority.Issue("IP:127.0.0.1"));
  const auto source = OpenKeysByUrl(server.url(), "");
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_TRUE(Eventually([&] { return !(*source)->Find("k").may_come; }));
  EXPECT_TRUE(server.requests().empty());
}

TEST(KeyFetchTest, RefusesWhatCannotBeTrusted) {
  EXPECT_TRUE(absl::IsInvalidArgument(
      OpenKeysByUrl("http://localhost/keys", "").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      OpenKeysByUrl("https://localhost/keys", "/nowhere/ca.pem").status()));
}

}  // namespace
}  // namespace pdp::auth
