// Resources as a Medplum server sends them, and a mirror of its own for a test.

#ifndef PDP_SYNC_MIRROR_TEST_SUPPORT_H_
#define PDP_SYNC_MIRROR_TEST_SUPPORT_H_

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/sync/mirror.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp::sync {

inline constexpr char kSource[] = "medplum:https://example.com/";

// `2026-11-21T01:00:SS.mmmZ`.
inline std::string InstantOf(int milliseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "2026-11-21T01:%02d:%02d.%03dZ",
                milliseconds / 60'000 % 60, milliseconds / 1000 % 60,
                milliseconds % 1000);
  return text;
}

struct SentResource {
  std::string_view type = "AccessPolicy";
  std::string_view id = "a";
  std::string_view version = "v1";
  int time = 1000;  // For InstantOf.
  std::string_view project = "p";
  std::string_view members;  // `,"name":"x"`.
};

inline std::string JsonOf(const SentResource& sent) {
  std::string members(sent.members);
  if (sent.type == "ProjectMembership") {
    members +=
        StrCat(R"(,"project":{"reference":"Project/)", sent.project, "\"}");
  }
  return StrCat(R"({"resourceType":")", sent.type, R"(","id":")", sent.id,
                R"(","meta":{"versionId":")", sent.version,
                R"(","lastUpdated":")", InstantOf(sent.time),
                R"(","project":")", sent.project, "\"}", members, "}");
}

inline Observation Found(ReadTicket ticket, const SentResource& sent) {
  return {.key = {std::string(sent.type), std::string(sent.id)},
          .ticket = ticket,
          .json = JsonOf(sent)};
}
inline Observation ReadLive(ReadTicket ticket, const SentResource& sent) {
  Observation observation = Found(ticket, sent);
  observation.by_id = true;
  return observation;
}
// The time is that of the deletion.
inline Observation FoundDeleted(ReadTicket ticket, const SentResource& sent) {
  Observation observation = Found(ticket, sent);
  observation.kind = Observation::Kind::kDeleted;
  return observation;
}
inline Observation ReadDeleted(ReadTicket ticket,
                               const fhir::ResourceKey& key) {
  return {.key = key,
          .kind = Observation::Kind::kDeleted,
          .ticket = ticket,
          .by_id = true};
}
inline Observation ReadAbsent(ReadTicket ticket, const fhir::ResourceKey& key) {
  return {.key = key,
          .kind = Observation::Kind::kAbsent,
          .ticket = ticket,
          .by_id = true};
}

// A store and its mirror.
class MirrorFixture {
 public:
  explicit MirrorFixture(Mirror::Options options = {.projects = {"p"}})
      : options_(std::move(options)) {
    options_.source = kSource;
    Reopen();
  }

  void Reopen() {
    mirror_.reset();
    store_.reset();
    auto store = store::Store::Open({.directory = directory_ / "store"});
    if (!store.ok()) std::abort();
    store_ = *std::move(store);
    auto mirror = Mirror::Open(
        *store_, options_,
        [this](uint64_t revision, std::span<const fhir::ResourceKey> keys) {
          told_revision_ = revision;
          told_.assign(keys.begin(), keys.end());
        });
    if (!mirror.ok()) std::abort();
    mirror_ = *std::move(mirror);
  }

  Mirror& mirror() { return *mirror_; }
  store::Store& store() const { return *store_; }
  ReadTicket Begin() { return mirror_->order().Begin(); }

  absl::StatusOr<Mirror::Result> Apply(std::string_view project,
                                       std::vector<Observation> observations) {
    return mirror_->Apply(project, std::move(observations), {});
  }

  // What is held: `v1`, `deleted` or `nothing`.
  std::string Held(const fhir::ResourceKey& key) const {
    const auto record = store_->Get(key);
    if (!record.ok()) return record.status().ToString();
    if (!record->has_value()) return "nothing";
    return (*record)->deleted ? "deleted" : (*record)->version_id;
  }

  uint64_t told_revision() const { return told_revision_; }
  const std::vector<fhir::ResourceKey>& told() const { return told_; }

 private:
  const TempDirectory directory_;
  Mirror::Options options_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Mirror> mirror_;
  uint64_t told_revision_ = 0;
  std::vector<fhir::ResourceKey> told_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_MIRROR_TEST_SUPPORT_H_
