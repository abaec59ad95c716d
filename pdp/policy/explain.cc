#include "pdp/policy/explain.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/entry_parameters.h"
#include "pdp/policy/explain_summary.h"
#include "pdp/policy/explain_words.h"

namespace pdp::policy {
namespace {

// A tried entry that is listed, and of which attempt it is.
struct Listed {
  const Attempt* attempt = nullptr;
  const TriedEntry* tried = nullptr;
};

bool HasMatch(const Attempt& attempt) {
  return std::any_of(attempt.entries.begin(), attempt.entries.end(),
                     [](const TriedEntry& tried) { return tried.matched(); });
}

// A read tries both matchers, and each of them perhaps twice.  Listed is what
// decided: where it succeeded, the walk that found the entry; where it failed,
// what both said, but once where they agree.
void ListGroup(const Attempt* begin, const Attempt* end, bool is_denied,
               std::vector<const Attempt*>& listed) {
  const Attempt* const last = end - 1;
  if (!is_denied || last->match == Match::kYes) {
    const Attempt* found = std::find_if(begin, end, HasMatch);
    listed.push_back(found == end ? last : found);
    return;
  }
  const Attempt* memory = std::find_if(
      begin, end, [](const Attempt& attempt) { return !attempt.durable; });
  if (memory != end && memory != last &&
      (HasMatch(*memory) || last->match == Match::kUnknown)) {
    listed.push_back(memory);
  }
  if (last->match != Match::kUnknown || listed.empty() ||
      listed.back() != memory) {
    listed.push_back(last);
  }
}

// The attempts that are shown, in order.
std::vector<const Attempt*> Select(const std::vector<Attempt>& attempts,
                                   bool is_denied) {
  std::vector<const Attempt*> listed;
  const Attempt* const end = attempts.data() + attempts.size();
  for (const Attempt* at = attempts.data(); at != end;) {
    const Attempt* next = at + 1;
    while (next != end && next->stage == at->stage && next->type == at->type &&
           next->interaction == at->interaction) {
      ++next;
    }
    ListGroup(at, next, is_denied && next == end, listed);
    at = next;
  }
  return listed;
}

// How far an entry came: the more tests it passed, the greater.
std::tuple<int, size_t> Reach(const TriedEntry& tried) {
  switch (tried.failed) {
    case EntryTest::kUnspecified:
    case EntryTest::kNotReached:
    case EntryTest::kResourceType:
      return {0, 0};
    case EntryTest::kError:
      return {static_cast<int>(EntryTest::kCriteria), 0};
    default:
      return {static_cast<int>(tried.failed), tried.passed_filters};
  }
}

// Whether the policy's entries are what denied.
bool IsAboutEntries(Reason reason) {
  switch (reason) {
    case Reason::kInteractionNotGranted:
    case Reason::kResourceNotGranted:
    case Reason::kResultNotGranted:
    case Reason::kWriteConstraint:
    case Reason::kSecurityContext:
    case Reason::kEvaluationError:
    case Reason::kNotSupported:
    case Reason::kLimitExceeded:
    case Reason::kPolicyMissing:
    case Reason::kScope:
      return true;
    default:
      return false;
  }
}

// Of the last walk, the first that came furthest; past the end: none.
size_t Nearest(const std::vector<Listed>& listed, const Attempt* last) {
  size_t nearest = listed.size();
  for (size_t i = 0; i < listed.size(); ++i) {
    if (listed[i].attempt != last) continue;
    if (listed[i].tried->matched()) return listed.size();
    const auto reach = Reach(*listed[i].tried);
    if (std::get<0>(reach) == 0) continue;
    if (nearest == listed.size() || Reach(*listed[nearest].tried) < reach) {
      nearest = i;
    }
  }
  return nearest;
}

ExplainedEntry Data(const BoundEntry& entry) {
  ExplainedEntry out;
  out.source = entry.source;
  out.resource_type = entry.compiled->source.resource_type;
  out.interactions = entry.compiled->interactions;
  out.criteria = entry.compiled->source.criteria;
  return out;
}

ExplainedEntry Data(const Listed& listed) {
  const TriedEntry& tried = *listed.tried;
  ExplainedEntry out = Data(*tried.entry);
  out.matched = tried.matched();
  out.test = tried.failed;
  out.strict_rule = tried.strict_rule;
  out.stage = listed.attempt->stage;
  out.durable = listed.attempt->durable;
  if (!tried.failed_filters.empty()) {
    const fhir::search::Filter& filter = tried.failed_filters.front().filter;
    out.search_parameter = filter.modifier.empty()
                               ? filter.code
                               : StrCat(filter.code, ":", filter.modifier);
  }
  out.paths = ComparedPaths(*listed.attempt, tried);
  out.failed_test = FailedTestInWords(*listed.attempt, tried);
  return out;
}

// Entries that no walk came to.
void AddUntried(const BoundPolicy& policy, std::string_view type,
                const std::vector<Listed>& listed, Explanation& explanation) {
  std::unordered_set<const BoundEntry*> tried;
  for (const Listed& item : listed) tried.insert(item.tried->entry);
  const auto of_type = policy.EntriesFor(type);
  const std::unordered_set<const BoundEntry*> applying(of_type.begin(),
                                                       of_type.end());
  for (const BoundEntry& entry : policy.entries()) {
    if (explanation.entries.size() >= kMaxExplainedEntries) return;
    if (tried.contains(&entry)) continue;
    ExplainedEntry out = Data(entry);
    const bool applies = applying.contains(&entry);
    out.test = applies ? EntryTest::kNotReached : EntryTest::kResourceType;
    out.failed_test = UntriedInWords(entry, applies, type);
    explanation.entries.push_back(std::move(out));
  }
}

void NameSubject(const AccessRequest& request, const Trace& trace,
                 const fhir::ResourceLookup& lookup, Explanation& explanation) {
  if (trace.access() != nullptr) {
    explanation.membership = trace.access()->membership;
    explanation.project = StrCat("Project/", trace.access()->project.id);
    return;
  }
  ResolvedMembership resolved;
  if (ResolveMembership(request.subject, lookup, resolved)) return;
  const auto key = fhir::ResourceKey::Parse(resolved.membership);
  if (!key) return;
  const fhir::LookupResult found = lookup.Read(*key);
  if (found.state != fhir::LookupState::kFound) return;
  explanation.membership = resolved.membership;
  explanation.project = StrCat("Project/", found.resource->project());
}

}  // namespace

void ExplainDecision(const AccessRequest& request, const Trace& trace,
                     const fhir::ResourceLookup& lookup,
                     Explanation& explanation) {
  const Decision& decision = explanation.decision;
  const bool is_denied = !decision.permitted();
  explanation.access = trace.access();
  NameSubject(request, trace, lookup, explanation);

  std::vector<Listed> listed;
  const std::vector<const Attempt*> attempts =
      Select(trace.attempts(), is_denied);
  const Attempt* const last = attempts.empty() ? nullptr : attempts.back();
  for (const Attempt* attempt : attempts) {
    for (const TriedEntry& tried : attempt->entries) {
      listed.push_back({attempt, &tried});
    }
  }
  if (listed.size() > kMaxExplainedEntries) {
    // The last walk is the one that decided.
    listed.erase(listed.begin(),
                 listed.end() - static_cast<ptrdiff_t>(kMaxExplainedEntries));
  }
  for (const Listed& item : listed) explanation.entries.push_back(Data(item));
  if (trace.access() != nullptr) {
    AddUntried(*trace.access()->policy, request.resource.judged_type(), listed,
               explanation);
    AddEntryParameters(explanation.membership, lookup, explanation.entries);
  }

  const size_t nearest = is_denied && IsAboutEntries(decision.reason)
                             ? Nearest(listed, last)
                             : listed.size();
  const SummaryInput input{
      .request = request,
      .explanation = explanation,
      .trace = trace,
      .attempt = last,
      .nearest = nearest == listed.size() ? nullptr : listed[nearest].tried};
  if (nearest != listed.size()) explanation.nearest = nearest;
  explanation.summary = SummaryInWords(input);
  if (is_denied) explanation.missing = MissingInWords(input);
}

}  // namespace pdp::policy
