#include "pdp/policy/bound_policy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "pdp/fhir/json.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/policy/type_rules.h"

namespace pdp::policy {
namespace {

void AppendMember(std::string_view name, std::string_view json,
                  std::string& out) {
  if (out.back() != '{') out += ',';
  out += fhir::QuoteJson(name);
  out += ':';
  out += json;
}

std::string StringsJson(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) {
    if (out.size() > 1) out += ',';
    out += fhir::QuoteJson(item);
  }
  return out + "]";
}

template <typename Items, typename Text>
std::string RawArray(const Items& items, Text&& text) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    out += text(item);
  }
  return out + "]";
}

std::string EntryJson(const PolicyEntry& entry) {
  std::string out = "{";
  AppendMember("resourceType", fhir::QuoteJson(entry.resource_type), out);
  if (!entry.compartment_json.empty()) {
    AppendMember("compartment", entry.compartment_json, out);
  }
  if (!entry.criteria.empty()) {
    AppendMember("criteria", fhir::QuoteJson(entry.criteria), out);
  }
  if (entry.has_readonly) {
    AppendMember("readonly", entry.readonly ? "true" : "false", out);
  }
  if (entry.has_interaction) {
    AppendMember("interaction", StringsJson(entry.interaction_names), out);
  }
  if (!entry.hidden_fields.empty()) {
    AppendMember("hiddenFields", StringsJson(entry.hidden_fields), out);
  }
  if (!entry.readonly_fields.empty()) {
    AppendMember("readonlyFields", StringsJson(entry.readonly_fields), out);
  }
  if (!entry.write_constraint_jsons.empty()) {
    AppendMember("writeConstraint",
                 RawArray(entry.write_constraint_jsons,
                          [](const std::string& json) { return json; }),
                 out);
  }
  return out + "}";
}

std::string Title(const BoundEntry& entry) {
  const EntrySource& source = entry.source;
  std::string out = source.built_in.empty()
                        ? StrCat(source.policy, ".resource[", source.index, "]")
                        : StrCat("built-in ", source.built_in);
  if (entry.in_force == 0) out += " (grants nothing in strict mode)";
  return out;
}

}  // namespace

BoundPolicy::BoundPolicy(std::vector<BoundEntry> entries,
                         std::string compartment, std::string compartment_json,
                         std::vector<IpAccessRule> ip_access_rules,
                         std::vector<std::string> based_on,
                         std::vector<Note> notes)
    : entries_(std::move(entries)),
      compartment_(std::move(compartment)),
      compartment_json_(std::move(compartment_json)),
      ip_access_rules_(std::move(ip_access_rules)),
      based_on_(std::move(based_on)),
      notes_(std::move(notes)) {
  for (const BoundEntry& entry : entries_) {
    if (!entry.compiled->is_wildcard) {
      by_type_.try_emplace(entry.compiled->source.resource_type);
    }
  }
  for (const BoundEntry& entry : entries_) {
    if (narrowed_entry_ == nullptr &&
        entry.narrowed_by != StrictRule::kUnspecified) {
      narrowed_entry_ = &entry;
    }
    if (!entry.compiled->is_wildcard) {
      by_type_[entry.compiled->source.resource_type].Add(entry);
      continue;
    }
    wildcards_.Add(entry);
    for (auto& [type, entries_of_type] : by_type_) {
      if (!IsProjectAdminType(type)) entries_of_type.Add(entry);
    }
  }
}

void BoundPolicy::Entries::Add(const BoundEntry& entry) {
  list.push_back(&entry);
  elements.Add(entry.compiled->elements);
}

// Of the first and the last eight characters and the length.
size_t BoundPolicy::TypeHash::operator()(std::string_view type) const {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  uint64_t first = 0;
  uint64_t last = 0;
  const size_t size = std::min(type.size(), sizeof(first));
  if (size != 0) {
    std::memcpy(&first, type.data(), size);
    std::memcpy(&last, type.data() + type.size() - size, size);
  }
  const uint64_t mixed = (first ^ (last * kOdd) ^ type.size()) * kOdd;
  return mixed ^ (mixed >> 32);
}

std::span<const BoundEntry* const> BoundPolicy::EntriesFor(
    std::string_view type) const {
  if (const auto found = by_type_.find(type); found != by_type_.end()) {
    return found->second.list;
  }
  if (IsProjectAdminType(type)) return {};
  return wildcards_.list;
}

const fhir::ElementSet& BoundPolicy::ElementsFor(std::string_view type) const {
  if (const auto found = by_type_.find(type); found != by_type_.end()) {
    return found->second.elements;
  }
  return wildcards_.elements;
}

std::string BoundPolicy::ToJson() const {
  std::string out = "{";
  AppendMember("resourceType", "\"AccessPolicy\"", out);
  const auto as_it_is = [](const std::string& json) { return json; };
  AppendMember("basedOn", RawArray(based_on_, as_it_is), out);
  if (!compartment_json_.empty()) {
    AppendMember("compartment", compartment_json_, out);
  }
  AppendMember("resource",
               RawArray(entries_,
                        [](const BoundEntry& entry) {
                          return EntryJson(entry.compiled->source);
                        }),
               out);
  if (!ip_access_rules_.empty()) {
    AppendMember("ipAccessRule",
                 RawArray(ip_access_rules_,
                          [](const IpAccessRule& rule) { return rule.json; }),
                 out);
  }
  return out + "}";
}

std::string BoundPolicy::Print() const {
  std::string out;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const BoundEntry& entry = entries_[i];
    out += StrCat(i, " ", Title(entry), "\n", policy::Print(*entry.compiled));
    for (const std::string& tenant : entry.tenants) {
      out += StrCat("  tenant ", tenant, "\n");
    }
  }
  if (!compartment_.empty()) {
    out += StrCat("created in ", compartment_, "\n");
  }
  return out;
}

}  // namespace pdp::policy
