#include "pdp/sync/mirror.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "pdp/base/log.h"
#include "pdp/base/mutex.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/sync/foreign_resources.h"
#include "pdp/sync/mirrored_types.h"
#include "pdp/sync/named_resources.h"
#include "pdp/sync/newer.h"
#include "pdp/sync/recent_tickets.h"
#include "pdp/sync/stored_form.h"
#include "store/keys.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;
using store::Change;
using store::Record;
using Kind = Observation::Kind;
using Keys = std::vector<ResourceKey>;
using HeldRecords = absl::flat_hash_map<ResourceKey, std::optional<Record>>;

// Reads that are under way at one moment are some hundreds of pages at most.
constexpr size_t kTicketsRemembered = size_t{1} << 15;
constexpr size_t kAbsencesRemembered = size_t{1} << 13;
// Of one batch that erases.
constexpr size_t kErasedAtOnce = 10'000;

// The cursor that marks a store as one of this source.
constexpr std::string_view kOwnCursorType = "mirror";

std::vector<ResourceKey> KeysOf(std::span<const Change> changes) {
  std::set<ResourceKey> keys;
  for (const Change& change : changes) keys.insert(change.key);
  return {keys.begin(), keys.end()};
}

// Reads what is held of `keys` and not in `held` yet.
absl::Status AddHeld(const store::Store& store, Keys keys, HeldRecords& held) {
  std::erase_if(keys,
                [&](const ResourceKey& key) { return held.contains(key); });
  PDP_ASSIGN_OR_RETURN(std::vector<std::optional<Record>> records,
                       store.GetMany(keys));
  for (size_t i = 0; i < keys.size(); ++i) {
    held.emplace(std::move(keys[i]), std::move(records[i]));
  }
  return absl::OkStatus();
}

const Record* RecordOf(const HeldRecords& held, const ResourceKey& key) {
  const auto found = held.find(key);
  return found == held.end() || !found->second ? nullptr : &*found->second;
}

// Erases every resource for which `is_erased` is true, in batches; `last` goes
// with the last of them.
template <typename Predicate>
absl::Status EraseIf(store::Store& store, Predicate is_erased,
                     std::span<const store::Cursor> last) {
  std::vector<Change> changes;
  absl::Status applied;
  const auto apply = [&](std::span<const store::Cursor> cursors) {
    if (changes.empty() && cursors.empty()) return true;
    applied = store.Apply(changes, cursors).status();
    changes.clear();
    return applied.ok();
  };
  PDP_RETURN_IF_ERROR(
      store.ScanAll([&](const ResourceKey& key, const Record& record) {
        if (is_erased(key, record)) {
          changes.push_back({.kind = Change::Kind::kErase, .key = key});
        }
        return changes.size() < kErasedAtOnce || apply({});
      }));
  PDP_RETURN_IF_ERROR(applied);
  apply(last);
  return applied;
}

// What is known of the reads so far.
struct Memory {
  RecentTickets recent{kTicketsRemembered};
  RecentTickets confirmed{kTicketsRemembered};
  RecentTickets absent{kAbsencesRemembered};
  ForeignResources foreign;
};

}  // namespace

struct Mirror::State {
  State(store::Store& store_arg, Options options_arg,
        ChangeCallback callback_arg)
      : store(store_arg),
        options(std::move(options_arg)),
        callback(std::move(callback_arg)),
        projects(options.projects.begin(), options.projects.end()) {}

  // The feed that owns the resources of `project`; nothing where there is none.
  std::optional<std::string_view> OwnerOf(std::string_view project) const {
    if (projects.contains(project)) return project;
    if (options.all_others) return "";
    return std::nullopt;
  }
  bool IsForeign(const Record& record) const {
    return !OwnerOf(record.project).has_value();
  }

  // Whether a feed has to read by id what it names and this is held of.
  bool IsElsewhere(const Record* held) const {
    return held == nullptr || held->deleted || IsForeign(*held);
  }

  // Under the mutex.
  absl::Status Commit(std::span<const Change> changes,
                      std::span<const store::Cursor> cursors) const;

  store::Store& store;
  const Options options;
  const ChangeCallback callback;
  const std::set<std::string, std::less<>> projects;
  ReadOrder order;

  Mutex mutex;  // Held from the look at what is held to the callback.
  Memory memory ABSL_GUARDED_BY(mutex);
};

absl::Status Mirror::State::Commit(
    std::span<const Change> changes,
    std::span<const store::Cursor> cursors) const {
  if (changes.empty() && cursors.empty()) return absl::OkStatus();
  const uint64_t before = store.revision();
  const absl::Status status = store.Apply(changes, cursors).status();
  // An Apply that fails late may have changed the store all the same.
  const uint64_t revision = store.revision();
  if (revision != before && callback) callback(revision, KeysOf(changes));
  return status;
}

// What one Apply of a feed does.  Confined, under the mutex.
class Mirror::Batch {
 public:
  Batch(const State& state, Memory& memory, std::string_view feed)
      : state_(state), memory_(memory), feed_(feed) {}

  // Decides what becomes of `reads`.
  absl::Status Add(std::vector<ReadResource> reads) {
    Keys keys;
    for (const ReadResource& read : reads) keys.push_back(read.key);
    PDP_RETURN_IF_ERROR(AddHeld(state_.store, std::move(keys), held_));
    for (ReadResource& read : reads) AddOne(std::move(read));
    return AddNames();
  }

  absl::Status Commit(std::span<const store::Cursor> cursors) {
    if (!result_.unsure.empty()) cursors = {};
    PDP_RETURN_IF_ERROR(state_.Commit(changes_, cursors));
    const ReadTicket last = state_.order.Last();
    for (const Judged& judged : judged_) {
      memory_.recent.Record(judged.key, last);
      memory_.confirmed.Record(judged.key, judged.ticket);
      if (judged.was_absent) memory_.absent.Record(judged.key, last);
    }
    result_.revision = state_.store.revision();
    result_.changed = changes_.size();
    return absl::OkStatus();
  }

  Result TakeResult() { return std::move(result_); }

 private:
  struct Judged {
    ResourceKey key;
    ReadTicket ticket;
    bool was_absent = false;
  };

  void AddOne(ReadResource read) {
    const Record* const held = RecordOf(held_, read.key);
    if (!Adopt(read, held)) return;
    const Verdict verdict = Judge(read, held, HistoryOf(read, held));
    if (verdict == Verdict::kUnsure) {
      if (std::find(result_.unsure.begin(), result_.unsure.end(), read.key) ==
          result_.unsure.end()) {
        result_.unsure.push_back(std::move(read.key));
      }
      return;
    }
    // That what is held as living was found once more says nothing new.
    const bool is_news = verdict != Verdict::kNothing || read.by_id ||
                         read.kind == Kind::kDeleted;
    if (!is_news) return;
    judged_.push_back({.key = read.key,
                       .ticket = read.ticket,
                       .was_absent = read.kind == Kind::kAbsent});
    if (verdict == Verdict::kPut) {
      named_.insert(read.names.begin(), read.names.end());
    }
    Change(verdict, std::move(read));
  }

  ReadHistory HistoryOf(const ReadResource& read, const Record* held) const {
    ReadHistory history;
    const std::optional<ReadTicket> latest = memory_.recent.Find(read.key);
    // Of what is not held, only an absence can have been forgotten.
    const ReadTicket forgotten =
        held != nullptr ? memory_.recent.horizon() : ReadTicket();
    history.latest = latest.value_or(forgotten);
    history.confirmed = memory_.confirmed.Find(read.key).value_or(ReadTicket());
    history.was_absent = memory_.absent.Find(read.key).has_value() ||
                         read.ticket <= memory_.absent.horizon();
    return history;
  }

  // Makes of `read` what it means to this feed; false where nothing.
  bool Adopt(ReadResource& read, const Record* held) {
    const auto holder =
        held == nullptr ? std::nullopt : state_.OwnerOf(held->project);
    const bool is_others = holder.has_value() && *holder != feed_;
    switch (read.kind) {
      case Kind::kLive:
        return AdoptLive(read, held, is_others);
      case Kind::kDeleted:
        if (!read.by_id) {
          if (read.record.project.empty()) read.record.project = feed_;
          return !is_others && state_.OwnerOf(read.record.project) == feed_;
        }
        read.record.project = held == nullptr ? feed_ : held->project;
        return !is_others;
      case Kind::kAbsent:
        if (is_others) return false;
        if (held == nullptr || holder.has_value()) return true;
        return memory_.foreign.NotFound(feed_, read.key);
    }
    return false;
  }

  bool AdoptLive(ReadResource& read, const Record* held, bool is_others) {
    const MirroredType* const type = FindMirroredType(read.key.type);
    if (type->kept == Mirrored::kTombstones) return !is_others;
    const auto owner = state_.OwnerOf(read.record.project);
    if (owner == feed_) return true;
    if (is_others || !read.by_id) return false;
    if (!owner && memory_.foreign.Wants(feed_, read.key)) {
      memory_.foreign.Found(feed_, read.key);
      return true;
    }
    // It has left the projects of this feed.
    if (held == nullptr || state_.IsForeign(*held)) return false;
    read.kind = Kind::kAbsent;
    return true;
  }

  void Change(Verdict verdict, ReadResource read) {
    store::Change change{.key = std::move(read.key)};
    std::optional<Record>& held = held_[change.key];
    switch (verdict) {
      case Verdict::kPut:
        change.kind = store::Change::Kind::kPut;
        change.record = std::move(read.record);
        held = change.record;
        break;
      case Verdict::kDelete:
        change.kind = store::Change::Kind::kDelete;
        change.record = std::move(read.record);
        change.record.bytes.clear();
        held = change.record;
        break;
      case Verdict::kErase:
        change.kind = store::Change::Kind::kErase;
        held.reset();
        break;
      case Verdict::kNothing:
      case Verdict::kUnsure:
        return;
    }
    changes_.push_back(std::move(change));
  }

  // Finds what has to be read elsewhere of what was named.
  absl::Status AddNames() {
    if (state_.options.all_others) return absl::OkStatus();
    PDP_RETURN_IF_ERROR(
        AddHeld(state_.store, {named_.begin(), named_.end()}, held_));
    for (const ResourceKey& key : named_) {
      if (state_.IsElsewhere(RecordOf(held_, key)) &&
          memory_.foreign.Want(feed_, key)) {
        result_.elsewhere.push_back(key);
      }
    }
    return absl::OkStatus();
  }

  const State& state_;
  Memory& memory_;
  const std::string_view feed_;
  HeldRecords held_;  // As it will be after the batch.
  std::vector<store::Change> changes_;
  std::vector<Judged> judged_;
  std::set<ResourceKey> named_;
  Result result_;
};

Mirror::Mirror(std::unique_ptr<State> state) : state_(std::move(state)) {}

Mirror::~Mirror() = default;

ReadOrder& Mirror::order() { return state_->order; }

absl::StatusOr<std::unique_ptr<Mirror>> Mirror::Open(store::Store& store,
                                                     Options options,
                                                     ChangeCallback callback) {
  auto state =
      std::make_unique<State>(store, std::move(options), std::move(callback));
  const std::string& source = state->options.source;
  PDP_ASSIGN_OR_RETURN(std::vector<store::Cursor> cursors, store.Cursors());
  const bool is_own = std::any_of(
      cursors.begin(), cursors.end(), [&](const store::Cursor& cursor) {
        return cursor.source == source && cursor.project.empty() &&
               cursor.type == kOwnCursorType;
      });
  if (!is_own) {
    for (store::Cursor& cursor : cursors) {
      Log(Severity::kWarning, "source_replaced", {{"source", cursor.source}});
      cursor.position.reset();
    }
    cursors.push_back({.source = source,
                       .project = "",
                       .type = std::string(kOwnCursorType),
                       .position = "1"});
    PDP_RETURN_IF_ERROR(store.RestartHistory());
    const auto all = [](const ResourceKey&, const Record&) { return true; };
    PDP_RETURN_IF_ERROR(EraseIf(store, all, cursors));
  } else {
    const auto foreign = [&](const ResourceKey& key, const Record& record) {
      return IsReadInAnyProject(key.type) && !record.deleted &&
             state->IsForeign(record);
    };
    PDP_RETURN_IF_ERROR(EraseIf(store, foreign, {}));
  }
  return std::unique_ptr<Mirror>(new Mirror(std::move(state)));
}

absl::StatusOr<Mirror::Result> Mirror::Apply(
    std::string_view project, std::vector<Observation> observations,
    std::span<const store::Cursor> cursors) {
  std::vector<ReadResource> reads;
  reads.reserve(observations.size());
  for (Observation& observation : observations) {
    PDP_ASSIGN_OR_RETURN(
        ReadResource read,
        Understand(std::move(observation), state_->options.max_resource_bytes));
    if (!project.empty() && !read.record.bytes.empty() &&
        read.record.project.empty()) {
      return absl::DataLossError(
          StrCat(read.key.ToString(),
                 ": meta.project is absent: what was read is not in extended "
                 "form"));
    }
    if (!project.empty() && !read.record.bytes.empty() &&
        read.key.type == "Project") {
      read.record.bytes = WithAssumedStrictMode(read.record.bytes);
    }
    reads.push_back(std::move(read));
  }
  MutexLock lock(state_->mutex);
  Batch batch(*state_, state_->memory, project);
  PDP_RETURN_IF_ERROR(batch.Add(std::move(reads)));
  PDP_RETURN_IF_ERROR(batch.Commit(cursors));
  return batch.TakeResult();
}

absl::StatusOr<Keys> Mirror::Elsewhere(std::string_view project) {
  if (project.empty() || state_->options.all_others) return Keys();
  uint64_t begun = 0;
  {
    MutexLock lock(state_->mutex);
    begun = state_->memory.foreign.Now();
  }
  std::set<ResourceKey> named;
  const auto add = [&](const ResourceKey&, const Record& record) {
    for (ResourceKey& key : NamedResources(record.bytes)) {
      named.insert(std::move(key));
    }
    return true;
  };
  PDP_RETURN_IF_ERROR(state_->store.Scan(store::kMembershipType, project, add));
  PDP_RETURN_IF_ERROR(state_->store.Scan("Project", project, add));

  MutexLock lock(state_->mutex);
  HeldRecords held;
  PDP_RETURN_IF_ERROR(
      AddHeld(state_->store, {named.begin(), named.end()}, held));
  Keys wanted;
  for (const ResourceKey& key : named) {
    if (state_->IsElsewhere(RecordOf(held, key))) wanted.push_back(key);
  }
  std::vector<store::Change> changes;
  for (ResourceKey& key :
       state_->memory.foreign.Replace(project, wanted, begun)) {
    changes.push_back({.kind = Change::Kind::kErase, .key = std::move(key)});
  }
  PDP_RETURN_IF_ERROR(state_->Commit(changes, {}));
  return state_->memory.foreign.WantedBy(project);
}

absl::Status Mirror::VisitHeads(std::string_view project, std::string_view type,
                                const HeadVisitor& visit) const {
  return state_->store.Scan(
      type, project, [&](const ResourceKey& key, const Record& record) {
        return state_->OwnerOf(record.project) != project ||
               visit(key.id, record.version_id);
      });
}

absl::StatusOr<Keys> Mirror::DeletedProfiles(std::string_view project) const {
  Keys deleted;
  for (const MirroredType& type : MirroredTypes()) {
    if (type.kept != Mirrored::kTombstones) continue;
    PDP_RETURN_IF_ERROR(state_->store.ScanTombstones(
        type.name, [&](const ResourceKey& key, const Record&) {
          deleted.push_back(key);
          return true;
        }));
  }
  absl::Status status;
  std::erase_if(deleted, [&](const ResourceKey& profile) {
    bool is_named = false;
    status.Update(state_->store.FindMemberships(
        profile.ToString(), [&](const ResourceKey&, const Record& membership) {
          is_named = state_->OwnerOf(membership.project) == project;
          return !is_named;
        }));
    return !is_named;
  });
  PDP_RETURN_IF_ERROR(status);
  return deleted;
}

}  // namespace pdp::sync
