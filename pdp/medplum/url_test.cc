#include "pdp/medplum/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pdp::medplum {
namespace {

TEST(UrlTest, ReadsItsParts) {
  struct Case {
    const char* text;
    const char* origin;
    const char* target;
  };
  const Case cases[] = {
      {"https://a.example", "https://a.example", "/"},
      {"HTTPS://A.Example:443/x?y=1", "https://a.example", "/x?y=1"},
      {"https://a.example:8443/", "https://a.example:8443", "/"},
      {"http://127.0.0.1:8103?x", "http://127.0.0.1:8103", "/?x"},
      {"http://[::1]:8103/fhir", "http://[::1]:8103", "/fhir"},
      {"wss://[2001:db8::A]", "wss://[2001:db8::a]", "/"},
      {"ws://localhost:80/ws", "ws://localhost", "/ws"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.text);
    const auto url = Url::Parse(test.text);
    ASSERT_TRUE(url.ok()) << url.status();
    EXPECT_EQ(url->Origin(), test.origin);
    EXPECT_EQ(url->target, test.target);
    EXPECT_EQ(*Url::Parse(url->ToString()), *url);
  }
}

TEST(UrlTest, RefusesWhatReadersDifferOn) {
  for (const char* text : {"",
                           "a.example",
                           "//a.example/",
                           "https:/a.example",
                           "https://",
                           "https:///x",
                           "ftp://a.example/",
                           "file:///etc/passwd",
                           "https://user@a.example/",
                           "https://a.example@b.example/",
                           "https://a.example\\@b.example/",
                           "https://a.example#@b.example/",
                           "https://a.example /",
                           "https://a.example/\r\nX: y",
                           "https://a.example:0/",
                           "https://a.example:65536/",
                           "https://a.example:/",
                           "https://a.example:8x/",
                           "https://[::1/",
                           "https://[a.example]/",
                           "https://[::1]8/",
                           "https://a_b!/",
                           "https://a.example/x/../y",
                           "https://a.example/%2e%2E/y",
                           "https://a.example/.",
                           "https://a.example/\xc3\xa9"}) {
    SCOPED_TRACE(text);
    const auto url = Url::Parse(text);
    ASSERT_FALSE(url.ok());
    EXPECT_TRUE(absl::IsInvalidArgument(url.status()));
  }
}

TEST(UrlTest, ErrorsRepeatNoPartOfTheText) {
  EXPECT_THAT(
      std::string(
          Url::Parse("https://user:hunter2@a.example/").status().message()),
      testing::Not(testing::HasSubstr("hunter2")));
}

TEST(BaseUrlTest, EndsWithASlash) {
  EXPECT_EQ(ParseBaseUrl("https://a.example")->target, "/");
  EXPECT_EQ(ParseBaseUrl("https://a.example/medplum")->target, "/medplum/");
}

TEST(BaseUrlTest, IsEncryptedUnlessItIsThisMachines) {
  for (const char* text :
       {"https://a.example/", "http://localhost:8103/", "http://127.0.0.1/",
        "http://127.8.9.1:8103", "http://[::1]:8103/"}) {
    EXPECT_TRUE(ParseBaseUrl(text).ok()) << text;
  }
  for (const char* text :
       {"http://a.example/", "http://127.evil.example/", "http://10.0.0.1/",
        "http://localhost.evil.example/", "wss://a.example/",
        "https://a.example/?project=x"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseBaseUrl(text).status())) << text;
  }
}

TEST(UrlTest, TheSameServerHasTheSameHostPortAndEncryption) {
  const Url base = *ParseBaseUrl("https://a.example/medplum/");
  for (const char* text : {"wss://a.example/ws", "https://A.example:443/x"}) {
    EXPECT_TRUE(IsSameServer(base, *Url::Parse(text))) << text;
  }
  for (const char* text :
       {"ws://a.example:443/", "wss://b.example/", "wss://a.example:8443/",
        "http://a.example/", "https://a.example.evil.example/"}) {
    EXPECT_FALSE(IsSameServer(base, *Url::Parse(text))) << text;
  }
}

TEST(UrlTest, AllNamesOfThisMachineAreOneHost) {
  const Url base = *ParseBaseUrl("http://127.0.0.1:8103/");
  EXPECT_TRUE(IsSameServer(base, *Url::Parse("ws://localhost:8103/ws")));
  EXPECT_TRUE(IsSameServer(base, *Url::Parse("ws://[::1]:8103/ws")));
  EXPECT_FALSE(IsSameServer(base, *Url::Parse("ws://localhost:8104/ws")));
  EXPECT_FALSE(IsSameServer(base, *Url::Parse("ws://10.0.0.1:8103/ws")));
}

}  // namespace
}  // namespace pdp::medplum
