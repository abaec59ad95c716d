// Value: one item of a FHIRPath collection, with the FHIR type it is known by.
//
// A Value is a small view.  JSON that it refers to belongs to a Resource, and
// text or quantities that an evaluation computed belong to its Scratch; both
// must outlive it.

#ifndef PDP_FHIR_FHIRPATH_VALUE_H_
#define PDP_FHIR_FHIRPATH_VALUE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "pdp/fhir/json.h"
#include "pdp/fhir/schema.h"

namespace pdp::fhir::fhirpath {

// A quantity that an expression computed.  A text with a null data() is absent,
// which is not the same as an empty one.
struct Quantity {
  double value = 0;
  std::string_view unit;
  std::string_view code;
  // Where `has_base`, all members but `value` are those of `base`, the JSON
  // quantity that this one was computed from; `unit` and `code` are copies.
  bool has_base = false;
  JsonElement base;
};

// How an item came about: a list of member names, newest first.  Medplum's
// equality of objects compares it too (semantics S-20).
//
// A node with an empty name stands for an item that has no path yet; it gets
// one when the expression names the item's resource type.
struct NavigationPath {
  const NavigationPath* parent = nullptr;
  std::string_view name;
  int32_t index = -1;  // Within a member that is an array.
};

// The members of `_birthDate` that JavaScript code finds on `birthDate`.
struct PrimitiveExtension {
  JsonElement members;
};

class Value {
 public:
  enum class Kind : uint8_t {
    kUndefined,  // An item without a value: %before of a create, JSON null.
    kBoolean,
    kNumber,    // JavaScript knows one kind of number.
    kString,    // Also dates, codes, uris: see type().
    kObject,    // A JSON object.
    kQuantity,  // A quantity literal or the result of arithmetic.
    kStub,      // What resolve() yields: only a type and perhaps an id.
    kTypeInfo,  // What type() yields: a namespace and a name.
  };

  Value() : second_() {}
  static Value Null(TypeId type);
  static Value Boolean(bool value, TypeId type);
  static Value Number(double value, TypeId type);
  static Value String(std::string_view value, TypeId type);
  static Value Object(JsonElement object, TypeId type);
  static Value OfQuantity(const Quantity* quantity, TypeId type);
  // An `id` with a null data() is absent.
  static Value Stub(std::string_view resource_type, std::string_view id,
                    TypeId type);
  static Value TypeInfo(std::string_view name_space, std::string_view name);
  // Any JSON value.
  static Value Of(JsonElement element, TypeId type);

  Kind kind() const { return kind_; }
  TypeId type() const { return type_; }

  // JSON null rather than JavaScript's undefined.
  // REQUIRES: kind() is kUndefined.
  bool is_null() const { return boolean_; }

  // REQUIRES: kind() is the kind asked for.
  bool boolean() const { return boolean_; }
  double number() const { return number_; }
  std::string_view string() const { return text_; }
  JsonElement object() const { return object_; }
  const Quantity& quantity() const { return *quantity_; }
  std::string_view stub_type() const { return text_; }
  std::string_view stub_id() const { return second_; }
  std::string_view type_namespace() const { return text_; }
  std::string_view type_name() const { return second_; }

  // Null where there is none.  Of an object: it has no member but these.
  const PrimitiveExtension* extension() const { return extension_; }
  void set_extension(const PrimitiveExtension* extension) {
    extension_ = extension;
  }

  // Null, or a node that copies of this Value share.
  NavigationPath* path() const { return path_; }
  void set_path(NavigationPath* path) { path_ = path; }
  bool has_path() const { return path_ != nullptr && !path_->name.empty(); }
  void set_type(TypeId type) { type_ = type; }

 private:
  Kind kind_ = Kind::kUndefined;
  TypeId type_ = TypeId::kUnknown;
  bool boolean_ = false;
  double number_ = 0;
  std::string_view text_;
  union {
    std::string_view second_;
    JsonElement object_;
    const Quantity* quantity_;
  };
  const PrimitiveExtension* extension_ = nullptr;
  NavigationPath* path_ = nullptr;
};

using Collection = std::vector<Value>;

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_VALUE_H_
