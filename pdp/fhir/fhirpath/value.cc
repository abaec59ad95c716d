#include "pdp/fhir/fhirpath/value.h"

#include <memory>

namespace pdp::fhir::fhirpath {

Value Value::Null(TypeId type) {
  Value result;
  result.boolean_ = true;
  result.type_ = type;
  return result;
}

Value Value::Boolean(bool value, TypeId type) {
  Value result;
  result.kind_ = Kind::kBoolean;
  result.type_ = type;
  result.boolean_ = value;
  return result;
}

Value Value::Number(double value, TypeId type) {
  Value result;
  result.kind_ = Kind::kNumber;
  result.type_ = type;
  result.number_ = value;
  return result;
}

Value Value::String(std::string_view value, TypeId type) {
  Value result;
  result.kind_ = Kind::kString;
  result.type_ = type;
  result.text_ = value;
  return result;
}

Value Value::Object(JsonElement object, TypeId type) {
  Value result;
  result.kind_ = Kind::kObject;
  result.type_ = type;
  std::construct_at(&result.object_, object);
  return result;
}

Value Value::OfQuantity(const Quantity* quantity, TypeId type) {
  Value result;
  result.kind_ = Kind::kQuantity;
  result.type_ = type;
  std::construct_at(&result.quantity_, quantity);
  return result;
}

Value Value::Stub(std::string_view resource_type, std::string_view id,
                  TypeId type) {
  Value result;
  result.kind_ = Kind::kStub;
  result.type_ = type;
  result.text_ = resource_type;
  result.second_ = id;
  return result;
}

Value Value::TypeInfo(std::string_view name_space, std::string_view name) {
  Value result;
  result.kind_ = Kind::kTypeInfo;
  result.type_ = FindType("BackboneElement");
  result.text_ = name_space;
  result.second_ = name;
  return result;
}

Value Value::Of(JsonElement element, TypeId type) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::STRING:
      return String(element.get_string().value_unsafe(), type);
    case element_type::BOOL:
      return Boolean(element.get_bool().value_unsafe(), type);
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return Number(element.get_double().value_unsafe(), type);
    case element_type::NULL_VALUE:
      return Null(type);
    case element_type::OBJECT:
    case element_type::ARRAY:
      break;
  }
  return Object(element, type);
}

}  // namespace pdp::fhir::fhirpath
