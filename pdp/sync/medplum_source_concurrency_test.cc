// Feeds, notifications, requests and status at once; ThreadSanitizer watches.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "pdp/sync/feed_test_support.h"
#include "pdp/sync/medplum_source.h"

namespace pdp::sync {
namespace {

constexpr int kRequests = 150;
constexpr const char* kProjects[] = {"p", "q", "r"};
constexpr const char* kIds[] = {"a", "b", "c", "d"};

// Notifies of a change from a thread of its own, as channels do.
class Channel {
 public:
  explicit Channel(medplum::NotificationSink sink) : sink_(std::move(sink)) {
    thread_ = std::thread([this] {
      std::mt19937 random(1);
      sink_.connected();
      while (!stopping_) {
        sink_.notify({.key = {"AccessPolicy", kIds[random() % std::size(kIds)]},
                      .interaction = medplum::Interaction::kDelete});
        if (random() % 16 == 0) {
          sink_.disconnected(absl::UnavailableError("closed"));
          sink_.connected();
        }
        std::this_thread::yield();
      }
    });
  }
  ~Channel() {
    stopping_ = true;
    thread_.join();
  }

 private:
  const medplum::NotificationSink sink_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

TEST(MedplumSourceConcurrencyTest, EveryRequestIsAnsweredWhateverElseGoesOn) {
  const Clock& clock = Clock::Real();
  const TempDirectory directory;
  ModelServer server(clock);
  auto store = *store::Store::Open({.directory = directory / "store"});
  auto mirror =
      *Mirror::Open(*store,
                    {.source = std::string(kModelSource),
                     .projects = {std::begin(kProjects), std::end(kProjects)}},
                    {});
  std::vector<std::unique_ptr<ModelLogin>> logins;
  FreshnessTable freshness;
  MedplumSource::Options options{.name = std::string(kModelSource),
                                 .max_searches_per_second = 1e6};
  options.sweep.full_interval = absl::Milliseconds(20);
  options.sweep.interval = absl::Milliseconds(10);
  for (const char* project : kProjects) {
    server.Put({"Project", project}, project);
    logins.push_back(std::make_unique<ModelLogin>(server, project));
    auto calls = std::make_shared<std::atomic<int>>(0);
    logins.back()->SetBefore([calls](std::string_view) {
      return ++*calls % 97 == 0 ? absl::UnavailableError("lost")
                                : absl::OkStatus();
    });
    options.feeds.push_back(
        {.project = project,
         .api = logins.back().get(),
         .freshness = &freshness.Add(project),
         .start_notifications = [](medplum::NotificationSink sink) {
           return std::make_shared<Channel>(std::move(sink));
         }});
  }
  MedplumSource source(std::move(options), *store, *mirror);
  source.Start().IgnoreError();

  std::atomic<bool> stopping = false;
  std::vector<std::thread> others;
  others.emplace_back([&] {
    std::mt19937 random(2);
    while (!stopping) {
      const fhir::ResourceKey key = {"AccessPolicy",
                                     kIds[random() % std::size(kIds)]};
      if (random() % 3 == 0) {
        server.Delete(key);
      } else {
        server.Put(key, kProjects[0]);
      }
      std::this_thread::yield();
    }
  });
  others.emplace_back([&] {
    while (!stopping) {
      source.Status();
      freshness.OldestAge(clock.SinceBoot());
    }
  });
  std::atomic<int> answers = 0;
  const auto count = [&](const absl::Status&) { ++answers; };
  for (int i = 0; i < kRequests; ++i) {
    source.Refresh(kProjects[i % 3], count);
    source.Refresh("", count);
    source.Reread({{"AccessPolicy", kIds[i % 4]}}, "", count);
    if (i % 50 == 0) source.Resync().IgnoreError();
    std::this_thread::yield();
  }
  // Half of the time some are still waiting.
  source.Stop();
  EXPECT_EQ(answers, 3 * kRequests);
  stopping = true;
  for (std::thread& thread : others) thread.join();
}

}  // namespace
}  // namespace pdp::sync
