#include "pdp/policy/bind.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/status/statusor.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/policy/builtin_rules.h"
#include "pdp/policy/draft.h"
#include "pdp/policy/parameters.h"
#include "pdp/policy/repeated_parameters.h"
#include "pdp/policy/smart_scopes.h"
#include "pdp/policy/tenants.h"

namespace pdp::policy {
namespace {

// Past this many entries a policy is refused: evaluation time is bounded.
constexpr size_t kMaxEntries = 50'000;
// Of texts with parameters in place, in one bound policy.
constexpr size_t kMaxSubstitutedBytesOfAll = 32 << 20;

// An entry of a stored policy with only `readonly` gets its interactions
// written in (semantics S-2).
void WriteOutReadonly(PolicyEntry& entry) {
  if (entry.has_interaction || !entry.readonly) return;
  entry.has_interaction = true;
  entry.interactions = fhir::kReadInteractions;
  entry.interaction_names = {"search", "read", "history", "vread"};
}

std::string Reference(const AccessPolicy& policy) {
  return StrCat("AccessPolicy/", policy.id);
}

std::string PlainReference(std::string_view id) {
  return StrCat("{\"reference\":", fhir::QuoteJson(StrCat("AccessPolicy/", id)),
                "}");
}

Denial InvalidPolicy(const AccessPolicy& policy, std::string_view why,
                     StrictRule rule = StrictRule::kUnspecified) {
  return {.reason = Reason::kPolicyInvalid,
          .message = StrCat(Reference(policy), ": ", why),
          .medplum_http_status = 400,
          .strict_rule = rule};
}

bool ChangesAConstraint(const Parameter& parameter,
                        const AccessPolicy& policy) {
  return std::any_of(policy.entries.begin(), policy.entries.end(),
                     [&](const PolicyEntry& entry) {
                       return std::any_of(entry.write_constraints.begin(),
                                          entry.write_constraints.end(),
                                          [&](const std::string& constraint) {
                                            return ChangesConstraint(
                                                parameter, constraint);
                                          });
                     });
}

class Binder {
 public:
  explicit Binder(const BindInput& input) : input_(input) {}

  BindResult Run() {
    for (const PolicyUse& use : input_.uses) {
      if (std::optional<Denial> denial = AddUse(use)) {
        return {nullptr, std::move(denial)};
      }
    }
    if (input_.names_no_policy) AddNoPolicyEntry();
    AddDefaultTypes(drafts_);
    RequirePolicy();
    if (!NarrowByScope()) {
      return {nullptr,
              Denial{.reason = Reason::kLimitExceeded,
                     .message = StrCat(
                         "the policy's entries under the SMART scope are more "
                         "than the ",
                         kMaxScopedEntries, " that are evaluated")}};
    }
    ApplyAdminRules(input_.super_admin, input_.admin, input_.project_id,
                    drafts_);
    return {Finish(), std::nullopt};
  }

 private:
  bool is_strict() const { return input_.mode == Mode::kStrict; }

  // The entries of one policy that the membership names.
  std::optional<Denial> AddUse(const PolicyUse& use) {
    if (input_.tenants != nullptr && !input_.tenants->active.empty() &&
        !IsInForce(use, *input_.tenants)) {
      return std::nullopt;
    }
    const AccessPolicy& policy = use.policy->policy;
    based_on_.push_back(use.based_on.empty() ? PlainReference(policy.id)
                                             : use.based_on);
    for (const RepeatedParameter& repeated :
         RepeatedParametersOf(use.parameters)) {
      AddRepeatedParameterNote(policy, repeated);
    }
    if (is_strict()) {
      if (std::optional<Denial> denial = RefuseStructure(use)) return denial;
    }
    if (input_.parameter_semantics == ParameterSemantics::kServer) {
      return AddBinding(use, use.parameters, nullptr);
    }
    absl::StatusOr<std::vector<std::vector<Parameter>>> bindings =
        ExpandRepeated(input_.tenants == nullptr
                           ? use.parameters
                           : ParametersInForce(use, *input_.tenants));
    if (!bindings.ok()) {
      return InvalidPolicy(policy, ToStd(bindings.status().message()));
    }
    for (const std::vector<Parameter>& binding : *bindings) {
      if (auto denial = AddBinding(use, binding, &use.parameters)) {
        return denial;
      }
    }
    return std::nullopt;
  }

  // Strict: a value must not change the policy's structure (semantics S-22.5).
  std::optional<Denial> RefuseStructure(const PolicyUse& use) const {
    const std::vector<Parameter> all =
        BindingParameters(use.parameters, input_.profile);
    for (const Parameter& parameter : use.parameters) {
      if (Mentions(use.policy->json, parameter) &&
          (ChangesStructure(parameter, all) ||
           ChangesAConstraint(parameter, use.policy->policy))) {
        return InvalidPolicy(
            use.policy->policy,
            StrCat("the value of the parameter `", parameter.name,
                   "` would change the policy's structure"),
            StrictRule::kParameterStructure);
      }
    }
    return std::nullopt;
  }

  // The entries of the policy under one value of each parameter.
  // `all_values`: every value of repeated parameters, for negations; or null.
  std::optional<Denial> AddBinding(const PolicyUse& use,
                                   const std::vector<Parameter>& own,
                                   const std::vector<Parameter>* all_values) {
    const std::vector<Parameter> parameters =
        BindingParameters(own, input_.profile);
    if (!use.policy->mentions_parameters) {
      AddPolicy(use, use.policy->policy, use.policy->entries);
      return std::nullopt;
    }
    if (!ArePlain(parameters)) return AddRewritten(use, parameters);

    bool is_within_limits = true;
    const auto fill_in = [&](std::string& text) {
      is_within_limits = is_within_limits && FillIn(parameters, text);
    };
    AccessPolicy head;
    head.id = use.policy->policy.id;
    head.version_id = use.policy->policy.version_id;
    head.name = use.policy->policy.name;
    head.compartment = use.policy->policy.compartment;
    head.compartment_json = use.policy->policy.compartment_json;
    head.ip_access_rules = use.policy->policy.ip_access_rules;
    fill_in(head.name);
    fill_in(head.compartment);
    fill_in(head.compartment_json);
    for (IpAccessRule& rule : head.ip_access_rules) {
      fill_in(rule.value);
      fill_in(rule.action);
      fill_in(rule.json);
    }
    TakeHead(head);
    for (size_t i = 0; i < use.policy->entries.size(); ++i) {
      const EntrySource source = SourceOf(use, i);
      if (use.policy->entries[i] != nullptr) {
        Add(DraftEntry(use.policy->entries[i], source), use);
        continue;
      }
      PolicyEntry entry = use.policy->policy.entries[i];
      if (all_values != nullptr) {
        auto spread = SpreadNegations(entry.criteria, *all_values);
        if (!spread) return TooMuchText(use);
        entry.criteria = *std::move(spread);
      }
      ForEachText(entry, fill_in);
      if (!is_within_limits) return TooMuchText(use);
      Add(DraftEntry(std::move(entry), source), use);
    }
    if (!is_within_limits) return TooMuchText(use);
    return std::nullopt;
  }

  // False: by itself or with all before it the text is too long.
  bool FillIn(const std::vector<Parameter>& parameters, std::string& text) {
    std::optional<std::string> filled = Substitute(std::move(text), parameters);
    if (!filled) return false;
    text = *std::move(filled);
    substituted_bytes_ += text.size();
    return substituted_bytes_ <= kMaxSubstitutedBytesOfAll;
  }

  static Denial TooMuchText(const PolicyUse& use) {
    return {.reason = Reason::kLimitExceeded,
            .message = StrCat(Reference(use.policy->policy),
                              ": with its parameters in place it is longer "
                              "than what is evaluated")};
  }

  // Replaces in the whole text, as Medplum does, and reads it again.
  std::optional<Denial> AddRewritten(const PolicyUse& use,
                                     const std::vector<Parameter>& parameters) {
    std::string text = use.policy->json;
    if (!FillIn(parameters, text)) return TooMuchText(use);
    absl::StatusOr<fhir::ResourcePtr> resource = fhir::Resource::Parse(text);
    absl::StatusOr<AccessPolicy> policy =
        resource.ok() ? ParseAccessPolicy((*resource)->root())
                      : absl::StatusOr<AccessPolicy>(resource.status());
    if (!policy.ok()) {
      return InvalidPolicy(
          use.policy->policy,
          StrCat("with its parameters in place it is no AccessPolicy: ",
                 policy.status().message()));
    }
    std::vector<std::shared_ptr<const CompiledEntry>> entries;
    for (PolicyEntry& entry : policy->entries) {
      WriteOutReadonly(entry);
      entries.push_back(Compile(entry));
    }
    AddPolicy(use, *policy, entries);
    return std::nullopt;
  }

  void AddPolicy(
      const PolicyUse& use, const AccessPolicy& policy,
      const std::vector<std::shared_ptr<const CompiledEntry>>& entries) {
    TakeHead(policy);
    for (size_t i = 0; i < entries.size(); ++i) {
      Add(DraftEntry(entries[i], SourceOf(use, i)), use);
    }
  }

  void TakeHead(const AccessPolicy& policy) {
    if (!policy.compartment_json.empty()) {
      compartment_ = policy.compartment;
      compartment_json_ = policy.compartment_json;
    }
    ip_access_rules_.insert(ip_access_rules_.end(),
                            policy.ip_access_rules.begin(),
                            policy.ip_access_rules.end());
  }

  static EntrySource SourceOf(const PolicyUse& use, size_t index) {
    const AccessPolicy& policy = use.policy->policy;
    EntrySource source;
    source.policy = Reference(policy);
    source.policy_version_id = policy.version_id;
    source.policy_name = policy.name;
    source.index = static_cast<uint32_t>(index);
    source.source = use.source;
    return source;
  }

  void Add(DraftEntry draft, const PolicyUse& use) {
    if (input_.tenants != nullptr && !input_.tenants->active.empty()) {
      NarrowToTenants(*input_.tenants, draft);
    }
    if (is_strict()) {
      if (use.is_foreign) draft.Narrow(0, StrictRule::kPolicyProject);
      if (draft.entry().interaction_is_empty_list) {
        draft.Narrow(0, StrictRule::kEmptyInteraction);
      }
    }
    drafts_.push_back(std::move(draft));
  }

  void AddNoPolicyEntry() {
    DraftEntry draft = NoPolicyEntry();
    if (input_.tenants != nullptr && !input_.tenants->active.empty()) {
      NarrowToTenants(*input_.tenants, draft);
    }
    drafts_.push_back(std::move(draft));
  }

  // Strict: without a policy only project admins and super admins have access.
  void RequirePolicy() {
    if (!is_strict() || !input_.names_no_policy || input_.admin ||
        input_.super_admin) {
      return;
    }
    for (DraftEntry& draft : drafts_) {
      draft.Narrow(0, StrictRule::kPolicyRequired);
    }
  }

  // False: too many entries.
  bool NarrowByScope() {
    if (!input_.smart_scope) return true;
    const std::vector<SmartScope> scopes =
        ParseSmartScopes(*input_.smart_scope);
    if (scopes.empty()) return true;
    return ApplySmartScopes(scopes, input_.patient_context, input_.mode,
                            drafts_);
  }

  void AddRepeatedParameterNote(const AccessPolicy& policy,
                                const RepeatedParameter& repeated) {
    const size_t used =
        input_.parameter_semantics == ParameterSemantics::kServer
            ? 1
            : repeated.values;
    notes_.push_back(
        {.code = NoteCode::kRepeatedParameter,
         .text = StrCat("the parameter `", repeated.name, "` of ",
                        Reference(policy), " is given ", repeated.values,
                        " times; ", used, " of its values counted")});
  }

  std::shared_ptr<const BoundPolicy> Finish() {
    std::vector<BoundEntry> entries;
    entries.reserve(drafts_.size());
    for (DraftEntry& draft : drafts_) {
      BoundEntry entry = std::move(draft).Finish();
      if (is_strict() && entry.compiled->is_malformed) {
        entry.in_force = 0;
        entry.narrowed_by = StrictRule::kMalformedCriteria;
      }
      entries.push_back(std::move(entry));
    }
    return std::make_shared<const BoundPolicy>(
        std::move(entries), std::move(compartment_),
        std::move(compartment_json_), std::move(ip_access_rules_),
        std::move(based_on_), std::move(notes_));
  }

  const BindInput& input_;
  std::vector<DraftEntry> drafts_;
  size_t substituted_bytes_ = 0;
  std::string compartment_;
  std::string compartment_json_;
  std::vector<IpAccessRule> ip_access_rules_;
  std::vector<std::string> based_on_;
  std::vector<Note> notes_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const CompiledPolicy>> CompilePolicy(
    const fhir::Resource& resource) {
  static std::atomic<uint64_t> serials{0};
  auto compiled = std::make_shared<CompiledPolicy>();
  compiled->serial = serials.fetch_add(1, std::memory_order_relaxed) + 1;
  PDP_ASSIGN_OR_RETURN(compiled->policy, ParseAccessPolicy(resource.root()));
  compiled->json = fhir::ToJson(resource.root());
  compiled->mentions_parameters = compiled->json.find('%') != std::string::npos;
  for (PolicyEntry& entry : compiled->policy.entries) {
    WriteOutReadonly(entry);
    compiled->entries.push_back(MentionsParameters(entry) ? nullptr
                                                          : Compile(entry));
  }
  return std::shared_ptr<const CompiledPolicy>(std::move(compiled));
}

BindResult Bind(const BindInput& input) {
  size_t entries = 0;
  for (const PolicyUse& use : input.uses) {
    entries += use.policy->entries.size();
  }
  if (entries > kMaxEntries) {
    return {nullptr, Denial{.reason = Reason::kLimitExceeded,
                            .message = StrCat("the membership's policies have ",
                                              entries, " entries; at most ",
                                              kMaxEntries, " are evaluated")}};
  }
  return Binder(input).Run();
}

const PolicyReference& ReconciledAccessPolicy(
    const Project& project, bool admin, const PolicyReference& access_policy) {
  const std::string& named = access_policy.reference;
  if (!project.has_default_access_policies || named.empty()) {
    return access_policy;
  }
  const auto& practitioner = project.default_practitioner_access_policy;
  const auto& admins = project.default_admin_access_policy;
  if (admin && !admins.reference.empty() && named == practitioner.reference) {
    return admins;
  }
  if (!admin && !practitioner.reference.empty() && named == admins.reference) {
    return practitioner;
  }
  return access_policy;
}

}  // namespace pdp::policy
