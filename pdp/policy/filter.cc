#include "pdp/policy/filter.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/match_durable.h"
#include "pdp/fhir/search/url_query.h"
#include "pdp/policy/filter_condition.h"
#include "pdp/policy/type_rules.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using fhir::search::Criteria;
using fhir::search::DurableMatch;

// Percent-encodes what a query may not have as it is.
std::string Encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  static constexpr std::string_view kPlain = "-_.~:/,|$*()!'@";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_alphanumeric = (byte >= '0' && byte <= '9') ||
                                 (byte >= 'A' && byte <= 'Z') ||
                                 (byte >= 'a' && byte <= 'z');
    if (is_alphanumeric || kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 0xf];
    }
  }
  return out;
}

void Append(std::string_view key, std::string_view value, std::string& query) {
  if (!query.empty()) query += '&';
  query += StrCat(Encode(key), "=", Encode(value));
}

bool IsControl(const Criteria& criteria, std::string_view key) {
  const std::string_view code = key.substr(0, key.find(':'));
  return std::any_of(
      criteria.control_parameters.begin(), criteria.control_parameters.end(),
      [&](const auto& control) {
        return control.first.substr(0, control.first.find(':')) == code;
      });
}

// The parameters of a criteria that narrow, encoded anew: control parameters
// are left out, as the server leaves them out of policies.
std::string NarrowingQuery(const Criteria& criteria) {
  const size_t question = criteria.text.find('?');
  if (question == std::string::npos) return {};
  std::string_view query = std::string_view(criteria.text).substr(question + 1);
  query = query.substr(0, query.find('?'));
  std::string out;
  for (const auto& [key, value] : fhir::search::ParseUrlQuery(query)) {
    if (!IsControl(criteria, key)) Append(key, value, out);
  }
  return out;
}

class FilterBuilder {
 public:
  FilterBuilder(const SubjectAccess& access, const FilterRequest& request,
                Mode mode, FilterAnswer& answer)
      : access_(access), request_(request), mode_(mode), answer_(answer) {}

  void Run() {
    if (CheckType() && CollectEntries() && ReadCallersQuery()) Permit();
  }

 private:
  bool Deny(Reason reason, uint16_t status, std::string message) {
    answer_.kind = FilterKind::kAlwaysDenied;
    answer_.reason = reason;
    answer_.medplum_http_status = status;
    answer_.message = std::move(message);
    answer_.queries.clear();
    answer_.condition.reset();
    return false;
  }

  bool CheckType() {
    type_ = request_.resource_type;
    if (!fhir::IsResourceType(type_)) {
      return Deny(Reason::kResourceTypeUnknown, 400,
                  StrCat("`", type_, "` is no FHIR or Medplum resource type"));
    }
    if (type_ == "Binary") {
      return Deny(Reason::kNotSupported, 400, "Binary cannot be searched");
    }
    if (access_.Supports(Interaction::kSearch, type_)) return true;
    return DenyGate();
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

  // E.2, for searching.
  bool CollectEntries() {
    const fhir::InteractionSet bit = fhir::Bit(Interaction::kSearch);
    for (const BoundEntry* entry : access_.policy->EntriesFor(type_)) {
      if (!(entry->compiled->durable_interactions & bit)) continue;
      if (!(entry->in_force & bit)) continue;
      considered_ = true;
      if (!CollectEntry(*entry)) return false;
      if (is_unrestricted_) break;
    }
    if (!collected_) is_unrestricted_ = considered_ || mode_ == Mode::kParity;
    for (const BoundEntry* entry : access_.policy->EntriesFor(type_)) {
      for (const std::string& field : entry->compiled->source.hidden_fields) {
        auto& hidden = answer_.hidden_fields;
        if (std::find(hidden.begin(), hidden.end(), field) == hidden.end()) {
          hidden.push_back(field);
        }
      }
    }
    return true;
  }

  bool CollectEntry(const BoundEntry& entry) {
    const CompiledEntry& compiled = *entry.compiled;
    const std::string tenants = TenantQuery(entry);
    if (!compiled.source.compartment.empty()) {
      std::string query;
      Append("_compartment", compiled.source.compartment, query);
      has_condition_ = false;
      return Collect(std::move(query), tenants);
    }
    if (!compiled.has_criteria || !compiled.criteria_has_prefix) {
      if (tenants.empty()) {
        is_unrestricted_ = true;
        return true;
      }
      return Collect({}, tenants);
    }
    const absl::StatusOr<Criteria> criteria = fhir::search::ParseCriteria(
        StrCat(type_, std::string_view(compiled.source.criteria)
                          .substr(compiled.source.resource_type.size())));
    if (!criteria.ok()) {
      return Deny(Reason::kEvaluationError, 400,
                  StrCat(Where(entry), ": ", criteria.status().message()));
    }
    if (criteria->filters.empty()) return true;
    fhir::search::DurableEnvironment environment;
    environment.may_search = [this](std::string_view type) {
      return access_.Supports(Interaction::kSearch, type);
    };
    const fhir::search::DurableResult check =
        fhir::search::CheckDurable(*criteria, type_, environment);
    if (check.match == DurableMatch::kError ||
        check.match == DurableMatch::kForbidden) {
      return Deny(Reason::kEvaluationError,
                  check.match == DurableMatch::kError ? 400 : 403,
                  StrCat(Where(entry), ": ", check.why));
    }
    AddCondition(*criteria);
    return Collect(NarrowingQuery(*criteria), tenants);
  }

  static std::string Where(const BoundEntry& entry) {
    return StrCat(entry.source.policy, ".resource[", entry.source.index, "]");
  }

  // The active tenants, for the types that they confine.
  std::string TenantQuery(const BoundEntry& entry) const {
    if (entry.tenants.empty()) return {};
    if (type_ != "Patient" &&
        fhir::search::PatientCompartmentCodes(type_).empty()) {
      return {};
    }
    std::string value;
    for (const std::string& tenant : entry.tenants) {
      if (!value.empty()) value += ',';
      value += tenant;
    }
    std::string query;
    Append("_compartment", value, query);
    return query;
  }

  bool Collect(std::string query, std::string_view tenants) {
    collected_ = true;
    if (!tenants.empty()) {
      has_condition_ = false;
      if (!query.empty()) query += '&';
      query += tenants;
    }
    if (std::find(entry_queries_.begin(), entry_queries_.end(), query) ==
        entry_queries_.end()) {
      entry_queries_.push_back(std::move(query));
    }
    return true;
  }

  void AddCondition(const Criteria& criteria) {
    std::optional<Condition> condition = ConditionOf(criteria);
    if (!condition) {
      has_condition_ = false;
    } else {
      any_of_.children.push_back(*std::move(condition));
    }
  }

  // The caller's own query is ANDed.  Whatever would show other resources under
  // a privileged token is refused, and in strict mode what tells of a hidden
  // field.
  bool ReadCallersQuery() {
    if (request_.query.empty()) return true;
    const absl::StatusOr<Criteria> criteria =
        fhir::search::ParseCallersQuery(type_, request_.query);
    if (!criteria.ok()) {
      return Deny(
          Reason::kQueryNotSafe, 400,
          StrCat("the query cannot be read: ", criteria.status().message()));
    }
    for (const fhir::search::Filter& filter : criteria->filters) {
      if (filter.is_chained || filter.parameter == nullptr) {
        return RefuseParameter(filter.code,
                               "it reaches other resources, or is "
                               "no search parameter of the type");
      }
      if (mode_ == Mode::kStrict && LooksAtHiddenField(*filter.parameter)) {
        return RefuseParameter(filter.code, "it looks at a hidden field");
      }
    }
    for (const auto& [key, value] : criteria->control_parameters) {
      if (key.starts_with("_include") || key.starts_with("_revinclude")) {
        return RefuseParameter(key, "it adds resources of other types");
      }
      if (key.starts_with("_type") && value != type_) {
        return RefuseParameter(key, "it searches other types");
      }
      if (mode_ == Mode::kParity) continue;
      if ((key.starts_with("_sort") || key.starts_with("_elements") ||
           key.starts_with("_fields")) &&
          !IsSafeList(value)) {
        return RefuseParameter(key, "it names a hidden field");
      }
    }
    for (const auto& [key, value] :
         fhir::search::ParseUrlQuery(request_.query)) {
      Append(key, value, callers_query_);
    }
    return true;
  }

  // The note and Medplum's status are left to Reconcile() (departure.h).
  void NoteRule(StrictRule rule) {
    answer_.notes.push_back(
        {.code = NoteCode::kStrictRule, .strict_rule = rule, .text = {}});
  }

  bool RefuseParameter(std::string_view parameter, std::string_view why) {
    if (mode_ == Mode::kStrict) NoteRule(StrictRule::kSafeQuery);
    return Deny(Reason::kQueryNotSafe, 0,
                StrCat("the parameter `", parameter, "` is refused: ", why));
  }

  bool LooksAtHiddenField(
      const fhir::search::SearchParameter& parameter) const {
    return std::any_of(
        answer_.hidden_fields.begin(), answer_.hidden_fields.end(),
        [&](const std::string& field) {
          const std::string_view first =
              std::string_view(field).substr(0, field.find_first_of(".["));
          // `valueQuantity` is `value` in an expression.
          const std::string_view expression = parameter.expression;
          for (size_t at = expression.find('.'); at != std::string_view::npos;
               at = expression.find('.', at + 1)) {
            std::string_view name = expression.substr(at + 1);
            name = name.substr(0, name.find_first_of(".()[] |,'="));
            if (!name.empty() &&
                (first.starts_with(name) || name.starts_with(first))) {
              return true;
            }
          }
          return false;
        });
  }

  // Every name of a `_sort` or `_elements` list is a parameter or an element
  // that is not hidden.
  bool IsSafeList(std::string_view list) const {
    if (answer_.hidden_fields.empty()) return true;
    while (!list.empty()) {
      const size_t end = std::min(list.find(','), list.size());
      std::string_view name = list.substr(0, end);
      if (name.starts_with('-')) name.remove_prefix(1);
      list.remove_prefix(std::min(end + 1, list.size()));
      const auto* parameter = fhir::search::FindSearchParameter(type_, name);
      if (parameter != nullptr && LooksAtHiddenField(*parameter)) return false;
      for (const std::string& field : answer_.hidden_fields) {
        if (std::string_view(field).starts_with(name)) return false;
      }
    }
    return true;
  }

  void Permit() {
    answer_.reason = Reason::kPermitted;
    answer_.medplum_http_status = 200;
    answer_.message = "permitted";
    answer_.kind = is_unrestricted_ ? FilterKind::kAlwaysPermitted
                                    : FilterKind::kConditional;
    if (is_unrestricted_) {
      entry_queries_ = {""};
      any_of_ = Condition{.kind = Condition::Kind::kConstant, .constant = true};
      has_condition_ = true;
    } else if (entry_queries_.empty()) {
      Deny(Reason::kInteractionNotGranted, 403,
           StrCat("no entry of the policy grants search on ", type_));
      return;
    }
    const std::string projects = ProjectQuery();
    for (std::string& query : entry_queries_) {
      for (const std::string_view part :
           {std::string_view(callers_query_), std::string_view(projects)}) {
        if (part.empty()) continue;
        if (!query.empty()) query += '&';
        query += part;
      }
      answer_.queries.push_back(query.empty() ? std::string(type_)
                                              : StrCat(type_, "?", query));
    }
    if (answer_.queries.size() == 1) {
      answer_.single_query = answer_.queries.front();
    }
    if (has_condition_ && callers_query_.empty()) {
      answer_.condition = std::move(any_of_);
    }
  }

  std::string ProjectQuery() const {
    if (!request_.runner_is_privileged || access_.super_admin) return {};
    std::string value;
    for (const std::string& id : access_.ReadableProjects(type_)) {
      if (!value.empty()) value += ',';
      value += id;
    }
    std::string query;
    Append("_project", value, query);
    return query;
  }

  const SubjectAccess& access_;
  const FilterRequest& request_;
  const Mode mode_;
  FilterAnswer& answer_;
  std::string_view type_;
  bool considered_ = false;
  bool collected_ = false;
  bool is_unrestricted_ = false;
  bool has_condition_ = true;
  std::vector<std::string> entry_queries_;
  Condition any_of_{.kind = Condition::Kind::kAnyOf};
  std::string callers_query_;
};

}  // namespace

void BuildFilter(const SubjectAccess& access, const FilterRequest& request,
                 Mode mode, FilterAnswer& answer) {
  FilterBuilder(access, request, mode, answer).Run();
}

}  // namespace pdp::policy
