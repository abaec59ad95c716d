#include "pdp/medplum/secret_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "tests/support/temp_file.h"

namespace pdp::medplum {
namespace {

using ::testing::HasSubstr;

TEST(SecretFileTest, LosesOneLineFeed) {
  const TempFile file;
  const std::pair<const char*, const char*> cases[] = {
      {"hunter2", "hunter2"},     {"hunter2\n", "hunter2"},
      {"hunter2\r\n", "hunter2"}, {"hunter2\n\n", "hunter2\n"},
      {" hunter2 ", " hunter2 "}, {"a\nb\n", "a\nb"},
  };
  for (const auto& [content, secret] : cases) {
    file.Write(content);
    EXPECT_EQ(*ReadSecretFile(file.path()), secret);
  }
}

TEST(SecretFileTest, IsReadUpToItsLimit) {
  const TempFile file(std::string(kMaxSecretBytes, 'x'));
  EXPECT_EQ(ReadSecretFile(file.path())->size(), kMaxSecretBytes);
  file.Write(std::string(kMaxSecretBytes + 1, 'x'));
  EXPECT_TRUE(absl::IsUnauthenticated(ReadSecretFile(file.path()).status()));
}

TEST(SecretFileTest, ErrorsNameTheFileAndWhatToDo) {
  const TempFile empty("\n");
  const TempFile pipe;
  unlink(pipe.path().c_str());
  ASSERT_EQ(mkfifo(pipe.path().c_str(), 0600), 0);
  const std::pair<std::string, const char*> cases[] = {
      {"/nowhere/secret", "let this user read it"},
      {empty.path(), "is empty: write the secret to it"},
      {"/tmp", "is no file"},
      {pipe.path(), "is no file"},
  };
  for (const auto& [path, message] : cases) {
    const absl::Status status = ReadSecretFile(path).status();
    EXPECT_TRUE(absl::IsUnauthenticated(status));
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
}

}  // namespace
}  // namespace pdp::medplum
