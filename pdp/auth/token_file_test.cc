#include "pdp/auth/token_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "pdp/base/strings.h"
#include "tests/support/temp_file.h"

namespace pdp::auth {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kOld[] = "0123456789abcdef0123456789abcdef";
constexpr char kNew[] = "fedcba9876543210fedcba9876543210-and-more";

TEST(TokenFileTest, EachLineIsATokenAndOnlyTheWholeOfItMatches) {
  const TempFile tokens(StrCat(kOld, "\n\n", kNew, "\r\n"));
  const auto file = TokenFile::Open(tokens.path());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE((*file)->Matches(kOld));
  EXPECT_TRUE((*file)->Matches(kNew));
  const std::string old = kOld;
  for (const std::string& wrong :
       {std::string(), old.substr(1), old + "0", StrCat(old, "\n", kNew),
        std::string(32, '\0'), old.substr(0, 31) + '\0'}) {
    EXPECT_FALSE((*file)->Matches(wrong)) << wrong;
  }
}

TEST(TokenFileTest, RefusesWhatIsNoSecretAndDoesNotRepeatIt) {
  const struct {
    const char* name;
    std::string content;
    const char* error;
  } kCases[] = {
      {"Empty", "", "is empty"},
      {"OnlyLines", "\n\n\n", "holds no token"},
      {"Short", "secret-but-short", "less than 32 bytes"},
      {"OneOfThemShort", StrCat(kOld, "\nshort"), "less than 32 bytes"},
      {"WithASpace", StrCat(kOld, " ", kNew), "no header can carry"},
      {"WithANul", StrCat(kOld, std::string(1, '\0')), "no header can carry"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    const TempFile tokens(test.content);
    const auto file = TokenFile::Open(tokens.path());
    ASSERT_FALSE(file.ok());
    const std::string message(file.status().message());
    EXPECT_THAT(message, HasSubstr(test.error));
    EXPECT_THAT(message, HasSubstr(tokens.path()));
    EXPECT_THAT(message, Not(HasSubstr("short")));
    EXPECT_THAT(message, Not(HasSubstr(kOld)));
  }
}

TEST(TokenFileTest, AReplacedTokenIsTakenAndTheOldOneNoMore) {
  const TempFile tokens(kOld);
  const auto file = TokenFile::Open(tokens.path());
  ASSERT_TRUE(file.ok()) << file.status();
  tokens.Write(kNew);
  EXPECT_TRUE((*file)->Reload().ok());
  EXPECT_TRUE((*file)->Matches(kNew));
  EXPECT_FALSE((*file)->Matches(kOld));
}

TEST(TokenFileTest, AFileThatIsTakenAwayLetsNobodyIn) {
  const TempFile tokens(kOld);
  const auto file = TokenFile::Open(tokens.path());
  ASSERT_TRUE(file.ok()) << file.status();
  std::filesystem::remove(tokens.path());
  EXPECT_FALSE((*file)->Reload().ok());
  EXPECT_FALSE((*file)->Matches(kOld));
  tokens.Write(kOld);
  EXPECT_TRUE((*file)->Reload().ok());
  EXPECT_TRUE((*file)->Matches(kOld));
}

}  // namespace
}  // namespace pdp::auth
