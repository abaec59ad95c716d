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

struct Quantity {
  double value = 0;
  std::string_view unit;
  std::string_view code;
};

// How an item came about: a list of member names from the root outwards,
// newest first.  Medplum's equality of objects compares it too
// (semantics C.12).
struct NavigationPath {
  const NavigationPath* parent = nullptr;
  std::string_view name;
};

class Value {
 public:
  enum class Kind : uint8_t {
    kUndefined,  // An item without a value: %before of a create.
    kBoolean,
    kNumber,    // JavaScript knows one kind of number.
    kString,    // Also dates, codes, uris: see type().
    kObject,    // A JSON object.
    kQuantity,  // A quantity literal or the result of arithmetic.
    kStub,      // What resolve() yields: only a type and perhaps an id.
  };

  Value() = default;
  static Value Boolean(bool value, TypeId type);
  static Value Number(double value, TypeId type);
  static Value String(std::string_view value, TypeId type);
  static Value Object(JsonElement object, TypeId type);
  static Value OfQuantity(const Quantity* quantity, TypeId type);
  static Value Stub(std::string_view resource_type, std::string_view id,
                    TypeId type);

  Kind kind() const { return kind_; }
  TypeId type() const { return type_; }

  // REQUIRES: kind() is the kind asked for.
  bool boolean() const { return boolean_; }
  double number() const { return number_; }
  std::string_view string() const { return text_; }
  JsonElement object() const { return object_; }
  const Quantity& quantity() const { return *quantity_; }
  std::string_view stub_type() const { return text_; }
  std::string_view stub_id() const { return stub_id_; }

  const NavigationPath* path() const { return path_; }
  void set_path(const NavigationPath* path) { path_ = path; }
  void set_type(TypeId type) { type_ = type; }

 private:
  Kind kind_ = Kind::kUndefined;
  TypeId type_ = TypeId::kUnknown;
  bool boolean_ = false;
  double number_ = 0;
  std::string_view text_;
  std::string_view stub_id_;
  JsonElement object_;
  const Quantity* quantity_ = nullptr;
  const NavigationPath* path_ = nullptr;
};

using Collection = std::vector<Value>;

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_VALUE_H_
