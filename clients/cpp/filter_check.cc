#include "clients/cpp/filter_check.h"

#include <algorithm>
#include <utility>

#include "pdp/base/strings.h"

namespace medplum_pdp {
namespace {

absl::Status NotUnderstood(std::string_view why) {
  return absl::InternalError(
      pdp::StrCat("the answer is not understood: ", why));
}

bool IsKnown(const v1::Condition& condition) {
  const auto all_known = [](const v1::ConditionList& list) {
    return std::all_of(list.conditions().begin(), list.conditions().end(),
                       IsKnown);
  };
  switch (condition.node_case()) {
    case v1::Condition::kAllOf:
      return all_known(condition.all_of());
    case v1::Condition::kAnyOf:
      return all_known(condition.any_of());
    case v1::Condition::kNot:
      return IsKnown(condition.not_());
    case v1::Condition::kComparison: {
      const v1::ComparisonOperator op = condition.comparison().operator_();
      return v1::ComparisonOperator_IsValid(op) &&
             op != v1::COMPARISON_OPERATOR_UNSPECIFIED;
    }
    case v1::Condition::kConstant:
      return true;
    case v1::Condition::NODE_NOT_SET:
      break;
  }
  return false;
}

}  // namespace

absl::Status CheckFilterAnswer(v1::FilterResponse& answer) {
  const bool may_find = answer.kind() == v1::FILTER_KIND_ALWAYS_PERMITTED ||
                        answer.kind() == v1::FILTER_KIND_CONDITIONAL;
  if (!may_find) {
    answer.set_kind(v1::FILTER_KIND_ALWAYS_DENIED);
    answer.clear_queries();
    answer.clear_single_query();
    answer.clear_condition();
    return absl::OkStatus();
  }
  if (answer.reason() != v1::REASON_PERMITTED ||
      answer.enforcement_http_status() != 200) {
    return NotUnderstood("a search is permitted and denied");
  }
  if (answer.queries().empty()) {
    return NotUnderstood("a search is permitted, and there is no query");
  }
  if (answer.has_condition() && !IsKnown(answer.condition())) {
    return NotUnderstood("a part of the condition is not known here");
  }
  return absl::OkStatus();
}

void FilterCheck::Take(v1::FilterResourcesResponse message) {
  if (!fault_.ok()) return;
  if (has_summary_) {
    fault_ = NotUnderstood("there is a message after the summary");
    return;
  }
  switch (message.part_case()) {
    case v1::FilterResourcesResponse::kResource: {
      v1::FilteredResource& next = *message.mutable_resource();
      if (!result_.resources.empty() &&
          next.index() <= result_.resources.back().index()) {
        fault_ = NotUnderstood("resources come twice or out of order");
        return;
      }
      result_.resources.push_back(std::move(next));
      return;
    }
    case v1::FilterResourcesResponse::kSummary:
      has_summary_ = true;
      result_.summary = std::move(*message.mutable_summary());
      return;
    case v1::FilterResourcesResponse::PART_NOT_SET:
      fault_ = NotUnderstood("a message is neither resource nor summary");
      return;
  }
}

absl::StatusOr<FilteredResources> FilterCheck::Finish() && {
  if (!fault_.ok()) return fault_;
  if (!has_summary_) return NotUnderstood("the stream ended without summary");
  const v1::FilterResourcesSummary& summary = result_.summary;
  const bool fits =
      summary.permitted() == result_.resources.size() &&
      summary.received() == summary.permitted() + summary.denied() &&
      (result_.resources.empty() ||
       result_.resources.back().index() < summary.received());
  if (!fits) return NotUnderstood("the summary is of other resources");
  return std::move(result_);
}

}  // namespace medplum_pdp
