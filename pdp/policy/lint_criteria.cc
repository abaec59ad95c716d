// Criteria: what is wrong with them as far as it is seen in their text (S-8).

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/lint_report.h"

namespace pdp::policy {

using fhir::search::Criteria;
using fhir::search::DurableColumn;
using fhir::search::Filter;
using fhir::search::Operator;
using fhir::search::ParameterType;

namespace {

std::string Quoted(std::string_view text) { return StrCat("`", text, "`."); }

std::string Key(const Filter& filter) {
  return filter.modifier.empty() ? filter.code
                                 : StrCat(filter.code, ":", filter.modifier);
}

// One filter of a type that is known.
class FilterLint {
 public:
  FilterLint(const Filter& filter, std::string_view path, LintReport& report)
      : filter_(filter), path_(path), report_(report) {}

  void Run() {
    if (filter_.is_chained || filter_.code == "_filter") {
      Add(LintRule::kCriteriaReachesFurther);
      return;
    }
    if (filter_.parameter == nullptr) {
      Add(LintRule::kCriteriaUnknownParameter);
      return;
    }
    if (filter_.op == Operator::kMissing || filter_.op == Operator::kPresent) {
      if (filter_.value != "true" && filter_.value != "false") {
        Add(LintRule::kCriteriaMissingValue);
      }
      return;
    }
    if (filter_.value.empty()) Add(LintRule::kCriteriaEmptyValue);
    LintModifier();
    switch (filter_.parameter->type) {
      case ParameterType::kNumber:
      case ParameterType::kQuantity:
        Add(LintRule::kCriteriaNumber);
        break;
      case ParameterType::kDate:
        LintDate();
        break;
      case ParameterType::kReference:
        LintReference();
        break;
      case ParameterType::kString:
      case ParameterType::kUri:
        Add(LintRule::kCriteriaPartialText);
        break;
      case ParameterType::kToken:
        LintToken();
        break;
      default:
        break;
    }
  }

 private:
  void Add(LintRule rule) {
    // What stands for a parameter is not the policy's own text.
    report_.Add(rule, path_,
                Quoted(IsOfParameter(filter_.value)
                           ? Key(filter_)
                           : StrCat(Key(filter_), "=", filter_.value)));
  }

  void LintModifier() {
    switch (filter_.op) {
      case Operator::kIn:
      case Operator::kNotIn:
      case Operator::kText:
      case Operator::kAbove:
      case Operator::kBelow:
      case Operator::kOfType:
      case Operator::kIdentifier:
        Add(LintRule::kCriteriaModifierIgnored);
        break;
      case Operator::kEquals:
      case Operator::kOther:
        if (!filter_.modifier.empty()) Add(LintRule::kCriteriaModifierDropped);
        break;
      case Operator::kNot: {
        // The database's `NOT (column = value)` leaves out what has no value.
        const DurableColumn& column = filter_.parameter->column;
        const bool is_list = filter_.alternatives.size() > 1;
        const bool is_reference =
            column.kind == DurableColumn::Kind::kReferences && !column.is_array;
        const bool is_code = column.kind == DurableColumn::Kind::kText &&
                             !column.is_array && is_list;
        if (is_reference || is_code) Add(LintRule::kCriteriaNotOfAbsent);
        break;
      }
      default:
        break;
    }
  }

  void LintDate() {
    const bool is_never = filter_.op == Operator::kStartsWith;
    if (filter_.op == Operator::kNot || is_never) {
      Add(LintRule::kCriteriaDateAlways);
      return;
    }
    const size_t day = std::string_view("2024-05-01").size();
    if (!filter_.value.empty() && filter_.value.size() < day) {
      Add(LintRule::kCriteriaDatePart);
    }
  }

  void LintReference() {
    for (const std::string& value : filter_.alternatives) {
      if (value.empty() || IsOfParameter(value)) continue;
      if (value.find("://") != std::string::npos ||
          value.find("/_history/") != std::string::npos) {
        Add(LintRule::kCriteriaForeignReference);
      } else if (value.find('/') == std::string::npos &&
                 filter_.parameter->targets.size() != 1 &&
                 filter_.code != "_compartment") {
        Add(LintRule::kCriteriaBareId);
      }
    }
  }

  void LintToken() {
    if (filter_.code != "_id" && filter_.code != "_project") return;
    for (const std::string& value : filter_.alternatives) {
      if (value.empty() || IsOfParameter(value)) continue;
      if (!fhir::IsUuid(value)) Add(LintRule::kCriteriaIdNoUuid);
    }
  }

  const Filter& filter_;
  const std::string_view path_;
  LintReport& report_;
};

}  // namespace

void LintCriteria(const PolicyEntry& entry, std::string_view path,
                  LintReport& report) {
  const std::string& text = entry.criteria;
  const std::string& type = entry.resource_type;
  if (text.empty()) return;
  const auto add = [&](LintRule rule) { report.Add(rule, path, Quoted(text)); };
  if (!text.starts_with(StrCat(type, "?"))) {
    report.Add(LintRule::kCriteriaPrefix, path,
               StrCat("`", text, "` should begin with `", type, "?`."));
    return;
  }
  if (std::count(text.begin(), text.end(), '?') > 1) {
    add(LintRule::kCriteriaSecondQuestion);
  }
  const bool is_wildcard = type == "*";
  if (is_wildcard) add(LintRule::kCriteriaWildcard);
  const absl::StatusOr<Criteria> criteria =
      fhir::search::ParseCriteria(WithoutParameters(text));
  if (!criteria.ok()) {
    report.Add(LintRule::kCriteriaUnreadable, path,
               StrCat("`", text, "`: ", criteria.status().message(), "."));
    return;
  }
  if (criteria->filters.empty()) {
    add(LintRule::kCriteriaEmpty);
  } else if (!criteria->control_parameters.empty()) {
    add(LintRule::kCriteriaControl);
  }
  // Which parameters a wildcard's types have is not one answer.
  if (is_wildcard || !fhir::IsResourceType(type)) return;
  for (const Filter& filter : criteria->filters) {
    FilterLint(filter, path, report).Run();
  }
}

}  // namespace pdp::policy
