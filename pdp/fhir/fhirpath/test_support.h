// What the tests of this directory share.

#ifndef PDP_FHIR_FHIRPATH_TEST_SUPPORT_H_
#define PDP_FHIR_FHIRPATH_TEST_SUPPORT_H_

#include <span>
#include <string>
#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/schema.h"

namespace pdp::fhir::fhirpath {

// The value as JSON.
inline std::string DescribeValue(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return value.is_null() ? "null" : "undefined";
    case Value::Kind::kBoolean:
      return value.boolean() ? "true" : "false";
    case Value::Kind::kNumber:
      return NumberToString(value.number());
    case Value::Kind::kString:
      return QuoteJson(value.string());
    case Value::Kind::kObject:
      return ToJson(value.object());
    case Value::Kind::kQuantity: {
      std::string out = "{\"value\":";
      out += NumberToString(value.quantity().value);
      for (const char* name : {"unit", "code"}) {
        const auto text = Property(value, name);
        if (!text) continue;
        out += StrCat(",\"", name, "\":", QuoteJson(text->string()));
      }
      return out + "}";
    }
    case Value::Kind::kStub: {
      std::string out =
          StrCat("{\"resourceType\":", QuoteJson(value.stub_type()));
      if (value.stub_id().data() != nullptr) {
        out += StrCat(",\"id\":", QuoteJson(value.stub_id()));
      }
      return out + "}";
    }
    case Value::Kind::kTypeInfo:
      return StrCat("{\"namespace\":", QuoteJson(value.type_namespace()),
                    ",\"name\":", QuoteJson(value.type_name()), "}");
  }
  return "";
}

// "type value, type value".
inline std::string Describe(const Collection& collection) {
  std::string out;
  for (const Value& value : collection) {
    if (!out.empty()) out += ", ";
    out += StrCat(TypeName(value.type()), " ", DescribeValue(value));
  }
  return out;
}

// Describe() of the result, or "error" and the message.
inline std::string EvaluateToText(std::string_view text, JsonElement root,
                                  std::span<const Variable> variables = {},
                                  const Limits& limits = {}) {
  const auto expression = Expression::Compile(text);
  if (!expression.ok()) return StrCat("error ", expression.status().ToString());
  Scratch scratch;
  const auto result =
      (*expression)->Evaluate(RootOf(root), variables, scratch, limits);
  if (!result.ok()) return StrCat("error ", result.status().ToString());
  return Describe(*result);
}

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_TEST_SUPPORT_H_
