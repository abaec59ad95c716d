#include "medplum_pdp/revision_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "clients/cpp/scripted_pdp.h"

namespace medplum_pdp {
namespace {

using testing::ElementsAre;
using testing::IsSupersetOf;

// What a watch said, in words.
class Journal {
 public:
  RevisionWatchOptions Options() {
    return {.memberships = {"ProjectMembership/1"},
            .on_change =
                [this](const v1::WatchRevisionsResponse& message) {
                  std::string entry =
                      "revision " + std::to_string(message.revision());
                  for (const std::string& member : message.changed()) {
                    entry += " " + member;
                  }
                  if (message.all_changed()) entry += " all";
                  Add(entry);
                },
            .on_broken =
                [this](const absl::Status& status) {
                  Add("broken: " + std::string(status.message()));
                }};
  }

  // The first `count` entries, once there are as many.
  std::vector<std::string> Wait(size_t count) {
    std::unique_lock lock(mutex_);
    added_.wait(lock, [&] { return entries_.size() >= count; });
    return {entries_.begin(),
            entries_.begin() + static_cast<std::ptrdiff_t>(count)};
  }

 private:
  void Add(std::string entry) {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
    added_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable added_;
  std::vector<std::string> entries_;
};

v1::WatchRevisionsResponse At(uint64_t revision, const char* changed = "") {
  v1::WatchRevisionsResponse message;
  message.set_revision(revision);
  if (*changed != '\0') message.add_changed(changed);
  return message;
}

TEST(RevisionWatchTest, NothingIsKnownOfWhatHappenedBetweenTwoStreams) {
  std::atomic<int> streams = 0;
  ScriptedPdp server(
      {.watch_revisions =
           [&](grpc::ServerContext* context,
               const v1::WatchRevisionsRequest& request,
               grpc::ServerWriter<v1::WatchRevisionsResponse>* out) {
             EXPECT_THAT(request.memberships(),
                         ElementsAre("ProjectMembership/1"));
             if (++streams == 1) {
               out->Write(At(5));
               out->Write(At(6, "ProjectMembership/1"));
               return grpc::Status(grpc::StatusCode::UNAVAILABLE, "draining");
             }
             out->Write(At(9));
             return Hang(context);
           }});
  const auto client = server.NewClient();
  Journal journal;
  const auto watch = client->WatchRevisions(journal.Options());
  EXPECT_THAT(journal.Wait(4),
              ElementsAre("revision 5 all", "revision 6 ProjectMembership/1",
                          "broken: draining", "revision 9 all"));
}

TEST(RevisionWatchTest, ItGoesOnTryingUntilItIsDestroyed) {
  ScriptedPdp server(
      {.watch_revisions = [](grpc::ServerContext*, const auto&, auto*) {
        return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "not you");
      }});
  const auto client = server.NewClient();
  Journal journal;
  auto watch = client->WatchRevisions(journal.Options());
  EXPECT_THAT(journal.Wait(3),
              testing::Each("broken: PERMISSION_DENIED: not you"));
  watch.reset();
  const int calls = server.calls();
  EXPECT_GE(calls, 3);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(server.calls(), calls);
}

TEST(RevisionWatchTest, DestroyingItEndsTheStream) {
  std::atomic<bool> is_cancelled = false;
  Journal journal;
  {
    ScriptedPdp server(
        {.watch_revisions =
             [&](grpc::ServerContext* context, const auto&,
                 grpc::ServerWriter<v1::WatchRevisionsResponse>* out) {
               out->Write(At(1));
               const grpc::Status status = Hang(context);
               is_cancelled = true;
               return status;
             }});
    const auto client = server.NewClient();
    auto watch = client->WatchRevisions(journal.Options());
    journal.Wait(1);
    watch.reset();
    while (!is_cancelled) std::this_thread::yield();
  }
  EXPECT_THAT(journal.Wait(1), ElementsAre("revision 1 all"));
}

}  // namespace
}  // namespace medplum_pdp
