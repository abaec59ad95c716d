#include "pdp/service/convert_explanation.h"

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/fhir/interaction.h"
#include "pdp/service/convert_decision.h"

namespace pdp::service {
namespace {

using policy::DecisionStage;
using policy::EntryTest;

// As in convert_decision.cc: converting an enum is a cast.
template <typename Ours>
constexpr int Number(Ours value) {
  return static_cast<int>(value);
}

static_assert(Number(DecisionStage::kRead) == v1::DECISION_STAGE_READ);
static_assert(Number(DecisionStage::kStored) == v1::DECISION_STAGE_STORED);
static_assert(Number(DecisionStage::kResult) == v1::DECISION_STAGE_RESULT);
static_assert(Number(DecisionStage::kType) == v1::DECISION_STAGE_TYPE);
static_assert(Number(DecisionStage::kSecurityContext) ==
              v1::DECISION_STAGE_SECURITY_CONTEXT);
static_assert(v1::DecisionStage_MAX == v1::DECISION_STAGE_SECURITY_CONTEXT);

static_assert(Number(EntryTest::kResourceType) == v1::ENTRY_TEST_RESOURCE_TYPE);
static_assert(Number(EntryTest::kInteraction) == v1::ENTRY_TEST_INTERACTION);
static_assert(Number(EntryTest::kInForce) == v1::ENTRY_TEST_IN_FORCE);
static_assert(Number(EntryTest::kCompartment) == v1::ENTRY_TEST_COMPARTMENT);
static_assert(Number(EntryTest::kCriteria) == v1::ENTRY_TEST_CRITERIA);
static_assert(Number(EntryTest::kTenant) == v1::ENTRY_TEST_TENANT);
static_assert(Number(EntryTest::kWriteConstraint) ==
              v1::ENTRY_TEST_WRITE_CONSTRAINT);
static_assert(Number(EntryTest::kError) == v1::ENTRY_TEST_ERROR);
static_assert(Number(EntryTest::kNotReached) == v1::ENTRY_TEST_NOT_REACHED);
static_assert(v1::EntryTest_MAX == v1::ENTRY_TEST_NOT_REACHED);

template <typename Theirs, typename Ours>
Theirs Cast(Ours value) {
  return static_cast<Theirs>(Number(value));
}

void ConvertTrace(const policy::ExplainedEntry& entry,
                  v1::EntryTrace& message) {
  ConvertEntry(entry.source, *message.mutable_entry());
  message.set_matched(entry.matched);
  message.set_failed_test(entry.failed_test);
  message.set_criteria(entry.criteria);
  for (const std::string& path : entry.paths) message.add_paths(path);
  for (const policy::EntryParameter& parameter : entry.parameters) {
    v1::EntryParameter& added = *message.add_parameters();
    added.set_name(parameter.name);
    added.set_value(parameter.value);
    added.set_source(parameter.source);
  }
  message.set_test(Cast<v1::EntryTest>(entry.test));
  message.set_strict_rule(Cast<v1::StrictRule>(entry.strict_rule));
  message.set_stage(Cast<v1::DecisionStage>(entry.stage));
  message.set_durable(entry.durable);
  message.set_search_parameter(entry.search_parameter);
  message.set_resource_type(entry.resource_type);
  for (int i = v1::INTERACTION_READ; i < v1::INTERACTION_PATCH; ++i) {
    if (entry.interactions & fhir::Bit(static_cast<fhir::Interaction>(i))) {
      message.add_interactions(static_cast<v1::Interaction>(i));
    }
  }
}

}  // namespace

void ConvertExplanation(const policy::Explanation& explanation,
                        v1::ExplainResponse& message) {
  for (const policy::ExplainedEntry& entry : explanation.entries) {
    ConvertTrace(entry, *message.add_entries());
  }
  if (explanation.nearest) {
    message.set_nearest(static_cast<uint32_t>(*explanation.nearest));
  }
  message.set_summary(explanation.summary);
  message.set_missing(explanation.missing);
  message.set_membership(explanation.membership);
  message.set_project(explanation.project);
}

}  // namespace pdp::service
