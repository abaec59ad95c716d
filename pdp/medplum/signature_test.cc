#include "pdp/medplum/signature.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/escaping.h"
#include "tests/support/temp_directory.h"

namespace pdp::medplum {
namespace {

TEST(Sha256Test, IsTheStandards) {
  EXPECT_EQ(absl::BytesToHexString(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(absl::BytesToHexString(Sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// Where OpenSSL is configured without the algorithm.
TEST(Sha256DeathTest, ADigestThatCannotBeMadeIsNotTheSameForAllTexts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const TempDirectory directory;
  const std::string config = directory / "openssl.cnf";
  std::ofstream(config) << "openssl_conf = init\n"
                           "[init]\nproviders = providers\n"
                           "[providers]\nbase = base\n"
                           "[base]\nactivate = 1\n";
  setenv("OPENSSL_CONF", config.c_str(), 1);
  EXPECT_DEATH(Sha256("a"), "");
  unsetenv("OPENSSL_CONF");
}

}  // namespace
}  // namespace pdp::medplum
