#include "pdp/service/caller_settings.h"

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

absl::StatusOr<Settings> Load(const std::vector<const char*>& callers) {
  std::vector<std::pair<std::string, std::string>> flags = {
      {"source", "directory:policies"}, {"data-dir", "data"}};
  for (const char* caller : callers) flags.emplace_back("callers", caller);
  return LoadSettings({.flags = flags});
}

TEST(CallerSettingsTest, WithoutACallerNobodyIsLetInAndTheMessageSaysHow) {
  const absl::Status status = Load({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("callers: missing"));
  // What it shows can be used.
  const std::string flag = "--callers ";
  const size_t at = message.find(flag);
  ASSERT_NE(at, std::string::npos);
  const std::string shown = message.substr(at + flag.size());
  EXPECT_TRUE(Load({shown.c_str()}).ok());
}

TEST(CallerSettingsTest, AListIsAFlagsKeyOnceForEachOfItsValues) {
  const auto settings = Load(
      {"name=a,token-file=/t,permissions=check,permissions=record,projects=p,"
       "projects=q,own=Bot/b,own=ProjectMembership/m"});
  ASSERT_TRUE(settings.ok()) << settings.status();
  const Caller& caller = settings->callers[0].caller;
  EXPECT_TRUE(caller.May(Permission::kCheck));
  EXPECT_TRUE(caller.May(Permission::kRecord));
  EXPECT_FALSE(caller.May(Permission::kFilter));
  EXPECT_EQ(caller.projects, (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(caller.subjects,
            (std::vector<std::string>{"Bot/b", "ProjectMembership/m"}));
}

constexpr char kJwt[] =
    "name=a,issuer=https://i,audience=pdp,jwks-file=/k,permissions=admin";

TEST(CallerSettingsTest, ATokenOfAnIssuerIsKnownByItsAudienceToo) {
  const auto settings = Load({kJwt});
  ASSERT_TRUE(settings.ok()) << settings.status();
  const auto& jwt = settings->callers[0].jwt;
  ASSERT_TRUE(jwt.has_value());
  EXPECT_EQ(jwt->issuer, "https://i");
  EXPECT_EQ(jwt->audience, "pdp");
  EXPECT_EQ(jwt->jwks_file, "/k");
}

// Whatever is not written is the least.
TEST(CallerSettingsTest, DefaultsGrantNothing) {
  const auto settings = Load({"name=a,token-file=/t,permissions=admin"});
  ASSERT_TRUE(settings.ok()) << settings.status();
  const Caller& caller = settings->callers[0].caller;
  EXPECT_EQ(caller.subjects_rule, SubjectsRule::kOwn);
  EXPECT_TRUE(caller.subjects.empty());
  EXPECT_EQ(caller.resources_rule, ResourcesRule::kReference);
}

TEST(CallerSettingsTest, RefusesWhatWouldNotMeanWhatItSays) {
  const struct {
    std::vector<const char*> callers;
    const char* error;
  } kCases[] = {
      {{"token-file=/t,permissions=all,subjects=any"},
       "callers[0].name: missing"},
      {{"name=a b,token-file=/t,permissions=all,subjects=any"},
       "callers[0].name: is not made of"},
      {{"name=a,permissions=all,subjects=any"}, "nothing says how it is known"},
      {{"name=a,from=loopback,token-file=/t,permissions=all,subjects=any"},
       "two keys say how it is known"},
      {{"name=a,token-file=/t,subjects=any"},
       "callers[0].permissions: missing"},
      {{"name=a,token-file=/t,permissions=everything,subjects=any"},
       "`everything` is not one of: check, filter"},
      {{"name=a,token-file=/t,permissions=check"},
       "callers[0].subjects: missing"},
      {{"name=a,token-file=/t,permissions=check,subjects=own"},
       "callers[0].subjects: missing"},
      {{"name=a,token-file=/t,permissions=check,subjects=any,own=Bot/b"},
       "callers[0].own: goes with `subjects: own` only"},
      {{"name=a,token-file=/t,permissions=check,own=Practitioner/x"},
       "is not ClientApplication/ID, Bot/ID or ProjectMembership/ID"},
      {{"name=a,token-file=/t,permissions=check,subjects=any,projects=a/b"},
       "callers[0].projects: `a/b` is not an id"},
      {{"name=a,token-file=/t,permissions=admin,projects=p"},
       "the permissions simulate and admin are of all projects"},
      {{"name=a,token-file=/t,permissions=all,projects=p,subjects=any"},
       "the permissions simulate and admin are of all projects"},
      // Without either any token of the issuer, or of anybody, would do.
      {{"name=a,issuer=https://i,jwks-file=/k,permissions=admin"},
       "callers[0].audience: missing"},
      {{"name=a,audience=pdp,jwks-file=/k,permissions=admin"},
       "callers[0].issuer: missing"},
      {{"name=a,issuer=https://i,audience=pdp,permissions=admin"},
       "write one of jwks-file and jwks-url"},
      {{"name=a,issuer=https://i,audience=pdp,jwks-url=http://i/keys,"
        "permissions=admin"},
       "callers[0].jwks-url: is no https: URL"},
      {{"name=a,issuer=https://i,audience=pdp,jwks-file=/k,jwks-ca-file=/ca,"
        "permissions=admin"},
       "callers[0].jwks-ca-file: goes with jwks-url only"},
      {{"name=a,token-file=/t,jwks-ca-file=/ca,permissions=admin"},
       "callers[0].issuer: missing"},
      {{"name=a,issuer=https://i,audience=pdp,jwks-url=https://i/keys,"
        "permissions=admin",
        "name=b,issuer=https://i,audience=q,jwks-url=https://i/keys,"
        "jwks-ca-file=/ca,permissions=admin"},
       "callers[1]: `https://i` has other keys at another caller"},
      {{kJwt,
        "name=b,issuer=https://i,audience=pdp,token-subject=s,jwks-file=/k,"
        "permissions=admin"},
       "callers[1].token-subject: nothing tells its tokens"},
      {{kJwt,
        "name=b,issuer=https://i,audience=q,jwks-file=/other,"
        "permissions=admin"},
       "callers[1]: `https://i` has other keys at another caller"},
      {{"name=a,san=spiffe://a,permissions=admin"},
       "callers[0].san: `spiffe://a` is neither uri:URI nor dns:NAME"},
      {{"name=a,san=uri:spiffe://a,permissions=admin"},
       "callers[0].san: needs tls.client-ca-file"},
      {{"name=a,token-file=/t,permissions=admin",
        "name=a,token-file=/u,permissions=admin"},
       "callers[1].name: `a` is another caller's"},
      {{"name=a,from=loopback,permissions=admin",
        "name=b,from=loopback,permissions=admin"},
       "callers[1].from: another caller comes from loopback"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.callers.back());
    const absl::Status status = Load(test.callers).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.error));
  }
}

}  // namespace
}  // namespace pdp::service
