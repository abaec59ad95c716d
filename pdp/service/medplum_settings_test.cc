#include "pdp/service/medplum_settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/service/settings.h"

namespace pdp::service {
namespace {

using Flags = std::vector<std::pair<std::string, std::string>>;

const std::pair<std::string, std::string> kCallers = {
    "callers", "name=local,from=loopback,permissions=check,subjects=any"};

// A directory with the files that the configurations here name.
class MedplumSettingsTest : public testing::Test {
 protected:
  MedplumSettingsTest()
      : directory_(StrCat("/tmp/pdp-medplum-settings-test-", getpid())) {
    std::filesystem::create_directories(directory_);
    for (const char* name : {"secret", "key.pem", "ca.pem"}) {
      std::ofstream(Path(name)) << "0123456789abcdef";
    }
  }
  ~MedplumSettingsTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(std::string_view name) const {
    return StrCat(directory_, "/", name);
  }

  // `text` with the directory for each `@`.
  std::string Expand(std::string text) const {
    for (size_t at; (at = text.find('@')) != std::string::npos;) {
      text.replace(at, 1, directory_);
    }
    return text;
  }

  absl::StatusOr<Settings> Load(const Flags& flags) const {
    Flags all = {{"source", "medplum"}, {"data-dir", "data"}, kCallers};
    for (const auto& [key, value] : flags) {
      all.emplace_back(key, Expand(value));
    }
    return LoadSettings({.flags = all});
  }

  absl::StatusOr<Settings> LoadYaml(std::string_view yaml) const {
    std::ofstream(Path("pdpd.yaml")) << Expand(std::string(yaml));
    return LoadSettings(
        {.config_file = Path("pdpd.yaml"), .flags = {kCallers}});
  }

 private:
  const std::string directory_;
};

const std::pair<std::string, std::string> kUrl = {"medplum.base-url",
                                                  "https://api.example.com"};
const std::pair<std::string, std::string> kLogin = {
    "medplum.login", "project=p,client-id=c,client-secret-file=@/secret"};
const std::pair<std::string, std::string> kAll = {
    "medplum.login", "project=all,client-id=c,client-secret-file=@/secret"};

Flags With(Flags more) {
  Flags flags = {kUrl, kLogin};
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

TEST_F(MedplumSettingsTest, HaveDefaults) {
  const auto settings = Load({kUrl, kLogin});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->source, "medplum");
  EXPECT_EQ(settings->source_directory, "");
  EXPECT_EQ(settings->parameter_semantics, policy::ParameterSemantics::kServer);
  ASSERT_TRUE(settings->medplum.has_value());
  const MedplumSettings& medplum = *settings->medplum;
  EXPECT_EQ(medplum.base_url, "https://api.example.com/");
  EXPECT_EQ(medplum.ca_file, "");
  ASSERT_EQ(medplum.logins.size(), 1u);
  EXPECT_EQ(medplum.logins[0].project, "p");
  EXPECT_EQ(medplum.logins[0].client_id, "c");
  EXPECT_EQ(medplum.logins[0].client_secret_file, Path("secret"));
  EXPECT_EQ(medplum.request_timeout, absl::Seconds(10));
  EXPECT_EQ(medplum.notifications, Notifications::kWebSocket);
  EXPECT_FALSE(medplum.rest_hook.has_value());
  EXPECT_EQ(medplum.sweep.interval, absl::Seconds(15));
  EXPECT_EQ(medplum.sweep.full_interval, absl::Minutes(5));
  EXPECT_EQ(medplum.sweep.overlap, absl::Seconds(30));
  EXPECT_EQ(medplum.sweep.max_searches_per_second, 20u);
}

TEST_F(MedplumSettingsTest, AreReadFromEveryKeyOfAFile) {
  const auto settings = LoadYaml(R"(
source: medplum
data-dir: data
parameter-semantics: documented
max-staleness: 2m
stale-after: 1m
medplum:
  base-url: HTTPS://API.Example.com:8443/fhir
  ca-file: @/ca.pem
  login:
    - project: 9d7f3a52-6d5c-4b1c-8d86-3c2f1c2f9d10
      client-id: one
      client-secret-file: @/secret
    - {project: all, client-id: two, private-key-file: @/key.pem, key-id: k1}
  request-timeout: 3s
  notifications: rest_hook
  rest-hook:
    endpoint: https://pdp.example.com
    listen: 0.0.0.0:8992
    secret-file: @/secret
sweep:
  interval: 20s
  full-interval: 10m
  overlap: 40s
  max-searches-per-second: 7
)");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->parameter_semantics,
            policy::ParameterSemantics::kDocumented);
  ASSERT_TRUE(settings->medplum.has_value());
  const MedplumSettings& medplum = *settings->medplum;
  EXPECT_EQ(medplum.base_url, "https://api.example.com:8443/fhir/");
  EXPECT_EQ(medplum.ca_file, Path("ca.pem"));
  ASSERT_EQ(medplum.logins.size(), 2u);
  EXPECT_EQ(medplum.logins[0].project, "9d7f3a52-6d5c-4b1c-8d86-3c2f1c2f9d10");
  EXPECT_FALSE(medplum.logins[0].all_projects());
  EXPECT_TRUE(medplum.logins[1].all_projects());
  EXPECT_EQ(medplum.logins[1].client_id, "two");
  EXPECT_EQ(medplum.logins[1].client_secret_file, "");
  EXPECT_EQ(medplum.logins[1].private_key_file, Path("key.pem"));
  EXPECT_EQ(medplum.logins[1].key_id, "k1");
  EXPECT_EQ(medplum.request_timeout, absl::Seconds(3));
  EXPECT_EQ(medplum.notifications, Notifications::kRestHook);
  ASSERT_TRUE(medplum.rest_hook.has_value());
  EXPECT_EQ(medplum.rest_hook->endpoint, "https://pdp.example.com/");
  EXPECT_EQ(medplum.rest_hook->listen.ToString(), "0.0.0.0:8992");
  EXPECT_EQ(medplum.rest_hook->secret_file, Path("secret"));
  EXPECT_EQ(medplum.sweep.interval, absl::Seconds(20));
  EXPECT_EQ(medplum.sweep.full_interval, absl::Minutes(10));
  EXPECT_EQ(medplum.sweep.overlap, absl::Seconds(40));
  EXPECT_EQ(medplum.sweep.max_searches_per_second, 7u);
}

TEST_F(MedplumSettingsTest, LoginsOfFlagsTakeThePlaceOfThoseOfTheFile) {
  std::ofstream(Path("pdpd.yaml")) << Expand(R"(
source: medplum
data-dir: data
medplum:
  base-url: https://a/
  login:
    - {project: one, client-id: c, client-secret-file: @/secret}
    - {project: two, client-id: d, client-secret-file: @/secret}
)");
  const auto settings =
      LoadSettings({.config_file = Path("pdpd.yaml"),
                    .flags = {{"medplum.login", Expand(kLogin.second)},
                              {"medplum.base-url", "https://b/"},
                              kCallers}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  ASSERT_EQ(settings->medplum->logins.size(), 1u);
  EXPECT_EQ(settings->medplum->logins[0].project, "p");
  EXPECT_EQ(settings->medplum->base_url, "https://b/");
}

TEST_F(MedplumSettingsTest, ShortBoundsMakeSweepsMoreFrequent) {
  const auto settings = Load(With({{"max-staleness", "12s"}}));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->medplum->sweep.interval, absl::Seconds(6));
  const auto long_interval = Load(With({{"max-staleness", "1h"},
                                        {"stale-after", "30m"},
                                        {"sweep.interval", "10m"}}));
  ASSERT_TRUE(long_interval.ok()) << long_interval.status();
  EXPECT_EQ(long_interval->medplum->sweep.full_interval, absl::Minutes(10));
}

TEST_F(MedplumSettingsTest, AcceptsUrls) {
  const std::pair<const char*, const char*> kCases[] = {
      {"https://a", "https://a/"},
      {"https://a.example.com:443/", "https://a.example.com:443/"},
      {"https://a/b/c", "https://a/b/c/"},
      {"https://[2001:DB8::1]:1/x", "https://[2001:db8::1]:1/x/"},
      {"http://localhost:8103/", "http://localhost:8103/"},
      {"http://127.9.9.9:8103", "http://127.9.9.9:8103/"},
      {"http://[::1]", "http://[::1]/"}};
  for (const auto& [url, expected] : kCases) {
    SCOPED_TRACE(url);
    const auto settings = Load({{"medplum.base-url", url}, kLogin});
    ASSERT_TRUE(settings.ok()) << settings.status();
    EXPECT_EQ(settings->medplum->base_url, expected);
  }
}

TEST_F(MedplumSettingsTest, RefusesUrls) {
  const std::pair<const char*, const char*> kCases[] = {
      {"api.example.com", "no URL with https:"},
      {"ftp://a", "no URL with https:"},
      {"https://user:secret@a", "holds credentials, which belong into `login`"},
      {"https://a/?b", "`https://a/?b` has a query or a fragment"},
      {"https://a#b", "`https://a#b` has a query or a fragment"},
      {"https://", "`https://` names no host"},
      {"https:///b", "`https:///b` names no host"},
      {"https://a b/", "`https://a b/` names no host"},
      {"https://a\\b/", "`https://a\\b/` names no host"},
      {"https://a:b", "`https://a:b` has no port between 1 and 65535"},
      {"https://a:", "`https://a:` has no port between 1 and 65535"},
      {"https://a:65536", "`https://a:65536` has no port between 1 and 65535"},
      {"https://a/b/../c",
       "`https://a/b/../c` has a path of other than letters, digits and "
       "-._~/"},
      {"https://a//b",
       "`https://a//b` has a path of other than letters, digits and -._~/"},
      {"https://a/%2e",
       "`https://a/%2e` has a path of other than letters, digits and -._~/"},
      {"http://a", "`http://a` is not encrypted, and its host is not this one"},
      {"http://127.0.0.1.example.com",
       "`http://127.0.0.1.example.com` is not encrypted, and its host is not "
       "this one"},
      {"http://10.0.0.1",
       "`http://10.0.0.1` is not encrypted, and its host is not this one"}};
  for (const auto& [url, message] : kCases) {
    SCOPED_TRACE(url);
    // Not through Load, for which `@` is a directory.
    const auto settings = LoadSettings({.flags = {{"source", "medplum"},
                                                  {"data-dir", "data"},
                                                  {"medplum.base-url", url}}});
    EXPECT_EQ(settings.status(),
              absl::InvalidArgumentError(StrCat(
                  "medplum.base-url: ", message,
                  "; write https://HOST/, with :PORT and a path where the "
                  "server has them")));
  }
}

struct Case {
  const char* name;
  Flags flags;
  const char* message;
};

TEST_F(MedplumSettingsTest, SubscribedTypesAreAsManyAsAServerAllows) {
  const auto settings = Load(With({{"attributes.subscribed-types", "Patient"},
                                   {"attributes.subscribed-types", "Task"}}));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->medplum->attributes.subscribed_types,
            (std::vector<std::string>{"Patient", "Task"}));
}

TEST_F(MedplumSettingsTest, RefusesWhatCannotBeUsed) {
  const Flags kHook = {
      {"medplum.notifications", "rest_hook"},
      {"medplum.rest-hook.endpoint", "https://pdp.example.com/"},
      {"medplum.rest-hook.listen", "127.0.0.1:8992"},
      {"medplum.rest-hook.secret-file", "@/secret"}};
  const auto hook_with = [&](std::pair<std::string, std::string> other) {
    Flags flags = With(kHook);
    for (auto& flag : flags) {
      if (flag.first == other.first) flag.second = other.second;
    }
    return flags;
  };
  const auto hook_without = [&](std::string_view key) {
    Flags flags = With(kHook);
    std::erase_if(flags, [&](const auto& flag) { return flag.first == key; });
    return flags;
  };
  const Case kCases[] = {
      {"NoSection",
       {},
       "medplum: missing; source medplum needs its base-url and login"},
      {"SectionWithADirectory", With({{"source", "directory:d"}}),
       "medplum: goes with source medplum only; leave it out"},
      {"SweepWithADirectory",
       {{"source", "directory:d"}, {"sweep.overlap", "5s"}},
       "sweep: goes with source medplum only; leave it out"},
      {"NoUrl",
       {kLogin},
       "medplum.base-url: missing; write the URL of the Medplum server"},
      {"NoCaFile", With({{"medplum.ca-file", "@/none"}}),
       "medplum.ca-file: cannot read a file `@/none`"},
      {"NoLogin",
       {kUrl},
       "medplum.login: missing; write who the PDP is at the server: project, "
       "client-id and client-secret-file"},
      {"NoProject",
       {kUrl, {"medplum.login", "client-id=c,client-secret-file=@/secret"}},
       "medplum.login[0].project: missing; write the id of the Project, or all "
       "for a super admin's client"},
      {"ProjectAsReference",
       {kUrl,
        {"medplum.login",
         "project=Project/p,client-id=c,client-secret-file=@/secret"}},
       "medplum.login[0].project: `Project/p` is not an id; write what follows "
       "`Project/`, or all"},
      {"NoClient",
       {kUrl, {"medplum.login", "project=p,client-secret-file=@/secret"}},
       "medplum.login[0].client-id: missing; write the id of the "
       "ClientApplication"},
      {"ClientAsReference",
       {kUrl,
        {"medplum.login",
         "project=p,client-id=ClientApplication/"
         "c,client-secret-file=@/secret"}},
       "medplum.login[0].client-id: not an id; write what follows "
       "`ClientApplication/`"},
      {"NoSecret",
       {kUrl, {"medplum.login", "project=p,client-id=c"}},
       "medplum.login[0]: write one of client-secret-file and "
       "private-key-file, the file that holds the secret of the client"},
      {"TwoSecrets",
       With({{"medplum.login",
              "project=q,client-id=c,client-secret-file=@/secret,"
              "private-key-file=@/key.pem,key-id=k"}}),
       "medplum.login[1]: write one of client-secret-file and "
       "private-key-file, the file that holds the secret of the client"},
      {"NoSecretFile",
       {kUrl,
        {"medplum.login", "project=p,client-id=c,client-secret-file=@/none"}},
       "medplum.login[0].client-secret-file: cannot read a file `@/none`"},
      {"DirectoryForASecretFile",
       {kUrl, {"medplum.login", "project=p,client-id=c,client-secret-file=@"}},
       "medplum.login[0].client-secret-file: cannot read a file `@`"},
      {"NoKeyId",
       {kUrl,
        {"medplum.login", "project=p,client-id=c,private-key-file=@/key.pem"}},
       "medplum.login[0].key-id: missing; write the `kid` that the key has at "
       "the client's jwksUri"},
      {"NoKeyFile",
       {kUrl,
        {"medplum.login",
         "project=p,client-id=c,private-key-file=@/none,key-id=k"}},
       "medplum.login[0].private-key-file: cannot read a file `@/none`"},
      {"KeyIdOfASecret",
       {kUrl,
        {"medplum.login",
         "project=p,client-id=c,client-secret-file=@/secret,key-id=k"}},
       "medplum.login[0].key-id: belongs to private-key-file; leave it out"},
      {"ProjectTwice", With({kLogin}),
       "medplum.login[1].project: `p` has medplum.login[0] already; a project "
       "has one login"},
      {"AllTwice",
       {kUrl, kAll, kAll},
       "medplum.login[1].project: `all` has medplum.login[0] already; a "
       "project has one login"},
      {"TimeoutTooShort", With({{"medplum.request-timeout", "99ms"}}),
       "medplum.request-timeout: must be from 100ms to 2m"},
      {"TimeoutTooLong", With({{"medplum.request-timeout", "121s"}}),
       "medplum.request-timeout: must be from 100ms to 2m"},
      {"SuperAdminWithoutNotifications",
       {kUrl, kLogin, kAll},
       "medplum.notifications: a Medplum server refuses WebSocket "
       "Subscriptions to the super admin that project all needs; write "
       "rest_hook or none"},
      {"SuperAdminWithWebSocket",
       {kUrl, kAll, {"medplum.notifications", "web_socket"}},
       "medplum.notifications: a Medplum server refuses WebSocket "
       "Subscriptions to the super admin that project all needs; write "
       "rest_hook or none"},
      {"HookNotAskedFor",
       With({{"medplum.rest-hook.listen", "127.0.0.1:8992"}}),
       "medplum.rest-hook: goes with notifications rest_hook only; leave it "
       "out"},
      {"NoHook", With({{"medplum.notifications", "rest_hook"}}),
       "medplum.rest-hook: missing; write its endpoint, listen and "
       "secret-file"},
      {"NoHookEndpoint", hook_without("medplum.rest-hook.endpoint"),
       "medplum.rest-hook.endpoint: missing; write the URL by which the "
       "Medplum server reaches this one"},
      {"HookEndpoint", hook_with({"medplum.rest-hook.endpoint", "http://a/"}),
       "medplum.rest-hook.endpoint: `http://a/` is not encrypted, and its host "
       "is not this one; write https://HOST/, with :PORT and a path where the "
       "server has them"},
      {"NoHookListen", hook_without("medplum.rest-hook.listen"),
       "medplum.rest-hook.listen: missing; write host:port, such as "
       "127.0.0.1:8992"},
      {"HookListen", hook_with({"medplum.rest-hook.listen", "unix:/a"}),
       "medplum.rest-hook.listen: `unix:/a` is not an address with a port; "
       "write host:port with the host as a number, such as 0.0.0.0:8992 or "
       "[::]:8992"},
      {"HookListenByName", hook_with({"medplum.rest-hook.listen", "a:80"}),
       "medplum.rest-hook.listen: `a:80` is not an address with a port; write "
       "host:port with the host as a number, such as 0.0.0.0:8992 or "
       "[::]:8992"},
      {"NoHookSecret", hook_without("medplum.rest-hook.secret-file"),
       "medplum.rest-hook.secret-file: missing; write the file that holds the "
       "secret under which hooks are signed"},
      {"NoHookSecretFile",
       hook_with({"medplum.rest-hook.secret-file", "@/none"}),
       "medplum.rest-hook.secret-file: cannot read a file `@/none`"},
      {"SweepTooOften", With({{"sweep.interval", "99ms"}}),
       "sweep.interval: must be from 100ms to 1h"},
      {"SweepAfterStale", With({{"sweep.interval", "31s"}}),
       "sweep.interval: must not be more than stale-after, which is 30s, or "
       "the data would be called stale between sweeps"},
      {"SweepAtTheBound",
       With({{"max-staleness", "20s"}, {"sweep.interval", "20s"}}),
       "sweep.interval: must be less than max-staleness, which is 20s, or "
       "there would be no decision before each sweep"},
      {"StaleAtOnce", With({{"stale-after", "100ms"}}),
       "stale-after: must be at least 200ms with source medplum"},
      {"FullSweepTooOften", With({{"sweep.full-interval", "14s"}}),
       "sweep.full-interval: must be from 15s to 24h"},
      {"FullSweepTooRare", With({{"sweep.full-interval", "25h"}}),
       "sweep.full-interval: must be from 15s to 24h"},
      {"NoOverlap", With({{"sweep.overlap", "0s"}}),
       "sweep.overlap: must be from 1s to 1h"},
      {"OverlapTooLong", With({{"sweep.overlap", "61m"}}),
       "sweep.overlap: must be from 1s to 1h"},
      {"NotAType", With({{"attributes.subscribed-types", "patient"}}),
       "attributes.subscribed-types: `patient` is not a resource type, as "
       "Patient"},
      {"TypeTwice",
       With({{"attributes.subscribed-types", "Patient"},
             {"attributes.subscribed-types", "Patient"}}),
       "attributes.subscribed-types: `Patient` is there twice"},
      {"TypeWithoutNotifications",
       With({{"attributes.subscribed-types", "Patient"},
             {"medplum.notifications", "none"}}),
       "attributes.subscribed-types: goes with notifications; leave it out"},
      {"TooManyTypes",
       With({{"attributes.subscribed-types", "Patient"},
             {"attributes.subscribed-types", "Task"},
             {"attributes.subscribed-types", "Device"}}),
       "attributes.subscribed-types: at most 2 with these notifications: a "
       "server allows a login no more Subscriptions"},
      {"NoSearches", With({{"sweep.max-searches-per-second", "0"}}),
       "sweep.max-searches-per-second: must be from 1 to 1000"},
      {"TooManySearches", With({{"sweep.max-searches-per-second", "1001"}}),
       "sweep.max-searches-per-second: must be from 1 to 1000"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Load(c.flags).status(),
              absl::InvalidArgumentError(Expand(c.message)));
  }
}

TEST_F(MedplumSettingsTest, TheServerIsTheIssuerOfItsTokens) {
  auto settings = Load({kUrl, kLogin});
  ASSERT_TRUE(settings.ok()) << settings.status();
  const AccessTokenSettings defaults = settings->medplum->access_tokens;
  EXPECT_EQ(defaults.issuer, "https://api.example.com/");
  EXPECT_EQ(defaults.cache, absl::Seconds(60));
  EXPECT_EQ(defaults.key_refetch_interval, absl::Seconds(30));
  EXPECT_EQ(defaults.max_cached, 10'000u);

  settings = LoadYaml(
      "source: medplum\ndata-dir: data\n"
      "medplum:\n"
      "  base-url: https://api.example.com\n"
      "  login:\n"
      "    - {project: p, client-id: c, client-secret-file: \"@/secret\"}\n"
      "  access-tokens:\n"
      "    issuer: https://login.example.com\n"
      "    cache: 10m\n"
      "    key-refetch-interval: 1m\n"
      "    max-cached: 7\n");
  ASSERT_TRUE(settings.ok()) << settings.status();
  const AccessTokenSettings tokens = settings->medplum->access_tokens;
  EXPECT_EQ(tokens.issuer, "https://login.example.com");  // To the letter.
  EXPECT_EQ(tokens.cache, absl::Minutes(10));
  EXPECT_EQ(tokens.key_refetch_interval, absl::Minutes(1));
  EXPECT_EQ(tokens.max_cached, 7u);
}

TEST_F(MedplumSettingsTest, RefuseBoundsOfTokensThatAreNone) {
  const std::pair<std::string, std::string> kBad[] = {
      {"medplum.access-tokens.issuer", "login.example.com"},
      {"medplum.access-tokens.issuer", "http://login.example.com/"},
      {"medplum.access-tokens.cache", "0s"},
      {"medplum.access-tokens.cache", "11m"},
      {"medplum.access-tokens.key-refetch-interval", "0s"},
      {"medplum.access-tokens.max-cached", "0"}};
  for (const auto& bad : kBad) {
    SCOPED_TRACE(bad.first + "=" + bad.second);
    const auto settings = Load(With({bad}));
    EXPECT_TRUE(absl::IsInvalidArgument(settings.status()));
    EXPECT_TRUE(ToStd(settings.status().message()).starts_with(bad.first))
        << settings.status();
  }
}

}  // namespace
}  // namespace pdp::service
