// The client against servers on real sockets that fail as they are told.

#include "medplum_pdp/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "clients/cpp/scripted_pdp.h"
#include "tests/support/temp_file.h"

namespace medplum_pdp {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Check = PdpScript::Method<v1::CheckRequest, v1::CheckResponse>;

Check Answering(const v1::Decision& decision) {
  return [decision](grpc::ServerContext*, const v1::CheckRequest&,
                    v1::CheckResponse& response) {
    *response.mutable_decision() = decision;
    return grpc::Status::OK;
  };
}

Check Failing(StatusCode code, const std::string& message) {
  return [code, message](grpc::ServerContext*, const v1::CheckRequest&,
                         v1::CheckResponse&) {
    return grpc::Status(code, message);
  };
}

// Fails by UNAVAILABLE as often as `failures`, then permits.
Check PermittingAfter(int failures) {
  const auto left = std::make_shared<std::atomic<int>>(failures);
  return [left](grpc::ServerContext*, const v1::CheckRequest&,
                v1::CheckResponse& response) {
    if (--*left >= 0) return grpc::Status(StatusCode::UNAVAILABLE, "starting");
    *response.mutable_decision() = Permit();
    return grpc::Status::OK;
  };
}

// All reports of a client.
class Reports {
 public:
  std::function<void(const CallReport&)> hook() {
    return [this](const CallReport& report) {
      const std::lock_guard lock(mutex_);
      reports_.push_back(report);
    };
  }
  std::vector<CallReport> all() {
    const std::lock_guard lock(mutex_);
    return reports_;
  }

 private:
  std::mutex mutex_;
  std::vector<CallReport> reports_;
};

TEST(ClientTest, ADecisionIsWhatTheServerSays) {
  ScriptedPdp permits({.check = Answering(Permit())});
  ScriptedPdp denies({.check = Answering(Denial(401))});
  EXPECT_TRUE(permits.NewClient()->Check({}).permitted());
  const auto client = denies.NewClient();
  EXPECT_TRUE(client->Check({}).denied());
  EXPECT_TRUE(absl::IsUnauthenticated(client->RequireCheck({})));
  EXPECT_EQ(denies.calls(), 2);
}

TEST(ClientTest, AnAnswerThatIsNotUnderstoodIsNoDecision) {
  v1::Decision unknown = Permit();
  unknown.set_effect(static_cast<v1::Effect>(17));
  ScriptedPdp server({.check = Answering(unknown)});
  const Decision decision = server.NewClient()->Check({});
  EXPECT_TRUE(decision.no_decision());
  EXPECT_EQ(decision.http_status(), 503);
  EXPECT_EQ(server.calls(), 1);
}

TEST(ClientTest, OnlyUnavailableIsTriedAgainAndOnce) {
  struct Case {
    const char* name;
    Check check;
    int calls;
    absl::StatusCode status;
  };
  const Case kCases[] = {
      {"UnavailableOnce", PermittingAfter(1), 2, absl::StatusCode::kOk},
      {"UnavailableTwice", PermittingAfter(2), 2,
       absl::StatusCode::kUnavailable},
      {"Stale", Failing(StatusCode::UNAVAILABLE, "STALE: 90 s behind"), 1,
       absl::StatusCode::kUnavailable},
      {"Unaudited", Failing(StatusCode::UNAVAILABLE, "AUDIT_UNAVAILABLE: disk"),
       1, absl::StatusCode::kUnavailable},
      {"Overload", Failing(StatusCode::RESOURCE_EXHAUSTED, "load shed"), 1,
       absl::StatusCode::kResourceExhausted},
      {"Malformed", Failing(StatusCode::INVALID_ARGUMENT, "subject"), 1,
       absl::StatusCode::kInvalidArgument},
      {"CallerUnknown", Failing(StatusCode::UNAUTHENTICATED, "who"), 1,
       absl::StatusCode::kFailedPrecondition},
      {"CallerMayNot", Failing(StatusCode::PERMISSION_DENIED, "not you"), 1,
       absl::StatusCode::kFailedPrecondition},
      {"OldServer", {}, 1, absl::StatusCode::kUnimplemented},
      {"Denial", Answering(Denial()), 1, absl::StatusCode::kOk},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    ScriptedPdp server({.check = c.check});
    Reports reports;
    ClientOptions options = server.client_options();
    options.on_call = reports.hook();
    const auto client = *Client::Create(options);
    const Decision decision = client->Check({});
    EXPECT_EQ(server.calls(), c.calls);
    EXPECT_EQ(decision.status().code(), c.status) << decision.status();
    EXPECT_EQ(decision.no_decision(), c.status != absl::StatusCode::kOk);
    EXPECT_EQ(decision.http_status() == 503, decision.no_decision());
    ASSERT_EQ(reports.all().size(), 1u);
    const CallReport report = reports.all().front();
    EXPECT_EQ(report.method, "Check");
    EXPECT_EQ(report.effect, decision.effect());
    EXPECT_EQ(report.retried, c.calls == 2);
    EXPECT_EQ(report.status.code(), c.status);
    EXPECT_GT(report.latency, absl::ZeroDuration());
  }
}

TEST(ClientTest, AServerThatIsDownIsNotAskedTwiceForLong) {
  ScriptedPdp server({.check = Failing(StatusCode::UNAVAILABLE, "down")});
  const auto client = server.NewClient();
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(client->Check({}).no_decision());
  EXPECT_EQ(server.calls(), 30 + 10);
}

TEST(ClientTest, WithoutAServerThereIsNoDecision) {
  ClientOptions options;
  {
    ScriptedPdp gone({});
    options = gone.client_options();
  }
  const auto client = *Client::Create(options);
  EXPECT_TRUE(absl::IsUnavailable(client->Check({}).status()));
  EXPECT_TRUE(absl::IsUnavailable(client->Filter({}).status()));
  EXPECT_TRUE(absl::IsUnavailable(client->RecordAccess({})));
}

TEST(ClientTest, EveryCallHasADeadline) {
  ScriptedPdp hangs(
      {.check = [](grpc::ServerContext* context, const v1::CheckRequest&,
                   v1::CheckResponse&) { return Hang(context); },
       .batch_check = [](grpc::ServerContext* context,
                         const v1::BatchCheckRequest&,
                         v1::BatchCheckResponse&) { return Hang(context); },
       .filter_resources = [](grpc::ServerContext* context,
                              auto*) { return Hang(context); }});
  const auto client = hangs.NewClient();
  const CallOptions soon = {.timeout = absl::Milliseconds(50)};
  EXPECT_TRUE(absl::IsDeadlineExceeded(client->Check({}, soon).status()));
  v1::BatchCheckRequest batch;
  batch.add_items();
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(client->CheckMany(batch, soon)[0].status()));
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(client->FilterResources({}, {}, soon).status()));
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      client->Check({}, {.timeout = absl::ZeroDuration()}).status()));
}

TEST(ClientTest, ClosingEndsWhatIsOpen) {
  std::promise<void> began;
  ScriptedPdp hangs({.check = [&](grpc::ServerContext* context,
                                  const v1::CheckRequest&, v1::CheckResponse&) {
    began.set_value();
    return Hang(context);
  }});
  auto client = hangs.NewClient();
  Decision decision;
  client->CheckAsync({}, [&](Decision d) { decision = std::move(d); });
  began.get_future().wait();
  client.reset();
  EXPECT_TRUE(absl::IsCancelled(decision.status())) << decision.status();
}

TEST(ClientTest, ClosingEndsARetryThatWaits) {
  for (int i = 0; i < 20; ++i) {
    std::promise<void> began;
    std::once_flag once;
    ScriptedPdp server(
        {.check = [&](grpc::ServerContext*, const v1::CheckRequest&,
                      v1::CheckResponse&) {
          std::call_once(once, [&] { began.set_value(); });
          return grpc::Status(StatusCode::UNAVAILABLE, "starting");
        }});
    auto client = server.NewClient();
    int answers = 0;
    client->CheckAsync({}, [&](const Decision& decision) {
      ++answers;
      EXPECT_TRUE(decision.no_decision());
    });
    began.get_future().wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(i));
    client.reset();
    EXPECT_EQ(answers, 1);
  }
}

TEST(ClientTest, ManyThreadsGetTheirOwnAnswers) {
  ScriptedPdp server(
      {.check = [](grpc::ServerContext*, const v1::CheckRequest& request,
                   v1::CheckResponse& response) {
        *response.mutable_decision() = Denial();
        response.mutable_decision()->set_message(request.resource().id());
        return grpc::Status::OK;
      }});
  const auto client = server.NewClient();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        v1::CheckRequest request;
        request.mutable_resource()->set_id(std::to_string(t * 1000 + i));
        const Decision decision = client->Check(request);
        if (decision.message().message() != request.resource().id()) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ClientTest, CarriesMetadataOnAndNothingElse) {
  std::multimap<std::string, std::string> metadata;
  ScriptedPdp server(
      {.check = [&](grpc::ServerContext* context, const v1::CheckRequest&,
                    v1::CheckResponse& response) {
        metadata.clear();
        for (const auto& [name, value] : context->client_metadata()) {
          metadata.emplace(std::string(name.data(), name.size()),
                           std::string(value.data(), value.size()));
        }
        *response.mutable_decision() = Permit();
        return grpc::Status::OK;
      }});
  ClientOptions options = server.client_options();
  int asked = 0;
  options.token = [&] { return absl::StrCat("secret-", ++asked); };
  const auto client = *Client::Create(options);
  const std::string trace =
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_TRUE(client->Check({}, {.traceparent = trace, .request_id = "r-7"})
                  .permitted());
  EXPECT_EQ(metadata.find("authorization")->second, "Bearer secret-1");
  EXPECT_EQ(metadata.find("traceparent")->second, trace);
  EXPECT_EQ(metadata.find("x-request-id")->second, "r-7");
  // What is no header is left out; the decision does not suffer.
  EXPECT_TRUE(client
                  ->Check({}, {.traceparent = "a\nb: c",
                               .request_id = std::string(300, 'x')})
                  .permitted());
  EXPECT_EQ(metadata.find("authorization")->second, "Bearer secret-2");
  EXPECT_EQ(metadata.count("traceparent"), 0u);
  EXPECT_EQ(metadata.count("x-request-id"), 0u);
}

TEST(ClientTest, WithoutATokenThereIsNoCall) {
  ScriptedPdp server({.check = Answering(Permit())});
  const std::function<absl::StatusOr<std::string>()> kTokens[] = {
      [] { return absl::UnauthenticatedError("the login was refused"); },
      [] { return ""; },
      [] { return "two\r\nlines"; },
      []() -> std::string { throw std::runtime_error("hunter2"); },
      TokenFile("/nowhere/token"),
  };
  for (const auto& token : kTokens) {
    ClientOptions options = server.client_options();
    options.token = token;
    const Decision decision = (*Client::Create(options))->Check({});
    EXPECT_TRUE(decision.no_decision());
    EXPECT_EQ(decision.http_status(), 503);
    EXPECT_FALSE(absl::IsUnauthenticated(decision.status()));
    EXPECT_THAT(decision.status().ToString(), Not(HasSubstr("hunter2")));
  }
  EXPECT_EQ(server.calls(), 0);
}

TEST(ClientTest, ATokenIsTheFirstLineOfItsFileAsItIsNow) {
  const pdp::TempFile file("one\ntwo\n");
  const auto token = TokenFile(file.path());
  EXPECT_EQ(*token(), "one");
  file.Write("three");
  EXPECT_EQ(*token(), "three");
}

TEST(ClientTest, AHookThatThrowsChangesNothing) {
  ScriptedPdp server({.check = Answering(Permit())});
  ClientOptions options = server.client_options();
  options.on_call = [](const CallReport&) { throw std::runtime_error("hook"); };
  EXPECT_TRUE((*Client::Create(options))->Check({}).permitted());
}

// Permits items whose resource has an id that ends with `0`.
grpc::Status PermitZeros(grpc::ServerContext*,
                         const v1::BatchCheckRequest& request,
                         v1::BatchCheckResponse& response) {
  for (const v1::BatchCheckItem& item : request.items()) {
    *response.add_results()->mutable_decision() =
        item.resource().id().ends_with('0') ? Permit() : Denial();
  }
  return grpc::Status::OK;
}

TEST(ClientTest, CheckManyAnswersInOrderWhateverTheParts) {
  ScriptedPdp server({.batch_check = PermitZeros});
  ClientOptions options = server.client_options();
  options.max_batch_items = 7;
  const auto client = *Client::Create(options);
  v1::BatchCheckRequest request;
  for (int i = 0; i < 100; ++i) {
    request.add_items()->mutable_resource()->set_id(std::to_string(i));
  }
  const std::vector<Decision> decisions = client->CheckMany(request);
  ASSERT_EQ(decisions.size(), 100u);
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(decisions[i].permitted(), i % 10 == 0) << i;
    EXPECT_EQ(decisions[i].denied(), i % 10 != 0) << i;
  }
  EXPECT_EQ(server.calls(), 15);
  EXPECT_TRUE(client->CheckMany({}).empty());
}

TEST(ClientTest, APartThatFailsTouchesNoOther) {
  ScriptedPdp server({.batch_check = [](grpc::ServerContext* context,
                                        const v1::BatchCheckRequest& request,
                                        v1::BatchCheckResponse& response) {
    if (request.items(0).resource().id() == "10") {
      return grpc::Status(StatusCode::RESOURCE_EXHAUSTED, "load shed");
    }
    return PermitZeros(context, request, response);
  }});
  ClientOptions options = server.client_options();
  options.max_batch_items = 10;
  v1::BatchCheckRequest request;
  for (int i = 0; i < 30; ++i) {
    request.add_items()->mutable_resource()->set_id(std::to_string(i));
  }
  const auto decisions = (*Client::Create(options))->CheckMany(request);
  ASSERT_EQ(decisions.size(), 30u);
  for (size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(decisions[i].no_decision(), i / 10 == 1) << i;
  }
  EXPECT_TRUE(decisions[0].permitted());
  EXPECT_TRUE(decisions[20].permitted());
}

TEST(ClientTest, RecordAccessIsNeverSentTwice) {
  ScriptedPdp server(
      {.record_access = [](grpc::ServerContext*, const auto&, auto&) {
        return grpc::Status(StatusCode::UNAVAILABLE, "perhaps it was written");
      }});
  EXPECT_TRUE(absl::IsUnavailable(server.NewClient()->RecordAccess({})));
  EXPECT_EQ(server.calls(), 1);
}

TEST(ClientTest, AFilterOfAnUnknownKindFindsNothing) {
  ScriptedPdp server(
      {.filter = [](grpc::ServerContext*, const v1::FilterRequest&,
                    v1::FilterResponse& response) {
        response.set_kind(static_cast<v1::FilterKind>(8));
        response.add_queries("Patient?");
        return grpc::Status::OK;
      }});
  const auto answer = server.NewClient()->Filter({});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->kind(), v1::FILTER_KIND_ALWAYS_DENIED);
  EXPECT_TRUE(answer->queries().empty());
  EXPECT_TRUE(absl::IsPermissionDenied(Require(*answer)));
}

using FilterStream = grpc::ServerReaderWriter<v1::FilterResourcesResponse,
                                              v1::FilterResourcesRequest>;

// Lets every other resource through.
grpc::Status LetHalfThrough(grpc::ServerContext*, FilterStream* stream) {
  v1::FilterResourcesRequest request;
  v1::FilterResourcesResponse last;
  uint64_t received = 0;
  while (stream->Read(&request)) {
    if (request.has_header()) continue;
    const uint64_t index = received++;
    if (index % 2 != 0) continue;
    v1::FilterResourcesResponse response;
    response.mutable_resource()->set_index(index);
    response.mutable_resource()->set_resource(request.resource());
    stream->Write(response);
  }
  last.mutable_summary()->set_received(received);
  last.mutable_summary()->set_permitted((received + 1) / 2);
  last.mutable_summary()->set_denied(received / 2);
  stream->Write(last);
  return grpc::Status::OK;
}

TEST(ClientTest, FilterResourcesIsAllOrNothing) {
  std::vector<std::string> resources;
  for (int i = 0; i < 101; ++i) resources.push_back(absl::StrCat("{", i, "}"));
  {
    ScriptedPdp server({.filter_resources = LetHalfThrough});
    const auto result = server.NewClient()->FilterResources({}, resources);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->resources.size(), 51u);
    EXPECT_EQ(result->resources[50].resource(), "{100}");
  }
  {
    ScriptedPdp breaks({.filter_resources = [](grpc::ServerContext* context,
                                               FilterStream* stream) {
      LetHalfThrough(context, stream);
      return grpc::Status(StatusCode::UNAVAILABLE, "killed");
    }});
    EXPECT_TRUE(absl::IsUnavailable(
        breaks.NewClient()->FilterResources({}, resources).status()));
    EXPECT_EQ(breaks.calls(), 1);
  }
  {
    ScriptedPdp forgets(
        {.filter_resources = [](grpc::ServerContext*, FilterStream* stream) {
          v1::FilterResourcesResponse response;
          response.mutable_summary();
          stream->Write(response);
          return grpc::Status::OK;
        }});
    EXPECT_TRUE(absl::IsInternal(
        forgets.NewClient()->FilterResources({}, resources).status()));
  }
}

TEST(ClientTest, AllReplicasAreAskedAndOneThatDiesIsNoDecisionAtMost) {
  auto first =
      std::make_unique<ScriptedPdp>(PdpScript{.check = Answering(Permit())});
  ScriptedPdp second({.check = Answering(Permit())});
  ClientOptions options = second.client_options();
  options.target =
      absl::StrCat("ipv4:", first->address(), ",", second.address());
  const auto client = *Client::Create(options);
  while (first->calls() == 0 || second.calls() == 0) {
    ASSERT_TRUE(client->Check({}).permitted());
  }
  first->Kill();
  // Those that were under way are tried again at the other.
  for (int i = 0; i < 50; ++i) {
    const Decision decision = client->Check({});
    EXPECT_TRUE(decision.permitted()) << decision.status();
  }
}

}  // namespace
}  // namespace medplum_pdp
