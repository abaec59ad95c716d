#include "pdp/auth/tls_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "pdp/base/strings.h"
#include "tests/support/temp_file.h"
#include "tests/support/test_certificates.h"

namespace pdp::auth {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TlsFilesTest : public testing::Test {
 protected:
  TlsPaths Paths() const {
    return {certificate_.path(), key_.path(), authority_file_.path()};
  }
  void Write(const ServerCertificate& issued) {
    certificate_.Write(issued.certificate);
    key_.Write(issued.private_key);
  }

  const TestAuthority authority_;
  const ServerCertificate first_ = authority_.Issue("DNS:localhost");
  const TempFile certificate_{first_.certificate};
  const TempFile key_{first_.private_key};
  const TempFile authority_file_{authority_.certificate()};
};

TEST_F(TlsFilesTest, HoldsWhatTheFilesHoldAndWhenItEnds) {
  const auto files = TlsFiles::Open(Paths());
  ASSERT_TRUE(files.ok()) << files.status();
  const auto material = (*files)->Current();
  EXPECT_EQ(StrCat(material->certificates, "\n"), first_.certificate);
  const absl::Duration left = material->expires - absl::Now();
  EXPECT_GT(left, absl::Minutes(50));
  EXPECT_LT(left, absl::Minutes(61));
}

TEST_F(TlsFilesTest, NewFilesAreTakenTogetherAndBadOnesNotAtAll) {
  const auto files = TlsFiles::Open(Paths());
  ASSERT_TRUE(files.ok()) << files.status();
  const uint64_t generation = (*files)->generation();
  EXPECT_TRUE((*files)->Reload().ok());
  EXPECT_EQ((*files)->generation(), generation);

  // Between the two writes of a replacement they do not go together.
  const ServerCertificate second = authority_.Issue("DNS:localhost");
  certificate_.Write(second.certificate);
  EXPECT_FALSE((*files)->Reload().ok());
  EXPECT_EQ((*files)->generation(), generation);
  EXPECT_EQ((*files)->failed_reloads(), 1u);
  key_.Write(second.private_key);
  EXPECT_TRUE((*files)->Reload().ok());
  EXPECT_EQ((*files)->generation(), generation + 1);
  EXPECT_EQ(StrCat((*files)->Current()->certificates, "\n"),
            second.certificate);
}

TEST_F(TlsFilesTest, RefusesWhatCannotServeAndShowsNothingOfTheKey) {
  const ServerCertificate other = authority_.Issue("DNS:localhost");
  const ServerCertificate ended = authority_.IssueRaw("localhost", -60);
  const std::string cut =
      first_.certificate.substr(0, first_.certificate.size() / 2);
  const struct {
    const char* name;
    std::string certificate;
    std::string key;
    std::string authority;
    const char* error;
  } kCases[] = {
      {"NoCertificate", "text", first_.private_key, authority_.certificate(),
       "holds no certificate"},
      {"CutCertificate", cut, first_.private_key, authority_.certificate(),
       "certificate"},
      {"DamagedIssuer", StrCat(first_.certificate, cut), first_.private_key,
       authority_.certificate(), "holds a damaged certificate"},
      {"NoKey", first_.certificate, first_.certificate,
       authority_.certificate(), "holds no private key"},
      {"AnotherKey", first_.certificate, other.private_key,
       authority_.certificate(), "is not the key of"},
      {"Ended", ended.certificate, ended.private_key, authority_.certificate(),
       "has expired"},
      {"NoAuthority", first_.certificate, first_.private_key, "text",
       "holds no certificate"},
      {"Empty", "", first_.private_key, authority_.certificate(), "is empty"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    certificate_.Write(test.certificate);
    key_.Write(test.key);
    authority_file_.Write(test.authority);
    const auto files = TlsFiles::Open(Paths());
    ASSERT_FALSE(files.ok());
    const std::string message(files.status().message());
    EXPECT_THAT(message, HasSubstr(test.error));
    EXPECT_THAT(message, Not(HasSubstr("PRIVATE KEY")));
  }
}

}  // namespace
}  // namespace pdp::auth
