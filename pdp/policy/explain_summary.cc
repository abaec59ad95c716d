#include "pdp/policy/explain_summary.h"

#include <algorithm>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/policy/departure.h"
#include "pdp/policy/explain_words.h"
#include "pdp/policy/smart_scopes.h"

namespace pdp::policy {

using fhir::Interaction;

namespace {

std::string Quoted(std::string_view text) { return StrCat("`", text, "`"); }

// What a denial before any entry is about, and what to do; "%" stands for the
// message of the decision, which names members and policies alone.
struct DenialWords {
  Reason reason;
  std::string_view cause;
  std::string_view remedy;
};

constexpr DenialWords kDenials[] = {
    {Reason::kProjectBoundary,
     "The resource is of a project that the member does not reach in this way: "
     "of linked projects it reads at most what they export, and it writes in "
     "its own project alone.",
     "Ask in the project that the resource belongs to, or link that project."},
    {Reason::kProtectedType,
     "Resources of this type are for super administrators alone, whatever a "
     "policy says.",
     ""},
    {Reason::kResourceNotFound,
     "There is no such resource, or no such version of it.",
     "Check the type, the id and the version."},
    {Reason::kResourceDeleted, "The resource is deleted.",
     "Restore it, or ask for an older version of it."},
    {Reason::kResourceUnavailable,
     "The resource, or one that the decision needs, is not known to this "
     "server: that is no statement about the policy.",
     "Send the resource in the request."},
    {Reason::kIncompleteResource,
     "The resource as it was sent lacks what the decision needs: %.",
     "Read it from Medplum with the header `X-Medplum: extended`, or name its "
     "project in the request."},
    {Reason::kResourceTypeUnknown,
     "No resource type of FHIR or Medplum has this name.",
     "Check the spelling of the type."},
    {Reason::kInvalidResource,
     "The resource that is to be written is not acceptable in itself, whatever "
     "the policy says.",
     "Correct the resource; the decision's message says where."},
    {Reason::kVersionConflict,
     "The resource has changed since the version that the request names.",
     "Read it again and repeat the change."},
    {Reason::kSubjectUnknown, "The subject is nobody here: %.",
     "Check the reference, and that the project has a ProjectMembership for "
     "it."},
    {Reason::kSubjectInactive, "The membership is not active.",
     "Set `active` of the ProjectMembership to true."},
    {Reason::kSubjectIncomplete,
     "The membership is incomplete, and Medplum then refuses every request: %.",
     "Restore what the membership names, or name another."},
    {Reason::kPolicyMissing,
     "The membership names no AccessPolicy, neither in `accessPolicy` nor in "
     "`access`; this server then grants nothing.",
     "Give the ProjectMembership an AccessPolicy."},
    {Reason::kPolicyUnavailable,
     "An AccessPolicy that the membership names is missing or deleted, and "
     "Medplum then refuses every request: %.",
     "Restore the policy, or remove it from the ProjectMembership."},
    {Reason::kPolicyInvalid, "The policy cannot be used: %.",
     "Correct the policy, or the parameter in the ProjectMembership."},
    {Reason::kAddressNotAllowed,
     "The IP rules of the policy do not let the request's address pass: %.",
     "Come from an address that `ipAccessRule` allows, or add a rule before "
     "the one that refused."},
    {Reason::kTenantNotAllowed,
     "An active tenant of the request is not one of the member's: %.",
     "Choose another tenant, or give the ProjectMembership an `access` item "
     "for this one."},
    {Reason::kAccountNotAllowed,
     "An account in `meta.accounts` of what is to be written is not one of the "
     "member's tenants.",
     "Leave the account away, or give the ProjectMembership an `access` item "
     "for it."},
    {Reason::kOnBehalfOf,
     "The caller may not act on behalf of the member that it names: %.",
     "Name a member that is active and that the caller may read, with its "
     "profile."},
    {Reason::kScope, "The scope of the login leaves nothing that permits this.",
     "Log in with a scope that includes it."},
    {Reason::kFactMissing,
     "A rule needs a fact that the request does not tell: %.",
     "Send that fact with the request."},
    {Reason::kBlocked, "An administrator of this server blocked it: %.",
     "Wait until the block ends, or have it ended (`pdpctl unblock`)."},
    {Reason::kSessionExpired, "The session is too old: %.", "Log in again."},
    {Reason::kAccountLocked, "The account is locked: %.",
     "Wait until the lock ends, or have it unlocked."},
    {Reason::kMfaRequired, "The session began without a second factor.",
     "Log in with a second factor."},
    {Reason::kSessionFactMissing,
     "A session rule needs a fact that the request does not tell: %.",
     "Send that fact with the request."},
    {Reason::kTokenInvalid, "The access token is not good: %.",
     "Get a new token."},
    {Reason::kNotSupported,
     "The request or the policy uses what this server does not support.",
     "The message of the decision says what; ask without it."},
    {Reason::kLimitExceeded,
     "A limit on the size or the depth of what is evaluated was reached.",
     "Make the policy, the scope or the resource smaller."},
    {Reason::kEvaluationError,
     "A criteria or a write constraint could not be evaluated, and Medplum "
     "answers an error too.",
     "Correct the entry: until then every request that comes to it fails."},
    {Reason::kSecurityContext,
     "A Binary is protected by the resource in its `securityContext`, and that "
     "one may not be read.",
     "Permit reading that resource."},
};

const DenialWords* WordsFor(Reason reason) {
  const auto* const found =
      std::find_if(std::begin(kDenials), std::end(kDenials),
                   [&](const DenialWords& w) { return w.reason == reason; });
  return found == std::end(kDenials) ? nullptr : found;
}

// "read this Observation", "search Observations", "create this Task".
std::string Asked(const AccessRequest& request) {
  const std::string_view type = request.resource.judged_type();
  const std::string what =
      type.empty() ? "this resource" : StrCat("this ", type);
  switch (request.interaction) {
    case Interaction::kVread:
      return StrCat("read that version of ", what);
    case Interaction::kHistory:
      return StrCat("read the history of ", what);
    case Interaction::kSearch:
      return request.resource.current != nullptr
                 ? StrCat("find ", what, " in a search")
                 : StrCat("search ", Plural(type));
    case Interaction::kPatch:
      return StrCat("patch ", what);
    default:
      return StrCat(fhir::InteractionName(request.interaction), " ", what);
  }
}

std::string WhoOf(const SummaryInput& input) {
  const std::string_view membership = input.explanation.membership;
  if (!membership.empty()) return Quoted(membership);
  const std::string_view reference = input.request.subject.reference;
  return reference.empty() ? "The subject" : Quoted(reference);
}

std::string Capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
  return text;
}

// Which step of a longer decision it was, where that is not plain.
std::string StepOf(const SummaryInput& input) {
  if (input.attempt == nullptr) return {};
  const Interaction asked = input.request.interaction;
  switch (input.attempt->stage) {
    case DecisionStage::kRead:
      return asked == Interaction::kRead || asked == Interaction::kSearch
                 ? ""
                 : "It has to be read first, and already that fails. ";
    case DecisionStage::kResult:
      return asked == Interaction::kCreate
                 ? ""
                 : "It may be changed, but not into what it would become. ";
    case DecisionStage::kSecurityContext:
      return "A Binary is protected by the resource in its "
             "`securityContext`, and that one may not be read. ";
    default:
      return {};
  }
}

// How many entries there are and what they are for.
std::string CountOf(const SummaryInput& input) {
  const Attempt& attempt = *input.attempt;
  const size_t all = input.trace.access()->policy->entries().size();
  const size_t applying = attempt.entries.size();
  const std::string type = Plural(attempt.type);
  if (applying == 0) {
    return all == 0 ? std::string("Its policies have no entry.")
           : all == 1
               ? StrCat("The only entry of its policies is not for ", type, ".")
               : StrCat("None of the ", all, " entries of its policies is for ",
                        type, ".");
  }
  const auto granting = static_cast<size_t>(
      std::count_if(attempt.entries.begin(), attempt.entries.end(),
                    [](const TriedEntry& tried) {
                      return tried.failed != EntryTest::kInteraction;
                    }));
  const std::string_view doing = fhir::InteractionName(attempt.interaction);
  const std::string which =
      all == 1 ? StrCat("The only entry of its policies is for ", type)
               : StrCat("Of the ", all, " entries of its policies ", applying,
                        applying == 1 ? " is" : " are", " for ", type);
  if (granting == 0) {
    return StrCat(which,
                  applying == 1 ? ", and it does not grant "
                                : ", and none of them grants ",
                  doing, ".");
  }
  if (applying == 1) return StrCat(which, ".");
  if (granting == applying)
    return StrCat(which, ", and all grant ", doing, ".");
  return StrCat(which, ", and ", granting,
                granting == 1 ? " of them grants " : " of them grant ", doing,
                ".");
}

// Whether the login's scope says nothing of the type.
bool IsOutOfScope(const SummaryInput& input) {
  const auto& scope = input.request.context.smart_scope;
  if (!scope || scope->empty()) return false;
  const std::string_view type = input.attempt == nullptr
                                    ? input.request.resource.judged_type()
                                    : std::string_view(input.attempt->type);
  const std::vector<SmartScope> scopes = ParseSmartScopes(*scope);
  return !scopes.empty() &&
         std::none_of(scopes.begin(), scopes.end(), [&](const SmartScope& s) {
           return s.resource_type == "*" || s.resource_type == type;
         });
}

// What narrowed the policy before any entry was looked at.
std::string NarrowingOf(const SummaryInput& input) {
  std::string out;
  const RequestContext& context = input.request.context;
  if (IsOutOfScope(input)) {
    out += StrCat(" The scope of the login does not include ",
                  Plural(input.attempt == nullptr
                             ? input.request.resource.judged_type()
                             : std::string_view(input.attempt->type)),
                  ".");
  } else if (context.smart_scope &&
             !ParseSmartScopes(*context.smart_scope).empty()) {
    out += " The scope of the login narrows what the policies grant.";
  }
  if (!context.active_tenants.empty()) {
    std::vector<std::string> tenants;
    for (const std::string_view tenant : context.active_tenants) {
      tenants.push_back(Quoted(tenant));
    }
    out += StrCat(" Only what the active tenant ", List(tenants, "or"),
                  " grants counts.");
  }
  return out;
}

std::string DepartureInWords(const SummaryInput& input) {
  const Decision& decision = input.explanation.decision;
  const StrictRule rule = DepartureOf(decision.notes);
  if (rule == StrictRule::kUnspecified || decision.permitted()) return {};
  if (input.nearest != nullptr && input.nearest->strict_rule == rule) {
    return " Medplum itself would permit it; this server is stricter.";
  }
  return StrCat(" Medplum itself would permit it; this server is stricter: ",
                RuleInWords(rule), ".");
}

std::string PermitInWords(const SummaryInput& input) {
  const Decision& decision = input.explanation.decision;
  std::string out = StrCat(WhoOf(input), " may ", Asked(input.request), ".");
  if (decision.entry != nullptr) {
    const auto& filters = decision.entry->compiled->criteria.filters;
    out += StrCat(
        " ", Capitalized(EntryName(decision.entry->source)), " permits it",
        filters.empty() ? "" : StrCat(", where ", InWords(filters)), ".");
  }
  const auto add_fields = [&](const std::vector<std::string_view>& fields,
                              std::string_view what) {
    if (fields.empty()) return;
    std::vector<std::string> names;
    for (const std::string_view field : fields) names.push_back(Quoted(field));
    out += StrCat(" ", Capitalized(List(names, "and")), " ", what, ".");
  };
  add_fields(decision.hidden_fields, "must be hidden");
  add_fields(decision.readonly_fields, "cannot be changed");
  return out + NarrowingOf(input);
}

// Where the values of an entry's parameters come from.
std::string ParametersInWords(const SummaryInput& input) {
  if (!input.explanation.nearest) return {};
  std::vector<std::string> words;
  for (const EntryParameter& parameter :
       input.explanation.entries[*input.explanation.nearest].parameters) {
    words.push_back(StrCat(
        Quoted(parameter.value), " stands for `%", parameter.name, "`, ",
        parameter.source == 0 ? std::string("the member's profile")
                              : StrCat("which `access[", parameter.source - 1,
                                       "]` of the membership gives")));
  }
  return words.empty() ? "" : StrCat(" In it ", List(words, "and"), ".");
}

std::string MissingForEntry(const SummaryInput& input) {
  const TriedEntry& tried = *input.nearest;
  const std::string name = EntryName(tried.entry->source);
  const CompiledEntry& compiled = *tried.entry->compiled;
  switch (tried.failed) {
    case EntryTest::kInteraction:
      return StrCat(Capitalized(name), " would have to grant ",
                    fhir::InteractionName(input.attempt->interaction),
                    " too, or another "
                    "entry for ",
                    Plural(input.attempt->type), " to be added that does.");
    case EntryTest::kInForce:
      return tried.strict_rule == StrictRule::kMalformedCriteria
                 ? StrCat("The criteria of ", name,
                          " would have to be corrected.")
             : tried.strict_rule == StrictRule::kSmartLetters
                 ? StrCat("The scope of the login would have to include ",
                          fhir::InteractionName(input.attempt->interaction),
                          " of ", Plural(input.attempt->type), ".")
             : tried.strict_rule == StrictRule::kPolicyRequired
                 ? "The ProjectMembership would have to name an AccessPolicy."
                 : StrCat(Capitalized(name), " would have to be in force: ",
                          RuleInWords(tried.strict_rule), ".");
    case EntryTest::kCompartment:
      return StrCat(Capitalized(name), " would permit it if it belonged to ",
                    Quoted(compiled.source.compartment), ".");
    case EntryTest::kCriteria: {
      if (tried.failed_filters.empty()) {
        return StrCat("The criteria of ", name, " would have to be corrected.");
      }
      std::vector<std::string> wishes;
      for (const FailedFilter& failed : tried.failed_filters) {
        wishes.push_back(InWords(failed.filter, /*as_wish=*/true));
      }
      return StrCat(Capitalized(name), " would permit it if ",
                    List(wishes, "and"), ".", ParametersInWords(input));
    }
    case EntryTest::kTenant:
      return "The resource would have to belong to the active tenant, or "
             "another tenant to be chosen.";
    case EntryTest::kWriteConstraint:
      return StrCat("What is written would have to make the write constraint ",
                    Quoted(compiled.constraints[tried.constraint].text), " of ",
                    name, " true.");
    case EntryTest::kError:
      return StrCat(Capitalized(name), " would have to be corrected.");
    default:
      return {};
  }
}

bool IsGrantMissing(Reason reason) {
  return reason == Reason::kInteractionNotGranted ||
         reason == Reason::kResourceNotGranted ||
         reason == Reason::kResultNotGranted ||
         reason == Reason::kWriteConstraint ||
         reason == Reason::kSecurityContext;
}

}  // namespace

DenialText DenialInWords(Reason reason, std::string_view message) {
  const DenialWords* const words = WordsFor(reason);
  if (words == nullptr) return {.cause = "This server could not decide."};
  DenialText text{.cause = std::string(words->cause),
                  .remedy = std::string(words->remedy)};
  if (const size_t at = text.cause.find('%'); at != std::string::npos) {
    while (message.ends_with('.')) message.remove_suffix(1);
    text.cause.replace(at, 1, message);
  }
  return text;
}

std::string SummaryInWords(const SummaryInput& input) {
  const Decision& decision = input.explanation.decision;
  if (decision.permitted()) return PermitInWords(input);
  std::string out =
      StrCat(WhoOf(input), " may not ", Asked(input.request), ". ");
  if (input.attempt != nullptr &&
      (IsGrantMissing(decision.reason) || input.nearest != nullptr)) {
    out += StrCat(StepOf(input), CountOf(input), NarrowingOf(input));
  } else {
    out += DenialInWords(decision.reason, decision.message).cause;
  }
  if (input.nearest != nullptr) {
    out += StrCat(" The nearest is ", EntryName(input.nearest->entry->source),
                  ": it ", FailureOf(*input.attempt, *input.nearest), ".");
  }
  return out + DepartureInWords(input);
}

std::string MissingInWords(const SummaryInput& input) {
  if (input.nearest != nullptr) return MissingForEntry(input);
  const Reason reason = input.explanation.decision.reason;
  if (input.attempt != nullptr && IsGrantMissing(reason)) {
    if (IsOutOfScope(input)) {
      return StrCat("The scope of the login would have to include ",
                    Plural(input.attempt->type), ".");
    }
    return StrCat("An entry would have to be added that grants ",
                  fhir::InteractionName(input.attempt->interaction), " on ",
                  Plural(input.attempt->type), ".");
  }
  return DenialInWords(reason, {}).remedy;
}

}  // namespace pdp::policy
