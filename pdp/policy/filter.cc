#include "pdp/policy/filter.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/match_durable.h"
#include "pdp/policy/filter_condition.h"
#include "pdp/policy/filter_entries.h"
#include "pdp/policy/filter_query.h"
#include "pdp/policy/filter_text.h"
#include "pdp/policy/type_rules.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using fhir::search::DurableColumn;
using fhir::search::DurableMatch;
using fhir::search::Filter;

// Whether the server would run `query` at all.
bool IsSound(std::string_view type, std::string_view query) {
  const auto criteria = fhir::search::ParseCriteria(StrCat(type, "?", query));
  if (!criteria.ok()) return false;
  const DurableMatch match =
      fhir::search::CheckDurable(*criteria, type, {}).match;
  return match != DurableMatch::kError && match != DurableMatch::kForbidden;
}

bool ComparesRanges(const Filter& filter) {
  if (filter.parameter == nullptr) return filter.code == "_filter";
  return fhir::search::IsOrdered(filter.parameter->type);
}

class FilterBuilder {
 public:
  FilterBuilder(const SubjectAccess& access, const FilterRequest& request,
                Mode mode, FilterAnswer& answer)
      : access_(access),
        request_(request),
        mode_(mode),
        type_(request.resource_type),
        answer_(answer) {}

  void Run() {
    if (!CheckType()) return;
    reach_ = ReachOf(access_, type_, Interaction::kSearch, mode_);
    answer_.hidden_fields = reach_.hidden_fields;
    if (reach_.error) {
      Deny(Reason::kEvaluationError, reach_.error->medplum_http_status,
           reach_.error->message);
      return;
    }
    if (!ReadQuery()) return;
    if (!reach_.is_unrestricted && reach_.any_of.empty()) {
      Deny(Reason::kInteractionNotGranted, 403,
           StrCat("no entry of the policy grants search on ", type_));
      return;
    }
    Permit();
  }

 private:
  bool Deny(Reason reason, uint16_t status, std::string message) {
    answer_.kind = FilterKind::kAlwaysDenied;
    answer_.reason = reason;
    answer_.medplum_http_status = status;
    answer_.message = std::move(message);
    return false;
  }

  bool CheckType() {
    if (!fhir::IsResourceType(type_)) {
      return Deny(Reason::kResourceTypeUnknown, 400,
                  StrCat("`", type_, "` is no FHIR or Medplum resource type"));
    }
    if (type_ == "Binary") {
      return Deny(Reason::kNotSupported, 400, "Binary cannot be searched");
    }
    return access_.Supports(Interaction::kSearch, type_) || DenyGate();
  }

  bool DenyGate() {
    const std::string message =
        StrCat("no entry of the policy grants search on ", type_);
    if (!access_.super_admin && IsProtectedType(type_)) {
      return Deny(Reason::kProtectedType, 403, message);
    }
    for (const BoundEntry* entry : access_.policy->EntriesFor(type_)) {
      if (!(entry->compiled->interactions & fhir::Bit(Interaction::kSearch))) {
        continue;
      }
      NoteRule(entry->narrowed_by);
      return Deny(entry->narrowed_by == StrictRule::kPolicyRequired
                      ? Reason::kPolicyMissing
                  : entry->narrowed_by == StrictRule::kSmartLetters
                      ? Reason::kScope
                      : Reason::kInteractionNotGranted,
                  0, message);
    }
    return Deny(Reason::kInteractionNotGranted, 403, message);
  }

  // The note and Medplum's status are left to Reconcile() (departure.h).
  void NoteRule(StrictRule rule) {
    answer_.notes.push_back(
        {.code = NoteCode::kStrictRule, .strict_rule = rule, .text = {}});
  }

  bool ReadQuery() {
    if (request_.query.empty()) return true;
    query_ = ReadCallersQuery(access_, request_, reach_, mode_);
    if (query_.refusal) {
      const uint16_t status = query_.refusal->medplum_http_status;
      if (mode_ == Mode::kStrict && status == 0) {
        NoteRule(StrictRule::kSafeQuery);
      }
      return Deny(Reason::kQueryNotSafe, status, query_.refusal->message);
    }
    if (query_.is_narrowed) NoteRule(StrictRule::kSafeQuery);
    answer_.inexact = query_.inexact;
    for (std::string& field : query_.hidden_fields) {
      auto& hidden = answer_.hidden_fields;
      if (std::find(hidden.begin(), hidden.end(), field) == hidden.end()) {
        hidden.push_back(std::move(field));
      }
    }
    return true;
  }

  void Permit() {
    answer_.reason = Reason::kPermitted;
    answer_.medplum_http_status = 200;
    answer_.message = "permitted";
    answer_.kind = reach_.is_unrestricted ? FilterKind::kAlwaysPermitted
                                          : FilterKind::kConditional;
    answer_.strip_fields_required =
        !answer_.hidden_fields.empty() || !answer_.inexact.empty();
    if (request_.runner_is_privileged) {
      projects_ = ProjectQuery(access_, type_);
    }
    if (reach_.is_unrestricted) {
      answer_.queries = {Whole("")};
    } else {
      for (const EntryFilter& entry : reach_.any_of) {
        answer_.queries.push_back(Whole(entry.query));
      }
    }
    answer_.single_query = SingleQuery();
    BindToOneSearch();
    NoteRanges();
    SetCondition();
  }

  // With what the caller and the projects add.
  std::string Whole(std::string query) const {
    AppendQuery(query_.text, query);
    AppendQuery(projects_, query);
    return query.empty() ? std::string(type_) : StrCat(type_, "?", query);
  }

  std::string SingleQuery() const {
    if (answer_.queries.size() == 1) return answer_.queries.front();
    const auto text = FilterTextOfAny(reach_.any_of, type_);
    if (!text) return "";
    std::string query;
    AppendParameter("_filter", *text, query);
    return IsSound(type_, query) ? Whole(std::move(query)) : "";
  }

  // Several searches have pages, an order and a total each.
  void BindToOneSearch() {
    if (answer_.queries.size() == 1) return;
    std::vector<std::string> bound = query_.bound_to_one_search;
    if (query_.has_includes) bound.emplace_back("_include");
    if (bound.empty()) return;
    if (!answer_.single_query.empty()) {
      answer_.queries = {answer_.single_query};
      return;
    }
    for (const std::string& parameter : bound) {
      answer_.inexact.push_back(
          StrCat("`", parameter,
                 "` holds for each of the queries, not for their union"));
    }
  }

  // A runner of another project has not the feature of this one.
  void NoteRanges() {
    if (!access_.project.range_search || !request_.runner_is_privileged) return;
    bool compares = std::ranges::any_of(query_.filters, ComparesRanges);
    for (const EntryFilter& entry : reach_.any_of) {
      compares = compares || std::ranges::any_of(entry.filters, ComparesRanges);
    }
    if (!compares) return;
    answer_.inexact.emplace_back(
        "the project has the feature `range-search`: dates and numbers are "
        "compared so only for a runner of the same project");
  }

  void SetCondition() {
    const bool has_ranges = access_.project.range_search;
    std::vector<Condition> all;
    if (!access_.super_admin) {
      all.push_back(ProjectCondition(type_, access_.ReadableProjects(type_)));
    }
    if (!reach_.is_unrestricted) {
      std::vector<Condition> any;
      for (const EntryFilter& entry : reach_.any_of) {
        auto condition = ConditionOfAll(entry.filters, type_, has_ranges);
        if (!condition) return;
        any.push_back(*std::move(condition));
      }
      all.push_back(AnyOf(std::move(any)));
    }
    if (!query_.filters.empty()) {
      auto condition = ConditionOfAll(query_.filters, type_, has_ranges);
      if (!condition) return;
      all.push_back(*std::move(condition));
    }
    answer_.condition = AllOf(std::move(all));
  }

  const SubjectAccess& access_;
  const FilterRequest& request_;
  const Mode mode_;
  const std::string_view type_;
  FilterAnswer& answer_;
  EntriesReach reach_;
  CallersQuery query_;
  std::string projects_;
};

}  // namespace

void BuildFilter(const SubjectAccess& access, const FilterRequest& request,
                 Mode mode, FilterAnswer& answer) {
  FilterBuilder(access, request, mode, answer).Run();
}

}  // namespace pdp::policy
