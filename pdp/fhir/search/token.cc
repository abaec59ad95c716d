#include "pdp/fhir/search/token.h"

#include <cstddef>
#include <optional>
#include <string>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/text.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Value;
using Visitor = absl::FunctionRef<void(const Token&)>;

// The types whose values are more than their text.
struct TokenTypes {
  TypeId codeable_concept = FindType("CodeableConcept");
  TypeId coding = FindType("Coding");
  TypeId identifier = FindType("Identifier");
  TypeId contact_point = FindType("ContactPoint");

  static const TokenTypes& Get() {
    static const TokenTypes types;
    return types;
  }
};

void Visit(const Token& token, Visitor visit) {
  if (!token.system.empty() || !token.value.empty()) visit(token);
}

absl::Status VisitText(JsonElement object, std::string_view name,
                       Visitor visit) {
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> text,
                       TextMember(object, name));
  if (text) visit(Token{"", *text, true});
  return absl::OkStatus();
}

absl::Status VisitPair(JsonElement object, std::string_view value_name,
                       Visitor visit) {
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> system,
                       TextMember(object, "system"));
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> value,
                       TextMember(object, value_name));
  Visit({system.value_or(""), value.value_or("")}, visit);
  return absl::OkStatus();
}

absl::Status VisitCoding(JsonElement coding, Visitor visit) {
  PDP_RETURN_IF_ERROR(VisitText(coding, "display", visit));
  return VisitPair(coding, "code", visit);
}

absl::Status VisitConcept(JsonElement element, Visitor visit) {
  PDP_RETURN_IF_ERROR(VisitText(element, "text", visit));
  bool present = false;
  PDP_ASSIGN_OR_RETURN(const JsonArray codings,
                       ArrayMember(element, "coding", present));
  if (!present) return absl::OkStatus();
  for (const JsonElement coding : codings) {
    if (coding.is_null()) continue;
    PDP_RETURN_IF_ERROR(VisitCoding(coding, visit));
  }
  return absl::OkStatus();
}

absl::Status VisitIdentifier(JsonElement identifier, Visitor visit) {
  if (const std::optional<JsonElement> type = Member(identifier, "type")) {
    PDP_RETURN_IF_ERROR(VisitText(*type, "text", visit));
  }
  return VisitPair(identifier, "value", visit);
}

}  // namespace

absl::Status ForEachToken(const Value& value, Visitor visit) {
  const TokenTypes& types = TokenTypes::Get();
  const TypeId type = value.type();
  const bool is_structured = type == types.codeable_concept ||
                             type == types.coding || type == types.identifier ||
                             type == types.contact_point;
  if (!is_structured) {
    if (value.kind() == Value::Kind::kString) {
      Visit({"", value.string()}, visit);
    } else {
      Visit({"", JavaScriptText(value)}, visit);
    }
    return absl::OkStatus();
  }
  if (value.kind() != Value::Kind::kObject) {
    return absl::InvalidArgumentError(
        StrCat("a ", TypeName(type), " is no JSON object"));
  }
  if (type == types.codeable_concept) {
    return VisitConcept(value.object(), visit);
  }
  if (type == types.coding) return VisitCoding(value.object(), visit);
  if (type == types.identifier) return VisitIdentifier(value.object(), visit);
  return VisitPair(value.object(), "value", visit);
}

TokenTest ToTokenTest(std::string_view alternative) {
  const size_t bar = alternative.find('|');
  if (bar == std::string_view::npos) return {"", ToLower(alternative), false};
  const std::string_view rest = alternative.substr(bar + 1);
  return {ToLower(alternative.substr(0, bar)),
          ToLower(rest.substr(0, rest.find('|'))), true};
}

TokenTest ToDurableTokenTest(std::string_view alternative) {
  const std::string_view text = TrimWhitespace(alternative);
  const size_t bar = text.find('|');
  if (bar == std::string_view::npos) return {"", std::string(text), false};
  return {std::string(text.substr(0, bar)), std::string(text.substr(bar + 1)),
          true};
}

bool PassesTest(const TokenTest& test, const Token& token) {
  const auto value_equals = [&] {
    return !token.value.empty() && EqualsLowered(token.value, test.value);
  };
  if (!test.has_bar) return value_equals();
  if (test.system.empty()) return token.system.empty() && value_equals();
  return EqualsLowered(token.system, test.system) &&
         (test.value.empty() || value_equals());
}

}  // namespace pdp::fhir::search
