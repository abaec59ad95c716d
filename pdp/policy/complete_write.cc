#include "pdp/policy/complete_write.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/field_path.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/fhir/required_elements.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/policy/type_rules.h"

namespace pdp::policy {
namespace {

using fhir::JsonElement;
using fhir::LookupState;
using fhir::MemberEdit;
using fhir::Resource;
using fhir::ResourceKey;
using fhir::ResourcePtr;
using fhir::fhirpath::Scratch;

// A completed resource is larger than what was sent by its meta.
constexpr fhir::ParseLimits kCompletedLimits = {.max_bytes = size_t{4} << 20,
                                                .max_depth = 64};

// The version that a write makes is the server's choice; no version that is
// stored has this id.
constexpr std::string_view kNewVersion = "ffffffff-ffff-4fff-bfff-fffffffffffe";

WriteFailure Refuse(Reason reason, std::string message) {
  return {.denial = Denial{.reason = reason,
                           .message = std::move(message),
                           .medplum_http_status = 400},
          .missing = std::nullopt};
}

WriteFailure Refuse(const absl::Status& status) {
  return Refuse(status.code() == absl::StatusCode::kResourceExhausted
                    ? Reason::kLimitExceeded
                    : Reason::kInvalidResource,
                std::string(ToStd(status.message())));
}

std::optional<JsonElement> Meta(const Resource& resource) {
  return fhir::Member(resource.root(), "meta");
}

void AddOnce(std::string_view item, std::vector<std::string>& items) {
  if (item.empty() ||
      std::find(items.begin(), items.end(), item) != items.end()) {
    return;
  }
  items.emplace_back(item);
}

// meta.accounts and meta.account, the latter first where it is none of the
// former.
std::vector<std::string> AccountsOf(const Resource& resource) {
  std::vector<std::string> accounts;
  const auto meta = Meta(resource);
  if (!meta) return accounts;
  fhir::ForEachItem(*meta, "accounts", [&](JsonElement account) {
    AddOnce(fhir::StringMember(account, "reference"), accounts);
  });
  if (const auto account = fhir::Member(*meta, "account")) {
    const std::string_view first = fhir::StringMember(*account, "reference");
    if (!first.empty() &&
        std::find(accounts.begin(), accounts.end(), first) == accounts.end()) {
      accounts.emplace(accounts.begin(), first);
    }
  }
  return accounts;
}

// Whether JavaScript takes the value for true.
bool IsTruthy(JsonElement value) {
  if (value.is_null()) return false;
  if (bool flag = false; value.get(flag) == simdjson::SUCCESS) return flag;
  if (value.is_number()) return value.get_double().value_unsafe() != 0;
  if (const auto text = fhir::AsString(value)) return !text->empty();
  return true;
}

class Completer {
 public:
  Completer(const WriteInput& input, Scratch& scratch, CompletedWrite& result)
      : input_(input), scratch_(scratch), result_(result) {}

  std::optional<WriteFailure> Run() {
    if (auto failure = RestoreFields()) return failure;
    if (auto failure = SetMeta({})) return failure;
    if (auto failure = SetAccounts()) return failure;
    return SetCompartments();
  }

 private:
  std::optional<WriteFailure> Parse(std::string_view json) {
    absl::StatusOr<ResourcePtr> parsed =
        Resource::Parse(json, kCompletedLimits);
    if (!parsed.ok()) return Refuse(parsed.status());
    current_ = *std::move(parsed);
    return std::nullopt;
  }

  // C.10.
  std::optional<WriteFailure> RestoreFields() {
    current_ = input_.submitted;
    if (input_.protecting_entry == nullptr) return std::nullopt;
    const PolicyEntry& entry = input_.protecting_entry->compiled->source;
    if (entry.fields_are_broken) {
      return Refuse(Reason::kPolicyInvalid,
                    "a list of fields of the entry holds something other than "
                    "names");
    }
    std::vector<std::string_view> paths(entry.readonly_fields.begin(),
                                        entry.readonly_fields.end());
    paths.insert(paths.end(), entry.hidden_fields.begin(),
                 entry.hidden_fields.end());
    if (paths.empty()) return std::nullopt;
    absl::StatusOr<fhir::FieldRemoval> removal =
        fhir::RemoveFields(input_.submitted->root(), paths);
    if (!removal.ok()) return Refuse(removal.status());
    result_.restored_fields.assign(paths.begin(), paths.end());
    if (auto failure = Parse(removal->json)) return failure;
    if (auto failure = CopyStoredFields(paths)) return failure;
    return RequireElements(paths);
  }

  // What is erased and not put back may leave a resource that is not valid
  // (semantics L.2).
  std::optional<WriteFailure> RequireElements(
      const std::vector<std::string_view>& paths) {
    for (const std::string_view path : paths) {
      const std::string missing =
          fhir::MissingRequiredElement(current_->root(), path);
      if (!missing.empty()) {
        return Refuse(Reason::kInvalidResource,
                      StrCat("the policy erases `", path, "`, and without `",
                             missing, "` the resource is not valid"));
      }
    }
    return std::nullopt;
  }

  // Only whole top-level members with a truthy value are put back.
  std::optional<WriteFailure> CopyStoredFields(
      const std::vector<std::string_view>& paths) {
    if (input_.existing == nullptr) return std::nullopt;
    std::vector<MemberEdit> edits;
    for (const std::string_view path : paths) {
      const bool is_nested = path.find('.') != std::string_view::npos;
      const bool is_repeated = std::any_of(
          edits.begin(), edits.end(),
          [&](const MemberEdit& edit) { return edit.name == path; });
      if (is_nested || is_repeated || path.ends_with("[x]")) continue;
      const auto stored = fhir::Member(input_.existing->root(), path);
      if (stored && IsTruthy(*stored)) {
        edits.push_back({std::string(path), fhir::ToJson(*stored)});
      }
    }
    if (edits.empty()) return std::nullopt;
    return Parse(fhir::EditObject(current_->root(), edits));
  }

  // C.7: the id and meta.project; what `more` says of meta beside it.
  std::optional<WriteFailure> SetMeta(std::vector<MemberEdit> more) {
    const auto meta = Meta(*current_);
    const std::string empty = "{}";
    simdjson::dom::parser parser;
    JsonElement base;
    if (meta && meta->is_object()) {
      base = *meta;
    } else if (parser.parse(empty).get(base) != simdjson::SUCCESS) {
      return Refuse(Reason::kInternal, "JSON");
    }
    const std::string project = ProjectOf();
    more.push_back(
        {"project", project.empty() ? "" : fhir::QuoteJson(project)});
    // The server writes a new version, now.
    more.push_back({"versionId", fhir::QuoteJson(kNewVersion)});
    more.push_back({"lastUpdated", fhir::QuoteJson(now_)});
    more.push_back(
        {"author", StrCat("{\"reference\":",
                          fhir::QuoteJson(input_.access.profile), "}")});
    if (!input_.access.on_behalf_of_profile.empty()) {
      more.push_back(
          {"onBehalfOf",
           StrCat("{\"reference\":",
                  fhir::QuoteJson(input_.access.on_behalf_of_profile), "}")});
    }
    return Parse(fhir::EditObject(current_->root(),
                                  {{"id", fhir::QuoteJson(input_.id)},
                                   {"meta", fhir::EditObject(base, more)}}));
  }

  std::string ProjectOf() const {
    const std::string_view type = input_.submitted->type();
    if (type == "Project") return std::string(input_.id);
    if (type == "ProjectMembership") {
      const auto project = fhir::Member(current_->root(), "project");
      const std::string_view reference =
          project ? fhir::StringMember(*project, "reference")
                  : std::string_view();
      return std::string(reference.substr(reference.find('/') + 1));
    }
    if (IsProtectedType(type)) return std::string(current_->project());
    if (input_.access.super_admin) {
      if (type == "User" || type == "Subscription" ||
          !current_->project().empty()) {
        return std::string(input_.submitted->project());
      }
    }
    if (input_.existing != nullptr && !input_.existing->project().empty()) {
      return std::string(input_.existing->project());
    }
    return input_.access.project.id;
  }

  // C.8.
  std::optional<WriteFailure> SetAccounts() {
    const std::vector<std::string> submitted = AccountsOf(*input_.submitted);
    const bool may_choose =
        input_.extended_mode &&
        (input_.access.super_admin || input_.access.project_admin) &&
        Meta(*input_.submitted).has_value();
    if (may_choose) {
      result_.accounts = submitted;
      return WriteAccounts();
    }
    std::vector<std::string> computed;
    if (input_.existing == nullptr) {
      AddOnce(input_.access.policy->compartment(), computed);
    }
    if (current_->type() == "Patient") {
      if (input_.existing != nullptr) {
        for (const std::string& account : AccountsOf(*input_.existing)) {
          AddOnce(account, computed);
        }
      }
    } else if (auto failure = AddAccountsOfPatients(computed)) {
      return failure;
    }
    if (computed.empty()) {
      result_.accounts = submitted;
      result_.has_client_accounts = !submitted.empty();
      return std::nullopt;
    }
    result_.accounts = std::move(computed);
    return WriteAccounts();
  }

  std::optional<WriteFailure> AddAccountsOfPatients(
      std::vector<std::string>& accounts) {
    absl::StatusOr<std::vector<std::string>> patients =
        fhir::search::PatientsOf(*current_, scratch_);
    if (!patients.ok()) return Refuse(patients.status());
    for (const std::string& patient : *patients) {
      const std::optional<ResourceKey> key = ResourceKey::Parse(patient);
      if (!key || !fhir::IsUuid(key->id)) continue;
      const fhir::LookupResult found = input_.lookup.Read(*key);
      if (found.state == LookupState::kFound) {
        for (const std::string& account : AccountsOf(*found.resource)) {
          AddOnce(account, accounts);
        }
      } else if (found.state == LookupState::kUnavailable ||
                 found.state == LookupState::kPending) {
        LookupFailure missing;
        missing.status = absl::UnavailableError(
            StrCat("`", patient,
                   "`, whose accounts the resource would get, "
                   "cannot be looked up"));
        if (found.state == LookupState::kPending) {
          missing.needed.push_back(*key);
        }
        return WriteFailure{std::nullopt, std::move(missing)};
      }
    }
    return std::nullopt;
  }

  std::optional<WriteFailure> WriteAccounts() {
    if (result_.accounts.empty()) {
      return SetMeta({{"accounts", ""}, {"account", ""}});
    }
    return SetMeta(
        {{"accounts", fhir::ReferencesJson(result_.accounts)},
         {"account", StrCat("{\"reference\":",
                            fhir::QuoteJson(result_.accounts.front()), "}")}});
  }

  std::optional<WriteFailure> SetCompartments() {
    absl::StatusOr<std::vector<std::string>> compartments =
        fhir::search::CompartmentsOf(*current_, scratch_);
    if (!compartments.ok()) return Refuse(compartments.status());
    result_.compartments = *std::move(compartments);
    const std::string json = result_.compartments.empty()
                                 ? std::string()
                                 : fhir::ReferencesJson(result_.compartments);
    if (auto failure = SetMeta({{"compartment", json}})) return failure;
    result_.resource = current_;
    return std::nullopt;
  }

  const WriteInput& input_;
  Scratch& scratch_;
  CompletedWrite& result_;
  ResourcePtr current_;
  const std::string now_ = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                                            absl::UTCTimeZone());
};

}  // namespace

std::optional<WriteFailure> CompleteWrite(const WriteInput& input,
                                          Scratch& scratch,
                                          CompletedWrite& result) {
  return Completer(input, scratch, result).Run();
}

absl::StatusOr<ResourcePtr> WithCompartments(const ResourcePtr& resource,
                                             std::string_view project,
                                             Scratch& scratch) {
  ResourcePtr current = resource;
  const auto with_meta =
      [&](std::vector<MemberEdit> edits) -> absl::StatusOr<ResourcePtr> {
    const auto meta = Meta(*current);
    std::string json = "{}";
    if (meta && meta->is_object()) {
      json = fhir::EditObject(*meta, edits);
    } else {
      simdjson::dom::parser parser;
      JsonElement empty;
      if (parser.parse(json).get(empty) == simdjson::SUCCESS) {
        json = fhir::EditObject(empty, edits);
      }
    }
    return Resource::Parse(
        fhir::EditObject(current->root(), {{"meta", std::move(json)}}),
        kCompletedLimits);
  };
  if (current->project().empty() && !project.empty()) {
    PDP_ASSIGN_OR_RETURN(current,
                         with_meta({{"project", fhir::QuoteJson(project)}}));
  }
  PDP_ASSIGN_OR_RETURN(const std::vector<std::string> compartments,
                       fhir::search::CompartmentsOf(*current, scratch));
  return with_meta({{"compartment", compartments.empty()
                                        ? std::string()
                                        : fhir::ReferencesJson(compartments)}});
}

}  // namespace pdp::policy
