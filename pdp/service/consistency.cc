#include "pdp/service/consistency.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "medplum/pdp/v1/types.pb.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

constexpr int kMaxVersions = 32;

// Unavailable; a refresh may help.
CallOutcome Stale(const CallAttempt& attempt, std::string_view message) {
  CallOutcome outcome =
      Failed(absl::UnavailableError(StrCat("STALE: ", message)));
  outcome.refusal = Refusal::kStale;
  if (attempt.may_refresh && !attempt.WasRefreshed("")) {
    outcome.needs_refresh = {""};
  }
  return outcome;
}

struct VersionedReference {
  fhir::ResourceKey key;
  std::string_view version_id;
};

// `Type/id/_history/versionId`.
std::optional<VersionedReference> ParseVersion(std::string_view text) {
  constexpr std::string_view kHistory = "/_history/";
  const size_t history = text.find(kHistory);
  if (history == std::string_view::npos) return std::nullopt;
  const std::string_view version_id = text.substr(history + kHistory.size());
  std::optional<fhir::ResourceKey> key =
      fhir::ResourceKey::Parse(text.substr(0, history));
  if (!key || version_id.empty() || version_id.size() > 64 ||
      version_id.find('/') != std::string_view::npos) {
    return std::nullopt;
  }
  return VersionedReference{*std::move(key), version_id};
}

// A version that is kept as an older one has been overtaken, which is fresher
// still.
bool IsKnown(const fhir::ResourceLookup& lookup,
             const VersionedReference& version) {
  const fhir::LookupResult current = lookup.Read(version.key);
  if (current.state == fhir::LookupState::kFound &&
      current.resource->version_id() == version.version_id) {
    return true;
  }
  return lookup.ReadVersion(version.key, version.version_id).state ==
         fhir::LookupState::kFound;
}

CallOutcome CheckVersions(const ConsistencyFacts& facts,
                          const CallAttempt& attempt,
                          const v1::Consistency& wanted) {
  if (wanted.at_least_as_fresh_size() > kMaxVersions) {
    return Failed(absl::ResourceExhaustedError(
        StrCat("consistency.at_least_as_fresh: at most ", kMaxVersions,
               " versions are taken")));
  }
  for (int i = 0; i < wanted.at_least_as_fresh_size(); ++i) {
    const std::string& text = wanted.at_least_as_fresh(i);
    const std::optional<VersionedReference> version = ParseVersion(text);
    if (!version) {
      return Failed(absl::InvalidArgumentError(
          StrCat("consistency.at_least_as_fresh[", i,
                 "]: not a version; send `Type/id/_history/versionId`")));
    }
    if (!IsKnown(facts.lookup, *version)) {
      return Stale(attempt, StrCat(text, " is not known here yet"));
    }
  }
  return {};
}

}  // namespace

CallOutcome NotReady() {
  CallOutcome outcome = Failed(absl::UnavailableError(
      "STALE: the first load of the source is not complete"));
  outcome.refusal = Refusal::kStale;
  return outcome;
}

policy::Note StaleNote() {
  return {.code = policy::NoteCode::kStale,
          .text = "the data is further behind its source than usual"};
}

CallOutcome CheckConsistency(const ConsistencyFacts& facts,
                             const CallAttempt& attempt,
                             const v1::Consistency& wanted) {
  if (wanted.has_max_staleness() &&
      ReadDuration(wanted.max_staleness()) < absl::ZeroDuration()) {
    return Failed(absl::InvalidArgumentError(
        "consistency.max_staleness: negative; send 0s or more"));
  }
  if (wanted.at_least_revision() > facts.revision) {
    CallOutcome outcome = Failed(absl::UnavailableError(
        StrCat("STALE: revision ", wanted.at_least_revision(),
               " is not known here; this server is at ", facts.revision)));
    outcome.refusal = Refusal::kStale;
    return outcome;
  }
  return CheckVersions(facts, attempt, wanted);
}

}  // namespace pdp::service
