#include "clients/pdpctl/setup_create.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "pdp/medplum/secret_file.h"
#include "tests/support/temp_file.h"

namespace pdp::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(WriteSecretTest, MakesAFileThatNobodyElseCanRead) {
  const TempFile file;
  unlink(file.path().c_str());
  const mode_t mask = umask(0);
  EXPECT_TRUE(WriteSecret(file.path(), "hunter2").ok());
  umask(mask);
  EXPECT_EQ(*medplum::ReadSecretFile(file.path()), "hunter2");
  struct stat info = {};
  ASSERT_EQ(stat(file.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(WriteSecretTest, KeepsWhatIsThere) {
  const TempFile file("hunter2\n");
  EXPECT_TRUE(WriteSecret(file.path(), "hunter2").ok());
  const absl::Status status = WriteSecret(file.path(), "correct horse");
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("has another secret"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("horse")));
  EXPECT_EQ(*medplum::ReadSecretFile(file.path()), "hunter2");
}

TEST(WriteSecretTest, SaysWhyNoFileCanBeMade) {
  const absl::Status status = WriteSecret("/nowhere/secret", "hunter2");
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere/secret"));
}

}  // namespace
}  // namespace pdp::ctl
