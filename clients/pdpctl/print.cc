#include "clients/pdpctl/print.h"

#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/pdpctl/names.h"
#include "clients/pdpctl/print_feeds.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

constexpr size_t kLabelWidth = 14;

// "label         value\n"; nothing for an empty value.
void Line(std::string& out, std::string_view label, std::string_view value) {
  if (value.empty()) return;
  out += label;
  out.append(label.size() < kLabelWidth ? kLabelWidth - label.size() : 1, ' ');
  out += value;
  out += '\n';
}

template <typename Repeated>
std::string Join(const Repeated& items) {
  return absl::StrJoin(items, ", ");
}

// Where a membership names a policy.
std::string SourceText(uint32_t source) {
  return source == 0 ? std::string(", by accessPolicy")
                     : StrCat(", by access[", source - 1, "]");
}

template <typename Interactions>
std::string InteractionsText(const Interactions& interactions) {
  return absl::StrJoin(
      interactions, ", ", [](std::string* out, int interaction) {
        *out += InteractionText(static_cast<v1::Interaction>(interaction));
      });
}

std::string StatusText(uint32_t enforcement, uint32_t medplum) {
  return StrCat("answer ", enforcement, "; Medplum itself ",
                medplum == 0 ? std::string("has no such case")
                             : StrCat("answers ", medplum));
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return google::protobuf::util::TimeUtil::ToString(time);
}

std::string BlockText(const v1::Block& block) {
  return StrCat(block.target(), " until ", TimeText(block.until()), ": ",
                block.reason());
}

template <typename Notes>
void NoteLines(std::string& out, const Notes& notes) {
  for (const v1::Note& note : notes) Line(out, "note", NoteText(note));
}

void WriteLines(std::string& out, const v1::WriteOutcome& write) {
  Line(out, "accounts", Join(write.accounts()));
  Line(out, "compartments", Join(write.compartments()));
  Line(out, "restored", Join(write.restored_fields()));
  Line(out, "stored", write.resource());
}

std::string ServerText(const v1::SourceStatus& source) {
  if (source.server_version().empty()) return "of a version that is not known";
  return StrCat("Medplum ", source.server_version(),
                source.server_version_checked()
                    ? ""
                    : ", which the rules were not checked against");
}

}  // namespace

std::string ToText(const v1::PolicyEntry& entry) {
  if (!entry.built_in().empty()) return StrCat("built in: ", entry.built_in());
  std::string text = StrCat(entry.policy(), ".resource[", entry.index(), "]");
  if (!entry.policy_version_id().empty()) {
    text += StrCat(", version ", entry.policy_version_id());
  }
  if (!entry.policy_name().empty()) {
    text += StrCat(", \"", entry.policy_name(), "\"");
  }
  return text + SourceText(entry.source());
}

std::string ToText(const v1::Decision& decision) {
  std::string out;
  Line(out, "effect", EffectText(decision.effect()));
  Line(out, "reason", ReasonText(decision.reason()));
  Line(out, "message", decision.message());
  if (decision.has_entry()) Line(out, "entry", ToText(decision.entry()));
  Line(out, "hidden", Join(decision.hidden_fields()));
  Line(out, "readonly", Join(decision.readonly_fields()));
  Line(out, "HTTP status",
       StatusText(decision.enforcement_http_status(),
                  decision.medplum_http_status()));
  Line(out, "matches",
       StrCat("in memory: ", MatchText(decision.memory_match()),
              "; in the database: ", MatchText(decision.durable_match())));
  for (const v1::VersionFields& version : decision.versions()) {
    Line(out, "version",
         StrCat(version.version_id(), ", hidden: ",
                version.hidden_fields().empty()
                    ? std::string("nothing")
                    : Join(version.hidden_fields())));
  }
  if (decision.has_write()) WriteLines(out, decision.write());
  Line(out, "revision", StrCat(decision.revision()));
  if (decision.has_valid_until()) {
    Line(out, "valid until", TimeText(decision.valid_until()));
  }
  Line(out, "decision id", decision.decision_id());
  NoteLines(out, decision.notes());
  return out;
}

std::string ToText(const v1::FilterResponse& filter) {
  std::string out;
  Line(out, "filter", FilterKindText(filter.kind()));
  Line(out, "reason", ReasonText(filter.reason()));
  Line(out, "message", filter.message());
  for (const std::string& query : filter.queries()) Line(out, "query", query);
  Line(out, "single query", filter.single_query());
  Line(out, "hidden", Join(filter.hidden_fields()));
  if (filter.strip_fields_required()) {
    Line(out, "fields", "must be removed before anything is shown");
  }
  for (const std::string& what : filter.inexact()) Line(out, "inexact", what);
  Line(out, "HTTP status",
       StatusText(filter.enforcement_http_status(),
                  filter.medplum_http_status()));
  Line(out, "revision", StrCat(filter.revision()));
  if (filter.has_valid_until()) {
    Line(out, "valid until", TimeText(filter.valid_until()));
  }
  Line(out, "decision id", filter.decision_id());
  NoteLines(out, filter.notes());
  return out;
}

std::string ToText(const v1::FilterResourcesSummary& summary) {
  std::string out;
  Line(out, "received", StrCat(summary.received()));
  Line(out, "permitted", StrCat(summary.permitted()));
  for (const v1::DeniedCount& denied : summary.denied_by_reason()) {
    Line(out, "denied",
         StrCat(denied.count(), ", ", ReasonText(denied.reason())));
  }
  Line(out, "removed", StrCat(summary.removed_fields(), " hidden fields"));
  Line(out, "reason", ReasonText(summary.reason()));
  Line(out, "message", summary.message());
  Line(out, "revision", StrCat(summary.revision()));
  if (summary.has_valid_until()) {
    Line(out, "valid until", TimeText(summary.valid_until()));
  }
  Line(out, "decision id", summary.decision_id());
  NoteLines(out, summary.notes());
  return out;
}

std::string ToText(const v1::DescribeAccessResponse& access) {
  std::string out;
  Line(out, "membership", access.membership());
  Line(out, "project", access.project());
  Line(out, "profile", access.profile());
  Line(out, "reason", ReasonText(access.reason()));
  Line(out, "message", access.message());
  for (const v1::Role& role : access.roles()) {
    std::string text = role.policy();
    if (!role.name().empty()) text += StrCat(", \"", role.name(), "\"");
    if (!role.tenant().empty()) text += StrCat(", in ", role.tenant());
    Line(out, "role", text + SourceText(role.source()));
  }
  for (const v1::Tenant& tenant : access.tenants()) {
    std::string text =
        StrCat(tenant.reference(), ", granted by ", tenant.granted_by());
    if (!tenant.policy().empty()) text += StrCat(", for ", tenant.policy());
    Line(out, "tenant", text);
  }
  for (const v1::TypeAccess& type : access.types()) {
    std::string text = StrCat(type.resource_type(), ": ",
                              InteractionsText(type.interactions()));
    if (!type.unrestricted_interactions().empty()) {
      text += StrCat("; every one: ",
                     InteractionsText(type.unrestricted_interactions()));
    }
    Line(out, "type", text);
  }
  Line(out, "policy", access.effective_policy());
  Line(out, "revision", StrCat(access.revision()));
  NoteLines(out, access.notes());
  return out;
}

std::string ToText(const v1::GetStatusResponse& status) {
  std::string out;
  Line(out, "ready", status.ready() ? "yes" : "no");
  Line(out, "mode",
       StrCat(ModeText(status.mode()), ", parameters as ",
              ParameterSemanticsText(status.parameter_semantics())));
  Line(out, "version", status.version());
  Line(out, "Medplum", status.medplum_version());
  Line(out, "revision", StrCat(status.revision()));
  if (status.has_started_at()) {
    Line(out, "started at", TimeText(status.started_at()));
  }
  for (const v1::SourceStatus& source : status.sources()) {
    std::string text =
        StrCat(source.name(), source.ready() ? "" : ", not ready", ", ",
               source.resources(), " resources");
    if (source.has_fresh_as_of()) {
      text += StrCat(", fresh as of ", TimeText(source.fresh_as_of()));
    }
    Line(out, "source", text);
    if (!source.last_error().empty()) {
      text = source.last_error();
      if (source.has_last_error_at()) {
        text += StrCat(" (at ", TimeText(source.last_error_at()), ")");
      }
      Line(out, "last error", text);
    }
    if (!source.feeds().empty()) Line(out, "server", ServerText(source));
    out += FeedTable(source);
  }
  for (const v1::Block& block : status.blocks()) {
    Line(out, "blocked", BlockText(block));
  }
  if (status.has_store()) {
    const v1::StoreStatus& store = status.store();
    Line(out, "store",
         StrCat(store.memberships(), " memberships, ", store.policies(),
                " policies, ", store.bytes_on_disk(), " bytes on disk, format ",
                store.format_version()));
    if (store.has_history_begins()) {
      Line(out, "history",
           StrCat("since ", TimeText(store.history_begins()), ", ",
                  store.history_versions(), " older versions, ",
                  store.history_bytes(), " bytes on disk"));
    }
  }
  return out;
}

std::string ToText(const v1::Block& block) {
  std::string out;
  Line(out, "blocked", BlockText(block));
  return out;
}

std::string ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &json, options);
  // Only a message with text that is not UTF-8 cannot be printed.
  if (!status.ok()) json = "{}";
  return json + "\n";
}

}  // namespace pdp::ctl
