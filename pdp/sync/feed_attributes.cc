#include "pdp/sync/feed_attributes.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_join.h"
#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"
#include "pdp/sync/listing.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

using fhir::ElementSet;
using fhir::LookupResult;
using fhir::LookupState;
using fhir::ResourceKey;
using Kind = Observation::Kind;

// Nobody waits longer for a place of the budget.
constexpr absl::Duration kLongestWait = absl::Seconds(5);

// A type of which more changed is not worth following.
constexpr int kMaxPages = 20;

// What a decision can be made of.
constexpr fhir::ParseLimits kLimits = {.max_bytes = size_t{4} << 20};

constexpr std::string_view kNoAccess =
    "the login of this server may not read and search every resource of its "
    "type: let it, or send the resource";
constexpr std::string_view kNotUsable =
    "what the source says of it cannot be used: send the resource";

bool HasCompartment(const fhir::Resource& resource) {
  const auto meta = fhir::Member(resource.root(), "meta");
  return meta && fhir::Member(*meta, "compartment").has_value();
}

}  // namespace

FeedAttributes::FeedAttributes(FeedReads& reads, const Options& options)
    : reads_(reads),
      options_(options),
      waiting_(options.max_waiting, options.cache->clock()) {}

FeedAttributes::~FeedAttributes() { Stop(); }

void FeedAttributes::Start() {
  for (int i = 0; i < options_.readers; ++i) {
    threads_.emplace_back([this] { ReadWanted(); });
  }
}

void FeedAttributes::Stop() {
  const absl::Status stopped = absl::UnavailableError("the source has stopped");
  for (const Hint& hint : waiting_.Stop()) {
    for (const Hint::Done& done : hint.waiting) done(stopped);
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool FeedAttributes::IsWanted(const ResourceKey& key) const {
  return options_.cache->Wanted(options_.feed, key).has_value();
}

void FeedAttributes::Read(const ResourceKey& key, Source::Done done) {
  Hint hint = {.key = key, .waiting = {std::move(done)}};
  if (waiting_.Offer(std::move(hint))) return;
  for (const Hint::Done& each : hint.waiting) {
    each(absl::UnavailableError("too much is waiting to be read"));
  }
}

void FeedAttributes::ReadWanted() {
  while (std::optional<Hint> hint = waiting_.Take()) Handle(*std::move(hint));
}

void FeedAttributes::Handle(Hint hint) {
  {
    MutexLock lock(mutex_);
    const auto [reading, is_new] = reading_.try_emplace(hint.key);
    if (!is_new) {
      std::move(hint.waiting.begin(), hint.waiting.end(),
                std::back_inserter(reading->second));
      return;
    }
  }
  // Another read may have brought it.
  const std::optional<ElementSet> wanted =
      options_.cache->Wanted(options_.feed, hint.key);
  absl::Status status;
  if (wanted) {
    status = ReadOne(hint.key, *wanted);
    options_.cache->CountRead(status.ok());
  }
  if (!status.ok()) {
    status = absl::UnavailableError(StrCat(
        hint.key.ToString(), " was not read: ", ToStd(status.message())));
  }
  {
    MutexLock lock(mutex_);
    const auto reading = reading_.find(hint.key);
    std::move(reading->second.begin(), reading->second.end(),
              std::back_inserter(hint.waiting));
    reading_.erase(reading);
  }
  for (const Hint::Done& done : hint.waiting) done(status);
}

absl::Status FeedAttributes::TakePlace() {
  const absl::Duration wait = options_.budget->Take();
  if (wait > kLongestWait) {
    return absl::UnavailableError("too much is read from the server by now");
  }
  return wait > absl::ZeroDuration() ? reads_.Wait(wait) : absl::OkStatus();
}

absl::Status FeedAttributes::ReadOne(const ResourceKey& key,
                                     const ElementSet& wanted) {
  PDP_RETURN_IF_ERROR(TakePlace());
  AttributeCache::Fetched fetched;
  fetched.began = options_.cache->clock().SinceBoot();
  fetched.ticket = reads_.mirror().order().Begin();
  if (!MissingAccessTo(key.type).empty()) {
    fetched.result.advice = kNoAccess;
    options_.cache->Put(options_.feed, key, std::move(fetched));
    return absl::OkStatus();
  }
  std::shared_ptr<Coverage> coverage = Track(key.type, fetched.began);
  absl::StatusOr<FeedReads::Answer> answer = reads_.Read(key);
  if (absl::IsPermissionDenied(answer.status())) {
    fetched.result.advice = kNoAccess;
  } else if (absl::IsInvalidArgument(answer.status())) {
    fetched.result.advice = kNotUsable;
  } else if (!answer.ok()) {
    return answer.status();
  } else {
    fetched.ticket = answer->observation.ticket;
    fetched.result = Understand(key, wanted, answer->observation);
    const fhir::ResourcePtr& resource = fetched.result.resource;
    // Sweeps of a feed with a project look for that project's alone.
    if (resource != nullptr &&
        (reads_.project().empty() || resource->project() == reads_.project())) {
      fetched.coverage = std::move(coverage);
    }
    if (FindMirroredType(key.type) != nullptr) {
      std::vector<Observation> observations;
      observations.push_back(std::move(answer->observation));
      PDP_RETURN_IF_ERROR(reads_.Apply(std::move(observations)).status());
    }
  }
  options_.cache->Put(options_.feed, key, std::move(fetched));
  return absl::OkStatus();
}

LookupResult FeedAttributes::Understand(const ResourceKey& key,
                                        const ElementSet& wanted,
                                        const Observation& observation) const {
  switch (observation.kind) {
    case Kind::kAbsent:
      return {.state = LookupState::kAbsent};
    case Kind::kDeleted:
      return {.state = LookupState::kDeleted};
    case Kind::kLive:
      break;
  }
  auto part = fhir::Resource::ParsePart(observation.json, wanted, kLimits);
  // What lacks compartments is judged by those that its elements make.
  if (part.ok() && !HasCompartment(**part)) {
    part = fhir::Resource::Parse(observation.json, kLimits);
  }
  if (!part.ok() || (*part)->key() != key || (*part)->version_id().empty()) {
    Log(Severity::kWarning, "attributes_not_usable",
        {{"project", reads_.project()},
         {"resource", key.ToString()},
         {"error", part.ok() ? std::string("another resource, or no version")
                             : std::string(ToStd(part.status().message()))}});
    return {.state = LookupState::kUnavailable, .advice = kNotUsable};
  }
  return {.state = LookupState::kFound, .resource = *std::move(part)};
}

void FeedAttributes::Invalidate(const ResourceKey& key) {
  options_.cache->Invalidate(options_.feed, key,
                             reads_.mirror().order().Last());
}

void FeedAttributes::SetLogin(medplum::LoginFacts facts) {
  MutexLock lock(mutex_);
  login_ = std::move(facts);
  missing_access_.clear();
}

std::string FeedAttributes::MissingAccessTo(std::string_view type) {
  std::string message;
  {
    MutexLock lock(mutex_);
    const auto known = missing_access_.find(type);
    if (known != missing_access_.end()) return known->second;
    if (!login_) return "the login is not known yet";
    const medplum::RequiredAccess required = {.project = reads_.project(),
                                              .types = {std::string(type)},
                                              .web_socket = false,
                                              .every_field = true};
    for (const medplum::MissingAccess& missing :
         FindMissingAccess(*login_, required)) {
      message += StrCat(message.empty() ? "" : "; ", missing.what);
    }
    missing_access_.emplace(type, message);
  }
  if (!message.empty()) {
    Log(Severity::kWarning, "attributes_not_readable",
        {{"project", reads_.project()}, {"type", type}, {"error", message}});
  }
  return message;
}

std::shared_ptr<Coverage> FeedAttributes::Track(std::string_view type,
                                                absl::Duration now) {
  MutexLock lock(mutex_);
  if (!confirmed_ || confirmed_->server_time == absl::InfinitePast()) {
    return nullptr;
  }
  const auto given_up = given_up_.find(type);
  if (given_up != given_up_.end()) {
    if (now < given_up->second) return nullptr;
    given_up_.erase(given_up);
  }
  auto [tracked, is_new] = types_.try_emplace(std::string(type));
  if (is_new) {
    tracked->second.coverage = std::make_shared<Coverage>();
    tracked->second.through = confirmed_->server_time;
  }
  tracked->second.last_read = now;
  return tracked->second.coverage;
}

absl::Status FeedAttributes::Sweep(const Moment& began, absl::Duration reach) {
  options_.cache->Purge();
  std::vector<std::pair<std::string, absl::Time>> kept;
  {
    MutexLock lock(mutex_);
    for (auto type = types_.begin(); type != types_.end();) {
      const Type& tracked = type->second;
      // All that was read is too old to be given.
      if (tracked.last_read + options_.cache->max_age() < began.since_boot) {
        tracked.coverage->End();
        type = types_.erase(type);
        continue;
      }
      kept.emplace_back(type->first, tracked.through);
      ++type;
    }
  }
  for (const auto& [type, through] : kept) {
    const absl::Status status = SweepType(type, began, reach, through);
    if (absl::IsCancelled(status)) return status;
    if (!status.ok()) Drop(type, status);
  }
  return absl::OkStatus();
}

absl::Status FeedAttributes::SweepType(const std::string& type,
                                       const Moment& began,
                                       absl::Duration reach,
                                       absl::Time through) {
  if (began.server_time == absl::InfinitePast()) {
    return absl::DataLossError("the server does not say what time it is");
  }
  const absl::Time since = std::min(through, began.server_time) - reach;
  int pages = 0;
  PDP_RETURN_IF_ERROR(SeeListed({type, /*deleted=*/false}, since, pages));
  PDP_RETURN_IF_ERROR(SeeListed({type, /*deleted=*/true}, since, pages));
  // What was deleted when the living were listed, and is back when the deleted
  // are, is in neither list.
  PDP_RETURN_IF_ERROR(
      SeeListed({type, /*deleted=*/false}, began.server_time - reach, pages));
  MutexLock lock(mutex_);
  const auto tracked = types_.find(type);
  if (tracked == types_.end()) return absl::OkStatus();
  tracked->second.through = began.server_time;
  tracked->second.coverage->Confirm(began.since_boot);
  return absl::OkStatus();
}

absl::Status FeedAttributes::SeeListed(const FeedSearch& search,
                                       absl::Time since, int& pages) {
  Listing listing(reads_, search, since);
  while (!listing.done()) {
    if (++pages > kMaxPages) {
      return absl::ResourceExhaustedError("too much of it changes");
    }
    PDP_ASSIGN_OR_RETURN(const std::vector<Observation> observations,
                         listing.Next());
    const ReadTicket last = reads_.mirror().order().Last();
    simdjson::dom::parser parser;
    for (const Observation& observation : observations) {
      simdjson::dom::element root;
      std::string_view version;
      if (!search.deleted &&
          parser.parse(observation.json).get(root) == simdjson::SUCCESS) {
        const auto meta = fhir::Member(root, "meta");
        if (meta) version = fhir::StringMember(*meta, "versionId");
      }
      options_.cache->Seen(options_.feed, observation.key, version, last);
    }
  }
  return absl::OkStatus();
}

void FeedAttributes::Drop(std::string_view type, const absl::Status& why) {
  Log(Severity::kWarning, "attributes_not_swept",
      {{"project", reads_.project()},
       {"type", type},
       {"error", ToStd(why.message())}});
  MutexLock lock(mutex_);
  const auto tracked = types_.find(type);
  if (tracked == types_.end()) return;
  tracked->second.coverage->End();
  types_.erase(tracked);
  given_up_.insert_or_assign(
      std::string(type),
      options_.cache->clock().SinceBoot() + options_.cache->max_age());
}

void FeedAttributes::DropAll() {
  MutexLock lock(mutex_);
  for (const auto& [name, type] : types_) type.coverage->End();
  types_.clear();
}

void FeedAttributes::Confirmed(const Moment& began) {
  MutexLock lock(mutex_);
  confirmed_ = began;
}

}  // namespace pdp::sync
