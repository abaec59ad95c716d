#include "pdp/policy/complete_write.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/field_path.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/fhir/reference.h"
#include "pdp/fhir/required_elements.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/policy/erased_fields.h"
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

// meta.accounts, with meta.account before them where it is none of them;
// nothing where there is neither.
std::optional<std::vector<JsonElement>> AccountsIn(
    const std::optional<JsonElement>& meta) {
  if (!meta) return std::nullopt;
  const auto list = fhir::Member(*meta, "accounts");
  const auto single = fhir::Member(*meta, "account");
  const bool has_list = list && !list->is_null();
  const bool has_single = single && !single->is_null();
  if (!has_list && !has_single) return std::nullopt;
  std::vector<JsonElement> accounts;
  if (has_list) {
    fhir::ForEachItem(*meta, "accounts", [&](JsonElement account) {
      accounts.push_back(account);
    });
  }
  if (has_single) {
    const std::string_view reference = fhir::StringMember(*single, "reference");
    const bool is_listed =
        std::any_of(accounts.begin(), accounts.end(), [&](JsonElement account) {
          return fhir::StringMember(account, "reference") == reference;
        });
    if (!is_listed) accounts.insert(accounts.begin(), *single);
  }
  return accounts;
}

// Their references, once each.
std::vector<std::string> AccountsOf(const Resource& resource) {
  std::vector<std::string> references;
  if (const auto accounts = AccountsIn(Meta(resource))) {
    for (const JsonElement account : *accounts) {
      AddOnce(fhir::StringMember(account, "reference"), references);
    }
  }
  return references;
}

std::string ReferenceJson(std::string_view reference) {
  return StrCat("{\"reference\":", fhir::QuoteJson(reference), "}");
}

std::string EditMeta(const Resource& resource,
                     const std::vector<MemberEdit>& edits) {
  const auto meta = Meta(resource);
  if (meta && meta->is_object()) return fhir::EditObject(*meta, edits);
  simdjson::dom::parser parser;
  const JsonElement none = parser.parse(std::string("{}")).value_unsafe();
  return fhir::EditObject(none, edits);
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
    absl::StatusOr<std::vector<std::string>> patients =
        fhir::search::PatientsOf(*current_, input_.id, scratch_);
    if (!patients.ok()) return Refuse(patients.status());
    if (auto failure = SetAccounts(*patients)) return failure;
    SetServerMeta(*patients);
    if (auto failure = Parse(fhir::EditObject(
            current_->root(), {{"id", fhir::QuoteJson(input_.id)},
                               {"meta", EditMeta(*current_, meta_edits_)}}))) {
      return failure;
    }
    result_.resource = current_;
    return std::nullopt;
  }

 private:
  std::optional<WriteFailure> Parse(std::string_view json) {
    absl::StatusOr<ResourcePtr> parsed =
        Resource::Parse(json, kCompletedLimits);
    if (!parsed.ok()) return Refuse(parsed.status());
    current_ = *std::move(parsed);
    return std::nullopt;
  }

  // S-18.
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
        fhir::RemoveFields(input_.submitted->json(), paths);
    if (!removal.ok()) return Refuse(removal.status());
    result_.restored_fields.assign(paths.begin(), paths.end());
    if (auto failure = Parse(removal->json)) return failure;
    if (auto failure = CopyStoredFields(paths)) return failure;
    return RequireElements(paths);
  }

  // What is erased and not put back may leave a resource that is not valid
  // (semantics S-17.11).
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
    if (!input_.access.project.strict_mode) return std::nullopt;
    const std::string problem = ErasureProblem(*current_, paths, scratch_);
    if (problem.empty()) return std::nullopt;
    return Refuse(Reason::kInvalidResource,
                  StrCat("after the policy erased fields, ", problem));
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

  void Set(std::string_view name, std::string json) {
    meta_edits_.push_back({std::string(name), std::move(json)});
  }
  // What the client says of it does not count.
  void Clear(std::string_view name) { Set(name, ""); }

  // S-17: what the server says of every version.
  void SetServerMeta(const std::vector<std::string>& patients) {
    const std::string project = ProjectOf();
    Set("project", project.empty() ? "" : fhir::QuoteJson(project));
    Set("versionId", fhir::QuoteJson(kNewVersion));
    Set("lastUpdated", fhir::QuoteJson(LastUpdated()));
    Set("author", ReferenceJson(input_.access.profile));
    Clear("deleted");
    if (input_.access.on_behalf_of_profile.empty()) {
      Clear("onBehalfOf");
    } else {
      Set("onBehalfOf", ReferenceJson(input_.access.on_behalf_of_profile));
    }
    result_.compartments = fhir::search::CompartmentsOf(
        *current_, project, compartment_accounts_, patients);
    Set("compartment", result_.compartments.empty()
                           ? std::string()
                           : fhir::ReferencesJson(result_.compartments));
  }

  // Now; a super admin may say when what is new was made.
  std::string LastUpdated() const {
    const bool may_say =
        input_.existing == nullptr && input_.access.super_admin;
    return may_say && !current_->last_updated().empty()
               ? std::string(current_->last_updated())
               : absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                                  absl::UTCTimeZone());
  }

  std::string ProjectOf() const {
    const std::string_view type = current_->type();
    const std::string_view submitted = current_->project();
    if (type == "Project") return std::string(input_.id);
    if (type == "ProjectMembership") {
      const auto project = fhir::Member(current_->root(), "project");
      const std::string_view reference =
          project ? fhir::StringMember(*project, "reference")
                  : std::string_view();
      const std::optional<ResourceKey> key = fhir::KeyOfReference(reference);
      return key ? key->id : std::string();
    }
    if (IsProtectedType(type)) return std::string(submitted);
    if (input_.access.super_admin &&
        (type == "User" || type == "Subscription" || !submitted.empty())) {
      return std::string(submitted);
    }
    if (input_.existing != nullptr && !input_.existing->project().empty()) {
      return std::string(input_.existing->project());
    }
    return input_.access.project.id;
  }

  // S-17.
  std::optional<WriteFailure> SetAccounts(
      const std::vector<std::string>& patients) {
    const bool may_choose =
        input_.extended_mode &&
        (input_.access.super_admin || input_.access.project_admin) &&
        Meta(*current_).has_value();
    if (may_choose) {
      TakeChosenAccounts();
      compartment_accounts_ = result_.accounts;
      return std::nullopt;
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
    } else if (auto failure = AddAccountsOf(patients, computed)) {
      return failure;
    }
    if (computed.empty()) {
      result_.accounts = AccountsOf(*current_);
      result_.has_client_accounts = !result_.accounts.empty();
      compartment_accounts_ = fhir::search::CompartmentAccountsOf(*current_);
      return std::nullopt;
    }
    Set("accounts", fhir::ReferencesJson(computed));
    Set("account", ReferenceJson(computed.front()));
    compartment_accounts_ = computed;
    result_.accounts = std::move(computed);
    return std::nullopt;
  }

  // As they were sent, whatever else the references hold.
  void TakeChosenAccounts() {
    const auto accounts = AccountsIn(Meta(*current_));
    if (!accounts) return;
    std::string json = "[";
    for (const JsonElement account : *accounts) {
      if (json.size() > 1) json += ',';
      json += fhir::ToJson(account);
      AddOnce(fhir::StringMember(account, "reference"), result_.accounts);
    }
    Set("accounts", accounts->empty() ? "" : json + "]");
    Set("account", accounts->empty() ? "" : fhir::ToJson(accounts->front()));
  }

  std::optional<WriteFailure> AddAccountsOf(
      const std::vector<std::string>& patients,
      std::vector<std::string>& accounts) {
    for (const std::string& patient : patients) {
      const std::optional<ResourceKey> key = fhir::KeyOfReference(patient);
      if (!key || !fhir::IsUuid(key->id)) continue;
      const fhir::LookupResult found = input_.lookup.ReadPart(
          *key, fhir::ElementSet::Least(), input_.access.project.id);
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

  const WriteInput& input_;
  Scratch& scratch_;
  CompletedWrite& result_;
  ResourcePtr current_;
  std::vector<MemberEdit> meta_edits_;
  std::vector<std::string> compartment_accounts_;
};

}  // namespace

std::optional<WriteFailure> CompleteWrite(const WriteInput& input,
                                          Scratch& scratch,
                                          CompletedWrite& result) {
  return Completer(input, scratch, result).Run();
}

absl::StatusOr<ResourcePtr> WithMeta(const Resource& resource,
                                     const std::vector<MemberEdit>& edits) {
  return Resource::ParsePart(
      fhir::EditObject(resource.root(), {{"meta", EditMeta(resource, edits)}}),
      resource.elements(), kCompletedLimits);
}

absl::StatusOr<ResourcePtr> WithCompartments(const ResourcePtr& resource,
                                             std::string_view project,
                                             Scratch& scratch) {
  PDP_ASSIGN_OR_RETURN(const std::vector<std::string> patients,
                       fhir::search::PatientsOf(*resource, scratch));
  std::vector<MemberEdit> edits;
  if (resource->project().empty() && !project.empty()) {
    edits.push_back({"project", fhir::QuoteJson(project)});
  } else {
    project = resource->project();
  }
  const std::vector<std::string> compartments = fhir::search::CompartmentsOf(
      *resource, project, fhir::search::CompartmentAccountsOf(*resource),
      patients);
  edits.push_back({"compartment", compartments.empty()
                                      ? std::string()
                                      : fhir::ReferencesJson(compartments)});
  return WithMeta(*resource, edits);
}

}  // namespace pdp::policy
