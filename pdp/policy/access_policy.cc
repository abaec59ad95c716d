#include "pdp/policy/access_policy.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::policy {
namespace {

using fhir::JsonArray;
using fhir::JsonElement;

absl::Status WrongType(std::string_view path) {
  return absl::InvalidArgumentError(
      StrCat("`", path, "` has the wrong JSON type"));
}

// Members of the value null are as absent, as Medplum stores them.
std::optional<JsonElement> Present(JsonElement parent, std::string_view name) {
  std::optional<JsonElement> member = fhir::Member(parent, name);
  if (member && member->is_null()) return std::nullopt;
  return member;
}

absl::StatusOr<std::string> Text(JsonElement parent, std::string_view name) {
  const std::optional<JsonElement> member = Present(parent, name);
  if (!member) return std::string();
  const auto text = fhir::AsString(*member);
  if (!text) return WrongType(name);
  return std::string(*text);
}

absl::Status ParseReference(JsonElement parent, std::string_view name,
                            std::string& reference, std::string& json) {
  const std::optional<JsonElement> member = Present(parent, name);
  if (!member) return absl::OkStatus();
  if (!member->is_object()) return WrongType(name);
  PDP_ASSIGN_OR_RETURN(reference, Text(*member, "reference"));
  json = fhir::ToJson(*member);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<JsonArray>> Array(JsonElement parent,
                                               std::string_view name) {
  const std::optional<JsonElement> member = Present(parent, name);
  if (!member) return std::optional<JsonArray>();
  JsonArray array;
  if (member->get(array) != simdjson::SUCCESS) return WrongType(name);
  return std::optional<JsonArray>(array);
}

absl::Status ParseFields(JsonElement parent, std::string_view name,
                         std::vector<std::string>& fields, bool& broken) {
  PDP_ASSIGN_OR_RETURN(const std::optional<JsonArray> array,
                       Array(parent, name));
  if (!array) return absl::OkStatus();
  for (const JsonElement item : *array) {
    const auto text = fhir::AsString(item);
    if (!text || text->empty()) {
      broken = true;
    } else {
      fields.emplace_back(*text);
    }
  }
  return absl::OkStatus();
}

// Names that no interaction has grant nothing.
fhir::InteractionSet InteractionsNamed(const std::vector<std::string>& names) {
  fhir::InteractionSet interactions = 0;
  for (const std::string& name : names) {
    if (const auto interaction = fhir::ParseInteraction(name)) {
      interactions |= fhir::Bit(*interaction);
    }
  }
  return interactions;
}

absl::Status ParseInteractions(JsonElement item, PolicyEntry& entry) {
  PDP_ASSIGN_OR_RETURN(const std::optional<JsonArray> array,
                       Array(item, "interaction"));
  if (!array) return absl::OkStatus();
  if (array->size() == 0) {
    entry.interaction_is_empty_list = true;
    return absl::OkStatus();
  }
  entry.has_interaction = true;
  for (const JsonElement code : *array) {
    const auto name = fhir::AsString(code);
    if (!name) return WrongType("interaction");
    entry.interaction_names.emplace_back(*name);
  }
  entry.interactions = InteractionsNamed(entry.interaction_names);
  return absl::OkStatus();
}

absl::Status ParseConstraints(JsonElement item, PolicyEntry& entry) {
  PDP_ASSIGN_OR_RETURN(const std::optional<JsonArray> array,
                       Array(item, "writeConstraint"));
  if (!array) return absl::OkStatus();
  for (const JsonElement constraint : *array) {
    if (!constraint.is_object()) return WrongType("writeConstraint");
    PDP_ASSIGN_OR_RETURN(std::string expression,
                         Text(constraint, "expression"));
    entry.write_constraints.push_back(std::move(expression));
    entry.write_constraint_jsons.push_back(fhir::ToJson(constraint));
  }
  return absl::OkStatus();
}

absl::StatusOr<PolicyEntry> ParseEntry(JsonElement item) {
  if (!item.is_object()) return absl::InvalidArgumentError("no JSON object");
  PolicyEntry entry;
  PDP_ASSIGN_OR_RETURN(entry.resource_type, Text(item, "resourceType"));
  if (entry.resource_type.empty()) {
    return absl::InvalidArgumentError("`resourceType` is missing");
  }
  if (const auto readonly = Present(item, "readonly")) {
    entry.has_readonly = true;
    if (readonly->get(entry.readonly) != simdjson::SUCCESS) {
      return WrongType("readonly");
    }
  }
  PDP_ASSIGN_OR_RETURN(entry.criteria, Text(item, "criteria"));
  PDP_RETURN_IF_ERROR(ParseReference(item, "compartment", entry.compartment,
                                     entry.compartment_json));
  if (const auto compartment = Present(item, "compartment")) {
    entry.compartment_names_nothing =
        !fhir::Member(*compartment, "reference").has_value();
  }
  PDP_RETURN_IF_ERROR(ParseInteractions(item, entry));
  PDP_RETURN_IF_ERROR(ParseFields(item, "hiddenFields", entry.hidden_fields,
                                  entry.fields_are_broken));
  PDP_RETURN_IF_ERROR(ParseFields(item, "readonlyFields", entry.readonly_fields,
                                  entry.fields_are_broken));
  PDP_RETURN_IF_ERROR(ParseConstraints(item, entry));
  return entry;
}

absl::Status At(std::string_view place, const absl::Status& status) {
  return absl::Status(status.code(), StrCat(place, ": ", status.message()));
}

}  // namespace

absl::StatusOr<AccessPolicy> ParseAccessPolicy(JsonElement root) {
  if (!root.is_object() ||
      fhir::StringMember(root, "resourceType") != "AccessPolicy") {
    return absl::InvalidArgumentError("not an AccessPolicy");
  }
  AccessPolicy policy;
  policy.id = fhir::StringMember(root, "id");
  policy.name = fhir::StringMember(root, "name");
  if (const auto meta = Present(root, "meta")) {
    policy.version_id = fhir::StringMember(*meta, "versionId");
    policy.project = fhir::StringMember(*meta, "project");
  }
  PDP_RETURN_IF_ERROR(ParseReference(root, "compartment", policy.compartment,
                                     policy.compartment_json));
  PDP_ASSIGN_OR_RETURN(const std::optional<JsonArray> entries,
                       Array(root, "resource"));
  if (entries) {
    for (const JsonElement item : *entries) {
      absl::StatusOr<PolicyEntry> entry = ParseEntry(item);
      if (!entry.ok()) {
        return At(StrCat("resource[", policy.entries.size(), "]"),
                  entry.status());
      }
      policy.entries.push_back(*std::move(entry));
    }
  }
  PDP_ASSIGN_OR_RETURN(const std::optional<JsonArray> rules,
                       Array(root, "ipAccessRule"));
  if (rules) {
    for (const JsonElement item : *rules) {
      if (!item.is_object()) return WrongType("ipAccessRule");
      IpAccessRule rule;
      PDP_ASSIGN_OR_RETURN(rule.value, Text(item, "value"));
      PDP_ASSIGN_OR_RETURN(rule.action, Text(item, "action"));
      rule.json = fhir::ToJson(item);
      policy.ip_access_rules.push_back(std::move(rule));
    }
  }
  return policy;
}

void ForEachText(PolicyEntry& entry,
                 const std::function<void(std::string&)>& visit) {
  visit(entry.resource_type);
  visit(entry.compartment);
  visit(entry.compartment_json);
  visit(entry.criteria);
  for (std::string& field : entry.hidden_fields) visit(field);
  for (std::string& field : entry.readonly_fields) visit(field);
  for (std::string& expression : entry.write_constraints) visit(expression);
  for (std::string& json : entry.write_constraint_jsons) visit(json);
  for (std::string& name : entry.interaction_names) visit(name);
  if (entry.has_interaction) {
    entry.interactions = InteractionsNamed(entry.interaction_names);
  }
}

bool MentionsParameters(const PolicyEntry& entry) {
  PolicyEntry copy = entry;
  bool found = false;
  ForEachText(copy, [&](std::string& text) {
    found = found || text.find('%') != std::string::npos;
  });
  return found;
}

}  // namespace pdp::policy
