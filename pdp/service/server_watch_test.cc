// WatchRevisions over gRPC.

#include <string>
#include <thread>
#include <vector>

#include "pdp/service/server_test_support.h"

namespace pdp::service {
namespace {

constexpr std::string_view kWatchMember =
    "memberships: 'ProjectMembership/member'";

class WatchTest : public ServerTest {
 protected:
  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchRevisionsResponse>> reader;

    v1::WatchRevisionsResponse Read() {
      v1::WatchRevisionsResponse response;
      EXPECT_TRUE(reader->Read(&response));
      return response;
    }
    grpc::Status End() {
      v1::WatchRevisionsResponse response;
      while (reader->Read(&response)) {
      }
      return reader->Finish();
    }
  };

  std::unique_ptr<Call> Watch(std::string_view text) {
    auto call = std::make_unique<Call>();
    SetDeadline(call->context);
    call->reader = stub_->WatchRevisions(
        &call->context, Proto<v1::WatchRevisionsRequest>(text));
    return call;
  }

  void Change(const fhir::ResourceKey& key) {
    const uint64_t revision = f_.decision_point.revision() + 1;
    f_.decision_point.Invalidate(revision, {&key, 1});
    watchers_.Changed(revision, {&key, 1});
  }

  void WaitForNoCalls() {
    while (f_.metrics.in_flight(Method::kWatchRevisions) > 0) {
      std::this_thread::yield();
    }
  }
};

TEST_F(WatchTest, SaysWhereItBeginsThenWhatChanges) {
  Start();
  const auto call = Watch(kWatchMember);
  const v1::WatchRevisionsResponse first = call->Read();
  EXPECT_EQ(first.revision(), 7u);
  EXPECT_EQ(first.changed_size(), 0);
  EXPECT_FALSE(first.all_changed());

  Change({"AccessPolicy", "other"});
  Change({"AccessPolicy", "policy"});
  const v1::WatchRevisionsResponse second = call->Read();
  EXPECT_EQ(second.revision(), 9u);
  ASSERT_EQ(second.changed_size(), 1);
  EXPECT_EQ(second.changed(0), "ProjectMembership/member");

  watchers_.AllChanged(9);
  EXPECT_TRUE(call->Read().all_changed());
  call->context.TryCancel();
  EXPECT_EQ(call->End().error_code(), grpc::StatusCode::CANCELLED);
  WaitForNoCalls();
}

TEST_F(WatchTest, ASlowReaderGetsEverythingInTheEnd) {
  Start();
  const auto call = Watch("");
  EXPECT_EQ(call->Read().revision(), 7u);
  constexpr uint64_t kChanges = 3'000;
  for (uint64_t i = 0; i < kChanges; ++i) {
    Change({"ProjectMembership", StrCat("m", i)});
  }
  std::vector<bool> seen(kChanges);
  bool all = false;
  while (true) {
    v1::WatchRevisionsResponse response;
    ASSERT_TRUE(call->reader->Read(&response));
    all = all || response.all_changed();
    for (const std::string& member : response.changed()) {
      seen[std::stoul(member.substr(member.find('/') + 2))] = true;
    }
    if (response.revision() == 7 + kChanges) break;
  }
  if (!all) {
    for (uint64_t i = 0; i < kChanges; ++i) EXPECT_TRUE(seen[i]) << i;
  }
  call->context.TryCancel();
}

TEST_F(WatchTest, EndsWhenTheServerDrains) {
  Start();
  const auto call = Watch(kWatchMember);
  call->Read();
  server_->Drain(absl::Now() + absl::Seconds(30));
  EXPECT_EQ(call->End().error_code(), grpc::StatusCode::UNAVAILABLE);
  // Nobody is there to be told.
  Change({"AccessPolicy", "policy"});
}

// What became of a write may reach the stream after gRPC has ended the server.
TEST_F(WatchTest, EndsInGoodOrderWhereItsThreadComesLate) {
  audit_ = {.mode = AuditMode::kRequired, .journal = &journal_};
  Start();
  auto call = Watch("");
  call->Read();
  // More than a client that does not read has room for.
  const std::string padding(50, 'p');
  for (int i = 0; i < 10'000; ++i) {
    Change({"ProjectMembership", StrCat(padding, i)});
  }
  // The thread is held up by another call, with this first in its queue.
  std::unique_lock hold(journal_.gate());
  std::thread check([&] {
    v1::CheckResponse response;
    Check(kReadPatient, response);
  });
  while (journal_.writes() == 0) std::this_thread::yield();
  Change({"ProjectMembership", "m"});
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  call->context.TryCancel();
  call.reset();
  std::thread drain(
      [&] { server_->Drain(absl::Now() + absl::Milliseconds(50)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  hold.unlock();
  drain.join();
  check.join();
  EXPECT_EQ(f_.metrics.in_flight(Method::kWatchRevisions), 0);
}

TEST_F(WatchTest, RefusesWhatItCannotWatch) {
  Start();
  EXPECT_EQ(Watch("memberships: 'Patient/p'")->End().error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  std::string many;
  for (int i = 0; i <= 1'000; ++i) {
    many += StrCat("memberships: 'ProjectMembership/m", i, "' ");
  }
  EXPECT_EQ(Watch(many)->End().error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Watch("")->Read().revision(), 7u);
  f_.data.ready = false;
  EXPECT_EQ(Watch("")->End().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(WatchTest, ThereIsALimitAndWhoLeavesMakesRoom) {
  Start();
  std::vector<std::unique_ptr<Call>> calls;
  for (size_t i = 0; i < RevisionWatchers::Limits().watches; ++i) {
    calls.push_back(Watch(""));
    calls.back()->Read();
  }
  EXPECT_EQ(Watch("")->End().error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  for (const auto& call : calls) call->context.TryCancel();
  for (const auto& call : calls) call->End();
  WaitForNoCalls();
  const auto call = Watch("");
  EXPECT_EQ(call->Read().revision(), 7u);
  call->context.TryCancel();
}

}  // namespace
}  // namespace pdp::service
