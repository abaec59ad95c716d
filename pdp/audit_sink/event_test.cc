#include "pdp/audit_sink/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <vector>

#include "pdp/fhir/json.h"

namespace pdp::audit_sink {
namespace {

using audit::Record;
using audit::RecordKind;
using testing::HasSubstr;
using testing::Not;

constexpr char kDecision[] = "01996c10-0000-7000-8000-000000000001";

absl::Time At(int milliseconds) {
  return absl::FromUnixMillis(1'790'000'000'000 + milliseconds);
}

TEST(EventTest, ADenialSaysWhoWhatWhyAndByWhichEntry) {
  const std::vector<std::string_view> tenants = {"Organization/o",
                                                 "HealthcareService/h"};
  const Record record = {.time = At(7),
                         .decision_id = kDecision,
                         .method = "Check",
                         .caller = "gateway",
                         .membership = "ProjectMembership/m",
                         .profile = "Practitioner/x",
                         .project = "p",
                         .tenants = tenants,
                         .interaction = "read",
                         .resource = "Observation/1",
                         .patient = "Patient/1",
                         .effect = "DENY",
                         .reason = "RESOURCE_NOT_GRANTED",
                         .policy = "AccessPolicy/a",
                         .policy_version = "7",
                         .entry = 2,
                         .purpose_of_use = "TREAT",
                         .remote_address = "10.0.0.1",
                         .request_id = "r-1"};
  EXPECT_EQ(
      MakeEvent(record, {.identity = "c.0-5", .server = "s"}),
      R"({"resourceType":"AuditEvent","meta":{"tag":[{"system":"urn:medplum-pdp:audit","code":"c.0-5"}]},)"
      R"("type":{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110113"},)"
      R"("subtype":[{"system":"https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType","code":"AuthZ-Role"},)"
      R"({"system":"http://hl7.org/fhir/restful-interaction","code":"read"}],)"
      R"("action":"E","recorded":"2026-09-21T14:13:20.007Z","outcome":"8","outcomeDesc":"RESOURCE_NOT_GRANTED",)"
      R"("purposeOfEvent":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}],)"
      R"("agent":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},)"
      R"("who":{"reference":"Practitioner/x"},"altId":"ProjectMembership/m","requestor":true,)"
      R"("policy":["AccessPolicy/a/_history/7"],"network":{"address":"10.0.0.1","type":"2"},)"
      R"("purposeOfUse":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]},)"
      R"({"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleClass","code":"PROV"}]},)"
      R"("who":{"reference":"Organization/o"},"requestor":false},)"
      R"({"type":{"coding":[{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110150"}]},)"
      R"("who":{"display":"gateway"},"requestor":false},)"
      R"({"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/extra-security-role-type","code":"authserver"}]},)"
      R"("who":{"display":"medplum-pdp"},"requestor":false}],)"
      R"("source":{"observer":{"display":"medplum-pdp s"},)"
      R"("type":[{"system":"http://terminology.hl7.org/CodeSystem/security-source-type","code":"6"}]},)"
      R"("entity":[{"what":{"reference":"Patient/1"},)"
      R"("type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"1"},)"
      R"("role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1"}},)"
      R"({"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"2"},)"
      R"("what":{"reference":"Observation/1"},)"
      R"("role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"4"},)"
      R"("detail":[{"type":"decision","valueString":"01996c10-0000-7000-8000-000000000001"},)"
      R"({"type":"method","valueString":"Check"},{"type":"effect","valueString":"DENY"},)"
      R"({"type":"entry","valueString":"2"},{"type":"tenant","valueString":"Organization/o"},)"
      R"({"type":"tenant","valueString":"HealthcareService/h"}]},)"
      R"({"what":{"identifier":{"value":"r-1"}},)"
      R"("type":{"system":"https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType","code":"XrequestId"}}]})");
}

TEST(EventTest, WhatCallersMaySendAtWillIsLeftOut) {
  const Record record = {.subject = "Jane Doe",
                         .on_behalf_of = "Jane Doe",
                         .interaction = "read",
                         .resource = "Jane Doe",
                         .patient = "Jane Doe",
                         .effect = "DENY",
                         .purpose_of_use = "Jane Doe",
                         .remote_address = "Jane Doe",
                         .user_agent = "Jane Doe",
                         .session = "Jane Doe",
                         .request_id = "Jane Doe",
                         .smart_scope = "Jane Doe",
                         .launch_patient = "Jane Doe"};
  EXPECT_THAT(MakeEvent(record, {.identity = "c.0-5", .server = "s"}),
              Not(HasSubstr("Jane")));
}

TEST(EventTest, FoldedReadsSayHowManyAndWhen) {
  const Record record = {.time = At(0),
                         .membership = "ProjectMembership/m",
                         .interaction = "read",
                         .resource = "Observation/1",
                         .patient = "Patient/1",
                         .effect = "PERMIT",
                         .request_id = "r-1"};
  const std::string event = MakeEvent(record, {.identity = "c.0-5",
                                               .server = "s",
                                               .project = "p",
                                               .count = 12,
                                               .first = At(0),
                                               .last = At(900)});
  EXPECT_THAT(event, HasSubstr(R"({"type":"count","valueString":"12"})"));
  EXPECT_THAT(event, HasSubstr(R"("period":{"start":"2026-09-21T14:13:20.000Z")"
                               R"(,"end":"2026-09-21T14:13:20.900Z"})"));
  EXPECT_THAT(event, HasSubstr(R"("recorded":"2026-09-21T14:13:20.900Z")"));
  EXPECT_THAT(event, HasSubstr(R"("meta":{"project":"p",)"));
  EXPECT_THAT(event, HasSubstr(R"({"reference":"Patient/1"})"));
  // One of many.
  EXPECT_THAT(event, Not(HasSubstr("Observation/1")));
  EXPECT_THAT(event, Not(HasSubstr("r-1")));
}

TEST(EventTest, SaysWhatWasDoneAndHowItEnded) {
  const struct {
    Record record;
    const char* type;
    const char* action;
    const char* outcome;
  } kCases[] = {
      {{.kind = RecordKind::kAccess, .event = "viewed", .success = true},
       "110110",
       "R",
       "0"},
      {{.kind = RecordKind::kAccess, .event = "exported", .success = false},
       "110106",
       "R",
       "4"},
      {{.kind = RecordKind::kAccess, .event = "deleted", .success = true},
       "110110",
       "D",
       "0"},
      {{.kind = RecordKind::kAdmin, .method = "Block", .success = false},
       "110113",
       "E",
       "4"},
      {{.kind = RecordKind::kAdmin, .method = "Block"}, "110113", "E", "0"},
      {{.interaction = "update", .effect = "PERMIT"}, "110113", "E", "0"},
      {{.interaction = "read", .effect = "NO_DECISION"}, "110113", "E", "4"},
  };
  simdjson::dom::parser parser;
  for (const auto& test : kCases) {
    const std::string text =
        MakeEvent(test.record, {.identity = "c.0-5", .server = "s"});
    SCOPED_TRACE(text);
    fhir::JsonElement event;
    ASSERT_EQ(parser.parse(text).get(event), simdjson::SUCCESS);
    EXPECT_EQ(fhir::StringMember(*fhir::Member(event, "type"), "code"),
              test.type);
    EXPECT_EQ(fhir::StringMember(event, "action"), test.action);
    EXPECT_EQ(fhir::StringMember(event, "outcome"), test.outcome);
    int requestors = 0;
    fhir::ForEachItem(event, "agent", [&](fhir::JsonElement agent) {
      requestors += fhir::BoolMember(agent, "requestor").value_or(false);
    });
    // Of an administrator's call the caller is, where it is known.
    EXPECT_EQ(requestors, test.record.kind == RecordKind::kAdmin ? 0 : 1);
  }
}

TEST(EventTest, ReferencesBecomeText) {
  EXPECT_EQ(
      WithoutReferences(
          R"({"who":{"reference":"Patient/1"},"x":"\"reference\":\"y\""})"),
      R"({"who":{"display":"Patient/1"},"x":"\"reference\":\"y\""})");
}

}  // namespace
}  // namespace pdp::audit_sink
