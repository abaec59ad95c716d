#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/resource.h"
#include "pdp/policy/access_policy.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/compile.h"
#include "pdp/policy/match_entry.h"
#include "pdp/policy/subject_access.h"
#include "pdp/policy/write_constraint.h"
#include "tests/differential/answer.h"

namespace pdp::differential {
namespace {

using fhir::Interaction;
using fhir::JsonElement;

// The access of a subject whose effective policy is `json`: nothing added to
// it, nothing in it replaced.
absl::StatusOr<policy::SubjectAccess> AccessUnder(JsonElement json) {
  absl::StatusOr<policy::AccessPolicy> parsed = policy::ParseAccessPolicy(json);
  if (!parsed.ok()) return parsed.status();
  std::vector<policy::BoundEntry> entries;
  for (size_t i = 0; i < parsed->entries.size(); ++i) {
    policy::BoundEntry entry;
    entry.compiled = policy::Compile(std::move(parsed->entries[i]));
    entry.source.index = static_cast<uint32_t>(i);
    entries.push_back(std::move(entry));
  }
  policy::SubjectAccess access;
  // Protected types are kept from others elsewhere.
  access.super_admin = true;
  access.policy = std::make_shared<const policy::BoundPolicy>(
      std::move(entries), "", "", std::vector<policy::IpAccessRule>(),
      std::vector<std::string>(), std::vector<policy::Note>());
  return access;
}

// The interactions that some entry grants on the type.
std::string Gate(const policy::SubjectAccess& access, std::string_view type) {
  std::string granted;
  for (int i = 1; i < static_cast<int>(Interaction::kPatch); ++i) {
    const auto interaction = static_cast<Interaction>(i);
    if (!access.Supports(interaction, type)) continue;
    granted += StrCat(fhir::InteractionName(interaction), " ");
  }
  return granted;
}

}  // namespace

Answer AnswerEntry(JsonElement test, fhir::fhirpath::Scratch& scratch) {
  const auto json = fhir::Member(test, "policy");
  const auto resource_json = fhir::Member(test, "resource");
  const auto interaction =
      fhir::ParseInteraction(fhir::StringMember(test, "interaction"));
  if (!json || !resource_json || !interaction) {
    return {{}, absl::InvalidArgumentError("an incomplete case")};
  }
  const auto resource = fhir::Resource::Parse(fhir::ToJson(*resource_json));
  if (!resource.ok()) return {{}, resource.status()};
  const auto access = AccessUnder(*json);
  if (!access.ok()) return {{}, access.status()};

  Answer answer;
  answer.parts.push_back(Gate(*access, (*resource)->type()));
  const policy::EntryMatch match =
      policy::MatchInMemory(*access, **resource, *interaction, scratch);
  if (match.match == policy::Match::kError) {
    const auto code = match.reason == policy::Reason::kLimitExceeded
                          ? absl::StatusCode::kResourceExhausted
                      : match.reason == policy::Reason::kNotSupported
                          ? absl::StatusCode::kUnimplemented
                          : absl::StatusCode::kInvalidArgument;
    answer.status = absl::Status(code, match.error);
    return answer;
  }
  answer.parts.push_back(
      match.entry == nullptr ? "none" : StrCat(match.entry->source.index));
  const bool writes = *interaction == Interaction::kCreate ||
                      *interaction == Interaction::kUpdate;
  if (match.entry == nullptr || !writes) return answer;
  fhir::ResourcePtr before;
  if (const auto before_json = fhir::Member(test, "before")) {
    auto parsed = fhir::Resource::Parse(fhir::ToJson(*before_json));
    if (!parsed.ok()) {
      answer.status = parsed.status();
      return answer;
    }
    before = *std::move(parsed);
  }
  for (const auto& constraint : match.entry->compiled->constraints) {
    const absl::StatusOr<bool> holds =
        policy::Holds(constraint, before.get(), **resource, scratch);
    if (!holds.ok()) {
      answer.status = holds.status();
      return answer;
    }
    answer.parts.push_back(*holds ? "holds" : "fails");
    if (!*holds) break;
  }
  return answer;
}

}  // namespace pdp::differential
