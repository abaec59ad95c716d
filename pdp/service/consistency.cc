#include "pdp/service/consistency.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medplum/pdp/v1/types.pb.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/subject_projects.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

constexpr int kMaxVersions = 32;

CallOutcome Stale(std::string_view message) {
  CallOutcome outcome =
      Failed(absl::UnavailableError(StrCat("STALE: ", message)));
  outcome.refusal = Refusal::kStale;
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
bool IsHeld(const fhir::ResourceLookup& lookup,
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
                          const v1::Consistency& wanted,
                          const DecisionScope& scope) {
  if (wanted.at_least_as_fresh_size() > kMaxVersions) {
    return Failed(absl::ResourceExhaustedError(
        StrCat("consistency.at_least_as_fresh: at most ", kMaxVersions,
               " versions are taken")));
  }
  CallOutcome outcome;
  for (int i = 0; i < wanted.at_least_as_fresh_size(); ++i) {
    const std::string& text = wanted.at_least_as_fresh(i);
    std::optional<VersionedReference> version = ParseVersion(text);
    if (!version) {
      return Failed(absl::InvalidArgumentError(
          StrCat("consistency.at_least_as_fresh[", i,
                 "]: not a version; send `Type/id/_history/versionId`")));
    }
    if (!facts.data.KeepsType(version->key.type)) {
      return Failed(absl::InvalidArgumentError(StrCat(
          "consistency.at_least_as_fresh[", i, "]: this server keeps no ",
          version->key.type, " of its source; leave it out")));
    }
    // versionIds have no order: what was read since the call came in is as
    // fresh as any version that the caller can have seen.
    if (attempt.WasFetched(version->key)) continue;
    if (IsHeld(facts.lookup, *version) &&
        facts.data.StoredRevision() <= facts.revision) {
      continue;
    }
    if (outcome.status.ok()) {
      outcome = Stale(StrCat(text, " is not known here yet"));
    }
    if (attempt.may_fetch) outcome.needed.push_back(std::move(version->key));
  }
  if (outcome.pending()) outcome.needed_by = ProjectOf(facts, scope);
  return outcome;
}

}  // namespace

std::string ProjectOf(const ConsistencyFacts& facts,
                      const DecisionScope& scope) {
  std::vector<std::string> projects;
  if (policy::FindSubjectProjects(scope.subject, scope.context, facts.lookup,
                                  projects) ||
      projects.empty()) {
    return std::string(scope.subject.project);
  }
  return std::move(projects.front());
}

CallOutcome NotReady() {
  return Stale("the first load of the source is not complete");
}

policy::Note StaleNote() {
  return {.code = policy::NoteCode::kStale,
          .text = "the data is further behind its source than usual"};
}

policy::Note ServerVersionNote() {
  return {.code = policy::NoteCode::kServerVersion,
          .text =
              "the rules were not checked against the version of Medplum that "
              "the server runs"};
}

CallOutcome CheckConsistency(const ConsistencyFacts& facts,
                             const CallAttempt& attempt,
                             const v1::Consistency& wanted,
                             const DecisionScope& scope) {
  if (wanted.has_max_staleness() &&
      ReadDuration(wanted.max_staleness()) < absl::ZeroDuration()) {
    return Failed(absl::InvalidArgumentError(
        "consistency.max_staleness: negative; send 0s or more"));
  }
  if (wanted.at_least_revision() > facts.revision) {
    return Stale(StrCat("revision ", wanted.at_least_revision(),
                        " is not known here; this server is at ",
                        facts.revision));
  }
  return CheckVersions(facts, attempt, wanted, scope);
}

}  // namespace pdp::service
