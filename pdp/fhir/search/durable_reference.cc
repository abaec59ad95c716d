#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

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

// Calls `visit` for every text of the column.
template <typename Visit>
void ForEachStored(const Collection& values, Visit visit) {
  const auto store = [&visit](std::string_view text) {
    if (!text.empty()) visit(text);
  };
  for (const Value& value : values) {
    if (value.kind() == Value::Kind::kString) store(value.string());
    if (value.kind() != Value::Kind::kObject) continue;
    const JsonElement object = value.object();
    const std::optional<JsonElement> reference = Member(object, "reference");
    const std::string_view type = StringMember(object, "resourceType");
    const std::string_view id = StringMember(object, "id");
    const std::optional<JsonElement> identifier = Member(object, "identifier");
    if (reference && reference->is_string()) {
      store(AsString(*reference).value_or(""));
    } else if (!type.empty() && !id.empty()) {
      store(StrCat(type, "/", id));
    } else if (identifier && identifier->is_object()) {
      store(Placeholder(*identifier));
    }
  }
}

// The type that `alternative` is completed with before it is compared.
std::string_view CompletingType(const Filter& filter,
                                const DurableColumn& column,
                                std::string_view alternative) {
  if (alternative.find('/') != std::string_view::npos) return "";
  if (!column.target.empty() && IsUuid(alternative)) return column.target;
  const bool is_patient = filter.code == "subject" || filter.code == "patient";
  return is_patient ? "Patient" : "";
}

bool Names(const Filter& filter, const DurableColumn& column,
           std::string_view reference) {
  return std::ranges::any_of(
      filter.alternatives, [&](std::string_view alternative) {
        const std::string_view type =
            CompletingType(filter, column, alternative);
        if (type.empty()) return reference == alternative;
        return reference.size() == type.size() + 1 + alternative.size() &&
               reference.starts_with(type) && reference[type.size()] == '/' &&
               reference.ends_with(alternative);
      });
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
  bool present = false;
  bool found = false;
  ForEachStored(values, [&](std::string_view reference) {
    if (present && !column.is_array) return;  // One value has room.
    present = true;
    found = found || Names(filter, column, reference);
  });
  if (!present && !column.is_array) return DurableNull();
  return DurableAnswer(found != IsNegated(filter));
}

bool HasReference(const Collection& values) {
  bool present = false;
  ForEachStored(values, [&present](std::string_view) { present = true; });
  return present;
}

}  // namespace pdp::fhir::search
