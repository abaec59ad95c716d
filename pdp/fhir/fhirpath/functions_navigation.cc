// resolve(), extension(), as(), is(), type() and the keys of resources.

#include <optional>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/functions.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/operators.h"
#include "pdp/fhir/fhirpath/types.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Node;
using Kind = Value::Kind;

// A property that is there and truthy.
std::optional<Value> TruthyProperty(const Value& value, std::string_view name) {
  std::optional<Value> property = Property(value, name);
  if (property && !IsTruthy(*property)) property.reset();
  return property;
}

absl::Status AppendStub(Evaluator& e, std::string_view type,
                        std::string_view id, Collection& out) {
  Value stub = Value::Stub(type, id, FindType(type));
  stub.set_path(e.NewPath());
  return e.Append(stub, out);
}

// The target of a reference's text: what is before `?`, or before and after the
// first slash.
absl::Status AppendTarget(Evaluator& e, std::string_view reference,
                          Collection& out) {
  if (const size_t query = reference.find('?');
      query != std::string_view::npos) {
    return AppendStub(e, reference.substr(0, query), {}, out);
  }
  const size_t slash = reference.find('/');
  if (slash == std::string_view::npos) return absl::OkStatus();
  std::string_view id = reference.substr(slash + 1);
  id = id.substr(0, id.find('/'));
  return AppendStub(e, reference.substr(0, slash), id, out);
}

absl::Status ResolveOne(Evaluator& e, const Value& item, Collection& out) {
  if (IsString(item)) return AppendTarget(e, item.string(), out);
  if (item.kind() == Kind::kUndefined && item.is_null()) {
    return EvaluationError("`resolve` of null");
  }
  if (!IsJsObject(item)) return absl::OkStatus();
  if (TruthyProperty(item, "resource")) {
    // Only JSON has such a member.
    const JsonElement members =
        item.extension() != nullptr ? item.extension()->members : item.object();
    Value resource = Guess(*Member(members, "resource"));
    resource.set_path(e.NewPath());
    return e.Append(resource, out);
  }
  if (const auto reference = TruthyProperty(item, "reference")) {
    if (!IsString(*reference)) {
      return EvaluationError("a `reference` that is no string");
    }
    return AppendTarget(e, reference->string(), out);
  }
  const auto type = TruthyProperty(item, "type");
  if (!type || !TruthyProperty(item, "identifier")) return absl::OkStatus();
  if (!IsString(*type)) {
    return EvaluationError("a reference's `type` that is no string");
  }
  const std::string_view text = type->string();
  return AppendStub(e, text.substr(0, text.find('?')), {}, out);
}

absl::Status Resolve(Evaluator& e, const Node&, Items input, Collection& out) {
  for (const Value& item : input) {
    PDP_RETURN_IF_ERROR(e.Spend());
    PDP_RETURN_IF_ERROR(ResolveOne(e, item, out));
  }
  return absl::OkStatus();
}

absl::Status Extension(Evaluator& e, const Node& call, Items input,
                       Collection& out) {
  Temporary urls(e);
  PDP_RETURN_IF_ERROR(e.Evaluate(*call.children[0], input, *urls));
  if (urls->empty()) return EvaluationError("`extension` of no url");
  if (input.empty() || !IsTruthy(input.front())) return absl::OkStatus();
  const std::optional<Value> extensions = Property(input.front(), "extension");
  if (!extensions || extensions->kind() == Kind::kUndefined) {
    return absl::OkStatus();
  }
  JsonArray array;
  if (extensions->kind() != Kind::kObject ||
      extensions->object().get(array) != simdjson::SUCCESS) {
    return EvaluationError("an `extension` that is no array");
  }
  for (const JsonElement extension : array) {
    PDP_RETURN_IF_ERROR(e.Spend());
    if (extension.is_null()) return EvaluationError("an extension of null");
    const std::optional<JsonElement> url = Member(extension, "url");
    const Value text = url ? Value::Of(*url, TypeId::kUnknown) : Value();
    if (StrictlyEqual(text, urls->front())) {
      return e.Append(Value::Object(extension, Types().extension), out);
    }
  }
  return absl::OkStatus();
}

absl::Status AsFunction(Evaluator& e, const Node& call, Items input,
                        Collection& out) {
  return As(e, input, call.type, out);
}

absl::Status IsFunction(Evaluator& e, const Node& call, Items input,
                        Collection& out) {
  if (call.type.meaning == ast::TypeSpecifier::Meaning::kNone) {
    return absl::OkStatus();
  }
  PDP_RETURN_IF_ERROR(e.Spend(input.size()));
  for (const Value& item : input) {
    PDP_RETURN_IF_ERROR(AppendBoolean(e, HasType(item, call.type), out));
  }
  return absl::OkStatus();
}

absl::Status Type(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_RETURN_IF_ERROR(e.Spend(input.size()));
  for (const Value& item : input) {
    Value info = Value::Null(Types().backbone_element);
    if (IsBoolean(item)) {
      info = Value::TypeInfo("System", "Boolean");
    } else if (IsNumber(item)) {
      info = Value::TypeInfo("System", "Integer");
    } else if (const auto type = Property(item, "resourceType")) {
      if (!IsString(*type)) {
        return EvaluationError("a `resourceType` that is no string");
      }
      info = Value::TypeInfo("FHIR", type->string());
    }
    info.set_path(e.NewPath());
    PDP_RETURN_IF_ERROR(e.Append(info, out));
  }
  return absl::OkStatus();
}

absl::Status ConformsTo(Evaluator& e, const Node& call, Items input,
                        Collection& out) {
  static constexpr std::string_view kPrefix =
      "http://hl7.org/fhir/StructureDefinition/";
  PDP_ASSIGN_OR_RETURN(const Value url, e.First(*call.children[0], input));
  if (!IsString(url) || !url.string().starts_with(kPrefix)) {
    return EvaluationError("`conformsTo` of no URL of FHIR's definitions");
  }
  const std::string_view wanted = url.string().substr(kPrefix.size());
  PDP_RETURN_IF_ERROR(e.Spend(input.size()));
  for (const Value& item : input) {
    const std::optional<Value> type = Property(item, "resourceType");
    PDP_RETURN_IF_ERROR(AppendBoolean(
        e, type && IsString(*type) && type->string() == wanted, out));
  }
  return absl::OkStatus();
}

absl::Status GetResourceKey(Evaluator& e, const Node&, Items input,
                            Collection& out) {
  if (input.empty()) return EvaluationError("`getResourceKey` of nothing");
  std::optional<Value> id = TruthyProperty(input.front(), "id");
  if (!id) return absl::OkStatus();
  id->set_type(Types().id);
  return e.Append(*id, out);
}

absl::Status GetReferenceKey(Evaluator& e, const Node& call, Items input,
                             Collection& out) {
  if (input.empty()) return EvaluationError("`getReferenceKey` of nothing");
  const auto reference = TruthyProperty(input.front(), "reference");
  if (!reference) return absl::OkStatus();
  if (!IsString(*reference)) {
    return EvaluationError("a `reference` that is no string");
  }
  std::string_view text = reference->string();
  if (!call.children.empty()) {
    const Node& type = *call.children[0];
    if (type.kind == ast::Kind::kSymbol && !type.text.empty() &&
        !text.starts_with(StrCat(type.text, "/"))) {
      return absl::OkStatus();
    }
  }
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return EvaluationError("`getReferenceKey` of a reference without a slash");
  }
  text = text.substr(slash + 1);
  text = text.substr(0, text.find('/'));
  return e.Append(Value::String(text, Types().id), out);
}

// Medplum has the name and gives nothing.
absl::Status Nothing(Evaluator&, const Node&, Items, Collection&) {
  return absl::OkStatus();
}

constexpr Function kFunctions[] = {
    {"as", 1, AsFunction, FirstArgument::kType},
    {"is", 0, IsFunction, FirstArgument::kType},
    {"type", 0, Type},
    {"resolve", 0, Resolve},
    {"extension", 1, Extension},
    {"conformsTo", 1, ConformsTo},
    {"getResourceKey", 0, GetResourceKey},
    {"getReferenceKey", 0, GetReferenceKey},
    {"children", 0, Nothing},
    {"descendants", 0, Nothing},
    {"repeat", 0, Nothing},
};

}  // namespace

std::span<const Function> NavigationFunctions() { return kFunctions; }

}  // namespace pdp::fhir::fhirpath
