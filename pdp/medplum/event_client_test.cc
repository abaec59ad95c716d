#include "pdp/medplum/event_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <utility>

#include "pdp/base/strings.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_file.h"

namespace pdp::medplum {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

ServerAnswer Json(int code, std::string body) {
  return {.code = code,
          .headers = {"Content-Type: application/fhir+json"},
          .body = std::move(body)};
}

std::string Answered(std::initializer_list<std::string> entries) {
  std::string text =
      R"({"resourceType":"Bundle","type":"batch-response","entry":[)";
  for (const std::string& entry : entries) {
    if (text.back() != '[') text += ',';
    text += StrCat(R"({"response":)", entry, "}");
  }
  return text + "]}";
}

std::string Refused(int code) {
  return StrCat(R"({"status":")", code,
                R"(","outcome":{"resourceType":"OperationOutcome","issue":)",
                R"([{"details":{"text":"why"}}]}})");
}

class EventClientTest : public testing::Test {
 protected:
  EventClientTest() {
    SessionOptions options{
        .base_url = server_.url(),
        .credentials = {.client_id = "c1",
                        .client_secret_file = secret_.path()}};
    options.retry.sleep = [](absl::Duration) {};
    options.retry.max_attempts = 2;
    client_ = *EventClient::Open(std::move(options));
  }

  absl::StatusOr<std::vector<absl::Status>> Create(size_t count) {
    std::vector<ConditionalEvent> events;
    for (size_t i = 0; i < count; ++i) {
      events.push_back({.condition = StrCat("_tag=s%7C", i), .json = "{}"});
    }
    return client_->CreateEvents(events);
  }

  ServerAnswer Answer(const ServerRequest& request) {
    if (request.target == "/oauth2/token") {
      return Json(200, R"({"token_type":"Bearer","access_token":"t"})");
    }
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/fhir/R4");
    const std::lock_guard lock(mutex_);
    bodies_.push_back(request.body);
    return answer_;
  }

  void Put(ServerAnswer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }

  std::mutex mutex_;
  ServerAnswer answer_;
  std::vector<std::string> bodies_;
  TempFile secret_{"hunter2\n"};
  std::unique_ptr<EventClient> client_;
  ScriptedServer server_{
      [this](const ServerRequest& request) { return Answer(request); }};
};

TEST_F(EventClientTest, EachIsCreatedUnlessItIsThere) {
  Put(Json(200, Answered({R"({"status":"201"})", R"({"status":"200 OK"})",
                          R"({"status":"412"})"})));
  const auto results = Create(3);
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_THAT(*results, SizeIs(3));
  EXPECT_TRUE((*results)[0].ok());
  EXPECT_TRUE(absl::IsAlreadyExists((*results)[1]));
  EXPECT_TRUE(absl::IsAlreadyExists((*results)[2]));
  EXPECT_THAT(
      bodies_,
      ElementsAre(
          R"({"resourceType":"Bundle","type":"batch","entry":[)"
          R"({"request":{"method":"POST","url":"AuditEvent","ifNoneExist":"_tag=s%7C0"},"resource":{}},)"
          R"({"request":{"method":"POST","url":"AuditEvent","ifNoneExist":"_tag=s%7C1"},"resource":{}},)"
          R"({"request":{"method":"POST","url":"AuditEvent","ifNoneExist":"_tag=s%7C2"},"resource":{}}]})"));
}

TEST_F(EventClientTest, SaysOfEachWhetherItMayBeTakenLater) {
  const struct {
    int code;
    absl::StatusCode result;
  } kCases[] = {{400, absl::StatusCode::kInvalidArgument},
                {401, absl::StatusCode::kUnauthenticated},
                {403, absl::StatusCode::kPermissionDenied},
                {409, absl::StatusCode::kAborted},
                {422, absl::StatusCode::kInvalidArgument},
                {429, absl::StatusCode::kUnavailable},
                {500, absl::StatusCode::kUnavailable}};
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.code);
    Put(Json(200, Answered({Refused(test.code)})));
    const auto results = Create(1);
    ASSERT_TRUE(results.ok()) << results.status();
    EXPECT_EQ(results->front().code(), test.result);
    if (test.code != 409) {
      EXPECT_THAT(std::string(results->front().message()), HasSubstr("why"));
    }
  }
}

TEST_F(EventClientTest, AFailureOfTheWholeIsNoneOfItsEvents) {
  const std::string outcome =
      R"({"resourceType":"OperationOutcome","issue":[{"details":{"text":"Authentication error"}}]})";
  const struct {
    int code;
    std::string body;
    absl::StatusCode status;
  } kCases[] = {
      {413, "", absl::StatusCode::kResourceExhausted},
      {400, outcome, absl::StatusCode::kUnauthenticated},
      {401, outcome, absl::StatusCode::kUnauthenticated},
      {403, outcome, absl::StatusCode::kPermissionDenied},
      {429, outcome, absl::StatusCode::kUnavailable},
      {502, "<html>", absl::StatusCode::kUnavailable},
      {200, "<html>", absl::StatusCode::kDataLoss},
      {200, Answered({R"({"status":"201"})"}), absl::StatusCode::kDataLoss},
      {200, R"({"resourceType":"Bundle","type":"searchset"})",
       absl::StatusCode::kDataLoss}};
  for (const auto& test : kCases) {
    SCOPED_TRACE(StrCat(test.code, test.body));
    Put(Json(test.code, test.body));
    EXPECT_EQ(Create(2).status().code(), test.status);
  }
}

}  // namespace
}  // namespace pdp::medplum
