#include "pdp/sync/feed_rounds.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/required_access.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

using medplum::MissingAccess;

// Before what looks like the end of a project is looked at again.
constexpr absl::Duration kSecondLook = absl::Seconds(1);

// While full sweeps fail for longer than so many intervals, what they are there
// to find may be wrong, and sweeps do not confirm that it is not.
constexpr int kFullSweepsMissed = 3;

// What the login lacks of `use`, and what to grant.
std::vector<std::string> SentencesOf(const std::vector<MissingAccess>& missing,
                                     MissingAccess::Use use) {
  std::vector<std::string> sentences;
  for (const MissingAccess& access : missing) {
    if (access.use == use) sentences.push_back(access.what);
  }
  return sentences;
}

}  // namespace

FeedRounds::FeedRounds(FeedReads& reads, const FeedCursors& cursors,
                       Options options)
    : reads_(reads),
      cursors_(cursors),
      options_(std::move(options)),
      bootstrap_(reads, cursors, options_.progress),
      sweep_(reads, cursors, options_.sweep.overlap) {}

absl::Status FeedRounds::Run() {
  refused_.reset();
  const absl::Status status = Attempt();
  if (status.ok()) {
    options_.freshness->Confirm(began_.since_boot);
    if (options_.attributes != nullptr) options_.attributes->Confirmed(began_);
    const bool is_first = !IsConfirmed();
    confirmed_at_ = began_.since_boot;
    if (is_first && resources_ == 0) CountHeld();
    return status;
  }
  if (absl::IsUnauthenticated(status)) {
    refused_ = FeedState::kCredentialsRefused;
  } else if (absl::IsPermissionDenied(status) && !refused_) {
    refused_ = FeedState::kAccessMissing;
  }
  if (refused_) {
    options_.freshness->Refuse(*refused_);
    login_project_.clear();
  }
  return status;
}

absl::Status FeedRounds::Refused(FeedState why, absl::Status status) {
  refused_ = why;
  return status;
}

absl::Status FeedRounds::Attempt() {
  if (login_project_.empty()) PDP_RETURN_IF_ERROR(CheckLogin());
  PDP_ASSIGN_OR_RETURN(const bool is_loaded, bootstrap_.IsComplete());
  if (!is_loaded) PDP_RETURN_IF_ERROR(bootstrap_.LookAtHeld());
  PDP_RETURN_IF_ERROR(LookAtProject());
  if (!is_loaded) {
    PDP_RETURN_IF_ERROR(bootstrap_.Run(began_.server_time));
    // The load may have taken long.
    PDP_RETURN_IF_ERROR(LookAtProject());
  }
  const uint64_t places = reads_.places_taken();
  PDP_RETURN_IF_ERROR(sweep_.Run(began_));
  PDP_RETURN_IF_ERROR(SweepAttributes());
  // The first one may have had much to catch up with.
  sweep_cost_ = IsConfirmed() ? reads_.places_taken() - places
                              : 2 * FeedSearches(reads_.project()).size();
  PDP_RETURN_IF_ERROR(RunFullSweepBefore());
  const absl::Duration since_ok = began_.since_boot - full_sweep_ok_at_;
  if (!full_sweep_status_.ok() &&
      since_ok > kFullSweepsMissed * options_.sweep.full_interval) {
    return full_sweep_status_;
  }
  return absl::OkStatus();
}

absl::Status FeedRounds::SweepAttributes() {
  if (options_.attributes == nullptr) return absl::OkStatus();
  if (sweep_.needs_full_sweep()) {
    options_.attributes->DropAll();
    return absl::OkStatus();
  }
  return options_.attributes->Sweep(began_, sweep_.reach());
}

absl::Status FeedRounds::CheckLogin() {
  const std::string& project = reads_.project();
  absl::StatusOr<medplum::LoginFacts> facts =
      medplum::ReadLoginFacts(reads_.api());
  if (absl::IsInvalidArgument(facts.status()) && !project.empty()) {
    // So the server answers every request of a login whose project is gone.
    PDP_RETURN_IF_ERROR(LookAgain({"Project", project}));
    facts = medplum::ReadLoginFacts(reads_.api());
  }
  if (!facts.ok()) return facts.status();
  const medplum::RequiredAccess notified = {.project = project,
                                            .web_socket = options_.web_socket,
                                            .rest_hook = options_.rest_hook};
  medplum::RequiredAccess read = {.project = project, .web_socket = false};
  read.types.clear();
  for (const MirroredType& type : MirroredTypes()) {
    read.types.emplace_back(type.name);
  }
  const std::vector<std::string> to_decide =
      SentencesOf(FindMissingAccess(*facts, read), MissingAccess::Use::kDecide);
  if (!to_decide.empty()) {
    return Refused(FeedState::kAccessMissing,
                   absl::PermissionDeniedError(absl::StrJoin(to_decide, "; ")));
  }
  if (facts->login.project.empty()) {
    return absl::DataLossError("the server does not say whose the login is");
  }
  login_project_ = facts->login.project;
  if (options_.attributes != nullptr) options_.attributes->SetLogin(*facts);
  options_.logged_in(SentencesOf(FindMissingAccess(*facts, notified),
                                 MissingAccess::Use::kNotify));
  const absl::StatusOr<std::string> version = reads_.api().ServerVersion();
  if (version.ok()) options_.server_version(*version);
  return absl::OkStatus();
}

absl::Status FeedRounds::LookAtProject() {
  const fhir::ResourceKey key = {"Project", login_project_};
  began_ = {.since_boot = options_.clock->SinceBoot()};
  absl::StatusOr<FeedReads::Answer> answer = reads_.Read(key);
  const bool is_live =
      answer.ok() && answer->observation.kind == Observation::Kind::kLive;
  if (!reads_.project().empty() && !is_live &&
      (answer.ok() || absl::IsInvalidArgument(answer.status()))) {
    PDP_RETURN_IF_ERROR(LookAgain(key));
    began_.since_boot = options_.clock->SinceBoot();
    answer = reads_.Read(key);
  }
  if (!answer.ok()) return answer.status();
  began_.server_time = answer->server_time;
  if (began_.server_time != absl::InfinitePast()) {
    server_clock_ahead_ = began_.server_time - options_.clock->Now();
  }
  std::vector<Observation> observations;
  observations.push_back(std::move(answer->observation));
  return reads_.Apply(std::move(observations)).status();
}

absl::Status FeedRounds::LookAgain(const fhir::ResourceKey& project) {
  PDP_RETURN_IF_ERROR(reads_.Wait(kSecondLook));
  absl::StatusOr<FeedReads::Answer> answer = reads_.Read(project);
  if (!answer.ok() && !absl::IsInvalidArgument(answer.status())) {
    return answer.status();
  }
  if (answer.ok()) {
    if (answer->observation.kind == Observation::Kind::kLive) {
      return absl::OkStatus();
    }
    const absl::StatusOr<medplum::LoginInfo> login = reads_.api().WhoAmI();
    if (!login.ok() && !absl::IsInvalidArgument(login.status())) {
      return login.status();
    }
    if (login.ok() && login->project != project.id) {
      return Refused(
          FeedState::kAccessMissing,
          absl::PermissionDeniedError(StrCat(
              "the login belongs to Project/", login->project, ", not to ",
              project.ToString(), ": use a client of that project")));
    }
    std::vector<Observation> observations;
    observations.push_back(std::move(answer->observation));
    PDP_RETURN_IF_ERROR(reads_.Apply(std::move(observations)).status());
  }
  return Refused(
      FeedState::kProjectGone,
      absl::NotFoundError(StrCat(project.ToString(),
                                 " is gone: it was deleted or expunged, "
                                 "or the login has lost it")));
}

absl::Status FeedRounds::RunFullSweepBefore() {
  const bool was_away =
      began_.since_boot - confirmed_at_ > options_.sweep.full_interval;
  if (!sweep_.needs_full_sweep()) {
    if (!was_away) return absl::OkStatus();
    PDP_ASSIGN_OR_RETURN(const FeedPosition position, cursors_.Get());
    if (!IsOverdue(position)) {
      full_sweep_ok_at_ =
          began_.since_boot - (began_.server_time - position.full);
      full_sweep_at_ = full_sweep_ok_at_ + options_.sweep.full_interval;
      return absl::OkStatus();
    }
  }
  BeginFullSweep();
  while (!full_sweep_->done()) PDP_RETURN_IF_ERROR(full_sweep_->Step());
  return CompleteFullSweep();
}

bool FeedRounds::IsOverdue(const FeedPosition& position) const {
  const absl::Duration age = began_.server_time - position.full;
  return position.full == absl::InfinitePast() ||
         began_.server_time == absl::InfinitePast() ||
         age < -options_.sweep.overlap || age > options_.sweep.full_interval;
}

void FeedRounds::CountHeld() {
  for (const MirroredType& type : MirroredTypes()) {
    const absl::Status status =
        reads_.mirror().VisitHeads(reads_.project(), type.name,
                                   [this](std::string_view, std::string_view) {
                                     return ++resources_ > 0;
                                   });
    if (!status.ok()) return;  // It is but a figure for the status.
  }
}

bool FeedRounds::HasStep() const {
  return IsConfirmed() &&
         (full_sweep_ || options_.clock->SinceBoot() >= full_sweep_at_);
}

void FeedRounds::BeginFullSweep() {
  full_sweep_.emplace(reads_, began_);
  full_sweep_at_ = options_.clock->SinceBoot() + options_.sweep.full_interval;
}

absl::StatusOr<bool> FeedRounds::Step() {
  absl::Status status;
  if (!full_sweep_) {
    // What the login may do is looked at as often.
    login_project_.clear();
    BeginFullSweep();
  }
  status = full_sweep_->Step();
  if (status.ok()) {
    if (!full_sweep_->done()) return false;
    status = CompleteFullSweep();
  }
  full_sweep_status_ = status;
  if (status.ok()) return true;
  full_sweep_.reset();
  full_sweep_at_ = options_.clock->SinceBoot() + options_.sweep.interval;
  return status;
}

absl::Status FeedRounds::CompleteFullSweep() {
  PDP_RETURN_IF_ERROR(sweep_.FullSweepIsComplete(full_sweep_->began()));
  // The own Project is not listed.
  resources_ = full_sweep_->resources() + (reads_.project().empty() ? 0 : 1);
  full_sweep_ok_at_ = full_sweep_->began().since_boot;
  full_sweep_.reset();
  full_sweep_status_ = absl::OkStatus();
  return absl::OkStatus();
}

}  // namespace pdp::sync
