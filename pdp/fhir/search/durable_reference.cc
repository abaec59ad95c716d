#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/search/durable_match.h"
#include "pdp/fhir/search/match_filter.h"
#include "pdp/fhir/search/text.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;

// What the column holds of a logical reference, `undefined` for what is absent.
std::string Placeholder(JsonElement identifier) {
  const auto part = [&identifier](std::string_view name) -> std::string_view {
    const std::optional<JsonElement> member = Member(identifier, name);
    return member ? AsString(*member).value_or("") : "undefined";
  };
  return StrCat("identifier:", part("system"), "|", part("value"));
}

std::string StoredReference(const Value& value) {
  if (value.kind() == Value::Kind::kString) return std::string(value.string());
  if (value.kind() != Value::Kind::kObject) return "";
  const JsonElement object = value.object();
  if (const auto reference = Member(object, "reference")) {
    if (const auto text = AsString(*reference)) return std::string(*text);
  }
  const std::string_view type = StringMember(object, "resourceType");
  const std::string_view id = StringMember(object, "id");
  if (!type.empty() && !id.empty()) return StrCat(type, "/", id);
  if (const auto identifier = Member(object, "identifier")) {
    if (identifier->is_object()) return Placeholder(*identifier);
  }
  return "";
}

std::vector<std::string> StoredReferences(const Collection& values) {
  std::vector<std::string> references;
  for (const Value& value : values) {
    std::string reference = StoredReference(value);
    if (!reference.empty()) references.push_back(std::move(reference));
  }
  return references;
}

// `alternative` as the database compares it.
std::string Completed(const Filter& filter, const DurableColumn& column,
                      const std::string& alternative) {
  if (alternative.find('/') != std::string::npos) return alternative;
  if (!column.target.empty() && IsUuid(alternative)) {
    return StrCat(column.target, "/", alternative);
  }
  if (filter.code == "subject" || filter.code == "patient") {
    return StrCat("Patient/", alternative);
  }
  return alternative;
}

}  // namespace

DurableResult CheckReference(const Filter& filter) {
  if (filter.op == Operator::kIn || filter.op == Operator::kNotIn) {
    return WrongModifier(filter);
  }
  return DurableSound();
}

DurableResult MatchReference(const Filter& filter, const DurableColumn& column,
                             const Collection& values) {
  std::vector<std::string> references = StoredReferences(values);
  if (!column.is_array && references.size() > 1) references.resize(1);
  if (references.empty()) {
    if (!column.is_array) return DurableNull();
    return DurableAnswer(IsNegated(filter));
  }
  const bool found = std::ranges::any_of(
      filter.alternatives, [&](const std::string& alternative) {
        return std::ranges::find(references,
                                 Completed(filter, column, alternative)) !=
               references.end();
      });
  return DurableAnswer(found != IsNegated(filter));
}

bool HasReference(const Collection& values) {
  return !StoredReferences(values).empty();
}

}  // namespace pdp::fhir::search
