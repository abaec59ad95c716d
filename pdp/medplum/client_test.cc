#include "pdp/medplum/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_file.h"

namespace pdp::medplum {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kNotFound[] =
    R"({"resourceType":"OperationOutcome","id":"not-found",
        "issue":[{"severity":"error","code":"not-found",
                  "details":{"text":"Not found"}}]})";
constexpr char kProject[] =
    R"({"resourceType":"Project","id":"p1","name":"x",
        "meta":{"versionId":"v1","lastUpdated":"2024-01-01T00:00:00Z"}})";

ServerAnswer Json(int code, std::string body) {
  return {.code = code,
          .headers = {"Content-Type: application/fhir+json"},
          .body = std::move(body)};
}

ServerAnswer Token(std::string_view text) {
  return Json(200, StrCat(R"({"token_type":"Bearer","expires_in":3600,)",
                          R"("access_token":")", text, R"("})"));
}

std::string Outcome(std::string_view text) {
  return StrCat(R"({"resourceType":"OperationOutcome","issue":[{"details":)",
                R"({"text":")", text, R"("}}]})");
}

// A server that gives out the tokens t1, t2, ... and answers what is put into
// `answers`, by method and target; and a client of it.
class ClientTest : public testing::Test {
 protected:
  void Put(const std::string& request, ServerAnswer answer) {
    const std::lock_guard lock(mutex_);
    answers_[request] = std::move(answer);
  }

  Client& client() {
    if (client_ == nullptr) {
      ClientOptions options;
      options.base_url = server_.url();
      options.credentials = {.client_id = "c1",
                             .client_secret_file = secret_.path()};
      options.retry.sleep = [](absl::Duration) {};
      options.retry.max_attempts = 2;
      client_ = *Client::Open(std::move(options));
    }
    return *client_;
  }

  // The requests but those for tokens.
  std::vector<ServerRequest> Requests() const {
    std::vector<ServerRequest> requests;
    for (ServerRequest& request : server_.requests()) {
      if (request.target != "/oauth2/token") {
        requests.push_back(std::move(request));
      }
    }
    return requests;
  }

  std::string base() const { return server_.url(); }

  ServerAnswer Answer(const ServerRequest& request) {
    const std::lock_guard lock(mutex_);
    const std::string name = StrCat(request.method, " ", request.target);
    const auto found = answers_.find(name);
    if (found != answers_.end()) return found->second;
    if (name == "POST /oauth2/token") return Token(StrCat("t", ++tokens_));
    return Json(404, kNotFound);
  }

  std::mutex mutex_;
  std::map<std::string, ServerAnswer> answers_;
  int tokens_ = 0;
  TempFile secret_{"hunter2\n"};
  std::unique_ptr<Client> client_;
  ScriptedServer server_{
      [this](const ServerRequest& request) { return Answer(request); }};
};

TEST_F(ClientTest, ReadsAResource) {
  ServerAnswer answer = Json(200, kProject);
  answer.headers.push_back("Date: Sun, 06 Nov 1994 08:49:37 GMT");
  Put("GET /fhir/R4/Project/p1", answer);
  const auto read = client().Read({"Project", "p1"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->state, ReadAnswer::State::kFound);
  EXPECT_EQ(read->json, kProject);
  EXPECT_EQ(read->server_time, absl::FromUnixSeconds(784111777));
}

TEST_F(ClientTest, EveryRequestIsExtendedAndHasTheToken) {
  (void)client().Read({"Project", "p1"});
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].body,
            "grant_type=client_credentials&client_id=c1&client_secret=hunter2");
  const auto& headers = requests[1].headers;
  EXPECT_EQ(headers.at("x-medplum"), "extended");
  EXPECT_EQ(headers.at("authorization"), "Bearer t1");
  EXPECT_THAT(headers.at("accept"), HasSubstr("application/fhir+json"));
  EXPECT_THAT(headers.at("user-agent"), HasSubstr("medplum-pdp"));
}

TEST_F(ClientTest, TheTokenIsKept) {
  (void)client().Read({"Project", "p1"});
  (void)client().Read({"Project", "p2"});
  EXPECT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(client().statistics().tokens.requests, 1u);
}

TEST_F(ClientTest, TellsDeletedFromAbsent) {
  Put("GET /fhir/R4/Bot/gone", Json(410, Outcome("Gone")));
  EXPECT_EQ(client().Read({"Bot", "gone"})->state, ReadAnswer::State::kDeleted);
  EXPECT_EQ(client().Read({"Bot", "never"})->state, ReadAnswer::State::kAbsent);
}

TEST_F(ClientTest, ReadsWhoItIs) {
  Put("GET /auth/me", Json(200, R"({
      "project":{"resourceType":"Project","id":"p1","superAdmin":true},
      "membership":{"resourceType":"ProjectMembership","id":"m1","admin":true,
        "profile":{"reference":"ClientApplication/c1"}},
      "profile":{"resourceType":"ClientApplication","id":"c1"},
      "accessPolicy":{"resourceType":"AccessPolicy","resource":[]}})"));
  const auto login = client().WhoAmI();
  ASSERT_TRUE(login.ok()) << login.status();
  EXPECT_EQ(login->project, "p1");
  EXPECT_EQ(login->membership, "ProjectMembership/m1");
  EXPECT_EQ(login->profile, "ClientApplication/c1");
  EXPECT_TRUE(login->project_admin);
  EXPECT_TRUE(login->super_admin);
  EXPECT_EQ(login->access_policy,
            R"({"resourceType":"AccessPolicy","resource":[]})");
}

TEST_F(ClientTest, ReadsTheVersionWithoutAToken) {
  Put("GET /healthcheck",
      Json(200, R"({"ok":true,"version":"5.1.29-abc123"})"));
  EXPECT_EQ(*client().ServerVersion(), "5.1.29");
  ASSERT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(server_.requests()[0].headers.count("authorization"), 0u);
}

TEST_F(ClientTest, SearchesPageByPage) {
  const std::string entry =
      R"({"fullUrl":"x","search":{"mode":"match"},"resource":)"
      R"({"resourceType":"Bot","id":"b1","x": 1.10,)"
      R"("meta":{"lastUpdated":"2024-01-01T00:00:00Z"}}})";
  Put("GET /fhir/R4/Bot?_count=1",
      Json(200, StrCat(R"({"resourceType":"Bundle","type":"searchset",)",
                       R"("entry":[)", entry,
                       R"(,{"search":{"mode":"outcome"},"resource":{}}],)",
                       R"("link":[{"relation":"self","url":"http://a/"},)",
                       R"({"relation":"next","url":")", base(),
                       R"(fhir/R4/Bot?_count=1&_cursor=2"}]})")));
  Put("GET /fhir/R4/Bot?_count=1&_cursor=2",
      Json(200, R"({"resourceType":"Bundle","type":"searchset"})"));
  const auto first = client().Search("Bot?_count=1");
  ASSERT_TRUE(first.ok()) << first.status();
  // As the server wrote it.
  EXPECT_THAT(first->resources, ElementsAre(HasSubstr(R"("x": 1.10)")));
  const auto second = client().NextPage(first->next);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(second->resources, IsEmpty());
  EXPECT_EQ(second->next, "");
}

TEST_F(ClientTest, APageThatNamesItselfAsNextIsRefused) {
  Put("GET /fhir/R4/Bot?_count=1",
      Json(200, StrCat(R"({"resourceType":"Bundle","type":"searchset",)",
                       R"("link":[{"relation":"next","url":")", base(),
                       R"(fhir/R4/Bot?_count=1"}]})")));
  EXPECT_TRUE(absl::IsDataLoss(client().Search("Bot?_count=1").status()));
}

TEST_F(ClientTest, AQueryThatIsNotEncodedIsNotSent) {
  for (const char* query : {"", "?x=1", "Bot?name=a b", "Bot?a\r\nX: y",
                            "../auth/me", "Bot/1?x", "Bot?x#y"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(client().Search(query).status()))
        << query;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(client().Read({"Bot", "../x"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(client().DeleteSubscription("a/b")));
  EXPECT_THAT(server_.requests(), IsEmpty());
}

TEST_F(ClientTest, StatusesAreTheErrorsOfTheContract) {
  struct Case {
    const char* name;
    ServerAnswer answer;
    absl::StatusCode code;
    const char* message;
  };
  const Case cases[] = {
      {"Forbidden", Json(403, Outcome("Forbidden")),
       absl::StatusCode::kPermissionDenied, "GET Bot/b: 403 Forbidden"},
      {"BadRequest", Json(400, Outcome("Invalid id")),
       absl::StatusCode::kInvalidArgument, "Invalid id"},
      {"MembershipIsGone", Json(400, Outcome("Authentication error")),
       absl::StatusCode::kInvalidArgument, "Authentication error"},
      {"UnusablePolicy",
       Json(400, Outcome("Cannot authenticate: Invalid access policy "
                         "configuration")),
       absl::StatusCode::kUnauthenticated, "Cannot authenticate"},
      {"Unauthorized", Json(401, Outcome("Unauthorized")),
       absl::StatusCode::kUnauthenticated, "401"},
      {"RateLimited", Json(429, Outcome("Too Many Requests")),
       absl::StatusCode::kUnavailable, "429"},
      {"ServerError", Json(500, "oops"), absl::StatusCode::kUnavailable,
       "GET Bot/b: 500"},
      {"BadGateway", Json(502, "<html>"), absl::StatusCode::kUnavailable,
       "502"},
      {"NotFoundByAGateway", Json(404, "<html>"), absl::StatusCode::kDataLoss,
       "404"},
      {"GoneByAGateway", Json(410, "<html>"), absl::StatusCode::kDataLoss,
       "410"},
      {"NoContent", Json(204, ""), absl::StatusCode::kDataLoss, "GET Bot/b"},
      {"Html", Json(200, "<html></html>"), absl::StatusCode::kDataLoss,
       "GET Bot/b"},
      {"AnotherResource", Json(200, kProject), absl::StatusCode::kDataLoss,
       "another resource"},
      {"NoMeta", Json(200, R"({"resourceType":"Bot","id":"b"})"),
       absl::StatusCode::kDataLoss, "no version"},
      {"NamesAMemberTwice",
       Json(200, R"({"resourceType":"Bot","id":"b","id":"b",
                     "meta":{"versionId":"1","lastUpdated":"x"}})"),
       absl::StatusCode::kDataLoss, "twice"},
      {"CutShort",
       {.body = "{\"resourceType\":\"Bot\"}",
        .then = ServerAnswer::Then::kClose,
        .bytes_sent = 50},
       absl::StatusCode::kDataLoss,
       "cut short"},
      {"Redirected",
       {.code = 302, .headers = {"Location: https://evil.example/x?secret=1"}},
       absl::StatusCode::kFailedPrecondition,
       "https://evil.example, which is not followed"},
      {"RedirectedNowhere",
       {.code = 307, .headers = {}},
       absl::StatusCode::kFailedPrecondition,
       "not followed"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    Put("GET /fhir/R4/Bot/b", test.answer);
    const auto read = client().Read({"Bot", "b"});
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.status().code(), test.code) << read.status();
    const std::string message(read.status().message());
    EXPECT_THAT(message, HasSubstr(test.message));
    EXPECT_THAT(message, Not(HasSubstr("secret")));
  }
}

TEST_F(ClientTest, ARefusedTokenIsRenewedOnce) {
  for (const ServerAnswer& refusal :
       {Json(401, Outcome("Unauthorized")),
        // The membership that the token was given for is gone.
        Json(400, Outcome("Authentication error"))}) {
    SCOPED_TRACE(refusal.code);
    int tokens = 0;
    std::string taken = "Bearer t1";
    ScriptedServer server([&](const ServerRequest& request) {
      if (request.target == "/oauth2/token") {
        return Token(StrCat("t", ++tokens));
      }
      return request.headers.at("authorization") == taken ? Json(200, kProject)
                                                          : refusal;
    });
    ClientOptions options;
    options.base_url = server.url();
    options.credentials = {.client_id = "c1",
                           .client_secret_file = secret_.path()};
    const auto client = *Client::Open(std::move(options));
    EXPECT_TRUE(client->Read({"Project", "p1"}).ok());
    taken = "Bearer t2";
    EXPECT_TRUE(client->Read({"Project", "p1"}).ok());
    EXPECT_EQ(server.requests().size(), 5u);
    taken = "Bearer t4";
    // The third is new when it is refused: another would not help.
    EXPECT_FALSE(client->Read({"Project", "p1"}).ok());
    EXPECT_EQ(tokens, 3);
  }
}

TEST_F(ClientTest, ASubscriptionIsCreatedBoundAndDeleted) {
  Put("POST /fhir/R4/Subscription",
      Json(201, R"({"resourceType":"Subscription","id":"s1"})"));
  Put("GET /fhir/R4/Subscription/s1/$get-ws-binding-token",
      Json(200, StrCat(R"({"resourceType":"Parameters","parameter":[
          {"name":"token","valueString":"BINDING"},
          {"name":"expiration","valueDateTime":"2024-01-01T00:00:00.5Z"},
          {"name":"websocket-url","valueUrl":"ws://127.0.0.1:)",
                       server_.port(), R"(/ws/subscriptions-r4"}]})")));
  Put("DELETE /fhir/R4/Subscription/s1", Json(200, Outcome("All OK")));
  EXPECT_EQ(*client().CreateSubscription("{}"), "s1");
  const auto token = client().GetBindingToken("s1");
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->token, "BINDING");
  EXPECT_EQ(token->expiration,
            absl::FromUnixSeconds(1704067200) + absl::Milliseconds(500));
  EXPECT_EQ(token->web_socket_url,
            StrCat("ws://127.0.0.1:", server_.port(), "/ws/subscriptions-r4"));
  EXPECT_TRUE(client().DeleteSubscription("s1").ok());
  // One that is not there is deleted already.
  EXPECT_TRUE(client().DeleteSubscription("s2").ok());
  EXPECT_EQ(Requests()[0].body, "{}");
  EXPECT_EQ(Requests()[0].headers.at("content-type"), "application/fhir+json");
}

TEST_F(ClientTest, CreatingIsNotRepeatedOnceItMayHaveArrived) {
  for (const ServerAnswer::Then then :
       {ServerAnswer::Then::kClose, ServerAnswer::Then::kKeep}) {
    // A kept connection, on which libcurl alone would try again.
    (void)client().Read({"Project", "p1"});
    const size_t before = Requests().size();
    ServerAnswer answer = Json(503, "");
    if (then == ServerAnswer::Then::kClose) answer.bytes_sent = 0;
    answer.then = then;
    Put("POST /fhir/R4/Subscription", answer);
    EXPECT_TRUE(
        absl::IsUnavailable(client().CreateSubscription("{}").status()));
    EXPECT_EQ(Requests().size(), before + 1);
  }
}

TEST_F(ClientTest, CreatingIsRepeatedWhereTheRateWasExceeded) {
  Put("POST /fhir/R4/Subscription", Json(429, Outcome("Too Many Requests")));
  EXPECT_TRUE(absl::IsUnavailable(client().CreateSubscription("{}").status()));
  EXPECT_EQ(Requests().size(), 2u);
}

TEST_F(ClientTest, StopEndsWhatRunsAndWhatComes) {
  Put("GET /fhir/R4/Bot/b",
      {.then = ServerAnswer::Then::kStall, .bytes_sent = 0});
  (void)client().Read({"Project", "p1"});
  std::thread reader([&] {
    EXPECT_TRUE(absl::IsCancelled(client().Read({"Bot", "b"}).status()));
  });
  server_.WaitForRequests(3);
  client().Stop();
  reader.join();
  EXPECT_TRUE(absl::IsCancelled(client().Read({"Project", "p1"}).status()));
}

TEST_F(ClientTest, CountsWhatHappened) {
  Put("GET /fhir/R4/Project/p1", Json(200, kProject));
  Put("GET /fhir/R4/Bot/b", Json(429, ""));
  (void)client().Read({"Project", "p1"});
  (void)client().Read({"Project", "none"});
  (void)client().Read({"Bot", "b"});
  const ClientStatistics statistics = client().statistics();
  EXPECT_EQ(statistics.http.requests, 5u);  // One for a token.
  EXPECT_EQ(statistics.http.succeeded, 2u);
  EXPECT_EQ(statistics.http.refused, 1u);
  EXPECT_EQ(statistics.http.rate_limited, 2u);
  EXPECT_EQ(statistics.http.retries, 1u);
  EXPECT_GT(statistics.http.bytes_received, sizeof kProject);
}

TEST(ClientOptionsTest, NeedOneSecretOrKeyAndAGoodBaseUrl) {
  const auto open = [](ClientOptions options) {
    return Client::Open(std::move(options)).status();
  };
  ClientOptions options;
  options.base_url = "https://a.example/";
  options.credentials = {.client_id = "c", .client_secret_file = "/f"};
  EXPECT_TRUE(open(options).ok());
  ClientOptions none = options;
  none.credentials.client_secret_file.clear();
  EXPECT_TRUE(absl::IsInvalidArgument(open(none)));
  ClientOptions both = options;
  both.credentials.private_key_file = "/k";
  EXPECT_TRUE(absl::IsInvalidArgument(open(both)));
  ClientOptions plain = options;
  plain.base_url = "http://a.example/";
  EXPECT_TRUE(absl::IsInvalidArgument(open(plain)));
  ClientOptions ca = options;
  ca.http.ca_file = "/nowhere/ca.pem";
  EXPECT_TRUE(absl::IsInvalidArgument(open(ca)));
}

}  // namespace
}  // namespace pdp::medplum
