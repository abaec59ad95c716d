#include "clients/pdpctl/print.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <string>

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

template <typename Message>
Message FromJson(const std::string& json) {
  Message message;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &message).ok());
  return message;
}

TEST(PrintTest, Permit) {
  const auto decision = FromJson<v1::Decision>(R"({
      "effect": "EFFECT_PERMIT_WITH_OBLIGATIONS", "reason": "REASON_PERMITTED",
      "decision_id": "d1",
      "entry": {"policy": "AccessPolicy/a", "policy_version_id": "v",
                "policy_name": "Nurse", "index": 2, "source": 1},
      "hidden_fields": ["name", "value[x]"], "readonly_fields": ["status"],
      "enforcement_http_status": 200, "medplum_http_status": 200,
      "memory_match": "MATCH_YES", "durable_match": "MATCH_UNKNOWN",
      "revision": 7, "valid_until": "2026-01-02T03:04:05Z",
      "notes": [{"code": "NOTE_CODE_STRICT_RULE",
                 "strict_rule": "STRICT_RULE_DURABLE_READ", "text": "Why."}]})");
  EXPECT_EQ(ToText(decision),
            "effect        PERMIT_WITH_OBLIGATIONS\n"
            "reason        PERMITTED\n"
            "entry         AccessPolicy/a.resource[2], version v, \"Nurse\", "
            "by access[0]\n"
            "hidden        name, value[x]\n"
            "readonly      status\n"
            "HTTP status   answer 200; Medplum itself answers 200\n"
            "matches       in memory: yes; in the database: unknown\n"
            "revision      7\n"
            "valid until   2026-01-02T03:04:05Z\n"
            "decision id   d1\n"
            "note          STRICT_RULE DURABLE_READ: Why.\n");
}

TEST(PrintTest, Deny) {
  const auto decision = FromJson<v1::Decision>(R"({
      "effect": "EFFECT_DENY", "reason": "REASON_SUBJECT_UNKNOWN",
      "message": "No such membership.", "enforcement_http_status": 401})");
  EXPECT_EQ(ToText(decision),
            "effect        DENY\n"
            "reason        SUBJECT_UNKNOWN\n"
            "message       No such membership.\n"
            "HTTP status   answer 401; Medplum itself has no such case\n"
            "matches       in memory: not asked; in the database: not asked\n"
            "revision      0\n");
}

TEST(PrintTest, Filter) {
  const auto filter = FromJson<v1::FilterResponse>(R"({
      "kind": "FILTER_KIND_CONDITIONAL", "reason": "REASON_PERMITTED",
      "queries": ["Patient?a=b", "Patient?c=d"], "hidden_fields": ["name"],
      "strip_fields_required": true, "enforcement_http_status": 200,
      "medplum_http_status": 200})");
  EXPECT_EQ(ToText(filter),
            "filter        CONDITIONAL\n"
            "reason        PERMITTED\n"
            "query         Patient?a=b\n"
            "query         Patient?c=d\n"
            "hidden        name\n"
            "fields        must be removed before anything is shown\n"
            "HTTP status   answer 200; Medplum itself answers 200\n"
            "revision      0\n");
}

TEST(PrintTest, Status) {
  const auto status = FromJson<v1::GetStatusResponse>(R"({
      "version": "0.1.0", "mode": "MODE_STRICT", "ready": true, "revision": 3,
      "parameter_semantics": "PARAMETER_SEMANTICS_DOCUMENTED",
      "medplum_version": "5.1.29",
      "sources": [{"name": "directory:p", "ready": true, "resources": 12,
                   "fresh_as_of": "2026-01-02T03:04:05Z",
                   "last_error": "a.json:3: no id",
                   "last_error_at": "2026-01-02T03:04:04Z"}],
      "blocks": [{"target": "Practitioner/1", "reason": "lost laptop",
                  "since": "2026-01-02T03:04:05Z",
                  "until": "2026-01-02T05:04:05Z"}],
      "store": {"format_version": 1, "bytes_on_disk": 10, "memberships": 2,
                "policies": 1, "history_versions": 4, "history_bytes": 20,
                "history_begins": "2025-01-02T03:04:05Z"}})");
  EXPECT_EQ(ToText(status),
            "ready         yes\n"
            "mode          strict, parameters as documented\n"
            "version       0.1.0\n"
            "Medplum       5.1.29\n"
            "revision      3\n"
            "source        directory:p, 12 resources, fresh as of "
            "2026-01-02T03:04:05Z\n"
            "last error    a.json:3: no id (at 2026-01-02T03:04:04Z)\n"
            "blocked       Practitioner/1 until 2026-01-02T05:04:05Z: lost "
            "laptop\n"
            "store         2 memberships, 1 policies, 10 bytes on disk, "
            "format 1\n"
            "history       since 2025-01-02T03:04:05Z, 4 older versions, 20 "
            "bytes on disk\n");
}

TEST(PrintTest, DescribedAccess) {
  const auto access = FromJson<v1::DescribeAccessResponse>(R"({
      "membership": "ProjectMembership/1", "project": "Project/p",
      "profile": "Practitioner/d", "reason": "REASON_PERMITTED",
      "types": [{"resource_type": "Patient",
                 "interactions": ["INTERACTION_READ", "INTERACTION_SEARCH"],
                 "unrestricted_interactions": ["INTERACTION_READ"]},
                {"resource_type": "Task",
                 "interactions": ["INTERACTION_READ"]}],
      "tenants": [{"reference": "Organization/1", "granted_by": "organization",
                   "policy": "AccessPolicy/a", "source": 1}],
      "roles": [{"policy": "AccessPolicy/a", "name": "MA", "source": 1,
                 "tenant": "Organization/1"}]})");
  EXPECT_EQ(ToText(access),
            "membership    ProjectMembership/1\n"
            "project       Project/p\n"
            "profile       Practitioner/d\n"
            "reason        PERMITTED\n"
            "role          AccessPolicy/a, \"MA\", in Organization/1, by "
            "access[0]\n"
            "tenant        Organization/1, granted by organization, for "
            "AccessPolicy/a\n"
            "type          Patient: read, search; every one: read\n"
            "type          Task: read\n"
            "revision      0\n");
}

TEST(PrintTest, JsonIsOneLineWithTheNamesOfTheProtoFiles) {
  v1::Decision decision;
  decision.set_effect(v1::EFFECT_DENY);
  decision.set_medplum_http_status(404);
  const std::string json = ToJsonLine(decision);
  EXPECT_EQ(json.find('\n'), json.size() - 1);
  EXPECT_NE(json.find(R"("effect":"EFFECT_DENY")"), std::string::npos);
  EXPECT_NE(json.find(R"("medplum_http_status":404)"), std::string::npos);
}

TEST(PrintTest, StatusHasATableOfFeeds) {
  const auto status = FromJson<v1::GetStatusResponse>(R"({
      "ready": true, "mode": "MODE_STRICT", "revision": 7,
      "sources": [{"name": "medplum", "ready": true, "resources": 12,
        "server_version": "9.9.9",
        "feeds": [
          {"state": "FEED_STATE_CURRENT", "bound": "2.34s",
           "notifications": "NOTIFICATION_STATE_CONNECTED",
           "last_notification_at": "2026-01-02T03:04:05.678Z",
           "last_sweep_at": "2026-01-02T03:04:06Z", "resources": 12},
          {"project": "p1", "state": "FEED_STATE_LOADING", "loaded": 3,
           "message": "Grant this.",
           "notifications": "NOTIFICATION_STATE_DISCONNECTED",
           "notifications_message": "Turn that on."}]}]})");
  const std::string text = ToText(status);
  const std::string table =
      "server        Medplum 9.9.9, which the rules were not checked against\n"
      "  PROJECT  STATE    BOUND  NOTIFICATIONS  LAST EVENT            "
      "LAST SWEEP            RESOURCES\n"
      "  all      current  2.3s   connected      2026-01-02T03:04:05Z  "
      "2026-01-02T03:04:06Z  12\n"
      "  p1       loading  -      disconnected   never                 never"
      "                 3 loaded\n"
      "    Grant this.\n"
      "    notifications: Turn that on.\n";
  EXPECT_NE(text.find(table), std::string::npos) << text;
}

}  // namespace
}  // namespace pdp::ctl
