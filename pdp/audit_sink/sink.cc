#include "pdp/audit_sink/sink.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "pdp/audit/log_reader.h"
#include "pdp/audit_sink/event.h"
#include "pdp/audit_sink/treatment.h"
#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::audit_sink {
namespace {

constexpr size_t kMaxRecentDecisions = 16'384;
// Events that are read ahead, in requests.
constexpr size_t kBatchesAhead = 4;
// Of one request; servers take a megabyte.
constexpr size_t kMaxBatchBytes = size_t{512} << 10;
// How late a record may be written after its time.
constexpr absl::Duration kMaxGrace = absl::Seconds(5);
// Where nothing is to be posted.
constexpr absl::Duration kSaveInterval = absl::Seconds(10);
constexpr absl::Duration kFirstBackoff = absl::Seconds(1);
constexpr absl::Duration kMaxBackoff = absl::Minutes(1);

constexpr std::string_view kAnyProject = "\"project\":\"";
constexpr std::string_view kDecisionId = "\"decision_id\":\"";

std::string FileName(std::string_view project) {
  return StrCat("medplum-", project.empty() ? "all" : project, ".json");
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Visits the ids of decisions in a line.
template <typename Visitor>
void ForEachId(std::string_view line, const Visitor& visit) {
  constexpr size_t kLength = 36;
  while (true) {
    const size_t at = line.find(kDecisionId);
    if (at == std::string_view::npos) return;
    line.remove_prefix(at + kDecisionId.size());
    visit(line.substr(0, kLength));
  }
}

bool IsRefusal(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

double RandomNumber() {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

Sink::Sink(SinkOptions options, std::unique_ptr<Target> target, SinkState state)
    : options_(std::move(options)),
      file_(FileName(options_.project)),
      target_(std::move(target)),
      cursor_(options_.directory, options_.archive_directory,
              std::move(state.positions)),
      state_(std::move(state)),
      saved_at_(options_.clock->SinceBoot()),
      read_to_(options_.clock->Now()),
      decisions_(kMaxRecentDecisions),
      batch_size_(options_.settings.batch_size),
      saved_(cursor_.positions()) {
  status_.project = options_.project;
}

absl::StatusOr<std::unique_ptr<Sink>> Sink::Start(
    SinkOptions options, std::unique_ptr<Target> target) {
  PDP_ASSIGN_OR_RETURN(std::optional<SinkState> state,
                       SinkState::Read(StrCat(options.directory, "/",
                                              FileName(options.project))));
  if (!state) {
    state.emplace();
    PDP_ASSIGN_OR_RETURN(state->positions, LogCursor::End(options.directory));
  }
  auto sink = absl::WrapUnique(
      new Sink(std::move(options), std::move(target), *std::move(state)));
  PDP_RETURN_IF_ERROR(sink->Save());
  if (sink->options_.run_thread) {
    sink->thread_ = std::thread([raw = sink.get()] { raw->Run(); });
  }
  return sink;
}

Sink::~Sink() {
  {
    const std::lock_guard<std::mutex> lock(stop_mutex_);
    is_stopping_ = true;
  }
  stop_.notify_all();
  target_->Stop();
  if (thread_.joinable()) thread_.join();
  if (is_dirty_) Save().IgnoreError();
}

void Sink::Run() {
  std::unique_lock<std::mutex> lock(stop_mutex_);
  while (!is_stopping_) {
    lock.unlock();
    const absl::Duration wait = RunOnce();
    lock.lock();
    stop_.wait_for(lock, absl::ToChronoNanoseconds(wait),
                   [this] { return is_stopping_; });
  }
}

absl::Duration Sink::RunOnce() {
  absl::Status status = ReadOn();
  if (status.ok()) {
    CloseFolds();
    const bool is_due =
        options_.clock->SinceBoot() - saved_at_ >= kSaveInterval;
    if (is_dirty_ && (!state_.pending.empty() || is_due)) status = Save();
  }
  if (status.ok()) status = Post();
  Tell(status);
  Measure();
  if (!status.ok()) return Backoff();
  failures_in_a_row_ = 0;
  return is_caught_up_ ? options_.settings.interval : absl::ZeroDuration();
}

// Reading.

absl::Status Sink::ReadOn() {
  if (!state_.pending.empty()) return absl::OkStatus();
  const absl::Time looked_before = looked_at_;
  const bool looks = is_caught_up_ || looked_at_ == absl::InfinitePast();
  if (looks) {
    looked_at_ = options_.clock->Now();
    PDP_RETURN_IF_ERROR(cursor_.Look());
  }
  const size_t most = kBatchesAhead * options_.settings.batch_size;
  PDP_ASSIGN_OR_RETURN(
      const bool has_more,
      cursor_.Read([this](const LogLine& line) { Take(line); },
                   [&] { return state_.pending.size() < most; }));
  is_caught_up_ = !has_more && state_.pending.size() < most;
  // What was written until the look before the last one has been read.
  if (is_caught_up_ && looks) read_to_ = std::max(read_to_, looked_before);
  return absl::OkStatus();
}

void Sink::Take(const LogLine& line) {
  is_dirty_ = true;
  if (!MayBeOurs(line.text) || !records_.Read(line.text).ok()) return;
  for (size_t i = 0; i < records_.size(); ++i) {
    // Neither what is no record, nor one of the log about itself.
    if (!parser_.Parse(records_[i]).ok() || !parser_.is_record()) continue;
    std::string identity = StrCat(line.chain, "-", parser_.seq());
    if (i != 0) identity += StrCat("-", i);
    TakeRecord(records_[i], std::move(identity));
  }
}

void Sink::TakeRecord(std::string_view json, std::string identity) {
  audit::Record record = parser_.record();
  if (record.kind == audit::RecordKind::kAccess) {
    if (!JoinDecision(record)) return;
  } else if (!IsOurs(record.project)) {
    if (!record.decision_id.empty()) decisions_.AddForeign(record.decision_id);
    return;
  } else if (!record.decision_id.empty()) {
    decisions_.Add(record.decision_id, DecisionFacts::Of(record));
  }
  switch (TreatmentOf(record, options_.settings.reads)) {
    case Treatment::kNone:
      return;
    case Treatment::kOne:
      AddEvent(record, std::move(identity));
      return;
    case Treatment::kFold:
      Fold(record, json, std::move(identity));
      return;
  }
}

bool Sink::MayBeOurs(std::string_view line) {
  if (options_.project.empty()) return true;
  if (Contains(line, StrCat(kAnyProject, options_.project, "\""))) return true;
  if (!Contains(line, kAnyProject)) {
    return options_.takes_unplaced || Contains(line, "\"kind\":\"access\"");
  }
  ForEachId(line, [this](std::string_view id) { decisions_.AddForeign(id); });
  return false;
}

bool Sink::IsOurs(std::string_view project) const {
  if (project.empty()) return options_.takes_unplaced;
  if (!options_.project.empty()) return project == options_.project;
  return std::find(options_.other_projects.begin(),
                   options_.other_projects.end(),
                   project) == options_.other_projects.end();
}

bool Sink::JoinDecision(audit::Record& record) {
  const std::string id(record.decision_id);
  if (decisions_.Find(id) == nullptr) {
    std::vector<std::string> directories = {options_.directory};
    if (!options_.archive_directory.empty()) {
      directories.push_back(options_.archive_directory);
    }
    const auto reader = audit::LogReader::Open(directories);
    if (!reader.ok()) return options_.takes_unplaced;
    const auto found = reader->FindDecision(id);
    if (!found.ok() || !found->has_value()) return options_.takes_unplaced;
    const audit::Record& decision = (*found)->parsed.record();
    if (IsOurs(decision.project)) {
      decisions_.Add(id, DecisionFacts::Of(decision));
    } else {
      decisions_.AddForeign(id);
    }
  }
  const std::optional<DecisionFacts>& facts = *decisions_.Find(id);
  if (!facts) return false;
  joined_ = *facts;
  joined_.Fill(record);
  return true;
}

void Sink::Fold(const audit::Record& record, std::string_view json,
                std::string identity) {
  const absl::Duration window = options_.settings.fold_window;
  const auto [found, is_new] =
      state_.folds.try_emplace(FoldKey(record, window));
  OpenFold& fold = found->second;
  if (is_new) {
    fold.identity = std::move(identity);
    fold.record = std::string(json);
    fold.first = fold.last = record.time;
    fold.window_ends = WindowEnd(record.time, window);
  }
  ++fold.count;
  fold.first = std::min(fold.first, record.time);
  fold.last = std::max(fold.last, record.time);
}

void Sink::AddEvent(const audit::Record& record, std::string identity) {
  const EventFrame frame{.identity = identity,
                         .server = options_.server,
                         .project = MetaProject(record)};
  std::string json = MakeEvent(record, frame);
  state_.pending.push_back({.identity = std::move(identity),
                            .time = record.time,
                            .json = std::move(json)});
}

std::string_view Sink::MetaProject(const audit::Record& record) const {
  return options_.project.empty() ? record.project : std::string_view();
}

void Sink::CloseFolds() {
  // While it reads on they are few: the ends of windows are known later.
  const bool are_too_many = state_.folds.size() > options_.max_folds;
  if (!are_too_many && !is_caught_up_) return;
  if (are_too_many) {
    std::vector<absl::Time> ends;
    for (const auto& [key, fold] : state_.folds) ends.push_back(fold.last);
    const size_t middle = ends.size() / 2;
    std::nth_element(ends.begin(),
                     ends.begin() + static_cast<std::ptrdiff_t>(middle),
                     ends.end());
    const absl::Time until = ends[middle];
    std::erase_if(state_.folds, [&](const auto& item) {
      if (item.second.last > until) return false;
      CloseFold(item.second);
      return true;
    });
    return;
  }
  const absl::Duration grace =
      std::min(kMaxGrace, options_.settings.fold_window);
  std::erase_if(state_.folds, [&](const auto& item) {
    if (item.second.window_ends + grace > read_to_) return false;
    CloseFold(item.second);
    return true;
  });
}

void Sink::CloseFold(const OpenFold& fold) {
  is_dirty_ = true;
  if (!parser_.Parse(fold.record).ok()) return;  // It was read once.
  const audit::Record& record = parser_.record();
  const EventFrame frame{.identity = fold.identity,
                         .server = options_.server,
                         .project = MetaProject(record),
                         .count = fold.count,
                         .first = fold.first,
                         .last = fold.last};
  state_.pending.push_back({.identity = fold.identity,
                            .time = fold.last,
                            .json = MakeEvent(record, frame)});
}

// Posting.

absl::Status Sink::Save() {
  state_.positions = cursor_.positions();
  PDP_RETURN_IF_ERROR(state_.Write(options_.directory, file_));
  is_dirty_ = false;
  saved_at_ = options_.clock->SinceBoot();
  MutexLock lock(status_mutex_);
  saved_ = state_.positions;
  return absl::OkStatus();
}

absl::Status Sink::Post() {
  while (!state_.pending.empty()) {
    size_t count = 0;
    size_t bytes = 0;
    for (const PendingEvent& event : state_.pending) {
      bytes += event.json.size();
      if (count == batch_size_ || (count > 0 && bytes > kMaxBatchBytes)) break;
      ++count;
    }
    PDP_RETURN_IF_ERROR(PostBatch(count));
    Measure();
  }
  return absl::OkStatus();
}

absl::Status Sink::PostBatch(size_t count) {
  std::vector<PostedEvent> batch;
  for (size_t i = 0; i < count; ++i) {
    const PendingEvent& event = state_.pending[i];
    batch.push_back({.identity = event.identity, .json = event.json});
  }
  absl::StatusOr<std::vector<absl::Status>> results = target_->Post(batch);
  if (absl::IsResourceExhausted(results.status())) {
    if (count > 1) {
      batch_size_ = count / 2;
      return absl::OkStatus();
    }
    results = std::vector<absl::Status>{
        absl::InvalidArgumentError(results.status().message())};
  }
  PDP_RETURN_IF_ERROR(results.status());
  if (results->size() != count) {
    return absl::DataLossError("the answer is of another number of events");
  }
  batch_size_ = std::min(batch_size_ * 2, options_.settings.batch_size);
  is_dirty_ = true;
  absl::Status failure;
  std::deque<PendingEvent> kept;
  for (size_t i = 0; i < count; ++i) {
    PendingEvent event = std::move(state_.pending.front());
    state_.pending.pop_front();
    const absl::Status& result = (*results)[i];
    if (Settle(event, result)) continue;
    if (!absl::IsInvalidArgument(result)) failure.Update(result);
    kept.push_back(std::move(event));
  }
  for (; !kept.empty(); kept.pop_back()) {
    state_.pending.push_front(std::move(kept.back()));
  }
  return failure;
}

bool Sink::Settle(PendingEvent& event, const absl::Status& result) {
  MutexLock lock(status_mutex_);
  if (result.ok()) {
    ++status_.created;
    return true;
  }
  if (absl::IsAlreadyExists(result)) {
    ++status_.existing;
    return true;
  }
  if (!absl::IsInvalidArgument(result)) return false;
  if (!event.is_without_references) {
    event.is_without_references = true;
    event.json = WithoutReferences(event.json);
    return false;
  }
  ++status_.rejected;
  Log(Severity::kError, "audit_event_rejected",
      {{"project", options_.project},
       {"event", event.identity},
       {"error", ToStd(result.message())}});
  return true;
}

absl::Duration Sink::Backoff() {
  absl::Duration longest = kFirstBackoff;
  for (int i = 0; i < failures_in_a_row_ && longest < kMaxBackoff; ++i) {
    longest *= 2;
  }
  ++failures_in_a_row_;
  const double random = options_.random ? options_.random() : RandomNumber();
  return std::min(longest, kMaxBackoff) * (0.5 + random / 2);
}

void Sink::Tell(const absl::Status& status) {
  if (absl::IsCancelled(status)) return;
  const bool is_refused = IsRefusal(status);
  {
    MutexLock lock(status_mutex_);
    status_.failures += status.ok() ? 0 : 1;
    status_.is_refused = is_refused;
  }
  if (status.code() == told_) return;
  told_ = status.code();
  if (status.ok()) {
    Log(Severity::kInfo, "audit_events_posted",
        {{"project", options_.project}});
    return;
  }
  Log(is_refused ? Severity::kError : Severity::kWarning,
      "audit_events_not_posted",
      {{"project", options_.project},
       {"error", ToStd(status.message())},
       {"help", is_refused
                    ? "the login's policy has to grant create and "
                      "search of AuditEvent"
                    : "they are tried again; the audit log keeps them"}});
}

bool Sink::Needs(const audit::SegmentName& name) const {
  MutexLock lock(status_mutex_);
  const auto position = saved_.find(name.chain);
  return position == saved_.end() || name.number >= position->second.segment;
}

void Sink::Measure() {
  absl::Time until = read_to_;
  for (const PendingEvent& event : state_.pending) {
    until = std::min(until, event.time);
  }
  MutexLock lock(status_mutex_);
  status_.waiting_events = state_.pending.size();
  status_.open_folds = state_.folds.size();
  status_.unread_bytes = cursor_.unread_bytes();
  status_.lost_segments = cursor_.lost_segments();
  status_.posted_until = until;
}

SinkStatus Sink::Status() const {
  MutexLock lock(status_mutex_);
  return status_;
}

}  // namespace pdp::audit_sink
