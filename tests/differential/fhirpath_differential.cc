// Compares this program's FHIRPath with Medplum's, case by case: reads the
// lines of fhirpath_oracle.mjs from standard input and prints every mismatch.
// See README.md.

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/schema.h"

namespace pdp {
namespace {

using fhir::JsonElement;
using fhir::fhirpath::Value;

constexpr int kPrintAtMost = 60;

// Members sorted, numbers as JavaScript writes them.
std::string Describe(JsonElement element) {
  if (const auto number = fhir::fhirpath::JsonNumber(element)) {
    return fhir::fhirpath::NumberToString(*number);
  }
  if (element.is_array()) {
    std::string out;
    for (const JsonElement item : fhir::JsonArray(element)) {
      if (!out.empty()) out += ',';
      out += Describe(item);
    }
    return StrCat("[", out, "]");
  }
  if (!element.is_object()) return fhir::ToJson(element);
  std::vector<std::pair<std::string, std::string>> members;
  for (const auto field : fhir::JsonObject(element)) {
    members.emplace_back(field.key, Describe(field.value));
  }
  std::sort(members.begin(), members.end());
  std::string out;
  for (const auto& [name, value] : members) {
    if (!out.empty()) out += ',';
    out += StrCat(fhir::QuoteJson(name), ":", value);
  }
  return StrCat("{", out, "}");
}

std::string DescribeComputed(const Value& value) {
  std::vector<std::pair<std::string, std::string>> members;
  if (value.kind() == Value::Kind::kQuantity && value.quantity().has_base) {
    for (const auto field : fhir::JsonObject(value.quantity().base)) {
      if (field.key == "value") continue;
      members.emplace_back(field.key, Describe(field.value));
    }
    members.emplace_back(
        "value", fhir::fhirpath::NumberToString(value.quantity().value));
  } else {
    for (const std::string_view name :
         {"value", "unit", "code", "resourceType", "id", "namespace", "name"}) {
      const auto member = fhir::fhirpath::Property(value, name);
      if (!member) continue;
      members.emplace_back(
          name, member->kind() == Value::Kind::kNumber
                    ? fhir::fhirpath::NumberToString(member->number())
                    : fhir::QuoteJson(member->string()));
    }
  }
  std::sort(members.begin(), members.end());
  std::string out;
  for (const auto& [name, text] : members) {
    if (!out.empty()) out += ',';
    out += StrCat(fhir::QuoteJson(name), ":", text);
  }
  return StrCat("{", out, "}");
}

std::string Describe(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return "undefined";  // valueOf() of null is undefined, too.
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

// Medplum's JSON text of a string, in our spelling.
std::string Normalize(std::string_view text) {
  if (!text.starts_with('"')) return std::string(text);
  simdjson::dom::parser parser;
  return Describe(parser.parse(simdjson::padded_string(text)).value());
}

struct Outcome {
  bool is_error = false;
  bool is_refused = false;
  std::string text;
};

Outcome Ours(JsonElement test) {
  const auto expression = fhir::fhirpath::Expression::Compile(
      fhir::StringMember(test, "expression"));
  if (!expression.ok()) {
    return {true, true, expression.status().ToString()};
  }
  const JsonElement input = *fhir::Member(test, "input");
  const Value root = Value::Object(
      input, fhir::FindType(fhir::StringMember(input, "resourceType")));
  Value before;
  if (const auto object = fhir::Member(test, "before")) {
    before = Value::Object(
        *object, fhir::FindType(fhir::StringMember(*object, "resourceType")));
  }
  const fhir::fhirpath::Variable variables[] = {{"before", before},
                                                {"after", root}};
  fhir::fhirpath::Scratch scratch;
  const auto result = (*expression)->Evaluate(root, variables, scratch);
  if (!result.ok()) return {true, false, result.status().ToString()};
  Outcome outcome;
  for (const Value& value : *result) {
    outcome.text += StrCat(Describe(value), "\n");
  }
  return outcome;
}

bool SameTypes(JsonElement test) {
  const auto expression = fhir::fhirpath::Expression::Compile(
      fhir::StringMember(test, "expression"));
  const JsonElement input = *fhir::Member(test, "input");
  const Value root = Value::Object(
      input, fhir::FindType(fhir::StringMember(input, "resourceType")));
  Value before;
  if (const auto object = fhir::Member(test, "before")) {
    before = Value::Object(
        *object, fhir::FindType(fhir::StringMember(*object, "resourceType")));
  }
  const fhir::fhirpath::Variable variables[] = {{"before", before},
                                                {"after", root}};
  fhir::fhirpath::Scratch scratch;
  const auto result = (*expression)->Evaluate(root, variables, scratch);
  size_t i = 0;
  bool same = true;
  fhir::ForEachItem(test, "result", [&](JsonElement item) {
    const std::string_view type = fhir::StringMember(item, "type");
    const auto ours = fhir::TypeName((*result)[i++].type());
    // Types of no table are all the same to us.
    if (ours != type && fhir::FindType(type) != fhir::TypeId::kUnknown) {
      same = false;
    }
    if (ours != type && !ours.empty()) same = false;
  });
  return same;
}

int Run() {
  simdjson::dom::parser parser;
  int cases = 0;
  int errors = 0;
  int refused = 0;
  int mismatches = 0;
  int changed = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const JsonElement test = parser.parse(line).value();
    ++cases;
    const Outcome ours = Ours(test);
    const bool is_error = fhir::Member(test, "error").has_value();
    std::string wanted;
    fhir::ForEachItem(test, "result", [&wanted](JsonElement item) {
      std::string text = Normalize(fhir::StringMember(item, "value"));
      if (text == "null") text = "undefined";
      wanted += text + "\n";
    });
    errors += is_error;
    if (is_error && ours.is_error) continue;
    if (!is_error && ours.is_error) {
      ++refused;
      if (fhir::BoolMember(test, "changed").value_or(false)) {
        ++changed;
      } else {
        std::cout << "REFUSED " << fhir::StringMember(test, "expression")
                  << " => " << ours.text << "\n";
      }
      continue;
    }
    const bool same = !is_error && ours.text == wanted;
    if (same && SameTypes(test)) continue;
    ++mismatches;
    if (mismatches > kPrintAtMost) continue;
    std::cout << "MISMATCH " << fhir::StringMember(test, "expression")
              << "\n  input " << fhir::ToJson(*fhir::Member(test, "input"))
              << "\n  before "
              << (fhir::Member(test, "before")
                      ? fhir::ToJson(*fhir::Member(test, "before"))
                      : "undefined")
              << "\n  medplum "
              << (is_error ? StrCat("error ", fhir::StringMember(test, "error"))
                           : fhir::ToJson(*fhir::Member(test, "result")))
              << "\n  ours    " << ours.text << "\n";
  }
  std::cout << cases << " cases, " << errors << " errors of Medplum's, "
            << refused << " refused (" << changed << " of which change "
            << "resources), " << mismatches << " mismatches\n";
  return mismatches == 0 ? 0 : 1;
}

}  // namespace
}  // namespace pdp

int main() { return pdp::Run(); }
