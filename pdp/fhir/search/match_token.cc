#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/search/match_filter.h"
#include "pdp/fhir/search/text.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Value;

// Compares the tokens of a resource, one after the other, with a filter's.
class Matcher {
 public:
  explicit Matcher(const Filter& filter) : filter_(filter) {}

  bool found() const { return found_; }

  absl::Status Add(const Value& value) {
    if (value.type() == ConceptType()) return AddConcept(value);
    if (value.type() == CodingType()) return AddTyped(value, "display", "code");
    if (value.type() == IdentifierType()) return AddIdentifier(value);
    if (value.type() == ContactPointType()) {
      return AddTyped(value, "", "value");
    }
    if (value.kind() == Value::Kind::kString) {
      Add({}, value.string());
    } else if (value.kind() != Value::Kind::kUndefined) {
      Add({}, JavaScriptText(value));
    }
    return absl::OkStatus();
  }

 private:
  static TypeId ConceptType() {
    static const TypeId kType = FindType("CodeableConcept");
    return kType;
  }
  static TypeId CodingType() {
    static const TypeId kType = FindType("Coding");
    return kType;
  }
  static TypeId IdentifierType() {
    static const TypeId kType = FindType("Identifier");
    return kType;
  }
  static TypeId ContactPointType() {
    static const TypeId kType = FindType("ContactPoint");
    return kType;
  }

  // Empty: absent.  A token without system and value is none.
  void Add(std::string_view system, std::string_view value) {
    if (found_ || (system.empty() && value.empty())) return;
    found_ = std::ranges::any_of(
        filter_.token_tests,
        [&](const TokenTest& test) { return Matches(test, system, value); });
  }

  static bool Matches(const TokenTest& test, std::string_view system,
                      std::string_view value) {
    const auto value_equals = [&] {
      return !value.empty() && EqualsLowered(value, test.value);
    };
    if (!test.has_bar) return value_equals();
    if (test.system.empty()) return system.empty() && value_equals();
    return EqualsLowered(system, test.system) &&
           (test.value.empty() || value_equals());
  }

  // A token of the member `text_name`, then one of the system and the member
  // `value_name`.
  absl::Status AddObject(JsonElement object, std::string_view text_name,
                         std::string_view value_name) {
    if (!text_name.empty()) {
      PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> text,
                           TextMember(object, text_name));
      if (text) Add({}, *text);
    }
    PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> system,
                         TextMember(object, "system"));
    PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> value,
                         TextMember(object, value_name));
    Add(system.value_or(""), value.value_or(""));
    return absl::OkStatus();
  }

  absl::Status AddTyped(const Value& value, std::string_view text_name,
                        std::string_view value_name) {
    if (value.kind() != Value::Kind::kObject) return Malformed(value);
    return AddObject(value.object(), text_name, value_name);
  }

  absl::Status AddIdentifier(const Value& value) {
    if (value.kind() != Value::Kind::kObject) return Malformed(value);
    if (const std::optional<JsonElement> type =
            Member(value.object(), "type")) {
      PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> text,
                           TextMember(*type, "text"));
      if (text) Add({}, *text);
    }
    return AddObject(value.object(), "", "value");
  }

  absl::Status AddConcept(const Value& value) {
    if (value.kind() != Value::Kind::kObject) return Malformed(value);
    PDP_ASSIGN_OR_RETURN(const std::optional<std::string_view> text,
                         TextMember(value.object(), "text"));
    if (text) Add({}, *text);
    bool present = false;
    PDP_ASSIGN_OR_RETURN(const JsonArray codings,
                         ArrayMember(value.object(), "coding", present));
    if (!present) return absl::OkStatus();
    for (const JsonElement coding : codings) {
      if (coding.is_null()) continue;
      PDP_RETURN_IF_ERROR(AddObject(coding, "display", "code"));
    }
    return absl::OkStatus();
  }

  static absl::Status Malformed(const Value& value) {
    return absl::InvalidArgumentError(
        StrCat("a ", TypeName(value.type()), " is no JSON object"));
  }

  const Filter& filter_;
  bool found_ = false;
};

}  // namespace

absl::StatusOr<bool> MatchesToken(const Filter& filter,
                                  const fhirpath::Collection& values) {
  Matcher matcher(filter);
  for (const Value& value : values) {
    PDP_RETURN_IF_ERROR(matcher.Add(value));
  }
  return matcher.found() != IsNegated(filter);
}

}  // namespace pdp::fhir::search
