#include "clients/pdpctl/case_table.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "clients/pdpctl/names.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/search/url_query.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;
using fhir::JsonElement;
using fhir::Member;
using fhir::StringMember;

std::string Text(JsonElement parent, std::string_view name) {
  return std::string(StringMember(parent, name));
}

std::optional<std::vector<std::string>> List(JsonElement parent,
                                             std::string_view name) {
  if (!Member(parent, name)) return std::nullopt;
  std::vector<std::string> items;
  fhir::ForEachItem(parent, name, [&](JsonElement item) {
    items.emplace_back(fhir::AsString(item).value_or(std::string_view()));
  });
  return items;
}

std::optional<uint32_t> Number(JsonElement parent, std::string_view name) {
  const auto member = Member(parent, name);
  uint64_t number = 0;
  if (!member || member->get(number) != simdjson::SUCCESS) return std::nullopt;
  return static_cast<uint32_t>(number);
}

absl::Status Refuse(std::string_view id, std::string_view what) {
  return absl::InvalidArgumentError(StrCat("case `", id, "`: ", what));
}

// A misspelt member must not be taken for one that is absent.
absl::Status RefuseUnknown(std::string_view id, JsonElement object,
                           const std::set<std::string_view>& known) {
  fhir::JsonObject members;
  if (object.get(members) != simdjson::SUCCESS) {
    return Refuse(id, "an object is expected");
  }
  for (const auto member : members) {
    if (!known.contains(member.key)) {
      return Refuse(id, StrCat("the member `", member.key, "` is unknown"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadSubject(JsonElement item, std::string_view id,
                         v1::Subject& subject, v1::Context& context) {
  const auto from = Member(item, "subject");
  if (!from) return Refuse(id, "has no `subject`");
  PDP_RETURN_IF_ERROR(
      RefuseUnknown(id, *from,
                    {"membership", "profile", "reference", "project",
                     "smart_scope", "launch_patient", "extended_mode",
                     "remote_address", "on_behalf_of", "active_tenants"}));
  for (const std::string_view name : {"membership", "profile", "reference"}) {
    if (Member(*from, name)) subject.set_reference(Text(*from, name));
  }
  if (subject.reference().empty()) {
    return Refuse(id, "`subject` has neither `membership` nor `profile`");
  }
  subject.set_project(Text(*from, "project"));
  if (Member(*from, "smart_scope")) {
    context.set_smart_scope(Text(*from, "smart_scope"));
  }
  if (Member(*from, "launch_patient")) {
    context.set_launch_patient(Text(*from, "launch_patient"));
  }
  context.set_extended_mode(
      fhir::BoolMember(*from, "extended_mode").value_or(false));
  if (Member(*from, "remote_address")) {
    context.set_remote_address(Text(*from, "remote_address"));
  }
  if (Member(*from, "on_behalf_of")) {
    context.set_on_behalf_of(Text(*from, "on_behalf_of"));
  }
  fhir::ForEachItem(*from, "active_tenants", [&](JsonElement tenant) {
    context.add_active_tenants(
        std::string(fhir::AsString(tenant).value_or(std::string_view())));
  });
  return absl::OkStatus();
}

absl::StatusOr<CheckCase> ReadCheck(JsonElement item) {
  CheckCase out;
  out.id = Text(item, "id");
  if (out.id.empty()) return Refuse("?", "has no `id`");
  PDP_RETURN_IF_ERROR(
      RefuseUnknown(out.id, item,
                    {"id", "who", "note", "subject", "interaction", "resource",
                     "version", "proposed", "body", "expect"}));
  out.who = Text(item, "who");
  v1::CheckRequest& request = out.request;
  PDP_RETURN_IF_ERROR(ReadSubject(item, out.id, *request.mutable_subject(),
                                  *request.mutable_context()));
  const std::string interaction = Text(item, "interaction");
  request.set_interaction(ParseInteractionName(interaction));
  if (request.interaction() == v1::INTERACTION_UNSPECIFIED) {
    return Refuse(out.id,
                  StrCat("the interaction `", interaction, "` is unknown"));
  }
  const std::string reference = Text(item, "resource");
  const size_t slash = reference.find('/');
  v1::Resource& resource = *request.mutable_resource();
  resource.set_type(reference.substr(0, slash));
  if (slash != std::string::npos) resource.set_id(reference.substr(slash + 1));
  resource.set_version_id(Text(item, "version"));
  if (const auto body = Member(item, "body")) {
    resource.set_body(fhir::ToJson(*body));
  }
  if (const auto proposed = Member(item, "proposed")) {
    resource.set_proposed(fhir::ToJson(*proposed));
    if (resource.type().empty()) {
      resource.set_type(Text(*proposed, "resourceType"));
    }
  }
  out.what =
      StrCat(interaction, " ", reference.empty() ? resource.type() : reference);

  const auto expect = Member(item, "expect");
  if (!expect) return Refuse(out.id, "has no `expect`");
  PDP_RETURN_IF_ERROR(
      RefuseUnknown(out.id, *expect,
                    {"effect", "reason", "hidden_fields", "readonly_fields",
                     "enforcement_http_status", "medplum_http_status"}));
  ExpectedDecision& expected = out.expected;
  expected.effect = Text(*expect, "effect");
  v1::Effect effect;
  if (!v1::Effect_Parse(StrCat("EFFECT_", expected.effect), &effect)) {
    return Refuse(out.id,
                  StrCat("the effect `", expected.effect, "` is unknown"));
  }
  expected.reason = Text(*expect, "reason");
  expected.hidden_fields = List(*expect, "hidden_fields");
  expected.readonly_fields = List(*expect, "readonly_fields");
  expected.enforcement_http_status = Number(*expect, "enforcement_http_status");
  expected.medplum_http_status = Number(*expect, "medplum_http_status");
  return out;
}

absl::StatusOr<FilterCase> ReadFilter(JsonElement item) {
  FilterCase out;
  out.who = Text(item, "who");
  out.id = Text(item, "id");
  if (out.id.empty()) out.id = out.who;
  PDP_RETURN_IF_ERROR(RefuseUnknown(
      out.id, item,
      {"id", "who", "note", "subject", "resource_type", "query", "expect"}));
  PDP_RETURN_IF_ERROR(ReadSubject(item, out.id, *out.request.mutable_subject(),
                                  *out.request.mutable_context()));
  out.request.set_resource_type(Text(item, "resource_type"));
  out.request.set_query(Text(item, "query"));
  out.what = StrCat("search ", out.request.resource_type());
  if (!out.request.query().empty()) {
    out.what += StrCat("?", out.request.query());
  }
  const auto expect = Member(item, "expect");
  if (!expect) return Refuse(out.id, "has no `expect`");
  PDP_RETURN_IF_ERROR(RefuseUnknown(out.id, *expect, {"kind", "queries"}));
  out.kind = Text(*expect, "kind");
  v1::FilterKind kind;
  if (!v1::FilterKind_Parse(StrCat("FILTER_KIND_", out.kind), &kind)) {
    return Refuse(out.id, StrCat("the kind `", out.kind, "` is unknown"));
  }
  out.queries = List(*expect, "queries");
  return out;
}

template <typename Items>
std::set<std::string> ToSet(const Items& items) {
  return {items.begin(), items.end()};
}

std::string Show(const std::set<std::string>& items) {
  return StrCat("[", absl::StrJoin(items, ", "), "]");
}

// Adds to `out` where `expected` is there and differs.
void CompareSets(std::string_view what,
                 const std::optional<std::vector<std::string>>& expected,
                 const std::set<std::string>& got,
                 std::vector<std::string>& out) {
  if (!expected || ToSet(*expected) == got) return;
  out.push_back(
      StrCat(what, ": expected ", Show(ToSet(*expected)), ", got ", Show(got)));
}

void CompareNumbers(std::string_view what, std::optional<uint32_t> expected,
                    uint32_t got, std::vector<std::string>& out) {
  if (!expected || *expected == got) return;
  out.push_back(StrCat(what, ": expected ", *expected, ", got ", got));
}

// `Type?a=b&c=d`, decoded, its parameters sorted.
std::string Normalize(std::string_view query, bool keep_project) {
  const size_t mark = query.find('?');
  if (mark == std::string_view::npos) return std::string(query);
  std::vector<std::string> parameters;
  for (const auto& [key, value] :
       fhir::search::ParseUrlQuery(query.substr(mark + 1))) {
    if (keep_project || key != "_project") {
      parameters.push_back(StrCat(key, "=", value));
    }
  }
  std::sort(parameters.begin(), parameters.end());
  std::string out(query.substr(0, mark));
  if (!parameters.empty()) {
    out += StrCat("?", absl::StrJoin(parameters, "&"));
  }
  return out;
}

}  // namespace

absl::StatusOr<CaseTable> ParseCaseTable(const std::string& json) {
  simdjson::dom::parser parser;
  JsonElement root;
  if (const auto error = parser.parse(json).get(root);
      error != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(simdjson::error_message(error));
  }
  CaseTable table;
  table.title = Text(root, "title");
  absl::Status status;
  fhir::ForEachItem(root, "groups", [&](JsonElement from) {
    CheckGroup& group = table.groups.emplace_back();
    group.title = Text(from, "title");
    fhir::ForEachItem(from, "cases", [&](JsonElement item) {
      if (!status.ok()) return;
      auto check = ReadCheck(item);
      status = check.status();
      if (check.ok()) group.cases.push_back(*std::move(check));
    });
  });
  fhir::ForEachItem(root, "filters", [&](JsonElement item) {
    if (!status.ok()) return;
    auto filter = ReadFilter(item);
    status = filter.status();
    if (filter.ok()) table.filters.push_back(*std::move(filter));
  });
  PDP_RETURN_IF_ERROR(status);
  if (table.groups.empty() && table.filters.empty()) {
    return absl::InvalidArgumentError("has neither `groups` nor `filters`");
  }
  return table;
}

std::string Mismatch(const ExpectedDecision& expected,
                     const v1::Decision& decision) {
  std::vector<std::string> out;
  if (EffectText(decision.effect()) != expected.effect) {
    out.push_back(StrCat("effect: expected ", expected.effect, ", got ",
                         EffectText(decision.effect())));
  }
  if (!expected.reason.empty() &&
      ReasonText(decision.reason()) != expected.reason) {
    out.push_back(StrCat("reason: expected ", expected.reason, ", got ",
                         ReasonText(decision.reason())));
  }
  CompareSets("hidden_fields", expected.hidden_fields,
              ToSet(decision.hidden_fields()), out);
  CompareSets("readonly_fields", expected.readonly_fields,
              ToSet(decision.readonly_fields()), out);
  CompareNumbers("enforcement_http_status", expected.enforcement_http_status,
                 decision.enforcement_http_status(), out);
  CompareNumbers("medplum_http_status", expected.medplum_http_status,
                 decision.medplum_http_status(), out);
  std::string text = absl::StrJoin(out, "; ");
  if (!text.empty() && !decision.message().empty()) {
    text += StrCat(" (", decision.message(), ")");
  }
  return text;
}

std::string Mismatch(const FilterCase& expected,
                     const v1::FilterResponse& response) {
  std::vector<std::string> out;
  if (FilterKindText(response.kind()) != expected.kind) {
    out.push_back(StrCat("kind: expected ", expected.kind, ", got ",
                         FilterKindText(response.kind()), " ",
                         ReasonText(response.reason())));
  }
  if (expected.queries) {
    bool keep_project = false;
    std::vector<std::string> queries;
    for (const std::string& query : *expected.queries) {
      queries.push_back(Normalize(query, /*keep_project=*/true));
      keep_project |= queries.back().find("_project=") != std::string::npos;
    }
    std::set<std::string> got;
    for (const std::string& query : response.queries()) {
      got.insert(Normalize(query, keep_project));
    }
    CompareSets("queries", queries, got, out);
  }
  std::string text = absl::StrJoin(out, "; ");
  if (!text.empty() && !response.message().empty()) {
    text += StrCat(" (", response.message(), ")");
  }
  return text;
}

}  // namespace pdp::ctl
