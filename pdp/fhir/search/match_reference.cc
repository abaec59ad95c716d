#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/search/match_filter.h"
#include "pdp/fhir/search/text.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;

// A reference's text, in the resource or made up.
struct ReferenceText {
  std::string_view text;
  std::string made;

  std::string_view view() const {
    return made.empty() ? text : std::string_view(made);
  }
};

// A member of an identifier as JavaScript joins it to a text.
absl::StatusOr<std::string_view> JoinedMember(JsonElement identifier,
                                              std::string_view name) {
  const std::optional<JsonElement> member = Member(identifier, name);
  if (!member) return "undefined";
  if (member->is_null()) return "null";
  const std::optional<std::string_view> text = AsString(*member);
  if (!text) {
    return absl::InvalidArgumentError(
        StrCat("the `", name, "` of an identifier is no string"));
  }
  return *text;
}

absl::StatusOr<std::optional<ReferenceText>> ReferenceOf(const Value& value) {
  if (value.kind() == Value::Kind::kString) {
    return ReferenceText{value.string(), ""};
  }
  if (value.kind() != Value::Kind::kObject) return std::nullopt;
  const JsonElement object = value.object();
  if (const std::optional<JsonElement> reference =
          Member(object, "reference")) {
    const std::optional<std::string_view> text = AsString(*reference);
    if (text) return ReferenceText{*text, ""};
  }
  // A resource in the place of a reference.
  const std::optional<JsonElement> type = Member(object, "resourceType");
  const std::optional<JsonElement> id = Member(object, "id");
  if (type && id && type->is_string() && id->is_string()) {
    return ReferenceText{"", StrCat(*AsString(*type), "/", *AsString(*id))};
  }
  const std::optional<JsonElement> identifier = Member(object, "identifier");
  if (!identifier) return std::nullopt;
  if (!identifier->is_object()) {
    return absl::InvalidArgumentError("an identifier is no JSON object");
  }
  PDP_ASSIGN_OR_RETURN(const std::string_view system,
                       JoinedMember(*identifier, "system"));
  PDP_ASSIGN_OR_RETURN(const std::string_view number,
                       JoinedMember(*identifier, "value"));
  return ReferenceText{"", StrCat("identifier:", system, "|", number)};
}

// Whether `reference` ends with a slash and then `id`.
bool EndsWithSegment(std::string_view reference, std::string_view id) {
  return reference.ends_with(id) && reference.size() > id.size() &&
         reference[reference.size() - id.size() - 1] == '/';
}

bool Matches(std::string_view reference, std::string_view alternative,
             bool bare_ids_match) {
  if (alternative.find('/') != std::string_view::npos) {
    return reference == alternative;
  }
  return bare_ids_match && EndsWithSegment(reference, alternative);
}

}  // namespace

absl::StatusOr<bool> MatchesReference(const Filter& filter,
                                      const Collection& values) {
  if (filter.value.empty() && values.empty()) {
    return filter.op == Operator::kEquals;
  }
  const bool bare_ids_match =
      filter.parameter->targets.size() == 1 || filter.code == "_compartment";
  bool found = false;
  // Every value is looked at, for an error in a later one counts too.
  for (const Value& value : values) {
    PDP_ASSIGN_OR_RETURN(const std::optional<ReferenceText> reference,
                         ReferenceOf(value));
    if (!reference || found) continue;
    found = std::ranges::any_of(
        filter.alternatives, [&](std::string_view alternative) {
          return Matches(reference->view(), alternative, bare_ids_match);
        });
  }
  return found != IsNegated(filter);
}

}  // namespace pdp::fhir::search
