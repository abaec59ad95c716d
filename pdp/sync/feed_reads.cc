#include "pdp/sync/feed_reads.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

// A read by id is unsure only where another began after it, and was quicker.
constexpr int kMaxRounds = 8;

// What is read by id is applied in batches of so many.
constexpr size_t kReadsInABatch = 100;

}  // namespace

std::vector<FeedSearch> FeedSearches(std::string_view project) {
  std::vector<FeedSearch> searches;
  for (const MirroredType& type : MirroredTypes()) {
    if (type.name == "Project" && !project.empty()) continue;
    if (type.kept == Mirrored::kWhole) {
      searches.push_back({.type = type.name, .deleted = false});
    }
    searches.push_back({.type = type.name, .deleted = true});
  }
  return searches;
}

absl::Status FeedReads::TakePlace() {
  ++places_taken_;
  const absl::Duration wait = options_.budget->Take();
  return wait > absl::ZeroDuration() ? options_.wait(wait) : absl::OkStatus();
}

absl::StatusOr<FeedReads::Answer> FeedReads::Read(
    const fhir::ResourceKey& key) {
  Answer answer;
  answer.observation = {.key = key,
                        .kind = Observation::Kind::kAbsent,
                        .ticket = mirror().order().Begin(),
                        .by_id = true};
  PDP_ASSIGN_OR_RETURN(medplum::ReadAnswer read, api().Read(key));
  answer.server_time = read.server_time;
  switch (read.state) {
    case medplum::ReadAnswer::State::kAbsent:
      break;
    case medplum::ReadAnswer::State::kDeleted:
      answer.observation.kind = Observation::Kind::kDeleted;
      break;
    case medplum::ReadAnswer::State::kFound:
      answer.observation.kind = Observation::Kind::kLive;
      answer.observation.json = std::move(read.json);
      break;
  }
  return answer;
}

absl::StatusOr<size_t> FeedReads::ReadAndApply(
    std::span<const fhir::ResourceKey> keys, Refused refused) {
  size_t changed = 0;
  std::vector<Observation> observations;
  for (size_t i = 0; i < keys.size(); ++i) {
    PDP_RETURN_IF_ERROR(TakePlace());
    const ReadTicket ticket = mirror().order().Begin();
    absl::StatusOr<Answer> answer = Read(keys[i]);
    if (refused == Refused::kIsAbsent &&
        absl::IsPermissionDenied(answer.status())) {
      answer = Answer{.observation = {.key = keys[i],
                                      .kind = Observation::Kind::kAbsent,
                                      .ticket = ticket,
                                      .by_id = true}};
    }
    if (!answer.ok()) return answer.status();
    observations.push_back(std::move(answer->observation));
    if (observations.size() < kReadsInABatch && i + 1 < keys.size()) continue;
    PDP_ASSIGN_OR_RETURN(const size_t more,
                         Apply(std::exchange(observations, {})));
    changed += more;
  }
  return changed;
}

absl::StatusOr<FeedReads::Page> FeedReads::Search(std::string_view query) {
  PDP_RETURN_IF_ERROR(TakePlace());
  Page page;
  page.ticket = mirror().order().Begin();
  PDP_ASSIGN_OR_RETURN(page.page, api().Search(query));
  return page;
}

absl::StatusOr<FeedReads::Page> FeedReads::NextPage(std::string_view next) {
  PDP_RETURN_IF_ERROR(TakePlace());
  Page page;
  page.ticket = mirror().order().Begin();
  PDP_ASSIGN_OR_RETURN(page.page, api().NextPage(next));
  return page;
}

absl::StatusOr<size_t> FeedReads::Apply(
    std::vector<Observation> observations,
    std::span<const store::Cursor> cursors) {
  size_t changed = 0;
  for (int round = 0; round < kMaxRounds; ++round) {
    PDP_ASSIGN_OR_RETURN(
        const Mirror::Result result,
        mirror().Apply(project(), std::move(observations), cursors));
    changed += result.changed;
    changes_applied_ += result.changed;
    {
      MutexLock lock(elsewhere_mutex_);
      elsewhere_.insert(result.elsewhere.begin(), result.elsewhere.end());
      new_elsewhere_.insert(result.elsewhere.begin(), result.elsewhere.end());
    }
    if (result.unsure.empty()) return changed;
    observations.clear();
    for (const fhir::ResourceKey& key : result.unsure) {
      PDP_RETURN_IF_ERROR(TakePlace());
      PDP_ASSIGN_OR_RETURN(Answer answer, Read(key));
      observations.push_back(std::move(answer.observation));
    }
  }
  return absl::UnavailableError(
      "resources change faster than they can be read");
}

absl::Status FeedReads::ReadElsewhere(Elsewhere which) {
  KeySet keys;
  {
    MutexLock lock(elsewhere_mutex_);
    keys = which == Elsewhere::kAll ? elsewhere_ : new_elsewhere_;
    new_elsewhere_.clear();
  }
  const absl::Status status =
      ReadAndApply(std::vector(keys.begin(), keys.end()), Refused::kIsAbsent)
          .status();
  if (!status.ok()) {
    MutexLock lock(elsewhere_mutex_);
    new_elsewhere_.insert(keys.begin(), keys.end());
  }
  return status;
}

absl::Status FeedReads::FindElsewhere() {
  {
    MutexLock lock(elsewhere_mutex_);
    elsewhere_.clear();
  }
  PDP_ASSIGN_OR_RETURN(const std::vector<fhir::ResourceKey> keys,
                       mirror().Elsewhere(project()));
  MutexLock lock(elsewhere_mutex_);
  elsewhere_.insert(keys.begin(), keys.end());
  return absl::OkStatus();
}

}  // namespace pdp::sync
