// Feeds beside each other.  Runs under ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "pdp/base/mutex.h"
#include "pdp/sync/mirror_test_support.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;

constexpr int kPolicies = 3;
constexpr int kChanges = 400;

// A server that changes while it is read.  Thread-safe.
class Server {
 public:
  // Each policy in turn is changed, deleted or expunged.
  void Change(int number) {
    MutexLock lock(mutex_);
    State& state = states_[IdOf(number % kPolicies)];
    state.kind = number % 7 == 3   ? Observation::Kind::kDeleted
                 : number % 7 == 5 ? Observation::Kind::kAbsent
                                   : Observation::Kind::kLive;
    state.version = StrCat("v", number);
    state.time = number;
  }

  Observation Read(ReadTicket ticket, const std::string& id) const {
    MutexLock lock(mutex_);
    const auto state = states_.find(id);
    const ResourceKey key{"AccessPolicy", id};
    if (state == states_.end() ||
        state->second.kind == Observation::Kind::kAbsent) {
      return ReadAbsent(ticket, key);
    }
    if (state->second.kind == Observation::Kind::kDeleted) {
      return ReadDeleted(ticket, key);
    }
    return ReadLive(ticket, Sent(id, state->second));
  }

  std::vector<Observation> Search(ReadTicket ticket, bool deleted) const {
    MutexLock lock(mutex_);
    std::vector<Observation> found;
    for (const auto& [id, state] : states_) {
      if (!deleted && state.kind == Observation::Kind::kLive) {
        found.push_back(Found(ticket, Sent(id, state)));
      }
      if (deleted && state.kind == Observation::Kind::kDeleted) {
        found.push_back(FoundDeleted(ticket, Sent(id, state)));
      }
    }
    return found;
  }

  static std::string IdOf(int number) { return StrCat("a", number); }

 private:
  struct State {
    Observation::Kind kind = Observation::Kind::kAbsent;
    std::string version;
    int time = 0;
  };

  static SentResource Sent(const std::string& id, const State& state) {
    return {.id = id, .version = state.version, .time = state.time};
  }

  mutable Mutex mutex_;
  std::map<std::string, State> states_ ABSL_GUARDED_BY(mutex_);
};

TEST(MirrorConcurrencyTest, OverlappingReadsEndAtTheServersState) {
  MirrorFixture fixture;
  Server server;
  Mirror& mirror = fixture.mirror();
  // Applies, and reads what is unsure until nothing is.
  const auto apply = [&](std::vector<Observation> observations) {
    for (;;) {
      const auto result = mirror.Apply("p", std::move(observations), {});
      ASSERT_TRUE(result.ok()) << result.status();
      if (result->unsure.empty()) return;
      observations.clear();
      for (const ResourceKey& key : result->unsure) {
        const ReadTicket ticket = mirror.order().Begin();
        observations.push_back(server.Read(ticket, key.id));
      }
    }
  };

  std::atomic<bool> done{false};
  std::vector<std::thread> feeds;
  for (int feed = 0; feed < 2; ++feed) {
    feeds.emplace_back([&, feed] {
      for (int i = feed; !done; ++i) {
        const ReadTicket ticket = mirror.order().Begin();
        if (i % 3 == 0) {
          apply({server.Read(ticket, Server::IdOf(i % kPolicies))});
        } else {
          apply(server.Search(ticket, i % 3 == 1));
        }
      }
    });
  }
  feeds.emplace_back([&] {
    while (!done) {
      ASSERT_TRUE(mirror.Elsewhere("p").ok());
      ASSERT_TRUE(mirror.DeletedProfiles("p").ok());
      ASSERT_TRUE(mirror
                      .VisitHeads("p", "AccessPolicy",
                                  [](std::string_view, std::string_view) {
                                    return true;
                                  })
                      .ok());
    }
  });
  for (int number = 0; number < kChanges; ++number) {
    server.Change(number);
    // As soon as the changer has read it, too.
    const std::string id = Server::IdOf(number % kPolicies);
    apply({server.Read(mirror.order().Begin(), id)});
  }
  done = true;
  for (std::thread& feed : feeds) feed.join();

  for (int number = 0; number < kPolicies; ++number) {
    const std::string id = Server::IdOf(number);
    const ResourceKey key{"AccessPolicy", id};
    const Observation truth = server.Read(mirror.order().Begin(), id);
    const std::string held = fixture.Held(key);
    SCOPED_TRACE(held);
    const auto result = mirror.Apply("p", {truth}, {});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->changed, 0u) << key.ToString();
  }
  EXPECT_TRUE(fixture.store().Verify().ok());
}

}  // namespace
}  // namespace pdp::sync
