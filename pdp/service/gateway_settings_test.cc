#include "pdp/service/gateway_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "pdp/service/settings.h"

namespace pdp::service {
namespace {

using ::testing::StartsWith;
using Flags = std::vector<std::pair<std::string, std::string>>;

constexpr char kCaller[] =
    "name=a,token-file=/t,permissions=gateway,subjects=token";

absl::StatusOr<Settings> Load(Flags flags, const char* caller = kCaller) {
  flags.insert(flags.end(), {{"source", "directory:policies"},
                             {"data-dir", "data"},
                             {"callers", caller}});
  return LoadSettings({.flags = flags});
}

TEST(GatewaySettingsTest, IsOffUnlessItIsWritten) {
  const auto settings = Load({});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_FALSE(settings->gateway.ext_authz);
  EXPECT_FALSE(settings->gateway.forward_auth);
}

TEST(GatewaySettingsTest, TheDefaultsPassAsLittleAsTheyCan) {
  const auto settings = Load({{"gateway.ext-authz", "true"}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  const GatewayRules& rules = settings->gateway.rules;
  EXPECT_EQ(rules.options.base_path, "/fhir/R4");
  EXPECT_EQ(rules.options.forwarded_for, 0u);
  EXPECT_FALSE(rules.options.opens_metadata);
  EXPECT_EQ(rules.wider_search, WiderSearch::kDenied);
  EXPECT_FALSE(rules.is_same_project);
  EXPECT_FALSE(rules.honors_hidden_fields);
  EXPECT_FALSE(rules.honors_readonly_fields);
}

TEST(GatewaySettingsTest, TakesWhatIsWritten) {
  const auto settings = Load({{"gateway.forward-auth", "127.0.0.1:8992"},
                              {"gateway.forward-auth-headers", "forwarded"},
                              {"gateway.base-path", "/"},
                              {"gateway.tenant-header", "X-Tenant"},
                              {"gateway.stored-tenant", "true"},
                              {"gateway.search", "rewrite"},
                              {"gateway.runner", "same_project"},
                              {"gateway.honors", "hidden_fields"},
                              {"gateway.honors", "readonly_fields"},
                              {"gateway.forwarded-for", "2"},
                              {"gateway.metadata", "true"}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  const GatewaySettings& gateway = settings->gateway;
  EXPECT_EQ(gateway.forward_auth->port, 8992);
  EXPECT_EQ(gateway.forward_auth_headers, ForwardAuthHeaders::kForwarded);
  EXPECT_EQ(gateway.rules.options.base_path, "");
  EXPECT_EQ(gateway.rules.options.tenant_header, "x-tenant");
  EXPECT_TRUE(gateway.rules.options.stored_tenant);
  EXPECT_EQ(gateway.rules.options.forwarded_for, 2u);
  EXPECT_TRUE(gateway.rules.options.opens_metadata);
  EXPECT_EQ(gateway.rules.wider_search, WiderSearch::kRewritten);
  EXPECT_TRUE(gateway.rules.is_same_project);
  EXPECT_TRUE(gateway.rules.honors_hidden_fields);
  EXPECT_TRUE(gateway.rules.honors_readonly_fields);
}

TEST(GatewaySettingsTest, RefusesWhatWouldNotMeanWhatItSays) {
  const struct {
    const char* name;
    Flags flags;
    const char* error;
    const char* caller = kCaller;
  } kCases[] = {
      {"Neither", {{"gateway.search", "header"}}, "gateway.ext-authz: "},
      {"OtherAddress",
       {{"gateway.forward-auth", "0.0.0.0:8992"}},
       "gateway.forward-auth: "},
      {"UnixSocket",
       {{"gateway.forward-auth", "unix:/run/a"}},
       "gateway.forward-auth: "},
      {"BasePathWithSlash",
       {{"gateway.ext-authz", "true"}, {"gateway.base-path", "/fhir/"}},
       "gateway.base-path: "},
      {"BasePathWithDots",
       {{"gateway.ext-authz", "true"}, {"gateway.base-path", "/a/../b"}},
       "gateway.base-path: "},
      {"TenantHeader",
       {{"gateway.ext-authz", "true"}, {"gateway.tenant-header", "x tenant"}},
       "gateway.tenant-header: "},
      {"OwnTenantHeader",
       {{"gateway.ext-authz", "true"},
        {"gateway.tenant-header", "X-Pdp-Tenant"}},
       "gateway.tenant-header: "},
      {"TooManyProxies",
       {{"gateway.ext-authz", "true"}, {"gateway.forwarded-for", "17"}},
       "gateway.forwarded-for: "},
      {"NoCaller",
       {{"gateway.ext-authz", "true"}},
       "gateway: ",
       "name=a,token-file=/t,permissions=check,subjects=token"},
      {"CallerOfItsOwn",
       {{"gateway.ext-authz", "true"}},
       "gateway: ",
       "name=a,token-file=/t,permissions=gateway,own=Bot/1"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(std::string(Load(c.flags, c.caller).status().message()),
                StartsWith(c.error));
  }
}

}  // namespace
}  // namespace pdp::service
