#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/schema.h"
#include "tests/differential/answer.h"

namespace pdp::differential {
namespace {

using fhir::JsonElement;
using fhir::fhirpath::Value;
using Members = std::vector<std::pair<std::string, std::string>>;

std::string Describe(Members members) {
  std::sort(members.begin(), members.end());
  std::string out = "{";
  for (const auto& [name, value] : members) {
    if (out.size() > 1) out += ',';
    out += StrCat(fhir::QuoteJson(name), ":", value);
  }
  return out + "}";
}

// Members sorted, numbers as JavaScript writes them.
std::string Describe(JsonElement element) {
  if (const auto number = fhir::fhirpath::JsonNumber(element)) {
    return fhir::fhirpath::NumberToString(*number);
  }
  if (element.is_array()) {
    std::string out = "[";
    for (const JsonElement item : fhir::JsonArray(element)) {
      if (out.size() > 1) out += ',';
      out += Describe(item);
    }
    return out + "]";
  }
  if (const auto text = fhir::AsString(element)) return fhir::QuoteJson(*text);
  if (!element.is_object()) return fhir::ToJson(element);
  Members members;
  for (const auto field : fhir::JsonObject(element)) {
    members.emplace_back(field.key, Describe(field.value));
  }
  return Describe(std::move(members));
}

std::string DescribeComputed(const Value& value) {
  Members members;
  if (value.kind() == Value::Kind::kQuantity && value.quantity().has_base) {
    for (const auto field : fhir::JsonObject(value.quantity().base)) {
      if (field.key == "value") continue;
      members.emplace_back(field.key, Describe(field.value));
    }
    members.emplace_back(
        "value", fhir::fhirpath::NumberToString(value.quantity().value));
    return Describe(std::move(members));
  }
  for (const std::string_view name :
       {"value", "unit", "code", "resourceType", "id", "namespace", "name"}) {
    const auto member = fhir::fhirpath::Property(value, name);
    if (!member) continue;
    members.emplace_back(name,
                         member->kind() == Value::Kind::kNumber
                             ? fhir::fhirpath::NumberToString(member->number())
                             : fhir::QuoteJson(member->string()));
  }
  return Describe(std::move(members));
}

std::string Describe(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return "undefined";  // For Medplum's null, too.
    case Value::Kind::kBoolean:
      return value.boolean() ? "true" : "false";
    case Value::Kind::kNumber:
      return fhir::fhirpath::NumberToString(value.number());
    case Value::Kind::kString:
      return fhir::QuoteJson(value.string());
    case Value::Kind::kObject:
      return Describe(value.object());
    default:
      return DescribeComputed(value);
  }
}

Value Typed(JsonElement object) {
  return Value::Object(
      object, fhir::FindType(fhir::StringMember(object, "resourceType")));
}

}  // namespace

Answer AnswerFhirPath(JsonElement test) {
  const auto expression = fhir::fhirpath::Expression::Compile(
      fhir::StringMember(test, "expression"));
  if (!expression.ok()) return {{}, expression.status()};
  const auto input = fhir::Member(test, "resource");
  if (!input) return {{}, absl::InvalidArgumentError("no resource")};
  const Value root = Typed(*input);
  Value before;
  if (const auto object = fhir::Member(test, "before")) before = Typed(*object);
  const fhir::fhirpath::Variable variables[] = {{"before", before},
                                                {"after", root}};
  fhir::fhirpath::Scratch scratch;
  const auto result = (*expression)->Evaluate(root, variables, scratch);
  if (!result.ok()) return {{}, result.status()};
  Answer answer;
  answer.parts.push_back(StrCat(result->size()));
  for (const Value& value : *result) {
    answer.parts.push_back(
        StrCat(fhir::TypeName(value.type()), " ", Describe(value)));
  }
  return answer;
}

}  // namespace pdp::differential
