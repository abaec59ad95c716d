#include "medplum_pdp/check_stream.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "clients/cpp/pending_checks.h"
#include "clients/cpp/scripted_pdp.h"

namespace medplum_pdp {
namespace {

using Wire =
    grpc::ServerReaderWriter<v1::CheckStreamResponse, v1::CheckStreamRequest>;

v1::CheckRequest About(const std::string& id) {
  v1::CheckRequest request;
  request.mutable_resource()->set_id(id);
  return request;
}

// Permits what ends with `0`, and says what was asked.
v1::CheckStreamResponse AnswerTo(const v1::CheckStreamRequest& request) {
  v1::CheckStreamResponse response;
  response.set_id(request.id());
  const std::string& id = request.check().resource().id();
  *response.mutable_decision() = id.ends_with('0') ? Permit() : Denial();
  response.mutable_decision()->set_message(id);
  return response;
}

grpc::Status AnswerAll(grpc::ServerContext*, Wire* stream) {
  v1::CheckStreamRequest request;
  while (stream->Read(&request)) stream->Write(AnswerTo(request));
  return grpc::Status::OK;
}

// The decisions of several checks, to be waited for.
class Answers {
 public:
  std::function<void(Decision)> Next() {
    const std::lock_guard lock(mutex_);
    const size_t index = decisions_.size();
    decisions_.emplace_back();
    return [this, index](Decision decision) {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(decisions_[index].has_value()) << "answered twice";
      decisions_[index] = std::move(decision);
      order_.push_back(index);
      answered_.notify_all();
    };
  }

  // When all have an answer.
  std::vector<Decision> Wait() {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [&] { return order_.size() == decisions_.size(); });
    std::vector<Decision> all;
    for (const auto& decision : decisions_) all.push_back(*decision);
    return all;
  }
  std::vector<size_t> order() {
    const std::lock_guard lock(mutex_);
    return order_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  std::vector<std::optional<Decision>> decisions_;
  std::vector<size_t> order_;
};

TEST(CheckStreamTest, ManyAreInFlightAndEachGetsItsAnswer) {
  ScriptedPdp server({.check_stream = AnswerAll});
  const auto client = server.NewClient();
  const auto stream = client->OpenCheckStream();
  Answers answers;
  for (int i = 0; i < 500; ++i) {
    stream->Check(About(std::to_string(i)), answers.Next());
  }
  const std::vector<Decision> decisions = answers.Wait();
  for (size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(decisions[i].message().message(), std::to_string(i));
    EXPECT_EQ(decisions[i].permitted(), i % 10 == 0);
    EXPECT_EQ(answers.order()[i], i);
  }
  EXPECT_EQ(server.calls(), 1);
}

TEST(CheckStreamTest, ThreadsMayShareOne) {
  ScriptedPdp server({.check_stream = AnswerAll});
  const auto client = server.NewClient();
  const auto stream = client->OpenCheckStream();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string id = std::to_string(1000 * t + i);
        const auto answer = std::make_shared<std::promise<Decision>>();
        stream->Check(About(id), [answer](Decision decision) {
          answer->set_value(std::move(decision));
        });
        const Decision decision = answer->get_future().get();
        if (decision.message().message() != id) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(CheckStreamTest, AnItemThatFailsTouchesNoOther) {
  ScriptedPdp server({.check_stream = [](grpc::ServerContext*, Wire* stream) {
    v1::CheckStreamRequest request;
    while (stream->Read(&request)) {
      v1::CheckStreamResponse response = AnswerTo(request);
      if (request.check().resource().id() == "bad") {
        response.mutable_error()->set_code(7);
      } else if (request.check().resource().id() == "empty") {
        response.clear_result();
      }
      stream->Write(response);
    }
    return grpc::Status::OK;
  }});
  const auto client = server.NewClient();
  const auto stream = client->OpenCheckStream();
  Answers answers;
  for (const char* id : {"10", "bad", "empty", "20"}) {
    stream->Check(About(id), answers.Next());
  }
  const auto decisions = answers.Wait();
  EXPECT_TRUE(decisions[0].permitted());
  EXPECT_TRUE(absl::IsFailedPrecondition(decisions[1].status()));
  EXPECT_TRUE(absl::IsInternal(decisions[2].status()));
  EXPECT_TRUE(decisions[3].permitted());
}

// Answers `answered` checks and breaks once as many as `read` came; all of the
// streams after the first.
auto BreakingAfter(int read, int answered) {
  const auto streams = std::make_shared<std::atomic<int>>(0);
  return [=](grpc::ServerContext* context, Wire* stream) {
    if (++*streams > 1) return AnswerAll(context, stream);
    v1::CheckStreamRequest request;
    for (int i = 0; i < read && stream->Read(&request); ++i) {
      if (i < answered) stream->Write(AnswerTo(request));
    }
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "killed");
  };
}

TEST(CheckStreamTest, WhatIsOpenWhenItBreaksHasNoDecisionAndTheNextHas) {
  ScriptedPdp server({.check_stream = BreakingAfter(10, 4)});
  const auto client = server.NewClient();
  const auto stream = client->OpenCheckStream();
  Answers first;
  for (int i = 0; i < 10; ++i) stream->Check(About("0"), first.Next());
  const auto decisions = first.Wait();
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(decisions[i].permitted(), i < 4) << i;
    EXPECT_EQ(absl::IsUnavailable(decisions[i].status()), i >= 4) << i;
  }
  Answers second;
  stream->Check(About("0"), second.Next());
  EXPECT_TRUE(second.Wait()[0].permitted()) << second.Wait()[0].status();
  EXPECT_EQ(server.calls(), 2);
}

TEST(CheckStreamTest, AServerThatEndsTheStreamBreaksIt) {
  ScriptedPdp server({.check_stream = [](grpc::ServerContext*, Wire* stream) {
    v1::CheckStreamRequest request;
    stream->Read(&request);
    return grpc::Status::OK;
  }});
  const auto client = server.NewClient();
  const auto stream = client->OpenCheckStream();
  Answers answers;
  stream->Check(About("0"), answers.Next());
  EXPECT_TRUE(absl::IsUnavailable(answers.Wait()[0].status()));
}

TEST(CheckStreamTest, AnAnswerToNothingBreaksIt) {
  ScriptedPdp server(
      {.check_stream = [](grpc::ServerContext* context, Wire* stream) {
        v1::CheckStreamRequest request;
        stream->Read(&request);
        v1::CheckStreamResponse response = AnswerTo(request);
        response.set_id(99);
        stream->Write(response);
        return Hang(context);
      }});
  const auto client = server.NewClient();
  const auto stream = client->OpenCheckStream();
  Answers answers;
  stream->Check(About("0"), answers.Next());
  const Decision decision = answers.Wait()[0];
  EXPECT_TRUE(absl::IsInternal(decision.status())) << decision.status();
}

TEST(CheckStreamTest, ASecondAnswerToTheSameIsNotHeard) {
  ScriptedPdp server({.check_stream = [](grpc::ServerContext*, Wire* stream) {
    v1::CheckStreamRequest request;
    while (stream->Read(&request)) {
      v1::CheckStreamResponse response = AnswerTo(request);
      stream->Write(response);
      *response.mutable_decision() = Permit();
      stream->Write(response);
    }
    return grpc::Status::OK;
  }});
  const auto client = server.NewClient();
  const auto stream = client->OpenCheckStream();
  Answers answers;
  for (int i = 0; i < 20; ++i) stream->Check(About("1"), answers.Next());
  for (const Decision& decision : answers.Wait()) {
    EXPECT_TRUE(decision.denied());
  }
}

TEST(CheckStreamTest, AServerThatHangsIsLeft) {
  const auto streams = std::make_shared<std::atomic<int>>(0);
  ScriptedPdp server(
      {.check_stream = [streams](grpc::ServerContext* context, Wire* stream) {
        return ++*streams == 1 ? Hang(context) : AnswerAll(context, stream);
      }});
  const auto client = server.NewClient();
  const auto stream =
      client->OpenCheckStream({.timeout = absl::Milliseconds(100)});
  Answers first;
  stream->Check(About("0"), first.Next());
  EXPECT_TRUE(absl::IsDeadlineExceeded(first.Wait()[0].status()));
  // By another stream; as often as it takes on a slow machine.
  for (bool permitted = false; !permitted;) {
    Answers next;
    stream->Check(About("0"), next.Next());
    permitted = next.Wait()[0].permitted();
  }
  EXPECT_GE(server.calls(), 2);
}

TEST(CheckStreamTest, MoreThanMayBeInFlightHasNoDecision) {
  std::promise<void> go_on;
  ScriptedPdp server(
      {.check_stream = [&](grpc::ServerContext* context, Wire* stream) {
        go_on.get_future().wait();
        return AnswerAll(context, stream);
      }});
  const auto client = server.NewClient();
  const auto stream = client->OpenCheckStream({.max_in_flight = 2});
  Answers answers;
  for (int i = 0; i < 3; ++i) stream->Check(About("0"), answers.Next());
  go_on.set_value();
  const auto decisions = answers.Wait();
  EXPECT_TRUE(decisions[0].permitted());
  EXPECT_TRUE(decisions[1].permitted());
  EXPECT_TRUE(absl::IsResourceExhausted(decisions[2].status()));
}

TEST(CheckStreamTest, ARequestThatIsTooLargeDoesNotBreakIt) {
  ScriptedPdp server({.check_stream = AnswerAll});
  ClientOptions options = server.client_options();
  options.max_batch_bytes = 1'000;
  const auto client = *Client::Create(options);
  const auto stream = client->OpenCheckStream();
  Answers answers;
  stream->Check(About("0"), answers.Next());
  stream->Check(About(std::string(2'000, '0')), answers.Next());
  stream->Check(About("0"), answers.Next());
  const auto decisions = answers.Wait();
  EXPECT_TRUE(decisions[0].permitted());
  EXPECT_TRUE(absl::IsResourceExhausted(decisions[1].status()));
  EXPECT_TRUE(decisions[2].permitted());
}

TEST(CheckStreamTest, ClosingEndsWhatIsOpen) {
  ScriptedPdp server({.check_stream = [](grpc::ServerContext* context, Wire*) {
    return Hang(context);
  }});
  const auto client = server.NewClient();
  Answers answers;
  {
    const auto stream = client->OpenCheckStream();
    for (int i = 0; i < 5; ++i) stream->Check(About("0"), answers.Next());
  }
  EXPECT_EQ(answers.order().size(), 5u);
  for (const Decision& decision : answers.Wait()) {
    EXPECT_TRUE(absl::IsCancelled(decision.status()));
  }
}

TEST(CheckStreamTest, WithoutAServerThereIsNoDecision) {
  auto gone = std::make_unique<ScriptedPdp>(PdpScript{});
  const auto client = gone->NewClient();
  gone.reset();
  const auto stream = client->OpenCheckStream();
  Answers answers;
  for (int i = 0; i < 5; ++i) stream->Check(About("0"), answers.Next());
  for (const Decision& decision : answers.Wait()) {
    EXPECT_TRUE(absl::IsUnavailable(decision.status())) << decision.status();
  }
}

TEST(CheckStreamTest, EveryCheckIsReported) {
  ScriptedPdp server({.check_stream = AnswerAll});
  std::atomic<int> permits = 0;
  std::atomic<int> denials = 0;
  ClientOptions options = server.client_options();
  options.on_call = [&](const CallReport& report) {
    EXPECT_EQ(report.method, "CheckStream");
    ++(report.effect == Effect::kPermit ? permits : denials);
  };
  const auto client = *Client::Create(options);
  const auto stream = client->OpenCheckStream();
  Answers answers;
  for (int i = 0; i < 30; ++i) {
    stream->Check(About(std::to_string(i)), answers.Next());
  }
  answers.Wait();
  EXPECT_EQ(permits, 3);
  EXPECT_EQ(denials, 27);
}

TEST(PendingChecksTest, ExpireInTheirOrder) {
  PendingChecks checks;
  EXPECT_FALSE(checks.WasSent(1));
  std::string done;
  const auto add = [&](char name, int at) {
    return checks.Add({.done = [&done, name](const Decision&) { done += name; },
                       .sent_at = absl::Seconds(at)});
  };
  const uint64_t a = add('a', 1);
  add('b', 2);
  add('c', 3);
  EXPECT_TRUE(checks.WasSent(a));
  EXPECT_FALSE(checks.WasSent(0));
  EXPECT_EQ(checks.first_sent_at(), absl::Seconds(1));
  checks.Take(a)->done(Decision());
  EXPECT_FALSE(checks.Take(a).has_value());
  for (const PendingCheck& check : checks.TakeSentUntil(absl::Seconds(2))) {
    check.done(Decision());
  }
  EXPECT_EQ(done, "ab");
  EXPECT_EQ(checks.TakeAll().size(), 1u);
  EXPECT_EQ(checks.size(), 0u);
  EXPECT_FALSE(checks.first_sent_at().has_value());
}

}  // namespace
}  // namespace medplum_pdp
