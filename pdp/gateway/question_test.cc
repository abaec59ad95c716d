#include "pdp/gateway/question.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace pdp::gateway {
namespace {

using fhir::Interaction;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = Question::Kind;

constexpr char kBody[] = "{\"resourceType\":\"Patient\"}";

const HeaderList kToken = {{"authorization", "Bearer abc.def-1"}};

HeaderList With(HeaderList headers) {
  headers.insert(headers.begin(), kToken.begin(), kToken.end());
  return headers;
}

HttpRequest Get(std::string_view target) {
  return {.method = "GET", .target = target, .headers = kToken};
}

// The table of docs/gateway.md, line by line.
TEST(QuestionTest, MethodAndPathSayWhatIsAsked) {
  const struct {
    const char* name;
    const char* method;
    const char* path;  // Below the base path.
    Interaction interaction;
    const char* type;
    const char* id;
    const char* version;
  } kCases[] = {
      {"Read", "GET", "/Patient/1", Interaction::kRead, "Patient", "1", ""},
      {"ReadHead", "HEAD", "/Patient/1", Interaction::kRead, "Patient", "1",
       ""},
      {"ReadForm", "GET", "/Patient/1?_format=json&_summary=true",
       Interaction::kRead, "Patient", "1", ""},
      {"ReadBinary", "GET", "/Binary/b-1", Interaction::kRead, "Binary", "b-1",
       ""},
      {"Vread", "GET", "/Patient/1/_history/7", Interaction::kVread, "Patient",
       "1", "7"},
      {"History", "GET", "/Patient/1/_history?_count=5", Interaction::kHistory,
       "Patient", "1", ""},
      {"Search", "GET", "/Patient?name=a&name=b", Interaction::kSearch,
       "Patient", "", ""},
      {"SearchAll", "GET", "/Patient", Interaction::kSearch, "Patient", "", ""},
      {"Compartment", "GET", "/Patient/1/Observation?code=x",
       Interaction::kSearch, "Observation", "", ""},
      {"Create", "POST", "/Patient", Interaction::kCreate, "Patient", "", ""},
      {"Update", "PUT", "/Patient/1", Interaction::kUpdate, "Patient", "1", ""},
      {"Delete", "DELETE", "/Patient/1", Interaction::kDelete, "Patient", "1",
       ""},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const std::string target = std::string("/fhir/R4") + c.path;
    HttpRequest request = {
        .method = c.method, .target = target, .headers = kToken};
    const bool writes = request.method == "POST" || request.method == "PUT";
    if (writes) {
      request.headers.emplace_back("content-type",
                                   "application/fhir+json; charset=utf-8");
      request.body = kBody;
    }
    const Question question = Ask({}, request);
    EXPECT_EQ(question.kind, c.interaction == Interaction::kSearch
                                 ? Kind::kSearch
                                 : Kind::kCheck)
        << question.why;
    EXPECT_EQ(question.interaction, c.interaction);
    EXPECT_EQ(question.type, c.type);
    EXPECT_EQ(question.id, c.id);
    EXPECT_EQ(question.version_id, c.version);
    EXPECT_EQ(question.proposed, writes ? kBody : "");
    EXPECT_EQ(question.access_token, "abc.def-1");
  }
  EXPECT_EQ(Ask({}, Get("/fhir/R4/Patient?name=a&name=b")).query,
            "name=a&name=b");
  EXPECT_EQ(Ask({}, Get("/fhir/R4/Patient/1/Observation?code=x")).query,
            "_compartment=Patient/1&code=x");
}

TEST(QuestionTest, APostedSearchIsInItsBody) {
  HttpRequest request = {
      .method = "POST",
      .target = "/fhir/R4/Patient/_search",
      .headers = With({{"content-type", "application/x-www-form-urlencoded"},
                       {"content-length", "6"}}),
      .body = "name=a"};
  Question question = Ask({}, request);
  EXPECT_EQ(question.kind, Kind::kSearch) << question.why;
  EXPECT_EQ(question.query, "name=a");
  EXPECT_FALSE(question.is_in_path);

  request.target = "/fhir/R4/Patient/_search?name=b";
  EXPECT_EQ(Ask({}, request).kind, Kind::kRefused);
  request.target = "/fhir/R4/Patient/_search";
  request.body = std::nullopt;
  EXPECT_THAT(Ask({}, request).why, HasSubstr("did not send the body"));
  request.body = "name=ab";  // Longer than the header says.
  EXPECT_THAT(Ask({}, request).why, HasSubstr("a part of the body"));
}

TEST(QuestionTest, WhatIsNotInTheTableIsRefused) {
  const struct {
    const char* name;
    const char* method;
    const char* path;
  } kCases[] = {
      {"SystemSearch", "GET", ""},
      {"SystemSearchByType", "GET", "?_type=Patient"},
      {"SystemHistory", "GET", "/_history"},
      {"TypeHistory", "GET", "/Patient/_history"},
      {"Metadata", "GET", "/metadata"},
      {"WellKnown", "GET", "/.well-known/smart-configuration"},
      {"SystemOperation", "GET", "/$graphql"},
      {"SystemOperationPost", "POST", "/$graphql"},
      {"TypeOperation", "GET", "/Patient/$csv"},
      {"Everything", "GET", "/Patient/1/$everything"},
      {"Operation", "POST", "/Patient/1/$expunge"},
      {"Batch", "POST", ""},
      {"SystemSearchPost", "POST", "/_search"},
      {"CompartmentSearchPost", "POST", "/Patient/1/Observation/_search"},
      {"PostOfOne", "POST", "/Patient/1"},
      {"Patch", "PATCH", "/Patient/1"},
      {"ConditionalPatch", "PATCH", "/Patient?name=a"},
      {"ConditionalUpdate", "PUT", "/Patient?name=a"},
      {"ConditionalDelete", "DELETE", "/Patient?name=a"},
      {"DeleteOfAType", "DELETE", "/Patient"},
      {"DeleteOfAll", "DELETE", ""},
      {"DeleteOfAVersion", "DELETE", "/Patient/1/_history/2"},
      {"Options", "OPTIONS", "/Patient/1"},
      {"Trace", "TRACE", "/Patient/1"},
      {"Connect", "CONNECT", "/Patient/1"},
      {"MethodInLowerCase", "get", "/Patient/1"},
      {"NoMethod", "", "/Patient/1"},
      {"UnknownMethod", "SEARCH", "/Patient"},
      {"TypeInLowerCase", "GET", "/patient/1"},
      {"UnknownType", "GET", "/Unicorn/1"},
      {"NoResource", "GET", "/Resource/1"},
      {"IdWithUnderscore", "GET", "/Patient/a_b"},
      {"IdTooLong", "GET",
       "/Patient/"
       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
      {"VersionWithUnderscore", "GET", "/Patient/1/_history/a_b"},
      {"TooDeep", "GET", "/Patient/1/_history/2/3"},
      {"OtherCompartment", "GET", "/Observation/1/Patient"},
      {"UnknownOfCompartment", "GET", "/Patient/1/x"},
      {"ReadWithParameter", "GET", "/Patient/1?_include=a"},
      {"ReadWithParameterTwice", "GET", "/Patient/1?_format=a&_format=b"},
      {"UpdateWithParameter", "PUT", "/Patient/1?upsert=true"},
      {"DeleteWithParameter", "DELETE", "/Patient/1?_cascade=delete"},
      {"HistoryWithParameter", "GET", "/Patient/1/_history?_list=a"},
      {"BinaryCreate", "POST", "/Binary"},
      {"BinaryUpdate", "PUT", "/Binary/1"},
      {"EncodedSlash", "GET", "/Patient%2F1"},
      {"DotDot", "GET", "/Patient/../Practitioner/1"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const std::string target = std::string("/fhir/R4") + c.path;
    HttpRequest request = {
        .method = c.method, .target = target, .headers = kToken};
    if (request.method == "POST" || request.method == "PUT") {
      request.headers.emplace_back("content-type", "application/fhir+json");
      request.body = kBody;
    }
    const Question question = Ask({}, request);
    EXPECT_EQ(question.kind, Kind::kRefused);
    EXPECT_FALSE(question.why.empty());
  }
}

TEST(QuestionTest, HeadersThatMakeItAnotherRequestAreRefused) {
  const struct {
    const char* name;
    HeaderList headers;
  } kCases[] = {
      {"MethodOverride", {{"X-HTTP-Method-Override", "DELETE"}}},
      {"MethodOverrideWithUnderscores", {{"x_http_method_override", "DELETE"}}},
      {"HttpMethod", {{"x-http-method", "DELETE"}}},
      {"MethodOverrideOfRails", {{"x-method-override", "DELETE"}}},
      {"OriginalUrl", {{"x-original-url", "/admin"}}},
      {"RewriteUrl", {{"x-rewrite-url", "/admin"}}},
      {"Upgrade", {{"upgrade", "h2c"}}},
      {"ConnectionThatDrops", {{"connection", "close, authorization"}}},
      {"TwoTokens", {{"authorization", "Bearer other"}}},
      {"TwoTokensInOtherCase", {{"Authorization", "Bearer other"}}},
      {"TokenWithUnderscore", {{"x_medplum_on_behalf_of", "Patient/1"}}},
      {"TwoOnBehalfOf",
       {{"x-medplum-on-behalf-of", "Patient/1"},
        {"X-Medplum-On-Behalf-Of", "Patient/2"}}},
      {"JoinedOnBehalfOf", {{"x-medplum-on-behalf-of", "Patient/1,Patient/2"}}},
      {"EmptyOnBehalfOf", {{"x-medplum-on-behalf-of", ""}}},
      {"JoinedExtended", {{"x-medplum", "extended,other"}}},
      {"TwoTenants",
       {{"x-tenant", "Organization/1"}, {"x-tenant", "Organization/2"}}},
      {"JoinedTenants", {{"x-tenant", "Organization/1,Organization/2"}}},
      {"TenantThatIsNoReference", {{"x-tenant", "1"}}},
      {"BodyOfARead", {{"content-length", "2"}}},
      {"ChunkedBodyOfARead", {{"transfer-encoding", "chunked"}}},
      {"TooMany", HeaderList(kMaxHeaders, {"x-a", "b"})},
  };
  const Options options = {.tenant_header = "x-tenant"};
  EXPECT_EQ(Ask(options, Get("/fhir/R4/Patient/1")).kind, Kind::kCheck);
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    HttpRequest request = Get("/fhir/R4/Patient/1");
    request.headers = With(c.headers);
    EXPECT_EQ(Ask(options, request).kind, Kind::kRefused);
  }
}

TEST(QuestionTest, ABodyIsWholeAndJson) {
  const struct {
    const char* name;
    HeaderList headers;
    std::optional<std::string_view> body;
  } kCases[] = {
      {"NoBody", {{"content-type", "application/json"}}, std::nullopt},
      {"EmptyBody", {{"content-type", "application/json"}}, ""},
      {"NoContentType", {}, kBody},
      {"Xml", {{"content-type", "application/fhir+xml"}}, kBody},
      {"OtherCharset",
       {{"content-type", "application/json; charset=utf-16"}},
       kBody},
      {"Encoded",
       {{"content-type", "application/json"}, {"content-encoding", "gzip"}},
       kBody},
      {"Longer",
       {{"content-type", "application/json"}, {"content-length", "9999"}},
       kBody},
      {"NoLength",
       {{"content-type", "application/json"}, {"content-length", "x"}},
       kBody},
      {"Partial",
       {{"content-type", "application/json"},
        {"x-envoy-auth-partial-body", "true"}},
       kBody},
      {"IfNoneExist",
       {{"content-type", "application/json"}, {"if-none-exist", "name=a"}},
       kBody},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    HttpRequest request = {.method = "POST",
                           .target = "/fhir/R4/Patient",
                           .headers = With(c.headers),
                           .body = c.body};
    EXPECT_EQ(Ask({}, request).kind, Kind::kRefused);
  }
}

TEST(QuestionTest, AnIfMatchIsTheVersionOfAWrite) {
  HttpRequest request = {.method = "DELETE", .target = "/fhir/R4/Patient/1"};
  request.headers = With({{"if-match", "W/\"v-7\""}});
  EXPECT_EQ(Ask({}, request).version_id, "v-7");
  for (const char* value :
       {"\"v-7\"", "W/v-7", "*", "W/\"\"", "W/\"a\",W/\"b\"", "W/\"a b\""}) {
    SCOPED_TRACE(value);
    request.headers = With({{"if-match", value}});
    EXPECT_EQ(Ask({}, request).kind, Kind::kRefused);
  }
}

TEST(QuestionTest, WithoutABearerTokenNobodyAsks) {
  for (const char* value :
       {"", "Basic YTpi", "Bearer", "Bearer ", "Bearer a,b", "Bearer a b",
        "Bearer a\nb", "abc", "Bearer a, Bearer b"}) {
    SCOPED_TRACE(value);
    HttpRequest request = Get("/fhir/R4/Patient/1");
    request.headers = {{"authorization", value}};
    EXPECT_EQ(Ask({}, request).kind, Kind::kUnidentified);
  }
  HttpRequest request = Get("/fhir/R4/Patient/1");
  request.headers = {};
  EXPECT_EQ(Ask({}, request).kind, Kind::kUnidentified);
  request.headers = {{"AUTHORIZATION", "bearer abc"}};
  EXPECT_EQ(Ask({}, request).access_token, "abc");
}

TEST(QuestionTest, TheCircumstancesAreThoseOfTheRequest) {
  HttpRequest request = Get("/fhir/R4/Patient/1");
  request.peer_address = "10.0.0.7";
  request.headers = With({{"x-medplum", "extended"},
                          {"x-medplum-on-behalf-of", "Practitioner/2"},
                          {"x-tenant", "Organization/3"},
                          {"user-agent", "curl"},
                          {"x-request-id", "r-1"},
                          {"x-forwarded-for", "1.2.3.4, 5.6.7.8"}});
  Question question = Ask({.tenant_header = "x-tenant"}, request);
  EXPECT_EQ(question.kind, Kind::kCheck) << question.why;
  EXPECT_TRUE(question.extended_mode);
  EXPECT_EQ(question.on_behalf_of, "Practitioner/2");
  EXPECT_EQ(question.tenant, "Organization/3");
  EXPECT_EQ(question.user_agent, "curl");
  EXPECT_EQ(question.request_id, "r-1");
  // A client can write what it likes into x-forwarded-for.
  EXPECT_EQ(question.remote_address, "10.0.0.7");

  EXPECT_EQ(Ask({.forwarded_for = 1}, request).remote_address, "5.6.7.8");
  EXPECT_EQ(Ask({.forwarded_for = 2}, request).remote_address, "1.2.3.4");
  EXPECT_EQ(Ask({.forwarded_for = 3}, request).kind, Kind::kRefused);
  request.headers = With({{"x-forwarded-for", "5.6.7.8, unknown"}});
  EXPECT_EQ(Ask({.forwarded_for = 1}, request).kind, Kind::kRefused);
  request.headers = kToken;
  EXPECT_EQ(Ask({.forwarded_for = 1}, request).kind, Kind::kRefused);
  // Without a configured header there is no tenant to be chosen by it.
  EXPECT_EQ(Ask({}, request).tenant, "");
  EXPECT_TRUE(Ask({.stored_tenant = true}, request).use_stored_tenant);
}

TEST(QuestionTest, HeadersOfThisServerDoNotPass) {
  HttpRequest request = Get("/fhir/R4/Patient/1");
  request.headers = With({{"X-Pdp-Hidden-Fields", ""}, {"x_pdp_query", "a"}});
  const Question question = Ask({}, request);
  EXPECT_EQ(question.kind, Kind::kCheck);
  EXPECT_THAT(question.foreign_headers,
              ElementsAre("x-pdp-hidden-fields", "x_pdp_query"));
  // Where the proxy cannot be told to leave them out.
  request.is_changeable = false;
  EXPECT_EQ(Ask({}, request).kind, Kind::kRefused);
}

TEST(QuestionTest, MetadataIsOpenWhereItIsConfigured) {
  HttpRequest request = Get("/fhir/R4/metadata");
  request.headers = {};
  EXPECT_EQ(Ask({}, request).kind, Kind::kRefused);
  const Options open = {.opens_metadata = true};
  EXPECT_EQ(Ask(open, request).kind, Kind::kOpen);
  for (const char* path : {"/fhir/R4/metadata/1", "/fhir/R4/metadata?a=b",
                           "/fhir/R4/Metadata", "/fhir/R4/metadata/"}) {
    SCOPED_TRACE(path);
    EXPECT_NE(Ask(open, Get(path)).kind, Kind::kOpen);
  }
  request.method = "POST";
  EXPECT_EQ(Ask(open, request).kind, Kind::kRefused);
}

TEST(QuestionTest, WhyNamesNothingOfTheRequest) {
  const Question question = Ask({}, Get("/fhir/R4/Patient/secret%2F1?x=y"));
  EXPECT_EQ(question.kind, Kind::kRefused);
  EXPECT_THAT(question.why, testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace pdp::gateway
