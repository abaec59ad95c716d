// A Medplum server in memory, as one login sees it: what a feed asks of it, by
// the rules that matter to a feed.

#ifndef TESTS_SUPPORT_MODEL_SERVER_H_
#define TESTS_SUPPORT_MODEL_SERVER_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/medplum/api.h"

namespace pdp {

// Thread-safe.
class ModelServer {
 public:
  struct Row {
    std::string project;
    std::string version;
    std::string members;  // `,"name":"x"`
    absl::Time updated;   // Or when it was deleted.
    bool deleted = false;
  };

  explicit ModelServer(const Clock& clock) : clock_(clock) {}

  // The server's clock is so far ahead of the test's.
  void SetSkew(absl::Duration skew) {
    MutexLock lock(mutex_);
    skew_ = skew;
  }
  absl::Time Now() const {
    MutexLock lock(mutex_);
    return NowLocked();
  }

  // Creates, updates or undeletes; as if written `ago`.  Returns the new
  // versionId.
  std::string Put(const fhir::ResourceKey& key, std::string_view project,
                  std::string_view members = "",
                  absl::Duration ago = absl::ZeroDuration()) {
    MutexLock lock(mutex_);
    Row& row = rows_[key];
    row.project = std::string(project);
    row.version = StrCat("v", ++last_version_);
    row.members = std::string(members);
    row.updated = NowLocked() - ago;
    row.deleted = false;
    return row.version;
  }
  void Delete(const fhir::ResourceKey& key,
              absl::Duration ago = absl::ZeroDuration()) {
    MutexLock lock(mutex_);
    const auto row = rows_.find(key);
    if (row == rows_.end() || row->second.deleted) return;
    row->second.deleted = true;
    row->second.updated = NowLocked() - ago;
  }
  // Gone for good; no search tells.
  void Expunge(const fhir::ResourceKey& key) {
    MutexLock lock(mutex_);
    rows_.erase(key);
  }

  std::map<fhir::ResourceKey, Row> rows() const {
    MutexLock lock(mutex_);
    return rows_;
  }

  // With fewer than the page size that is asked for.
  void SetPageSize(size_t size) {
    MutexLock lock(mutex_);
    page_size_ = size;
  }

  // Whether the server sends its time.
  void SetSaysTime(bool says) {
    MutexLock lock(mutex_);
    says_time_ = says;
  }

  absl::Time SaidTime() const {
    MutexLock lock(mutex_);
    if (!says_time_) return absl::InfinitePast();
    // A Date header has no fractions.
    return absl::FromUnixSeconds(absl::ToUnixSeconds(NowLocked()));
  }

  medplum::ReadAnswer Read(const fhir::ResourceKey& key) const {
    medplum::ReadAnswer answer;
    answer.server_time = SaidTime();
    MutexLock lock(mutex_);
    const auto row = rows_.find(key);
    if (row == rows_.end()) return answer;
    if (row->second.deleted) {
      answer.state = medplum::ReadAnswer::State::kDeleted;
      return answer;
    }
    answer.state = medplum::ReadAnswer::State::kFound;
    answer.json = Json(key, row->second);
    return answer;
  }

  // `position`: `time id` of the last row that was sent; empty at first.
  medplum::SearchPage Search(const std::string& query,
                             std::string_view position) const {
    const std::vector<std::string> parts = absl::StrSplit(query, '?');
    std::map<std::string, std::string> parameters;
    for (const auto& pair : absl::StrSplit(parts.at(1), '&')) {
      parameters.insert(absl::StrSplit(pair, absl::MaxSplits('=', 1)));
    }
    medplum::SearchPage page;
    page.server_time = SaidTime();
    MutexLock lock(mutex_);
    const bool deleted = parameters.contains("_deleted");
    absl::Time since = absl::InfinitePast();
    if (parameters.contains("_lastUpdated")) {
      absl::ParseTime(absl::RFC3339_full, parameters["_lastUpdated"].substr(2),
                      &since, nullptr);
    }
    using Place = std::pair<absl::Time, std::string>;
    std::vector<std::pair<Place, std::string>> found;
    for (const auto& [key, row] : rows_) {
      if (key.type != parts[0] || row.deleted != deleted ||
          row.updated < since) {
        continue;
      }
      if (parameters.contains("_project") &&
          parameters["_project"] != row.project) {
        continue;
      }
      found.push_back({{row.updated, key.id}, Json(key, row)});
    }
    std::sort(found.begin(), found.end());
    if (!position.empty()) {
      const std::vector<std::string> last =
          absl::StrSplit(ToAbsl(position), ' ');
      int64_t nanos = 0;
      if (!absl::SimpleAtoi(last.at(0), &nanos)) std::abort();
      const Place place = {absl::FromUnixNanos(nanos), last.at(1)};
      std::erase_if(found,
                    [&](const auto& item) { return item.first <= place; });
    }
    const bool more = found.size() > page_size_;
    if (more) found.resize(page_size_);
    for (auto& [place, json] : found) page.resources.push_back(std::move(json));
    if (more) {
      page.next =
          StrCat(query, " ", absl::ToUnixNanos(found.back().first.first), " ",
                 found.back().first.second);
    }
    return page;
  }

 private:
  absl::Time NowLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    // To the millisecond, as the server's stamps are.
    return absl::FromUnixMillis(absl::ToUnixMillis(clock_.Now() + skew_));
  }

  static std::string Json(const fhir::ResourceKey& key, const Row& row) {
    const std::string meta = StrCat(
        R"("lastUpdated":")",
        absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", row.updated,
                         absl::UTCTimeZone()),
        R"(","project":")", row.project,
        R"(","compartment":[{"reference":"Project/)", row.project, R"("}])");
    return StrCat(
        R"({"resourceType":")", key.type, R"(","id":")", key.id,
        R"(","meta":{)",
        row.deleted ? "" : StrCat(R"("versionId":")", row.version, "\","), meta,
        "}", row.deleted ? "" : row.members, "}");
  }

  const Clock& clock_;
  mutable Mutex mutex_;
  absl::Duration skew_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  std::map<fhir::ResourceKey, Row> rows_ ABSL_GUARDED_BY(mutex_);
  size_t page_size_ ABSL_GUARDED_BY(mutex_) = 1000;
  bool says_time_ ABSL_GUARDED_BY(mutex_) = true;
  int last_version_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A login at it, of a project's admin; of a super admin where `project` is
// empty.  Thread-safe.
class ModelLogin : public medplum::Api {
 public:
  // `what` is what is asked: `Read Project/p`, `Search Bot?...`, `NextPage
  // Bot?...`, `WhoAmI`, `ServerVersion`.  OK: it is answered.
  using Before = std::function<absl::Status(std::string_view what)>;

  ModelLogin(ModelServer& server, std::string_view project)
      : server_(server), project_(project) {}

  void SetBefore(Before before) {
    MutexLock lock(mutex_);
    before_ = std::move(before);
  }
  // The login is another project's.
  void SetProject(std::string_view project) {
    MutexLock lock(mutex_);
    project_ = project;
  }
  void SetVersion(std::string_view version) {
    MutexLock lock(mutex_);
    version_ = version;
  }
  // What was asked, as Before has it, since this was last called.
  std::vector<std::string> TakeAsked() {
    MutexLock lock(mutex_);
    return std::exchange(asked_, {});
  }

  absl::StatusOr<medplum::ReadAnswer> Read(
      const fhir::ResourceKey& key) override {
    if (auto status = Ask(StrCat("Read ", key.ToString())); !status.ok()) {
      return status;
    }
    return server_.Read(key);
  }
  absl::StatusOr<medplum::SearchPage> Search(std::string_view query) override {
    if (auto status = Ask(StrCat("Search ", query)); !status.ok()) {
      return status;
    }
    return server_.Search(std::string(query), "");
  }
  absl::StatusOr<medplum::SearchPage> NextPage(std::string_view next) override {
    if (auto status = Ask(StrCat("NextPage ", next)); !status.ok()) {
      return status;
    }
    const size_t space = next.find(' ');
    return server_.Search(std::string(next.substr(0, space)),
                          next.substr(space + 1));
  }
  absl::StatusOr<medplum::LoginInfo> WhoAmI() override {
    if (auto status = Ask("WhoAmI"); !status.ok()) return status;
    MutexLock lock(mutex_);
    const bool super = project_.empty();
    return medplum::LoginInfo{.project = super ? "super" : project_,
                              .profile = "ClientApplication/pdp",
                              .project_admin = true,
                              .super_admin = super,
                              .project_features = {"websocket-subscriptions"}};
  }
  absl::StatusOr<std::string> ServerVersion() override {
    if (auto status = Ask("ServerVersion"); !status.ok()) return status;
    MutexLock lock(mutex_);
    return version_;
  }
  absl::StatusOr<std::string> CreateSubscription(std::string_view) override {
    return absl::UnimplementedError("");
  }
  absl::Status DeleteSubscription(std::string_view) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<medplum::BindingToken> GetBindingToken(
      std::string_view) override {
    return absl::UnimplementedError("");
  }
  void Stop() override {
    MutexLock lock(mutex_);
    stopped_ = true;
  }

 private:
  absl::Status Ask(std::string what) {
    Before before;
    {
      MutexLock lock(mutex_);
      if (stopped_) return absl::CancelledError("stopped");
      asked_.push_back(what);
      before = before_;
    }
    return before ? before(what) : absl::OkStatus();
  }

  ModelServer& server_;
  Mutex mutex_;
  std::string project_ ABSL_GUARDED_BY(mutex_);
  std::string version_ ABSL_GUARDED_BY(mutex_) = "5.1.29";
  Before before_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> asked_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pdp

#endif  // TESTS_SUPPORT_MODEL_SERVER_H_
