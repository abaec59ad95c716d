#include "pdp/audit_sink/event.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::audit_sink {
namespace {

using audit::Record;
using audit::RecordKind;
using fhir::QuoteJson;

constexpr std::string_view kDicom =
    "http://dicom.nema.org/resources/ontology/DCM";
constexpr std::string_view kAuthorization =
    "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType";
constexpr std::string_view kRequestId =
    "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";
constexpr std::string_view kRestful = "http://hl7.org/fhir/restful-interaction";
constexpr std::string_view kParticipation =
    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
constexpr std::string_view kRoleClass =
    "http://terminology.hl7.org/CodeSystem/v3-RoleClass";
constexpr std::string_view kSecurityRole =
    "http://terminology.hl7.org/CodeSystem/extra-security-role-type";
constexpr std::string_view kSourceType =
    "http://terminology.hl7.org/CodeSystem/security-source-type";
constexpr std::string_view kEntityType =
    "http://terminology.hl7.org/CodeSystem/audit-entity-type";
constexpr std::string_view kObjectRole =
    "http://terminology.hl7.org/CodeSystem/object-role";
constexpr std::string_view kActReason =
    "http://terminology.hl7.org/CodeSystem/v3-ActReason";
constexpr std::string_view kAdminCall = "urn:medplum-pdp:admin-call";
constexpr std::string_view kAccessEvent = "urn:medplum-pdp:access-event";

constexpr size_t kMaxCode = 64;

// A code, an id or an address: nothing that could say more than that.
bool IsCode(std::string_view text, std::string_view more = "-._") {
  return !text.empty() && text.size() <= kMaxCode &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  more.find(c) != std::string_view::npos;
         });
}

bool IsReference(std::string_view text) {
  return fhir::ResourceKey::Parse(text).has_value();
}

std::string Coding(std::string_view system, std::string_view code) {
  return StrCat(R"({"system":)", QuoteJson(system), R"(,"code":)",
                QuoteJson(code), "}");
}

std::string Concept(std::string_view system, std::string_view code) {
  return StrCat(R"({"coding":[)", Coding(system, code), "]}");
}

std::string Reference(std::string_view reference) {
  return StrCat(R"({"reference":)", QuoteJson(reference), "}");
}

std::string Named(std::string_view name) {
  return StrCat(R"({"display":)", QuoteJson(name), "}");
}

// Milliseconds, as an instant of Medplum's own.
std::string Instant(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

// Comma-separated items of a JSON array.
class Items {
 public:
  void Add(std::string_view item) {
    if (!text_.empty()) text_ += ',';
    text_ += item;
  }
  // `,"name":[...]`; nothing where there are none.
  std::string Member(std::string_view name) const {
    if (text_.empty()) return {};
    return StrCat(",", QuoteJson(name), ":[", text_, "]");
  }

 private:
  std::string text_;
};

// What an enforcement point says that it did.
struct AccessCode {
  std::string_view event;
  std::string_view type;    // DICOM.
  std::string_view action;  // FHIR.
};
constexpr std::string_view kPatientRecord = "110110";
constexpr std::string_view kExport = "110106";
constexpr std::string_view kSecurityAlert = "110113";
constexpr AccessCode kAccessCodes[] = {
    {"downloaded", kExport, "R"},     {"exported", kExport, "R"},
    {"printed", kExport, "R"},        {"shared", kExport, "R"},
    {"created", kPatientRecord, "C"}, {"updated", kPatientRecord, "U"},
    {"deleted", kPatientRecord, "D"}, {"executed", kPatientRecord, "E"},
    {"searched", kPatientRecord, "E"}};

AccessCode CodeOf(std::string_view event) {
  const auto* const found =
      std::find_if(std::begin(kAccessCodes), std::end(kAccessCodes),
                   [&](const AccessCode& code) { return code.event == event; });
  return found == std::end(kAccessCodes)
             ? AccessCode{event, kPatientRecord, "R"}
             : *found;
}

std::string What(const Record& record) {
  std::string_view type = kSecurityAlert;
  std::string_view action = "E";
  Items subtypes;
  if (record.kind == RecordKind::kAccess) {
    const AccessCode code = CodeOf(record.event);
    type = code.type;
    action = code.action;
    subtypes.Add(Coding(kAccessEvent, record.event));
  } else if (record.kind == RecordKind::kAdmin) {
    subtypes.Add(Coding(kAdminCall, record.method));
  } else {
    subtypes.Add(Coding(kAuthorization, "AuthZ-Role"));
    if (!record.interaction.empty()) {
      subtypes.Add(Coding(kRestful, record.interaction));
    }
  }
  return StrCat(R"("type":)", Coding(kDicom, type), subtypes.Member("subtype"),
                R"(,"action":")", action, "\"");
}

// FHIR's 0: success, 4: minor failure, 8: serious failure.
std::string Outcome(const Record& record) {
  std::string_view code = "0";
  std::string_view why = record.reason;
  if (record.kind == RecordKind::kAccess || record.kind == RecordKind::kAdmin) {
    if (record.success == false) code = "4";
    if (!record.success) why = "ABOUT_TO_BE_TRIED";
  } else if (record.effect == "DENY") {
    code = "8";
  } else if (record.effect == "NO_DECISION") {
    code = "4";
  }
  std::string text = StrCat(R"(,"outcome":")", code, "\"");
  if (!why.empty()) text += StrCat(R"(,"outcomeDesc":)", QuoteJson(why));
  return text;
}

std::string Purpose(const Record& record, std::string_view name) {
  if (!IsCode(record.purpose_of_use)) return {};
  Items items;
  items.Add(Concept(kActReason, record.purpose_of_use));
  return items.Member(name);
}

// "AccessPolicy/id/_history/version".
std::string Policy(const Record& record) {
  if (!IsReference(record.policy)) return {};
  std::string policy(record.policy);
  if (IsCode(record.policy_version)) {
    policy += StrCat("/_history/", record.policy_version);
  }
  Items items;
  items.Add(QuoteJson(policy));
  return items.Member("policy");
}

std::string User(const Record& record) {
  std::string agent = StrCat(R"({"type":)", Concept(kParticipation, "IRCP"));
  if (IsReference(record.profile)) {
    agent += StrCat(R"(,"who":)", Reference(record.profile));
  }
  const std::string_view subject =
      record.membership.empty() ? record.subject : record.membership;
  if (IsReference(subject)) {
    agent += StrCat(R"(,"altId":)", QuoteJson(subject));
  }
  agent += StrCat(R"(,"requestor":true)", Policy(record));
  if (IsCode(record.remote_address, ".:")) {
    agent += StrCat(R"(,"network":{"address":)",
                    QuoteJson(record.remote_address), R"(,"type":"2"})");
  }
  return StrCat(agent, Purpose(record, "purposeOfUse"), "}");
}

std::string Agents(const Record& record) {
  Items agents;
  const bool has_user = record.kind != RecordKind::kAdmin;
  if (has_user) agents.Add(User(record));
  if (IsReference(record.on_behalf_of)) {
    agents.Add(StrCat(R"({"type":{"text":"on behalf of"},"who":)",
                      Reference(record.on_behalf_of),
                      R"(,"requestor":false})"));
  }
  for (const std::string_view tenant : record.tenants) {
    if (!tenant.starts_with("Organization/") || !IsReference(tenant)) continue;
    agents.Add(StrCat(R"({"type":)", Concept(kRoleClass, "PROV"), R"(,"who":)",
                      Reference(tenant), R"(,"requestor":false})"));
  }
  if (!record.caller.empty()) {
    agents.Add(StrCat(R"({"type":)", Concept(kDicom, "110150"), R"(,"who":)",
                      Named(record.caller), R"(,"requestor":)",
                      has_user ? "false" : "true", "}"));
  }
  agents.Add(StrCat(R"({"type":)", Concept(kSecurityRole, "authserver"),
                    R"(,"who":)", Named("medplum-pdp"),
                    R"(,"requestor":false})"));
  return agents.Member("agent");
}

std::string Detail(std::string_view type, std::string_view value) {
  return StrCat(R"({"type":)", QuoteJson(type), R"(,"valueString":)",
                QuoteJson(value), "}");
}

// What FHIR has no place for.
std::string Details(const Record& record, const EventFrame& frame) {
  Items details;
  const auto add = [&](std::string_view type, std::string_view value) {
    if (!value.empty()) details.Add(Detail(type, value));
  };
  if (fhir::IsUuid(record.decision_id)) add("decision", record.decision_id);
  add("method", record.method);
  add("effect", record.effect);
  if (record.entry) add("entry", StrCat(*record.entry));
  add("built-in", record.built_in);
  if (record.revision) add("revision", StrCat(*record.revision));
  for (const std::string_view note : record.notes) add("note", note);
  for (const std::string_view tenant : record.tenants) {
    if (IsReference(tenant)) add("tenant", tenant);
  }
  if (frame.count > 1) add("count", StrCat(frame.count));
  return details.Member("detail");
}

std::string Entities(const Record& record, const EventFrame& frame) {
  Items entities;
  const bool is_folded = frame.count > 1;
  if (IsReference(record.patient)) {
    entities.Add(StrCat(R"({"what":)", Reference(record.patient), R"(,"type":)",
                        Coding(kEntityType, "1"), R"(,"role":)",
                        Coding(kObjectRole, "1"), "}"));
  }
  std::string object = StrCat(R"({"type":)", Coding(kEntityType, "2"));
  const std::string_view target =
      record.kind == RecordKind::kAdmin ? record.event : record.resource;
  if (!is_folded && IsReference(target)) {
    object += StrCat(R"(,"what":)", Reference(target), R"(,"role":)",
                     Coding(kObjectRole, "4"));
  } else if (!is_folded && IsCode(target, "-._/")) {
    object += StrCat(R"(,"name":)", QuoteJson(target));
  }
  entities.Add(StrCat(object, Details(record, frame), "}"));
  if (!is_folded && IsCode(record.request_id)) {
    entities.Add(StrCat(R"({"what":{"identifier":{"value":)",
                        QuoteJson(record.request_id), R"(}},"type":)",
                        Coding(kRequestId, "XrequestId"), "}"));
  }
  return entities.Member("entity");
}

std::string Meta(const EventFrame& frame) {
  const std::string project =
      frame.project.empty()
          ? std::string()
          : StrCat(R"("project":)", QuoteJson(frame.project), ",");
  return StrCat(R"("meta":{)", project, R"("tag":[)",
                Coding(kIdentitySystem, frame.identity), "]}");
}

}  // namespace

std::string MakeEvent(const Record& record, const EventFrame& frame) {
  const bool is_folded = frame.count > 1;
  std::string event = StrCat(R"({"resourceType":"AuditEvent",)", Meta(frame),
                             ",", What(record));
  if (is_folded) {
    event += StrCat(R"(,"period":{"start":")", Instant(frame.first),
                    R"(","end":")", Instant(frame.last), "\"}");
  }
  event += StrCat(
      R"(,"recorded":")", Instant(is_folded ? frame.last : record.time), "\"",
      Outcome(record), Purpose(record, "purposeOfEvent"), Agents(record));
  event += StrCat(R"(,"source":{"observer":)",
                  Named(StrCat("medplum-pdp ", frame.server)), R"(,"type":[)",
                  Coding(kSourceType, "6"), "]}");
  return StrCat(event, Entities(record, frame), "}");
}

std::string WithoutReferences(std::string_view event) {
  // In texts the quotes are escaped.
  return absl::StrReplaceAll(ToAbsl(event),
                             {{R"("reference":)", R"("display":)"}});
}

}  // namespace pdp::audit_sink
