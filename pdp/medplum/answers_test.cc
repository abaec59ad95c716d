#include "pdp/medplum/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "pdp/base/strings.h"

namespace pdp::medplum {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Url& Base() {
  static const Url base = *ParseBaseUrl("https://a.example/medplum");
  return base;
}

constexpr char kBot[] =
    R"({"resourceType":"Bot","id":"b","meta":{"lastUpdated":"x"}})";

std::string Page(std::string_view members) {
  return StrCat(R"({"resourceType":"Bundle","type":"searchset",)", members,
                "}");
}

std::string EntryPage(std::string_view entry) {
  return Page(StrCat(R"("entry":[)", entry, "]"));
}

std::string NextPage(std::string_view url) {
  return Page(StrCat(R"("link":[{"relation":"next","url":")", url, R"("}])"));
}

TEST(SearchPageTest, APageThatIsNotUnderstoodIsDataLoss) {
  struct Case {
    const char* name;
    std::string body;
  };
  const Case cases[] = {
      {"Empty", ""},
      {"Html", "<html></html>"},
      {"Null", "null"},
      {"Array", "[]"},
      {"CutShort", EntryPage(kBot).substr(0, 60)},
      {"TrailingText", EntryPage("") + "x"},
      {"AnOutcome", R"({"resourceType":"OperationOutcome"})"},
      {"AHistory", R"({"resourceType":"Bundle","type":"history"})"},
      {"NoType", R"({"resourceType":"Bundle"})"},
      {"EntriesAreNoArray", Page(R"("entry":{})")},
      {"TwoListsOfEntries", Page(R"("entry":[],"entry":[])")},
      {"AnEntryIsNoObject", EntryPage("1")},
      {"AnEntryWithoutResource", EntryPage(R"({"fullUrl":"x"})")},
      {"AnEntryWithTwoResources",
       EntryPage(
           StrCat(R"({"resource":)", kBot, R"(,"resource":)", kBot, "}"))},
      {"AResourceThatIsNoObject", EntryPage(R"({"resource":"Bot/b"})")},
      {"AnotherType",
       EntryPage(R"({"resource":{"resourceType":"Patient","id":"b",
                     "meta":{"lastUpdated":"x"}}})")},
      {"NoId", EntryPage(R"({"resource":{"resourceType":"Bot",
                             "meta":{"lastUpdated":"x"}}})")},
      {"NoTime", EntryPage(R"({"resource":{"resourceType":"Bot","id":"b"}})")},
      {"TwoNextPages", Page(R"("link":[
          {"relation":"next","url":"https://a.example/medplum/fhir/R4/Bot?a"},
          {"relation":"next","url":"https://a.example/medplum/fhir/R4/Bot?b"}
          ])")},
      {"ANextPageWithoutUrl", Page(R"("link":[{"relation":"next"}])")},
      {"ARelativeNextPage", NextPage("Bot?_cursor=1")},
      {"ANextPageOfAnotherType",
       NextPage("https://a.example/medplum/fhir/R4/Patient?_cursor=1")},
      {"ANextPageOutsideOfFhir",
       NextPage("https://a.example/medplum/admin/Bot?x")},
      {"ANextPageOutsideOfTheBase",
       NextPage("https://a.example/fhir/R4/Bot?x")},
      {"ANextPageThatClimbsOut",
       NextPage("https://a.example/medplum/fhir/R4/../../Bot?x")},
      {"ANextPageThatIsOneResource",
       NextPage("https://a.example/medplum/fhir/R4/Bot/b?x")},
      {"ANextPageThatIsAWebSocket", NextPage("file:///medplum/fhir/R4/Bot?x")},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    const auto page = ParseSearchPage(test.body, "Bot", Base());
    ASSERT_FALSE(page.ok());
    EXPECT_TRUE(absl::IsDataLoss(page.status())) << page.status();
  }
}

TEST(SearchPageTest, ANextPageOnAnotherServerIsNotFollowed) {
  for (const char* url : {"https://b.example/medplum/fhir/R4/Bot?secret=1",
                          "http://a.example/medplum/fhir/R4/Bot?secret=1",
                          "https://a.example:444/medplum/fhir/R4/Bot?secret=1",
                          "wss://a.example/medplum/fhir/R4/Bot?secret=1"}) {
    SCOPED_TRACE(url);
    const auto page = ParseSearchPage(NextPage(url), "Bot", Base());
    EXPECT_TRUE(absl::IsFailedPrecondition(page.status())) << page.status();
    EXPECT_THAT(std::string(page.status().message()), Not(HasSubstr("secret")));
  }
}

TEST(SearchPageTest, KeepsTheTextOfEveryMatch) {
  const std::string spaced =
      R"({ "resourceType": "Bot", "id": "b", "x": 1.50, "z": "\u00e9",)"
      R"( "meta": {"lastUpdated": "x"} })";
  const auto page = ParseSearchPage(
      EntryPage(StrCat(
          R"({"resource": )", spaced, R"( },)",
          R"({"search":{"mode":"include"},"resource":{"resourceType":"X"}},)",
          R"({"search":{"mode":"outcome"},"resource":{}},)",
          R"({"search":{},"resource":)", kBot, R"(})")),
      "Bot", Base());
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->resources, ElementsAre(spaced, kBot));
  EXPECT_EQ(page->next, "");
}

TEST(SearchPageTest, NextIsWhatFollowsTheFhirPath) {
  const auto page = ParseSearchPage(
      NextPage("https://A.example:443/medplum/fhir/R4/Bot?_cursor=1-2%20x"),
      "Bot", Base());
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->resources, IsEmpty());
  EXPECT_EQ(page->next, "Bot?_cursor=1-2%20x");
}

TEST(SearchPageTest, ADeepAnswerIsDataLoss) {
  EXPECT_TRUE(absl::IsDataLoss(
      ParseSearchPage(EntryPage(std::string(5000, '[')), "Bot", Base())
          .status()));
}

TEST(LoginInfoTest, WhatIsMissingIsEmpty) {
  const auto info = ParseLoginInfo("{}");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->project, "");
  EXPECT_EQ(info->membership, "");
  EXPECT_FALSE(info->project_admin);
  EXPECT_FALSE(info->super_admin);
  EXPECT_EQ(info->access_policy, "");
}

TEST(LoginInfoTest, AWrongKindOfValueGrantsNothing) {
  const auto info = ParseLoginInfo(R"({
      "project":{"id":1,"superAdmin":"true","features":"bots"},
      "membership":{"id":"m","admin":1},"profile":null,"accessPolicy":"*"})");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->project, "");
  EXPECT_FALSE(info->super_admin);
  EXPECT_FALSE(info->project_admin);
  EXPECT_EQ(info->access_policy, "");
  EXPECT_THAT(info->project_features, ElementsAre("bots"));
}

TEST(LoginInfoTest, AProjectMayBeAReference) {
  const auto info = ParseLoginInfo(
      R"({"project":{"reference":"Project/p","features":["a","b"]}})");
  EXPECT_EQ(info->project, "p");
  EXPECT_THAT(info->project_features, ElementsAre("a", "b"));
}

TEST(ServerVersionTest, IsTheNumberBeforeTheBuild) {
  EXPECT_EQ(ParseServerVersion(R"({"version":"5.1.29-abc"})"), "5.1.29");
  EXPECT_EQ(ParseServerVersion(R"({"version":"5.1.29"})"), "5.1.29");
  for (const char* body :
       {"", "<html>", "{}", R"({"version":5})", R"({"version":"latest"})"}) {
    EXPECT_EQ(ParseServerVersion(body), "") << body;
  }
}

std::string Binding(std::string_view token, std::string_view expiration,
                    std::string_view url) {
  return StrCat(R"({"resourceType":"Parameters","parameter":[)",
                R"({"name":"token","valueString":")", token, R"("},)",
                R"({"name":"expiration","valueDateTime":")", expiration,
                R"("},{"name":"websocket-url","valueUrl":")", url, R"("}]})");
}

TEST(BindingTokenTest, LeadsToTheSameServerOnly) {
  const std::string_view time = "2026-11-21T02:39:18.177Z";
  const auto good = ParseBindingToken(
      Binding("t", time, "wss://a.example/medplum/ws/subscriptions-r4"),
      Base());
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->web_socket_url,
            "wss://a.example/medplum/ws/subscriptions-r4");
  for (const char* url : {"wss://b.example/ws", "ws://a.example/ws",
                          "ws://a.example:443/ws", "wss://a.example:444/"}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(
        ParseBindingToken(Binding("t", time, url), Base()).status()))
        << url;
  }
  for (const std::string& body :
       {Binding("", time, "wss://a.example/ws"),
        Binding("t", "soon", "wss://a.example/ws"), Binding("t", time, ""),
        Binding("t", time, "https://a.example/ws"),
        Binding("t", time, "wss://u@a.example/ws"), std::string("{}")}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseBindingToken(body, Base()).status()))
        << body;
  }
}

TEST(AccessTokenTest, LivesAsLongAsItSays) {
  const std::pair<const char*, absl::Duration> cases[] = {
      {R"("expires_in":3600)", absl::Hours(1)},
      {R"("expires_in":0)", absl::ZeroDuration()},
      {R"("x":1)", absl::Minutes(1)},
      {R"("expires_in":-5)", absl::Minutes(1)},
      {R"("expires_in":"3600")", absl::Minutes(1)},
      {R"("expires_in":9223372036854775807)", absl::Hours(24)},
  };
  for (const auto& [member, lifetime] : cases) {
    const auto token = ParseAccessToken(
        StrCat(R"({"token_type":"Bearer","access_token":"a.b-c_d~+/=",)",
               member, "}"));
    ASSERT_TRUE(token.ok()) << token.status();
    EXPECT_EQ(token->lifetime, lifetime) << member;
  }
}

TEST(ErrorTextTest, IsWhatAnOutcomeOrAnOAuthErrorSays) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"<html>", ""},
      {"{}", ""},
      {R"({"resourceType":"OperationOutcome"})", ""},
      {R"({"resourceType":"OperationOutcome",
           "issue":[{"code":"invalid"}]})",
       "invalid"},
      {R"({"resourceType":"OperationOutcome",
           "issue":[{"code":"a","diagnostics":"b"}]})",
       "b"},
      {R"({"resourceType":"OperationOutcome",
           "issue":[{"details":{"text":"first"}},{"details":{"text":"2"}}]})",
       "first"},
      {R"({"error":"invalid_client"})", "invalid_client"},
      {R"({"error":"a","error_description":"b\nc"})", "a: b?c"},
  };
  for (const auto& [body, text] : cases) {
    EXPECT_EQ(ParseErrorText(body), text) << body;
  }
  EXPECT_EQ(
      ParseErrorText(StrCat(R"({"error":")", std::string(1000, 'x'), R"("})"))
          .size(),
      200u);
}

TEST(CreatedTest, IsTheIdOfTheType) {
  EXPECT_EQ(*ParseCreated(R"({"resourceType":"Subscription","id":"s"})",
                          "Subscription"),
            "s");
  for (const char* body : {"", "{}", R"({"resourceType":"Subscription"})",
                           R"({"resourceType":"Subscription","id":"a/../b"})",
                           R"({"resourceType":"Patient","id":"s"})"}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseCreated(body, "Subscription").status()))
        << body;
  }
}

}  // namespace
}  // namespace pdp::medplum
