#include "clients/cpp/filter_check.h"

#include <gtest/gtest.h>

#include <utility>

namespace medplum_pdp {
namespace {

v1::FilterResponse Conditional() {
  v1::FilterResponse answer;
  answer.set_kind(v1::FILTER_KIND_CONDITIONAL);
  answer.set_reason(v1::REASON_PERMITTED);
  answer.set_enforcement_http_status(200);
  answer.add_queries("Patient?active=true");
  answer.set_single_query("Patient?active=true");
  answer.mutable_condition()->mutable_comparison()->set_operator_(
      v1::COMPARISON_OPERATOR_EQUALS);
  return answer;
}

TEST(CheckFilterAnswerTest, WhatDeniesOrIsNotKnownHasNoQueries) {
  for (const int kind : {0, 1, 4, 99}) {
    SCOPED_TRACE(kind);
    v1::FilterResponse answer = Conditional();
    answer.set_kind(static_cast<v1::FilterKind>(kind));
    EXPECT_TRUE(CheckFilterAnswer(answer).ok());
    EXPECT_EQ(answer.kind(), v1::FILTER_KIND_ALWAYS_DENIED);
    EXPECT_TRUE(answer.queries().empty());
    EXPECT_TRUE(answer.single_query().empty());
    EXPECT_FALSE(answer.has_condition());
  }
}

TEST(CheckFilterAnswerTest, WhatFitsIsLeftAsItIs) {
  v1::FilterResponse answer = Conditional();
  EXPECT_TRUE(CheckFilterAnswer(answer).ok());
  EXPECT_EQ(answer.SerializeAsString(), Conditional().SerializeAsString());
}

TEST(CheckFilterAnswerTest, WhatCouldFindMoreIsNoAnswer) {
  v1::FilterResponse denied = Conditional();
  denied.set_enforcement_http_status(403);
  v1::FilterResponse blocked = Conditional();
  blocked.set_reason(v1::REASON_BLOCKED);
  v1::FilterResponse no_query = Conditional();
  no_query.clear_queries();
  v1::FilterResponse no_node = Conditional();
  no_node.mutable_condition()->Clear();
  // False where it is not known: true beneath a `not`.
  v1::FilterResponse beneath_not = Conditional();
  beneath_not.mutable_condition()->mutable_not_();
  v1::FilterResponse within_all = Conditional();
  within_all.mutable_condition()->mutable_all_of()->add_conditions();
  v1::FilterResponse within_any = Conditional();
  within_any.mutable_condition()->mutable_any_of()->add_conditions();
  v1::FilterResponse operator_unknown = Conditional();
  operator_unknown.mutable_condition()->mutable_comparison()->set_operator_(
      static_cast<v1::ComparisonOperator>(77));
  v1::FilterResponse no_operator = Conditional();
  no_operator.mutable_condition()->mutable_comparison()->clear_operator_();
  for (v1::FilterResponse answer :
       {denied, blocked, no_query, no_node, beneath_not, within_all, within_any,
        operator_unknown, no_operator}) {
    SCOPED_TRACE(answer.ShortDebugString());
    EXPECT_TRUE(absl::IsInternal(CheckFilterAnswer(answer)));
  }
}

v1::FilterResourcesResponse ResourceAt(uint64_t index) {
  v1::FilterResourcesResponse message;
  message.mutable_resource()->set_index(index);
  return message;
}

v1::FilterResourcesResponse Summary(uint64_t permitted, uint64_t denied) {
  v1::FilterResourcesResponse message;
  message.mutable_summary()->set_received(permitted + denied);
  message.mutable_summary()->set_permitted(permitted);
  message.mutable_summary()->set_denied(denied);
  return message;
}

absl::StatusOr<FilteredResources> ResultOf(
    std::initializer_list<v1::FilterResourcesResponse> messages) {
  FilterCheck check;
  for (const v1::FilterResourcesResponse& message : messages) {
    check.Take(message);
  }
  return std::move(check).Finish();
}

TEST(FilterCheckTest, TakesWhatFitsTheSummary) {
  const auto result = ResultOf({ResourceAt(0), ResourceAt(2), Summary(2, 1)});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->resources.size(), 2u);
  EXPECT_EQ(result->summary.denied(), 1u);
}

TEST(FilterCheckTest, ThrowsAwayWhatDoesNotFit) {
  v1::FilterResourcesResponse miscounted = Summary(1, 0);
  miscounted.mutable_summary()->set_received(5);
  const std::vector<std::vector<v1::FilterResourcesResponse>> kCases = {
      {},
      {ResourceAt(0)},
      {ResourceAt(0), ResourceAt(0), Summary(2, 0)},
      {ResourceAt(1), ResourceAt(0), Summary(2, 0)},
      {ResourceAt(0), Summary(2, 0)},
      {ResourceAt(0), Summary(0, 1)},
      {ResourceAt(3), Summary(1, 2)},
      {Summary(1, 0), ResourceAt(0)},
      {Summary(0, 0), Summary(0, 0)},
      {ResourceAt(0), miscounted},
      {v1::FilterResourcesResponse(), Summary(0, 0)},
  };
  for (const auto& messages : kCases) {
    FilterCheck check;
    for (const auto& message : messages) check.Take(message);
    EXPECT_TRUE(absl::IsInternal(std::move(check).Finish().status()))
        << messages.size();
  }
}

}  // namespace
}  // namespace medplum_pdp
