#include "pdp/service/transport_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/service/settings.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using Flags = std::vector<std::pair<std::string, std::string>>;

absl::StatusOr<Settings> Load(Flags flags) {
  flags.insert(flags.end(),
               {{"source", "directory:policies"},
                {"data-dir", "data"},
                {"callers", "name=a,token-file=/t,permissions=admin"}});
  return LoadSettings({.flags = flags});
}

const Flags kTls = {{"tls.certificate-file", "/c"},
                    {"tls.private-key-file", "/k"}};

Flags With(Flags flags, const Flags& more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

TEST(TransportSettingsTest, OtherAddressesThanLoopbackTakeTlsOrAnExplicitLine) {
  const Flags kElsewhere = {{"listen", "0.0.0.0:8990"},
                            {"listen", "unix:/run/pdp.sock"}};
  EXPECT_THAT(std::string(Load(kElsewhere).status().message()),
              HasSubstr("is not a loopback address"));
  auto settings = Load(With(kTls, kElsewhere));
  ASSERT_TRUE(settings.ok()) << settings.status();
  ASSERT_TRUE(settings->tls.has_value());
  EXPECT_EQ(settings->tls->clients, ClientCertificates::kNone);
  EXPECT_EQ(settings->listen.front().ToString(), "0.0.0.0:8990");
  settings = Load(With({{"tls.allow-plaintext", "true"}}, kElsewhere));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_FALSE(settings->tls.has_value());
  EXPECT_FALSE(Load(With({{"tls.allow-plaintext", "false"}}, kElsewhere)).ok());
}

TEST(TransportSettingsTest, AnAuthorityMeansThatClientsHaveCertificates) {
  const Flags kAuthority = {{"tls.client-ca-file", "/ca"}};
  auto settings = Load(With(kTls, kAuthority));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->tls->clients, ClientCertificates::kRequired);
  EXPECT_EQ(settings->limits.connection_age, absl::Hours(1));
  settings = Load(With(With(kTls, kAuthority),
                       {{"tls.require-client-certificate", "false"}}));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->tls->clients, ClientCertificates::kOptional);
}

TEST(TransportSettingsTest, RefusesWhatWouldNotProtect) {
  const struct {
    Flags flags;
    const char* error;
  } kCases[] = {
      {{{"tls.certificate-file", "/c"}}, "tls.private-key-file: missing"},
      {{{"tls.client-ca-file", "/c"}}, "tls.certificate-file: missing"},
      {With(kTls, {{"tls.allow-plaintext", "true"}}),
       "tls.allow-plaintext: goes with no file"},
      {With(kTls, {{"tls.require-client-certificate", "true"}}),
       "tls.require-client-certificate: needs client-ca-file"},
      {{{"limits.message-bytes", "1"}},
       "limits.message-bytes: must be from 65536 to 67108864"},
      {{{"limits.batch-items", "0"}},
       "limits.batch-items: must be from 1 to 10000"},
      {{{"limits.connections", "0"}},
       "limits.connections: must be from 1 to 1000000"},
      {{{"limits.unread-answers", "0s"}},
       "limits.unread-answers: must be from 1s to 1h"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.error);
    EXPECT_THAT(std::string(Load(test.flags).status().message()),
                HasSubstr(test.error));
  }
}

TEST(TransportSettingsTest, LimitsAreReadAndTheRestIsTheDefault) {
  const auto settings = Load({{"limits.calls-in-flight", "7"},
                              {"limits.caller-calls-per-second", "100"},
                              {"limits.project-questions-per-second", "50"},
                              {"limits.connections-per-address", "16"},
                              {"limits.unread-answers", "5s"}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->limits.calls_in_flight, 7u);
  EXPECT_EQ(settings->limits.caller_calls_per_second, 100u);
  EXPECT_EQ(settings->limits.unread_answers, absl::Seconds(5));
  EXPECT_EQ(settings->limits.project_questions_per_second, 50u);
  EXPECT_EQ(settings->limits.connections, 10'000u);
  EXPECT_EQ(settings->limits.connections_per_address, 16u);
  EXPECT_EQ(settings->limits.message_bytes, 4u << 20);
  EXPECT_EQ(settings->limits.connection_age, absl::InfiniteDuration());
}

}  // namespace
}  // namespace pdp::service
