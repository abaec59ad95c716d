#include "pdp/policy/explain_words.h"

#include <algorithm>

#include "pdp/base/strings.h"
#include "pdp/policy/element_paths.h"

namespace pdp::policy {

using fhir::Interaction;
using fhir::search::Filter;
using fhir::search::Operator;
using fhir::search::ParameterType;

namespace {

// More filters or values than these are counted.
constexpr size_t kMaxNamed = 8;

std::string Quoted(std::string_view text) { return StrCat("`", text, "`"); }

std::string Values(const Filter& filter) {
  std::vector<std::string> values;
  for (const std::string& value : filter.alternatives) {
    values.push_back(Quoted(value));
  }
  if (values.empty()) values.push_back(Quoted(filter.value));
  return List(values, "or");
}

// The resource that is looked at.
std::string Noun(const Attempt& attempt) {
  switch (attempt.stage) {
    case DecisionStage::kResult:
      return attempt.interaction == Interaction::kCreate
                 ? StrCat("the new ", attempt.type)
                 : StrCat("the changed ", attempt.type);
    case DecisionStage::kSecurityContext:
      return StrCat("the ", attempt.type, " that protects the Binary");
    default:
      return StrCat("this ", attempt.type);
  }
}

std::string Granted(fhir::InteractionSet interactions) {
  std::vector<std::string> names;
  for (int i = 1; i < static_cast<int>(Interaction::kPatch); ++i) {
    const auto interaction = static_cast<Interaction>(i);
    if (interactions & fhir::Bit(interaction)) {
      names.emplace_back(fhir::InteractionName(interaction));
    }
  }
  return names.empty() ? "nothing" : List(names, "and");
}

// Why a filter does not hold.
std::string FailureOf(const FailedFilter& failed, const Attempt& attempt) {
  const Filter& filter = failed.filter;
  const std::string noun = Noun(attempt);
  if (filter.parameter == nullptr) {
    return filter.is_chained || filter.code == "_filter"
               ? StrCat("Medplum never finds that true of a single resource")
               : StrCat("there is no search parameter ", Quoted(filter.code),
                        " of ", Plural(attempt.type), ", so nothing matches");
  }
  if (failed.is_unknown) return "whether that is so cannot be told here";
  const bool is_presence =
      filter.op == Operator::kMissing || filter.op == Operator::kPresent;
  if (is_presence) {
    return StrCat(noun, failed.is_absent ? " has none" : " has one");
  }
  if (failed.is_absent) {
    return filter.code == "_compartment"
               ? StrCat(noun, " belongs to none")
               : StrCat(noun, " has no ", Quoted(filter.code));
  }
  const ParameterType type = filter.parameter->type;
  if (!attempt.durable &&
      (type == ParameterType::kNumber || type == ParameterType::kQuantity)) {
    return StrCat("Medplum compares ", Quoted(filter.code),
                  " in searches only");
  }
  if (filter.code == "_compartment") return StrCat(noun, " does not");
  if (filter.code == "_id") return StrCat(noun, " is another");
  if (filter.code == "_project") return StrCat(noun, " is of another project");
  const std::string value = StrCat(noun, "'s ", Quoted(filter.code));
  const bool is_negation =
      filter.op == Operator::kNot || filter.op == Operator::kNotEquals;
  if (is_negation) return StrCat(value, " is");
  if (fhir::search::IsOrdered(type)) return StrCat(value, " is not");
  return StrCat(value, " is another");
}

std::string CriteriaFailure(const Attempt& attempt, const TriedEntry& tried) {
  const CompiledEntry& compiled = *tried.entry->compiled;
  const std::string allows =
      StrCat("allows ", Doing(attempt.interaction), " ", Plural(attempt.type));
  if (!tried.failed_filters.empty()) {
    return StrCat(allows, " only where ", InWords(compiled.criteria.filters),
                  "; ", FailureOf(tried.failed_filters.front(), attempt));
  }
  if (compiled.is_wildcard) {
    return StrCat("has the criteria ", Quoted(compiled.source.criteria),
                  ", and Medplum applies criteria for every type in searches "
                  "alone");
  }
  if (compiled.criteria.filters.empty()) {
    return StrCat("has the criteria ", Quoted(compiled.source.criteria),
                  ", which asks nothing of a resource and so finds none");
  }
  return StrCat("has the criteria ", Quoted(compiled.source.criteria),
                ", which is for ", Plural(compiled.criteria.resource_type));
}

std::string InForceFailure(const Attempt& attempt, const TriedEntry& tried) {
  const CompiledEntry& compiled = *tried.entry->compiled;
  std::string out =
      StrCat("would allow ", Doing(attempt.interaction), " ",
             Plural(attempt.type), ", but ", RuleInWords(tried.strict_rule));
  if (tried.strict_rule == StrictRule::kMalformedCriteria) {
    out += StrCat(
        "; it is ", Quoted(compiled.source.criteria),
        compiled.criteria_has_prefix
            ? std::string(", which only says how to list results")
            : StrCat(", and should begin with ",
                     Quoted(StrCat(compiled.source.resource_type, "?"))));
  }
  return out;
}

std::string ConstraintFailure(const Attempt& attempt, const TriedEntry& tried) {
  const CompiledEntry& compiled = *tried.entry->compiled;
  return StrCat(
      "allows ", Doing(attempt.interaction), " ", Plural(attempt.type),
      " only where its write constraint holds, and for ", Noun(attempt),
      " it does not: ", Quoted(compiled.constraints[tried.constraint].text));
}

void AddPaths(const Filter& filter, std::string_view type,
              std::vector<std::string>& paths) {
  if (filter.parameter == nullptr) return;
  for (std::string& path : ElementPathsOf(*filter.parameter, type)) {
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) {
      paths.push_back(std::move(path));
    }
  }
}

}  // namespace

std::string Plural(std::string_view type) {
  if (type == "*") return "resources of every type";
  if (type.ends_with('y')) {
    return StrCat(type.substr(0, type.size() - 1), "ies");
  }
  if (type.ends_with('s')) return StrCat(type, " resources");
  return StrCat(type, "s");
}

std::string WithArticle(std::string_view type) {
  const bool is_vowel =
      !type.empty() &&
      std::string_view("AEIO").find(type.front()) != std::string_view::npos;
  return StrCat(is_vowel ? "an " : "a ", type);
}

std::string List(const std::vector<std::string>& items, std::string_view last) {
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) {
      out += i + 1 == items.size() ? StrCat(" ", last, " ") : std::string(", ");
    }
    out += items[i];
  }
  return out;
}

std::string_view Doing(Interaction interaction) {
  switch (interaction) {
    case Interaction::kRead:
      return "reading";
    case Interaction::kVread:
      return "reading versions of";
    case Interaction::kHistory:
      return "reading the history of";
    case Interaction::kSearch:
      return "searching";
    case Interaction::kCreate:
      return "creating";
    case Interaction::kUpdate:
    case Interaction::kPatch:
      return "updating";
    case Interaction::kDelete:
      return "deleting";
    case Interaction::kUnspecified:
      break;
  }
  return "using";
}

std::string EntryName(const EntrySource& source) {
  if (source.built_in == "default-type") {
    return "Medplum's own rule that everybody reads definitions";
  }
  if (source.built_in == "project-admin") {
    return "Medplum's own rule for administrators of a project";
  }
  if (source.built_in == "super-admin") {
    return "Medplum's own rule for super administrators";
  }
  if (source.built_in == "no-policy") {
    return "Medplum's own rule for members without a policy";
  }
  return StrCat("entry ", source.index + 1, " of the policy `",
                source.policy_name.empty() ? source.policy : source.policy_name,
                "`");
}

std::string InWords(const Filter& filter, bool as_wish) {
  const std::string_view is = as_wish ? " were " : " is ";
  if (filter.op == Operator::kMissing || filter.op == Operator::kPresent) {
    const bool wants_value = filter.op == Operator::kMissing
                                 ? filter.value == "false"
                                 : filter.value == "true";
    return StrCat("there ", as_wish ? "were " : "is ",
                  wants_value ? "a " : "no ", Quoted(filter.code));
  }
  if (filter.code == "_compartment" && filter.modifier.empty()) {
    return StrCat("it ", as_wish ? "belonged" : "belongs", " to ",
                  Values(filter));
  }
  const std::string name = filter.code == "_id"        ? "its id"
                           : filter.code == "_project" ? "its project"
                                                       : Quoted(filter.code);
  switch (filter.op) {
    case Operator::kNot:
    case Operator::kNotEquals:
      return StrCat(name, is, "not ", Values(filter));
    case Operator::kGreaterThan:
    case Operator::kStartsAfter:
      return StrCat(name, is, "after ", Values(filter));
    case Operator::kGreaterThanOrEquals:
      return StrCat(name, is, "at or after ", Values(filter));
    case Operator::kLessThan:
    case Operator::kEndsBefore:
      return StrCat(name, is, "before ", Values(filter));
    case Operator::kLessThanOrEquals:
      return StrCat(name, is, "at or before ", Values(filter));
    case Operator::kEquals:
      return StrCat(name, is, Values(filter));
    default:
      return StrCat(Quoted(StrCat(filter.code, ":", filter.modifier)), is,
                    Values(filter));
  }
}

std::string InWords(const std::vector<Filter>& filters) {
  std::vector<std::string> words;
  for (const Filter& filter : filters) {
    if (words.size() == kMaxNamed) {
      words.push_back(
          StrCat(filters.size() - kMaxNamed, " more conditions hold"));
      break;
    }
    words.push_back(InWords(filter));
  }
  return List(words, "and");
}

std::string_view RuleInWords(StrictRule rule) {
  switch (rule) {
    case StrictRule::kMalformedCriteria:
      return "its criteria is malformed, and then it grants nothing here";
    case StrictRule::kSmartLetters:
      return "the scope of the login does not";
    case StrictRule::kPolicyRequired:
      return "the membership names no policy, and then nothing is granted here";
    case StrictRule::kEmptyInteraction:
      return "its list of interactions is empty, which grants nothing here";
    case StrictRule::kPolicyProject:
      return "its policy belongs to a project that the member's own does not "
             "link";
    case StrictRule::kCreateNamesGrantedPatient:
      return "the new resource is about another patient than the policy's own";
    case StrictRule::kDurableRead:
      return "Medplum's own search would not find the resource";
    case StrictRule::kDeletedNeedsGrant:
      return "what is deleted needs a grant of its own";
    case StrictRule::kParameterStructure:
      return "the value of a parameter would change what the policy says";
    case StrictRule::kOnBehalfOfActive:
      return "the member that is acted for is not active";
    case StrictRule::kAddressBoundary:
      return "the IP rule's text only looks like the beginning of the address";
    case StrictRule::kAccountAllowed:
      return "an account in the new resource is not one of the member's "
             "tenants";
    case StrictRule::kFactRequired:
      return "a rule needs a fact that the request does not tell";
    case StrictRule::kWildcardCriteriaFields:
    case StrictRule::kDurableFields:
    case StrictRule::kSafeQuery:
    case StrictRule::kUnspecified:
      break;
  }
  return "it is not in force here";
}

std::string FailureOf(const Attempt& attempt, const TriedEntry& tried) {
  const CompiledEntry& compiled = *tried.entry->compiled;
  switch (tried.failed) {
    case EntryTest::kUnspecified:
      return StrCat("allows ", Doing(attempt.interaction), " ",
                    Plural(attempt.type));
    case EntryTest::kResourceType:
      return StrCat("is for ", Plural(compiled.source.resource_type));
    case EntryTest::kInteraction:
      return StrCat("grants ", Granted(compiled.interactions), " on ",
                    Plural(compiled.source.resource_type), ", not ",
                    fhir::InteractionName(attempt.interaction));
    case EntryTest::kInForce:
      return InForceFailure(attempt, tried);
    case EntryTest::kCompartment:
      return StrCat("holds only for what belongs to ",
                    Quoted(compiled.source.compartment), "; ", Noun(attempt),
                    " does not");
    case EntryTest::kCriteria:
      return CriteriaFailure(attempt, tried);
    case EntryTest::kTenant: {
      std::vector<std::string> tenants;
      for (const std::string& tenant : tried.entry->tenants) {
        tenants.push_back(Quoted(tenant));
      }
      return StrCat("is narrowed to the active tenant ", List(tenants, "or"),
                    "; ", Noun(attempt), " does not belong to it");
    }
    case EntryTest::kWriteConstraint:
      return ConstraintFailure(attempt, tried);
    case EntryTest::kError:
      return tried.why.empty() ? StrCat("cannot be judged: testing ",
                                        Noun(attempt), " ended with an error")
                               : StrCat("cannot be judged: ", tried.why);
    case EntryTest::kNotReached:
      return "was not needed: another entry had decided";
  }
  return "was not tried";
}

std::string FailedTestInWords(const Attempt& attempt, const TriedEntry& tried) {
  if (tried.matched()) return {};
  return StrCat("It ", FailureOf(attempt, tried), ".");
}

std::string UntriedInWords(const BoundEntry& entry, bool applies,
                           std::string_view type) {
  if (applies) return "It was not tried: the decision did not come that far.";
  if (entry.compiled->is_wildcard) {
    return StrCat("It is for every type but a few that administer a project, ",
                  "and ", type, " is one of them.");
  }
  return StrCat("It is for ", Plural(entry.compiled->source.resource_type),
                ".");
}

std::vector<std::string> ComparedPaths(const Attempt& attempt,
                                       const TriedEntry& tried) {
  std::vector<std::string> paths;
  switch (tried.failed) {
    case EntryTest::kCompartment:
    case EntryTest::kTenant:
      return {"meta.compartment"};
    case EntryTest::kCriteria:
      if (!tried.failed_filters.empty()) {
        AddPaths(tried.failed_filters.front().filter, attempt.type, paths);
      }
      return paths;
    case EntryTest::kUnspecified:
      for (const Filter& filter : tried.entry->compiled->criteria.filters) {
        AddPaths(filter, attempt.type, paths);
      }
      return paths;
    default:
      return paths;
  }
}

}  // namespace pdp::policy
