#include "pdp/sync/medplum_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <thread>

#include "pdp/sync/feed_test_support.h"

namespace pdp::sync {
namespace {

using ::testing::HasSubstr;

// A source of two projects, and what is around it.
class MedplumSourceTest : public ::testing::Test {
 protected:
  MedplumSourceTest() : server_(clock_) {
    for (const char* project : {"p", "q"}) {
      server_.Put({"Project", project}, project);
      server_.Put({"AccessPolicy", StrCat(project, "-1")}, project);
    }
    OpenStore();
  }
  ~MedplumSourceTest() override { Close(); }

  void OpenStore() {
    auto store = store::Store::Open({.directory = directory_ / "store"});
    if (!store.ok()) std::abort();
    store_ = *std::move(store);
    auto mirror = Mirror::Open(
        *store_, {.source = std::string(kModelSource), .projects = {"p", "q"}},
        {});
    if (!mirror.ok()) std::abort();
    mirror_ = *std::move(mirror);
    logins_.clear();
    {
      MutexLock lock(mutex_);
      sinks_.clear();
    }
    MedplumSource::Options options{.name = std::string(kModelSource),
                                   .max_searches_per_second = 1e6,
                                   .clock = &clock_};
    freshness_.clear();
    for (const char* project : {"p", "q"}) {
      freshness_.emplace_back();
      logins_.push_back(std::make_unique<ModelLogin>(server_, project));
      options.feeds.push_back({.project = project,
                               .api = logins_.back().get(),
                               .freshness = &freshness_.back(),
                               .start_notifications =
                                   [this, name = std::string(project)](
                                       medplum::NotificationSink sink) {
                                     MutexLock lock(mutex_);
                                     sinks_[name] = std::move(sink);
                                     return std::make_shared<int>();
                                   },
                               .web_socket = true});
    }
    source_ =
        std::make_unique<MedplumSource>(std::move(options), *store_, *mirror_);
  }

  void Close() {
    source_.reset();
    mirror_.reset();
    store_.reset();
  }

  static bool Soon(const std::function<bool()>& holds) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (!holds()) {
      if (absl::Now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  bool StartAndWait() {
    source_->Start().IgnoreError();
    return Soon([&] {
      for (const FeedStatus& feed : source_->Status().feeds) {
        if (feed.state != FeedState::kCurrent) return false;
      }
      return source_->Status().ready;
    });
  }

  absl::Status Refresh(std::string_view project) {
    std::promise<absl::Status> answer;
    source_->Refresh(project, [&](absl::Status status) {
      answer.set_value(std::move(status));
    });
    return answer.get_future().get();
  }
  absl::Status Reread(std::vector<fhir::ResourceKey> keys,
                      std::string_view project = "") {
    std::promise<absl::Status> answer;
    source_->Reread(std::move(keys), project, [&](absl::Status status) {
      answer.set_value(std::move(status));
    });
    return answer.get_future().get();
  }

  medplum::NotificationSink SinkOf(const std::string& project) {
    EXPECT_TRUE(Soon([&] {
      MutexLock lock(mutex_);
      return sinks_.contains(project);
    }));
    MutexLock lock(mutex_);
    return sinks_[project];
  }
  void Notify(
      const std::string& project, const fhir::ResourceKey& key,
      medplum::Interaction interaction = medplum::Interaction::kUpdate) {
    SinkOf(project).notify({.key = key, .interaction = interaction});
  }

  std::string VersionOf(const fhir::ResourceKey& key) {
    const auto record = store_->Get(key);
    if (!record.ok() || !record->has_value()) return "nothing";
    return (*record)->deleted ? "deleted" : (*record)->version_id;
  }
  FeedStatus StatusOf(size_t feed) { return source_->Status().feeds.at(feed); }

  FakeClock clock_;
  ModelServer server_;
  const TempDirectory directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Mirror> mirror_;
  std::vector<std::unique_ptr<ModelLogin>> logins_;
  std::deque<FeedFreshness> freshness_;
  Mutex mutex_;
  std::map<std::string, medplum::NotificationSink> sinks_
      ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<MedplumSource> source_;
};

TEST_F(MedplumSourceTest, EveryFeedLoadsItsProject) {
  ASSERT_TRUE(StartAndWait());
  for (const char* project : {"p", "q"}) {
    EXPECT_EQ(ContentOf(*store_, *mirror_, project),
              ContentOf(server_, project));
  }
  const SourceStatus status = source_->Status();
  EXPECT_EQ(status.resources, 4u);
  EXPECT_EQ(status.server_version, "5.1.29");
  EXPECT_TRUE(status.server_version_checked);
  EXPECT_EQ(status.last_error, "");
  ASSERT_EQ(status.feeds.size(), 2u);
  EXPECT_EQ(status.feeds[0].bound, absl::ZeroDuration());
  EXPECT_EQ(status.feeds[0].sweep_interval, absl::Seconds(15));
}

TEST_F(MedplumSourceTest, AVersionThatWasNotCheckedIsSaid) {
  for (auto& login : logins_) login->SetVersion("6.0.0");
  ASSERT_TRUE(StartAndWait());
  EXPECT_EQ(source_->Status().server_version, "6.0.0");
  EXPECT_FALSE(source_->Status().server_version_checked);
}

TEST_F(MedplumSourceTest, ANotificationLeadsToARereading) {
  ASSERT_TRUE(StartAndWait());
  const std::string version = server_.Put({"AccessPolicy", "p-1"}, "p");
  Notify("p", {"AccessPolicy", "p-1"});
  EXPECT_TRUE(Soon([&] {
    return VersionOf({"AccessPolicy", "p-1"}) == version;
  }));
  server_.Delete({"AccessPolicy", "p-1"});
  Notify("p", {"AccessPolicy", "p-1"}, medplum::Interaction::kDelete);
  EXPECT_TRUE(Soon([&] {
    return VersionOf({"AccessPolicy", "p-1"}) == "deleted";
  }));
  EXPECT_EQ(StatusOf(0).notifications_received, 2u);
}

TEST_F(MedplumSourceTest, ADeleteThatIsNotDoneYetIsLookedAtAgain) {
  ASSERT_TRUE(StartAndWait());
  logins_[0]->TakeAsked();
  Notify("p", {"AccessPolicy", "p-1"}, medplum::Interaction::kDelete);
  const auto reads = [&] {
    int count = 0;
    for (const std::string& what : logins_[0]->TakeAsked()) {
      count += what == "Read AccessPolicy/p-1";
    }
    return count;
  };
  ASSERT_TRUE(Soon([&] { return reads() == 1; }));
  server_.Delete({"AccessPolicy", "p-1"});
  EXPECT_TRUE(Soon([&] {
    clock_.Advance(absl::Milliseconds(250));
    return VersionOf({"AccessPolicy", "p-1"}) == "deleted";
  }));
}

TEST_F(MedplumSourceTest, AForgedNotificationChangesNothing) {
  ASSERT_TRUE(StartAndWait());
  const uint64_t revision = store_->revision();
  logins_[0]->TakeAsked();
  // A delete that did not happen, another project's, an unknown one, and a type
  // that is not kept.
  Notify("p", {"AccessPolicy", "p-1"}, medplum::Interaction::kDelete);
  Notify("p", {"AccessPolicy", "q-1"});
  Notify("p", {"AccessPolicy", "unknown"}, medplum::Interaction::kDelete);
  Notify("p", {"Observation", "x"});
  EXPECT_TRUE(Reread({{"AccessPolicy", "p-1"}}).ok());
  EXPECT_TRUE(Soon([&] {
    clock_.Advance(absl::Milliseconds(250));
    const auto asked = logins_[0]->TakeAsked();
    return std::count(asked.begin(), asked.end(), "Read AccessPolicy/unknown");
  }));
  EXPECT_EQ(store_->revision(), revision);
  EXPECT_EQ(ContentOf(*store_, *mirror_, "p"), ContentOf(server_, "p"));
}

TEST_F(MedplumSourceTest, AConnectionIsFollowedByASweep) {
  ASSERT_TRUE(StartAndWait());
  const std::string version = server_.Put({"AccessPolicy", "p-1"}, "p");
  SinkOf("p").disconnected(absl::UnavailableError("closed"));
  EXPECT_EQ(StatusOf(0).notifications, NotificationState::kDisconnected);
  EXPECT_THAT(StatusOf(0).notifications_message, HasSubstr("closed"));
  SinkOf("p").connected();
  EXPECT_EQ(StatusOf(0).notifications, NotificationState::kConnected);
  EXPECT_TRUE(Soon([&] {
    return VersionOf({"AccessPolicy", "p-1"}) == version;
  }));
}

TEST_F(MedplumSourceTest, ARefreshAndARereadFindWhatChangedBeforeThem) {
  ASSERT_TRUE(StartAndWait());
  for (const char* project : {"p", "q", ""}) {
    SCOPED_TRACE(project);
    const std::string p = server_.Put({"AccessPolicy", "p-1"}, "p");
    const std::string q = server_.Put({"AccessPolicy", "q-1"}, "q");
    clock_.Advance(absl::Seconds(1));
    EXPECT_TRUE(Refresh(project).ok());
    if (std::string_view(project) != "q") {
      EXPECT_EQ(VersionOf({"AccessPolicy", "p-1"}), p);
    }
    if (std::string_view(project) != "p") {
      EXPECT_EQ(VersionOf({"AccessPolicy", "q-1"}), q);
    }
  }
  EXPECT_TRUE(absl::IsUnavailable(Refresh("unknown")));
  const std::string p = server_.Put({"AccessPolicy", "p-1"}, "p");
  const std::string made = server_.Put({"AccessPolicy", "new"}, "q");
  EXPECT_TRUE(Reread({{"AccessPolicy", "p-1"}, {"AccessPolicy", "new"}}).ok());
  EXPECT_EQ(VersionOf({"AccessPolicy", "p-1"}), p);
  EXPECT_EQ(VersionOf({"AccessPolicy", "new"}), made);
  EXPECT_TRUE(absl::IsUnavailable(Reread({{"Observation", "x"}})));
}

TEST_F(MedplumSourceTest, WhatCannotBeReadIsUnavailable) {
  ASSERT_TRUE(StartAndWait());
  logins_[0]->SetBefore(
      [](std::string_view) { return absl::UnavailableError("away"); });
  EXPECT_TRUE(absl::IsUnavailable(Refresh("p")));
  EXPECT_TRUE(absl::IsUnavailable(Refresh("")));
  EXPECT_TRUE(absl::IsUnavailable(Reread({{"AccessPolicy", "p-1"}})));
  EXPECT_TRUE(Refresh("q").ok());
  EXPECT_TRUE(Reread({{"AccessPolicy", "q-1"}}).ok());
  EXPECT_TRUE(Reread({{"AccessPolicy", "nowhere"}}, "q").ok());
  EXPECT_TRUE(absl::IsUnavailable(Reread({{"AccessPolicy", "nowhere"}})));
  EXPECT_TRUE(absl::IsUnavailable(Reread({{"Bot", "nowhere"}}, "unknown")));
  EXPECT_THAT(StatusOf(0).message, HasSubstr("away"));
  EXPECT_THAT(source_->Status().last_error, HasSubstr("Project/p: away"));
}

TEST_F(MedplumSourceTest, OneProjectsTroubleIsItsOwn) {
  // A server that does not answer for one of them.
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  logins_[0]->SetBefore([released](std::string_view) {
    released.wait();
    return absl::UnavailableError("late");
  });
  source_->Start().IgnoreError();
  EXPECT_TRUE(Soon([&] { return StatusOf(1).state == FeedState::kCurrent; }));
  EXPECT_TRUE(Refresh("q").ok());
  EXPECT_EQ(StatusOf(0).state, FeedState::kLoading);
  EXPECT_FALSE(source_->Status().ready);
  release.set_value();
}

TEST_F(MedplumSourceTest, AFeedThatIsRefusedKeepsNoOtherFromBeingServed) {
  logins_[0]->SetBefore(
      [](std::string_view) { return absl::UnauthenticatedError("401"); });
  source_->Start().IgnoreError();
  EXPECT_TRUE(Soon([&] { return source_->Status().ready; }));
  EXPECT_EQ(StatusOf(0).state, FeedState::kCredentialsRefused);
}

TEST_F(MedplumSourceTest, WithoutTheServerOnlyAWholeStateIsReady) {
  for (auto& login : logins_) {
    login->SetBefore(
        [](std::string_view) { return absl::UnavailableError("away"); });
  }
  source_->Start().IgnoreError();
  EXPECT_TRUE(Soon([&] { return source_->Status().failures >= 2; }));
  EXPECT_FALSE(source_->Status().ready);
  for (auto& login : logins_) login->SetBefore({});
  EXPECT_TRUE(Refresh("").ok());
  EXPECT_TRUE(source_->Status().ready);
  Close();
  OpenStore();
  for (auto& login : logins_) {
    login->SetBefore(
        [](std::string_view) { return absl::UnavailableError("away"); });
  }
  source_->Start().IgnoreError();
  EXPECT_TRUE(Soon([&] { return source_->Status().ready; }));
  EXPECT_EQ(StatusOf(0).state, FeedState::kLoading);
}

TEST_F(MedplumSourceTest, AResyncComparesEverything) {
  ASSERT_TRUE(StartAndWait());
  server_.Expunge({"AccessPolicy", "p-1"});
  server_.Put({"AccessPolicy", "q-1"}, "q", "", absl::Hours(10));
  EXPECT_TRUE(source_->Resync().ok());
  for (const char* project : {"p", "q"}) {
    EXPECT_EQ(ContentOf(*store_, *mirror_, project),
              ContentOf(server_, project));
  }
  EXPECT_NE(StatusOf(0).last_full_sweep, absl::InfinitePast());
  logins_[1]->SetBefore(
      [](std::string_view) { return absl::UnavailableError("away"); });
  EXPECT_TRUE(absl::IsUnavailable(source_->Resync()));
}

TEST_F(MedplumSourceTest, WhoWaitsIsAnsweredByStop) {
  ASSERT_TRUE(StartAndWait());
  std::promise<void> asked;
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::atomic<bool> first = true;
  logins_[0]->SetBefore([&](std::string_view) {
    if (first.exchange(false)) asked.set_value();
    released.wait();
    return absl::CancelledError("stopped");
  });
  std::atomic<int> answers = 0;
  const auto count = [&](const absl::Status& status) {
    answers += absl::IsUnavailable(status);
  };
  source_->Refresh("p", count);
  asked.get_future().wait();
  source_->Refresh("p", count);
  for (const char* id : {"a", "b", "c", "d"}) {
    source_->Reread({{"AccessPolicy", id}}, "", count);
  }
  std::thread stop([&] { source_->Stop(); });
  release.set_value();
  stop.join();
  EXPECT_EQ(answers, 6);
  source_->Refresh("p", count);
  source_->Reread({{"AccessPolicy", "p-1"}}, "", count);
  EXPECT_EQ(answers, 8);
}

}  // namespace
}  // namespace pdp::sync
