// What the record of each answer says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/audit_test_support.h"
#include "pdp/service/ledger.h"
#include "pdp/service/record_access.h"
#include "pdp/service/resource_filter.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class AuditRecordTest : public ::testing::Test {
 protected:
  CallAttempt Attempt() {
    return {.origin = {.caller = &caller_},
            .ledger = ledger_.get(),
            .started = std::chrono::steady_clock::now()};
  }
  std::vector<std::string> Lines() {
    EXPECT_TRUE(ledger_->Write().ok());
    return journal_.lines();
  }

  CallOutcome Check(std::string_view text) {
    v1::CheckResponse response;
    CallOutcome outcome =
        f_.service.Check(Attempt(), Proto<v1::CheckRequest>(text), response);
    decision_ = response.decision();
    return outcome;
  }

  Fixture f_;
  MemoryJournal journal_;
  const Caller caller_ = {.name = "gateway",
                          .subjects_rule = SubjectsRule::kAny,
                          .resources_rule = ResourcesRule::kInline};
  const std::unique_ptr<Ledger> ledger_ =
      Audit{.mode = AuditMode::kRequired, .journal = &journal_}.NewLedger(
          f_.metrics);
  v1::Decision decision_;
};

std::string Text(std::string_view expected) {
  return testing::Expand(expected);
}

TEST_F(AuditRecordTest, ACheckSaysWhoAskedWhatAndWhy) {
  const struct {
    const char* name;
    const char* request;
    std::vector<const char*> has;
    std::vector<const char*> has_not;
  } kCases[] = {
      {"a permit by an entry",
       "subject { reference: 'ProjectMembership/member' } "
       "interaction: INTERACTION_READ "
       "resource { type: 'Patient' id: '$PATIENT' }",
       {"'kind':'decision'", "'method':'Check'", "'caller':'gateway'",
        "'subject':'ProjectMembership/member'",
        "'membership':'ProjectMembership/member'",
        "'profile':'Practitioner/$PRACTITIONER'", "'project':'$PROJECT'",
        "'interaction':'read'", "'resource':'Patient/$PATIENT'",
        "'patient':'Patient/$PATIENT'", "'effect':'PERMIT'",
        "'reason':'PERMITTED'", "'policy':'AccessPolicy/policy'",
        "'policy_version':'p1'", "'entry':0", "'source':0", "'revision':7",
        "'latency_ns':"},
       {"on_behalf_of", "tenants", "event"}},
      {"the circumstances",
       "subject { reference: 'Practitioner/$PRACTITIONER' project: '$PROJECT' }"
       "context { purpose_of_use: 'TREAT' remote_address: '10.0.0.1' "
       "user_agent: 'browser' session { id: 's1' } request_id: 'r1' "
       "traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' "
       "smart_scope: 'user/*.rs' launch_patient: 'Patient/$PATIENT' } "
       "interaction: INTERACTION_READ "
       "resource { type: 'Patient' id: '$PATIENT' }",
       {"'subject':'Practitioner/$PRACTITIONER'",
        "'membership':'ProjectMembership/member'", "'purpose_of_use':'TREAT'",
        "'remote_address':'10.0.0.1'", "'user_agent':'browser'",
        "'session':'s1'", "'request_id':'r1'",
        "'traceparent':'00-0af7651916cd43dd8448eb211c80319c-"
        "b7ad6b7169203331-01'",
        "'smart_scope':'user/*.rs'", "'launch_patient':'Patient/$PATIENT'"},
       {}},
      {"a denial",
       "subject { reference: 'ProjectMembership/member' } "
       "interaction: INTERACTION_DELETE "
       "resource { type: 'Patient' id: '$PATIENT' version_id: 'v1' }",
       {"'effect':'DENY'", "'reason':'RESOURCE_NOT_GRANTED'",
        "'interaction':'delete'", "'version_id':'v1'",
        "'membership':'ProjectMembership/member'",
        "'patient':'Patient/$PATIENT'"},
       {"'policy'", "'entry'"}},
      {"a body is no content of the record, but whose it is",
       "subject { reference: 'ProjectMembership/member' } "
       "interaction: INTERACTION_READ "
       "resource { body: '{\\\"resourceType\\\":\\\"Observation\\\",\\\"id\\\":"
       "\\\"60000000-0000-4000-8000-000000000001\\\",\\\"subject\\\":{"
       "\\\"reference\\\":\\\"Patient/$PATIENT\\\"},\\\"valueString\\\":"
       "\\\"secret\\\"}' }",
       {"'resource':'Observation/60000000-0000-4000-8000-000000000001'",
        "'patient':'Patient/$PATIENT'", "'effect':'DENY'"},
       {"secret", "valueString"}},
      {"a tenant that is chosen",
       "subject { reference: 'ProjectMembership/member' } "
       "context { active_tenants: 'Organization/$NORTH' } "
       "interaction: INTERACTION_READ "
       "resource { type: 'Patient' id: '$PATIENT' }",
       {"'tenants':['Organization/$NORTH']", "'reason':'TENANT_NOT_ALLOWED'",
        "'membership':'ProjectMembership/member'", "'project':'$PROJECT'"},
       {}},
      {"a subject that is not known",
       "subject { reference: 'ProjectMembership/nobody' } "
       "interaction: INTERACTION_READ "
       "resource { type: 'Patient' id: '$PATIENT' }",
       {"'subject':'ProjectMembership/nobody'",
        "'membership':'ProjectMembership/nobody'",
        "'reason':'SUBJECT_UNKNOWN'"},
       {"profile", "project"}},
      {"a token",
       "subject { access_token: 'eyJsecret' } "
       "interaction: INTERACTION_READ "
       "resource { type: 'Patient' id: '$PATIENT' }",
       {"'subject':'token'", "'effect':'DENY'"},
       {"eyJsecret"}},
      {"what is not of the shape is left out",
       "subject { reference: 'ProjectMembership/member' } "
       "context { traceparent: 'Jane Doe' } "
       "interaction: INTERACTION_READ "
       "resource { type: 'Patient' id: '$PATIENT' }",
       {"'effect':'PERMIT'"},
       {"traceparent", "Jane"}},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    const size_t before = journal_.lines().size();
    const CallOutcome outcome = Check(test.request);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    const std::vector<std::string> lines = Lines();
    ASSERT_EQ(lines.size(), before + 1);
    EXPECT_THAT(lines.back(), HasSubstr(StrCat("\"decision_id\":\"",
                                               decision_.decision_id(), "\"")));
    for (const char* text : test.has) {
      EXPECT_THAT(lines.back(), HasSubstr(Text(text)));
    }
    for (const char* text : test.has_not) {
      EXPECT_THAT(lines.back(), Not(HasSubstr(Text(text))));
    }
  }
}

TEST_F(AuditRecordTest, WhatIsCutIsNamed) {
  const std::string kept(300, 'k');
  const std::string cut(600, 'c');
  const CallOutcome outcome = Check(StrCat(
      "subject { reference: 'ProjectMembership/member' } "
      "interaction: INTERACTION_READ "
      "resource { type: 'Patient' id: '$PATIENT' } "
      "context { user_agent: '",
      kept, "' remote_address: '", cut, "' session { id: '", cut, "' } }"));
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_THAT(Lines(),
              ElementsAre(AllOf(
                  HasSubstr(StrCat("\"user_agent\":\"", kept, "\"")),
                  HasSubstr("\"cut\":[\"remote_address\",\"session\"]"))));
}

TEST_F(AuditRecordTest, WhatIsNotDecidedIsRecordedUnlessItIsMalformed) {
  f_.data.SetAge(absl::Hours(1));
  EXPECT_TRUE(absl::IsUnavailable(Check(kReadPatient).status));
  EXPECT_TRUE(
      absl::IsInvalidArgument(Check("interaction: INTERACTION_READ").status));
  EXPECT_TRUE(absl::IsInvalidArgument(
      Check("subject { reference: 'Jane Doe' }").status));
  EXPECT_THAT(Lines(),
              ElementsAre(AllOf(HasSubstr(R"("effect":"NO_DECISION")"),
                                HasSubstr(R"("reason":"STALE")"),
                                HasSubstr(R"("subject":"ProjectMembership/)"),
                                Not(HasSubstr("decision_id")))));
}

TEST_F(AuditRecordTest, EachItemOfABatchIsRecordedOnceItIsDecided) {
  const auto request = Proto<v1::BatchCheckRequest>(
      "subject { reference: 'ProjectMembership/member' } "
      "resources { type: 'Patient' id: '$PATIENT' } "
      "items { interaction: INTERACTION_READ resource_index: 0 } "
      "items { interaction: INTERACTION_DELETE resource_index: 0 } "
      "items { interaction: INTERACTION_READ resource_index: 9 } "
      "items { interaction: INTERACTION_READ "
      "        resource { type: 'Patient' id: '$OTHER_PATIENT' } }");
  const fhir::ResourceKey other = {"Patient",
                                   std::string(testing::kOtherPatient)};
  f_.lookup.Hold(other);
  v1::BatchCheckResponse response;
  CallAttempt attempt = Attempt();
  attempt.may_fetch = true;
  EXPECT_TRUE(f_.service.BatchCheck(attempt, request, response).pending());
  EXPECT_THAT(Lines(), IsEmpty());
  f_.lookup.Release(other);
  response.Clear();
  ASSERT_TRUE(f_.service.BatchCheck(attempt, request, response).status.ok());
  EXPECT_THAT(
      Lines(),
      ElementsAre(
          AllOf(HasSubstr(R"("method":"BatchCheck")"),
                HasSubstr(R"("effect":"PERMIT")"),
                HasSubstr(response.results(0).decision().decision_id()),
                HasSubstr(Text("'resource':'Patient/$PATIENT'"))),
          AllOf(HasSubstr(R"("effect":"DENY")"),
                HasSubstr(R"("interaction":"delete")")),
          AllOf(HasSubstr(R"("effect":"PERMIT")"),
                HasSubstr(Text("'patient':'Patient/$OTHER_PATIENT'")))));
}

TEST_F(AuditRecordTest, AFilterSaysNothingOfTheQuery) {
  v1::FilterResponse response;
  ASSERT_TRUE(
      f_.service
          .Filter(Attempt(),
                  Proto<v1::FilterRequest>(
                      "subject { reference: 'ProjectMembership/member' } "
                      "resource_type: 'Patient' query: 'name=Planted'"),
                  response)
          .status.ok());
  EXPECT_THAT(
      Lines(),
      ElementsAre(AllOf(HasSubstr(R"("kind":"filter")"),
                        HasSubstr(R"("interaction":"search")"),
                        HasSubstr(R"("resource":"Patient")"),
                        HasSubstr(response.decision_id()),
                        HasSubstr(R"("membership":"ProjectMembership/member")"),
                        HasSubstr(R"("reason":"PERMITTED")"),
                        Not(HasSubstr("Planted")))));
}

TEST_F(AuditRecordTest, ExplainAndSimulateGrantNothing) {
  v1::ExplainRequest explain;
  *explain.mutable_check() = Proto<v1::CheckRequest>(kReadPatient);
  v1::ExplainResponse explained;
  ASSERT_TRUE(f_.service.Explain(Attempt(), explain, explained).status.ok());
  v1::SimulateRequest simulate;
  *simulate.add_checks() = explain.check();
  v1::SimulateResponse simulated;
  ASSERT_TRUE(f_.service.Simulate(Attempt(), simulate, simulated).status.ok());
  EXPECT_THAT(
      Lines(),
      ElementsAre(AllOf(HasSubstr(R"("kind":"simulation")"),
                        HasSubstr(R"("method":"Explain")"),
                        HasSubstr(explained.decision().decision_id())),
                  AllOf(HasSubstr(R"("kind":"simulation")"),
                        HasSubstr(R"("event":"before")"),
                        HasSubstr(R"("membership":"ProjectMembership/member")"),
                        HasSubstr(simulated.checks(0).before().decision_id())),
                  AllOf(HasSubstr(R"("event":"after")"),
                        HasSubstr(simulated.checks(0).after().decision_id()))));
}

TEST_F(AuditRecordTest, EachResourceOfAStreamIsRecordedUnderItsDecisionId) {
  ResourceFilter filter(f_.service);
  v1::FilterResourcesRequest header;
  *header.mutable_header() = Proto<v1::FilterResourcesHeader>(
      "subject { reference: 'ProjectMembership/member' } "
      "interaction: INTERACTION_READ");
  v1::FilterResourcesRequest bundle;
  bundle.set_bundle(testing::Expand(
      "{'resourceType':'Bundle','type':'searchset','entry':["
      "{'resource':{'resourceType':'Patient','id':'$PATIENT','meta':{"
      "'project':'$PROJECT'},'name':[{'family':'Planted'}]}},"
      "{'resource':{'resourceType':'Observation','id':'$NORTH','meta':{"
      "'project':'$PROJECT'},'subject':{'reference':'Patient/$PATIENT'}}}]}"));
  v1::FilterResourcesResponse response;
  for (v1::FilterResourcesRequest* request : {&header, &bundle}) {
    ASSERT_TRUE(filter.Take(*request).ok());
    while (filter.has_next()) {
      bool is_permitted = false;
      ASSERT_TRUE(filter.Next(Attempt(), response, is_permitted).status.ok());
    }
  }
  ASSERT_TRUE(filter.Finish(Attempt(), response).ok());
  const std::string& id = response.summary().decision_id();
  EXPECT_THAT(
      Lines(),
      ElementsAre(
          AllOf(HasSubstr(R"("kind":"release")"), HasSubstr(id),
                HasSubstr(R"("effect":"PERMIT")"),
                HasSubstr(Text("'resource':'Patient/$PATIENT'")),
                Not(HasSubstr("Planted"))),
          AllOf(HasSubstr(R"("kind":"release")"), HasSubstr(id),
                HasSubstr(R"("effect":"DENY")"),
                HasSubstr(Text("'resource':'Observation/$NORTH'")),
                HasSubstr(Text("'patient':'Patient/$PATIENT'"))),
          AllOf(HasSubstr(R"("event":"summary")"), HasSubstr(id),
                HasSubstr(R"("membership":"ProjectMembership/member")"))));
}

TEST_F(AuditRecordTest, OnlyWhoWasGivenADecisionRecordsWhatItDidWithIt) {
  RecentDecisions recent;
  const auto ledger =
      Audit{
          .mode = AuditMode::kRequired, .journal = &journal_, .recent = &recent}
          .NewLedger(f_.metrics);
  const auto attempt_of = [&](const Caller& caller) {
    return CallAttempt{.origin = {.caller = &caller}, .ledger = ledger.get()};
  };
  v1::CheckResponse response;
  ASSERT_TRUE(f_.service
                  .Check(attempt_of(caller_),
                         Proto<v1::CheckRequest>(kReadPatient), response)
                  .status.ok());
  v1::RecordAccessRequest request;
  request.set_event("viewed");
  request.set_decision_id(response.decision().decision_id());
  const Caller other = {
      .name = "billing",
      .permissions = static_cast<uint8_t>(
          kAllPermissions & ~static_cast<uint8_t>(Permission::kAdmin))};
  const Caller administrator = {.name = "administrator",
                                .permissions = kAllPermissions};
  EXPECT_TRUE(RecordAccess(attempt_of(caller_), request).status.ok());
  EXPECT_TRUE(RecordAccess(attempt_of(administrator), request).status.ok());
  EXPECT_TRUE(absl::IsPermissionDenied(
      RecordAccess(attempt_of(other), request).status));
  request.set_decision_id(
      absl::AsciiStrToUpper(response.decision().decision_id()));
  EXPECT_FALSE(RecordAccess(attempt_of(other), request).status.ok());
  // Of another server.
  request.set_decision_id("018bcfe5-6800-7000-8000-000000000001");
  EXPECT_TRUE(RecordAccess(attempt_of(other), request).status.ok());
}

TEST_F(AuditRecordTest, RecordAccessTakesADecisionIdAndAKnownEvent) {
  const std::string id = "018bcfe5-6800-7000-8000-000000000001";
  v1::RecordAccessRequest request;
  request.set_decision_id(id);
  request.set_event("viewed");
  request.set_success(true);
  EXPECT_TRUE(RecordAccess(Attempt(), request).status.ok());
  request.set_event("Jane Doe");
  EXPECT_TRUE(absl::IsInvalidArgument(RecordAccess(Attempt(), request).status));
  request.set_event("viewed");
  request.set_decision_id("Jane Doe");
  EXPECT_TRUE(absl::IsInvalidArgument(RecordAccess(Attempt(), request).status));
  request.set_decision_id(id);
  EXPECT_TRUE(absl::IsFailedPrecondition(RecordAccess({}, request).status));
  EXPECT_THAT(Lines(),
              ElementsAre(AllOf(HasSubstr(R"("kind":"access")"), HasSubstr(id),
                                HasSubstr(R"("event":"viewed")"),
                                HasSubstr(R"("success":true)"),
                                HasSubstr(R"("caller":"gateway")"))));
}

}  // namespace
}  // namespace pdp::service
