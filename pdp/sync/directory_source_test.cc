#include "pdp/sync/directory_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <future>
#include <thread>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/resource.h"
#include "pdp/sync/store_lookup.h"
#include "tests/support/temp_directory.h"

namespace pdp::sync {
namespace {

namespace fs = std::filesystem;
using fhir::LookupState;
using fhir::ResourceKey;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kProject =
    R"({"resourceType":"Project","id":"p1","name":"Clinic"})";

class DirectorySourceTest : public ::testing::Test {
 protected:
  DirectorySourceTest() {
    fs::create_directory(directory_ / "files");
    OpenStore();
  }
  ~DirectorySourceTest() override { Close(); }

  void OpenStore() {
    auto store = store::Store::Open({.directory = directory_ / "store"});
    if (!store.ok()) std::abort();
    store_ = *std::move(store);
    lookup_ = std::make_unique<StoreLookup>(*store_);
  }

  void Close() {
    source_.reset();
    lookup_.reset();
    store_.reset();
  }

  std::string Path(std::string_view name) {
    return directory_ / StrCat("files/", name);
  }
  void Write(std::string_view name, std::string_view text) {
    WriteFile(Path(name), text);
  }

  // Rescans only when it is told to, unless a test wants otherwise.
  absl::Status Start(
      const std::function<void(DirectorySource::Options&)>& adjust = {}) {
    source_.reset();
    DirectorySource::Options options{.path = Path("")};
    options.rescan_interval = absl::Hours(1);
    options.debounce = absl::Milliseconds(5);
    if (adjust) adjust(options);
    source_ = std::make_unique<DirectorySource>(
        options, *store_,
        [this](uint64_t revision, std::span<const ResourceKey> changed) {
          MutexLock lock(mutex_);
          revisions_.push_back(revision);
          for (const ResourceKey& key : changed) {
            changed_.push_back(key.ToString());
          }
        });
    return source_->Start();
  }

  std::vector<std::string> TakeChanged() {
    MutexLock lock(mutex_);
    return std::exchange(changed_, {});
  }

  std::string Error() { return source_->Status().last_error; }

  fhir::LookupResult Read(std::string_view reference) {
    return lookup_->Read(*ResourceKey::Parse(reference));
  }
  LookupState StateOf(std::string_view reference) {
    return Read(reference).state;
  }
  std::string JsonOf(std::string_view reference) {
    const auto result = Read(reference);
    return result.resource == nullptr ? ""
                                      : std::string(result.resource->json());
  }

  static bool Soon(const std::function<bool()>& holds) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (!holds()) {
      if (absl::Now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  TempDirectory directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<StoreLookup> lookup_;
  Mutex mutex_;
  std::vector<std::string> changed_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> revisions_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<DirectorySource> source_;
};

TEST_F(DirectorySourceTest, ResourcesAndBundlesAreReadRecursively) {
  Write("project.json", kProject);
  Write("a/b/patient.json", R"({"resourceType":"Patient","id":"1"})");
  Write("bundle.json", R"({"resourceType":"Bundle","type":"collection","entry":[
      {"fullUrl":"x","resource":{"resourceType":"Patient","id":"2"}},
      {"resource":{"resourceType":"Bundle","id":"b","type":"document"}}]})");
  Write("empty.json", R"({"resourceType":"Bundle","type":"collection"})");
  Write("notes.txt", "not JSON");
  Write(".hidden.json", "not JSON");
  Write(".git/x.json", "not JSON");
  ASSERT_TRUE(Start().ok()) << Error();
  EXPECT_THAT(TakeChanged(),
              ElementsAre("Bundle/b", "Patient/1", "Patient/2", "Project/p1"));
  EXPECT_EQ(StateOf("Patient/1"), LookupState::kFound);
  EXPECT_EQ(StateOf("Patient/2"), LookupState::kFound);
  EXPECT_EQ(StateOf("Patient/3"), LookupState::kAbsent);
  const SourceStatus status = source_->Status();
  EXPECT_TRUE(status.ready);
  EXPECT_EQ(status.resources, 4u);
  EXPECT_EQ(status.reloads, 1u);
  EXPECT_EQ(status.revision, 1u);
  EXPECT_EQ(status.last_error, "");
  EXPECT_EQ(status.name, "directory:" + (directory_ / "files"));
  EXPECT_THAT(*store_->Cursors(), ::testing::SizeIs(1));
}

TEST_F(DirectorySourceTest, WhatMetaLacksIsAddedAndTheRestIsKeptByteForByte) {
  Write("a.json", StrCat("  ", kProject, "\n"));
  Write("b.json", R"({ "resourceType":"Patient","id":"1", "x": 1.10 })");
  Write("c.json",
        R"({"resourceType":"Patient","id":"2","meta":{"project":"p2",)"
        R"("versionId":"v","lastUpdated":"2024-05-01T12:00:00Z"}})");
  const timespec times[2] = {{.tv_sec = 1'700'000'000, .tv_nsec = 5'000'000},
                             {.tv_sec = 1'700'000'000, .tv_nsec = 5'000'000}};
  ASSERT_EQ(utimensat(AT_FDCWD, Path("b.json").c_str(), times, 0), 0);
  ASSERT_TRUE(Start().ok()) << Error();
  const auto project = Read("Project/p1").resource;
  ASSERT_NE(project, nullptr);
  EXPECT_EQ(project->project(), "p1");
  const auto patient = Read("Patient/1").resource;
  ASSERT_NE(patient, nullptr);
  EXPECT_EQ(patient->project(), "p1");
  EXPECT_TRUE(fhir::IsUuid(patient->version_id()));
  EXPECT_EQ(patient->last_updated(), "2023-11-14T22:13:20.005Z");
  EXPECT_TRUE(patient->json().ends_with(
      R"(}, "resourceType":"Patient","id":"1", "x": 1.10 })"));
  EXPECT_EQ(JsonOf("Patient/2"),
            R"({"resourceType":"Patient","id":"2","meta":{"project":"p2",)"
            R"("versionId":"v","lastUpdated":"2024-05-01T12:00:00Z"}})");
}

TEST_F(DirectorySourceTest, AMembershipIsFoundByItsProfileAndItsUser) {
  Write("a.json", kProject);
  Write(
      "m.json",
      R"({"resourceType":"ProjectMembership","id":"m1",)"
      R"("project":{"reference":"Project/p9"},)"
      R"("user":{"reference":"User/u"},"profile":{"reference":"Patient/1"}})");
  ASSERT_TRUE(Start().ok()) << Error();
  for (const char* subject : {"User/u", "Patient/1"}) {
    std::vector<std::string> ids;
    EXPECT_EQ(
        lookup_->FindMemberships(subject,
                                 [&](const fhir::ResourcePtr& membership) {
                                   ids.emplace_back(membership->id());
                                   EXPECT_EQ(membership->project(), "p9");
                                 }),
        LookupState::kFound);
    EXPECT_THAT(ids, ElementsAre("m1"));
  }
}

TEST_F(DirectorySourceTest, ARecordedScenarioIsItsResourcesAndVersions) {
  const auto resource = [](const char* id, const char* version,
                           const char* time) {
    return StrCat(R"({"resourceType":"Patient","id":")", id,
                  R"(","meta":{"project":"p1","versionId":")", version,
                  R"(","lastUpdated":"2024-05-01T12:00:0)", time, R"(Z"}})");
  };
  Write("scenario.json",
        StrCat(R"({"scenario":"s","title":"t","resources":[)", kProject, ",",
               resource("live", "v3", "3"), R"(],"checks":[{"id":"c1"}],)",
               R"("versions":[)", resource("live", "v1", "1"), ",",
               resource("live", "v2", "2"), ",", resource("gone", "w1", "1"),
               ",", resource("gone", "w2", "2"), "]}"));
  ASSERT_TRUE(Start().ok()) << Error();
  EXPECT_EQ(Read("Patient/live").resource->version_id(), "v3");
  for (const char* version : {"v1", "v2", "v3"}) {
    const auto result = lookup_->ReadVersion({"Patient", "live"}, version);
    ASSERT_EQ(result.state, LookupState::kFound);
    EXPECT_EQ(result.resource->version_id(), version);
  }
  EXPECT_EQ(lookup_->ReadVersion({"Patient", "live"}, "v4").state,
            LookupState::kAbsent);
  const auto gone = Read("Patient/gone");
  EXPECT_EQ(gone.state, LookupState::kDeleted);
  ASSERT_NE(gone.resource, nullptr);
  EXPECT_EQ(gone.resource->version_id(), "w2");
  EXPECT_EQ(lookup_->ReadVersion({"Patient", "gone"}, "w1").state,
            LookupState::kFound);
  EXPECT_EQ(StateOf("Patient/unknown"), LookupState::kAbsent);
  // Loading the same again changes nothing.
  const uint64_t revision = store_->revision();
  EXPECT_TRUE(source_->Resync().ok());
  EXPECT_EQ(store_->revision(), revision);
  // A deleted resource that lives again, and a living one that is deleted.
  Write("scenario.json",
        StrCat(R"({"scenario":"s","resources":[)", kProject, ",",
               resource("gone", "w3", "5"), R"(],"versions":[)",
               resource("live", "v1", "1"), "]}"));
  EXPECT_TRUE(source_->Resync().ok()) << Error();
  EXPECT_EQ(StateOf("Patient/gone"), LookupState::kFound);
  EXPECT_EQ(lookup_->ReadVersion({"Patient", "gone"}, "w1").state,
            LookupState::kAbsent);
  EXPECT_EQ(Read("Patient/live").resource->version_id(), "v1");
  EXPECT_EQ(StateOf("Patient/live"), LookupState::kDeleted);
  EXPECT_EQ(lookup_->ReadVersion({"Patient", "live"}, "v3").state,
            LookupState::kAbsent);
  EXPECT_TRUE(store_->Verify().ok());
}

TEST_F(DirectorySourceTest, ScenariosMayShareAResourceThatIsTheSame) {
  const std::string shared =
      StrCat(R"({"scenario":"a","resources":[)", kProject, "]}");
  Write("a.json", shared);
  Write("b.json", shared);
  EXPECT_TRUE(Start().ok()) << Error();
  Write("b.json", R"({"scenario":"b","resources":[)"
                  R"({"resourceType":"Project","id":"p1","name":"Other"}]})");
  EXPECT_FALSE(source_->Resync().ok());
}

TEST_F(DirectorySourceTest, WhatIsWrongIsNamedWithItsPlaceAndChangesNothing) {
  const std::string good = R"({"resourceType":"Patient","id":"1"})";
  struct Case {
    const char* name;
    std::string text;
    std::string place;
    std::string reason;
  };
  const Case cases[] = {
      {"not JSON", "hello", ":1:1:", "expected a JSON value"},
      {"empty", "", ":1:1:", "the file ends"},
      {"truncated", "{\n \"resourceType\": \"Patient\",\n \"id\": \"",
       ":3:8:", "a string without an end"},
      {"no type", "{\"id\":\"1\"}", ":1:1:", "neither a resource"},
      {"an array", "[" + good + "]", ":1:1:", "neither a resource"},
      {"a scenario without resources", "{\"scenario\":\"s\"}",
       ":1:1:", "neither a resource"},
      {"type is no string", "{\"resourceType\":7,\"id\":\"1\"}",
       ":1:1:", "resourceType"},
      {"unknown type", "\n {\"resourceType\":\"Pateint\",\"id\":\"1\"}",
       ":2:2:", "`resourceType` is not a type"},
      {"no id", "{\"resourceType\":\"Patient\"}", ":1:1:", "no `id`"},
      {"bad id", "{\"resourceType\":\"Patient\",\"id\":\"a/b\"}",
       ":1:1:", "not a FHIR id"},
      {"twice in one file",
       "{\"resourceType\":\"Bundle\",\"entry\":[\n{\"resource\":" + good +
           "},\n{\"resource\":" + good + "}]}",
       ":3:13:", "bad.json:2:13 already"},
      {"twice in two files", "{\"resourceType\":\"Project\",\"id\":\"p1\"}",
       "good.json:1:1:", "bad.json:1:1 already"},
      {"not UTF-8", "{\"resourceType\":\"Patient\",\n\"id\":\"\xff\"}",
       ":2:7:", "not UTF-8"},
      {"byte order mark", "\xEF\xBB\xBF" + good, ":1:1:", "byte order mark"},
      {"duplicate member",
       "{\"resourceType\":\"Patient\",\n\"id\":\"1\",\n\"id\":\"2\"}",
       ":3:1:", "\"id\" occurs twice"},
      {"entry without resource", "{\"resourceType\":\"Bundle\",\"entry\":[{}]}",
       ":1:35:", "has no `resource`"},
      {"meta is no object",
       "{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":[]}",
       ":1:1:", "`meta` is not an object"},
      {"project is no id",
       "{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":{\"project\":1}}",
       ":1:1:", "meta.project is malformed"},
      {"lastUpdated is no instant",
       "{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":"
       "{\"lastUpdated\":\"2024\"}}",
       ":1:1:", "meta.lastUpdated is malformed"},
      {"a Project of another",
       "{\"resourceType\":\"Project\",\"id\":\"p2\",\"meta\":"
       "{\"project\":\"p1\"}}",
       ":1:1:", "meta.project is not p2"},
      {"a membership of nothing",
       "{\"resourceType\":\"ProjectMembership\",\"id\":\"m\"}",
       ":1:1:", "`project` of a ProjectMembership"},
      {"an older version without versionId",
       "{\"scenario\":\"s\",\"resources\":[],\"versions\":[" + good + "]}",
       ":1:44:", "no meta.versionId"},
      {"several Projects",
       "{\"resourceType\":\"Bundle\",\"entry\":["
       "{\"resource\":{\"resourceType\":\"Project\",\"id\":\"p2\"}},\n"
       "{\"resource\":" +
           good + "}]}",
       ":2:13:", "no meta.project, and there are 2 Projects"},
  };
  Write("good.json", kProject);
  ASSERT_TRUE(Start().ok()) << Error();
  const uint64_t revision = store_->revision();
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    Write("bad.json", test.text);
    EXPECT_FALSE(source_->Resync().ok());
    EXPECT_THAT(Error(), AllOf(HasSubstr(test.place), HasSubstr(test.reason)));
    EXPECT_TRUE(Error().starts_with(Path(""))) << Error();
    EXPECT_TRUE(source_->Status().ready);
    EXPECT_EQ(store_->revision(), revision);
    EXPECT_EQ(StateOf("Project/p1"), LookupState::kFound);
  }
  fs::remove(Path("bad.json"));
  EXPECT_TRUE(source_->Resync().ok());
  EXPECT_EQ(Error(), "");
}

TEST_F(DirectorySourceTest, EveryWrongFileIsNamed) {
  Write("a.json", "x");
  Write("b.json", kProject);
  Write("c.json", "{\n\n");
  EXPECT_FALSE(Start().ok());
  EXPECT_THAT(Error(), AllOf(HasSubstr("a.json:1:1: "), HasSubstr("\n"),
                             HasSubstr("c.json:3:1: ")));
}

TEST_F(DirectorySourceTest, WithoutALastGoodStateItIsNotReadyUntilRepaired) {
  Write("a.json", "{");
  const absl::Status started = Start();
  EXPECT_EQ(started.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(source_->Status().ready);
  EXPECT_EQ(source_->Status().failures, 1u);
  Write("a.json", kProject);
  EXPECT_TRUE(Soon([&] { return source_->Status().ready; }));
  EXPECT_EQ(StateOf("Project/p1"), LookupState::kFound);
}

TEST_F(DirectorySourceTest, TheLastGoodStateIsInForceAcrossARestart) {
  Write("a.json", kProject);
  ASSERT_TRUE(Start().ok());
  Close();
  Write("a.json", "{");
  OpenStore();
  EXPECT_TRUE(Start().ok());
  EXPECT_TRUE(source_->Status().ready);
  EXPECT_THAT(Error(), HasSubstr("a.json:1:2: "));
  EXPECT_EQ(StateOf("Project/p1"), LookupState::kFound);
}

TEST_F(DirectorySourceTest, TheStateOfAnotherDirectoryIsNoLastGoodState) {
  Write("a.json", kProject);
  ASSERT_TRUE(Start().ok());
  const auto at_other = [&](DirectorySource::Options& options) {
    options.path = directory_ / "other";
  };
  WriteFile(directory_ / "other/x.json", "{");
  EXPECT_FALSE(Start(at_other).ok());
  EXPECT_FALSE(source_->Status().ready);
  WriteFile(directory_ / "other/x.json",
            R"({"resourceType":"Project","id":"p2"})");
  EXPECT_TRUE(source_->Resync().ok());
  EXPECT_EQ(StateOf("Project/p1"), LookupState::kAbsent);
  EXPECT_EQ(StateOf("Project/p2"), LookupState::kFound);
  // And the other way round: the first one's state is no more.
  Write("a.json", "{");
  EXPECT_FALSE(Start().ok());
}

TEST_F(DirectorySourceTest, AMissingDirectoryIsAnErrorUntilItAppears) {
  const auto at_later = [&](DirectorySource::Options& options) {
    options.path = directory_ / "later";
    options.rescan_interval = absl::Milliseconds(5);
  };
  EXPECT_FALSE(Start(at_later).ok());
  EXPECT_THAT(Error(), HasSubstr("later"));
  WriteFile(directory_ / "later.tmp/a.json", kProject);
  fs::rename(directory_ / "later.tmp", directory_ / "later");
  EXPECT_TRUE(Soon([&] { return source_->Status().ready; }));
}

TEST_F(DirectorySourceTest, AFileThatIsRemovedTakesItsResourcesWithIt) {
  Write("a.json", kProject);
  Write("b.json", R"({"resourceType":"Patient","id":"1"})");
  ASSERT_TRUE(Start().ok());
  TakeChanged();
  fs::remove(Path("b.json"));
  EXPECT_TRUE(source_->Resync().ok());
  EXPECT_EQ(StateOf("Patient/1"), LookupState::kAbsent);
  EXPECT_THAT(TakeChanged(), ElementsAre("Patient/1"));
}

TEST_F(DirectorySourceTest, OnlyWhatChangedIsAppliedAndTouchingIsNoChange) {
  Write("a.json", kProject);
  Write("b.json", R"({"resourceType":"Patient","id":"1"})");
  Write("c.json",
        R"({"resourceType":"Patient","id":"2","meta":{"versionId":"v"}})");
  ASSERT_TRUE(Start().ok());
  TakeChanged();
  const std::string before = JsonOf("Patient/1");
  for (const char* name : {"a.json", "b.json", "c.json"}) {
    fs::last_write_time(
        Path(name), fs::file_time_type::clock::now() + std::chrono::hours(1));
  }
  EXPECT_TRUE(source_->Resync().ok());
  EXPECT_THAT(TakeChanged(), IsEmpty());
  EXPECT_EQ(store_->revision(), 1u);
  EXPECT_EQ(JsonOf("Patient/1"), before);
  // The same versionId with other content.
  Write("c.json", R"({"resourceType":"Patient","id":"2","active":true,)"
                  R"("meta":{"versionId":"v"}})");
  EXPECT_TRUE(source_->Resync().ok());
  EXPECT_THAT(TakeChanged(), ElementsAre("Patient/2"));
  EXPECT_THAT(JsonOf("Patient/2"), HasSubstr("active"));
}

TEST_F(DirectorySourceTest, SeveralFilesChangeInOneRevision) {
  Write("a.json", kProject);
  ASSERT_TRUE(Start().ok());
  fs::create_directory(directory_ / "next");
  for (int i = 0; i < 20; ++i) {
    WriteFile(directory_ / StrCat("next/", i, ".json"),
              StrCat(R"({"resourceType":"Patient","id":")", i, "\"}"));
  }
  fs::rename(directory_ / "next", Path("next"));
  EXPECT_TRUE(Soon([&] { return source_->Status().resources == 21; }));
  EXPECT_EQ(store_->revision(), 2u);
}

TEST_F(DirectorySourceTest, EditsAreSeenHoweverTheyAreMade) {
  Write("a.json", kProject);
  Write("b.json", R"({"resourceType":"Patient","id":"1"})");
  ASSERT_TRUE(Start().ok());
  const auto patient = [](std::string_view gender) {
    return StrCat(R"({"resourceType":"Patient","id":"1","gender":")", gender,
                  "\"}");
  };
  const auto shows = [this](std::string_view gender) {
    return Soon(
        [&] { return JsonOf("Patient/1").find(gender) != std::string::npos; });
  };
  Write("b.json", patient("male"));
  EXPECT_TRUE(shows("\"male"));
  // As editors do.
  Write("b.json~new", patient("female"));
  fs::rename(Path("b.json~new"), Path("b.json"));
  EXPECT_TRUE(shows("\"female"));
  // In a new directory below a new directory.
  fs::remove(Path("b.json"));
  EXPECT_TRUE(
      Soon([&] { return StateOf("Patient/1") == LookupState::kAbsent; }));
  Write("x/y/b.json", patient("other"));
  EXPECT_TRUE(shows("\"other"));
  Write("x/y/b.json", patient("unknown"));
  EXPECT_TRUE(shows("\"unknown"));
  fs::remove_all(Path("x"));
  EXPECT_TRUE(
      Soon([&] { return StateOf("Patient/1") == LookupState::kAbsent; }));
}

TEST_F(DirectorySourceTest, AMountedConfigMapIsReadOnceAndFollowed) {
  // A link switches all the files at once.
  Write("..1/a.json", kProject);
  Write("..2/a.json", R"({"resourceType":"Project","id":"p2"})");
  fs::create_directory_symlink("..1", Path("..data"));
  fs::create_symlink("..data/a.json", Path("a.json"));
  ASSERT_TRUE(Start().ok()) << Error();
  EXPECT_EQ(StateOf("Project/p1"), LookupState::kFound);
  fs::create_directory_symlink("..2", Path("..new"));
  fs::rename(Path("..new"), Path("..data"));
  EXPECT_TRUE(
      Soon([&] { return StateOf("Project/p2") == LookupState::kFound; }));
  EXPECT_EQ(StateOf("Project/p1"), LookupState::kAbsent);
}

TEST_F(DirectorySourceTest, LinksAreFollowedInsideTheDirectoryOnly) {
  Write("a.json", kProject);
  fs::create_symlink("a.json", Path("again.json"));
  fs::create_directory_symlink("..", Path("sub"));
  WriteFile(directory_ / "outside/x.json",
            R"({"resourceType":"Patient","id":"1"})");
  EXPECT_FALSE(Start().ok());
  EXPECT_THAT(Error(), AllOf(HasSubstr("sub:1: "), HasSubstr("outside")));
  fs::remove(Path("sub"));
  fs::create_directory_symlink(".", Path("loop"));
  EXPECT_TRUE(source_->Resync().ok()) << Error();
  EXPECT_EQ(source_->Status().resources, 1u);
  fs::create_symlink("../outside/x.json", Path("x.json"));
  EXPECT_FALSE(source_->Resync().ok());
  EXPECT_THAT(Error(), HasSubstr("x.json:1: "));
  fs::remove(Path("x.json"));
  fs::create_symlink("nowhere", Path("x.json"));
  EXPECT_FALSE(source_->Resync().ok());
  EXPECT_THAT(Error(), HasSubstr("leads nowhere"));
}

TEST_F(DirectorySourceTest, LimitsAreNamed) {
  Write("a.json", kProject);
  Write("b.json", R"({"resourceType":"Patient","id":"1"})");
  struct Case {
    DirectoryLimits limits;
    const char* reason;
  };
  const Case cases[] = {
      {{.max_files = 1}, "more than 1 files"},
      {{.max_file_bytes = 40}, "a.json:1: more than 40 bytes"},
      {{.max_total_bytes = 60}, "more than 60 bytes"},
      {{.max_resources = 1}, "more than 1 resources"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.reason);
    const absl::Status status = Start([&](DirectorySource::Options& options) {
      options.limits = test.limits;
    });
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(Error(), HasSubstr(test.reason));
  }
}

TEST_F(DirectorySourceTest, ReadyConfirmsFreshnessAlsoWhileAFileIsWrong) {
  FeedFreshness freshness;
  const auto adjust = [&](DirectorySource::Options& options) {
    options.freshness = &freshness;
    options.rescan_interval = absl::Milliseconds(5);
  };
  Write("a.json", "{");
  EXPECT_FALSE(Start(adjust).ok());
  EXPECT_EQ(freshness.state(), FeedState::kLoading);
  Write("a.json", kProject);
  EXPECT_TRUE(Soon([&] { return source_->Status().ready; }));
  Write("a.json", "{");
  EXPECT_TRUE(Soon([&] { return !Error().empty(); }));
  const absl::Duration then = Clock::Real().SinceBoot();
  EXPECT_TRUE(Soon([&] { return freshness.as_of() > then; }));
}

TEST_F(DirectorySourceTest, ARefreshAndARereadFindWhatChangedBeforeThem) {
  Write("p.json", kProject);
  ASSERT_TRUE(Start().ok());
  const auto answered = [](const std::function<void(Source::Done)>& ask) {
    std::promise<absl::Status> answer;
    ask([&](absl::Status status) { answer.set_value(std::move(status)); });
    return answer.get_future().get();
  };
  const auto refresh = [&](Source::Done done) {
    source_->Refresh("p1", std::move(done));
  };
  const auto reread = [&](Source::Done done) {
    source_->Reread({{"AccessPolicy", "a"}}, /*project=*/"", std::move(done));
  };
  Write("a.json", R"({"resourceType":"AccessPolicy","id":"a"})");
  EXPECT_TRUE(answered(refresh).ok());
  EXPECT_EQ(StateOf("AccessPolicy/a"), LookupState::kFound);
  fs::remove(Path("a.json"));
  EXPECT_TRUE(answered(reread).ok());
  EXPECT_EQ(StateOf("AccessPolicy/a"), LookupState::kAbsent);
  Write("a.json", "{");
  EXPECT_TRUE(absl::IsUnavailable(answered(refresh)));
  source_->Stop();
  EXPECT_TRUE(absl::IsUnavailable(answered(reread)));
}

TEST_F(DirectorySourceTest, AfterStopNothingIsApplied) {
  Write("a.json", kProject);
  ASSERT_TRUE(Start().ok());
  source_->Stop();
  Write("a.json", R"({"resourceType":"Project","id":"p2"})");
  EXPECT_EQ(store_->revision(), 1u);
  EXPECT_EQ(source_->Status().name, "directory:" + (directory_ / "files"));
}

}  // namespace
}  // namespace pdp::sync
