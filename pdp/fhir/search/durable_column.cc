#include "pdp/fhir/search/durable_column.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/schema.h"

namespace pdp::fhir::search {
namespace {

using Kind = DurableColumn::Kind;

// What the elements that an expression names can hold.
struct Shape {
  std::vector<std::string_view> types;
  bool is_array = false;

  bool Has(std::string_view type) const {
    return std::ranges::find(types, type) != types.end();
  }
  bool HasAny(std::initializer_list<std::string_view> wanted) const {
    return std::ranges::any_of(
        wanted, [this](std::string_view type) { return Has(type); });
  }
};

bool IsIdentifierCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (c >= '0' && c <= '9') || c == '_';
}

std::string_view TakeIdentifier(std::string_view& text) {
  size_t size = 0;
  while (size < text.size() && IsIdentifierCharacter(text[size])) ++size;
  const std::string_view identifier = text.substr(0, size);
  text.remove_prefix(size);
  return identifier;
}

// What is between the parentheses that `text` begins with.
std::optional<std::string_view> TakeArgument(std::string_view& text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) {
      const std::string_view argument = text.substr(1, i - 1);
      text.remove_prefix(i + 1);
      return argument;
    }
  }
  return std::nullopt;
}

// Follows one branch of an expression, `T.a.b.where(...)`; false where it is
// something else.
class BranchReader {
 public:
  BranchReader(std::string_view resource_type, std::string_view text)
      : resource_type_(resource_type), text_(text) {}

  // Nothing for a branch of another type.
  std::optional<Shape> Read(bool& understood) {
    understood = true;
    while (text_.starts_with('(') && text_.ends_with(')')) {
      text_ = text_.substr(1, text_.size() - 2);
    }
    if (TakeIdentifier(text_) != resource_type_) return std::nullopt;
    types_ = {FindType(resource_type_)};
    while (!text_.empty()) {
      if (!text_.starts_with('.') || !ReadStep()) {
        understood = false;
        return std::nullopt;
      }
    }
    for (const TypeId type : types_) shape_.types.push_back(TypeName(type));
    return shape_;
  }

 private:
  bool ReadStep() {
    text_.remove_prefix(1);
    const std::string_view name = TakeIdentifier(text_);
    if (!text_.starts_with('(')) return ReadElement(name);
    const std::optional<std::string_view> argument = TakeArgument(text_);
    if (!argument) return false;
    if (name == "where") return true;
    if (name != "as" && name != "ofType") return false;
    types_ = {FindType(*argument)};
    return true;
  }

  bool ReadElement(std::string_view name) {
    if (types_.size() != 1) return false;
    const ElementInfo* const element = FindElement(types_[0], name);
    if (element == nullptr) return false;
    shape_.is_array |= element->is_array;
    types_.assign(element->types.begin(), element->types.end());
    return true;
  }

  std::string_view resource_type_;
  std::string_view text_;
  std::vector<TypeId> types_;
  Shape shape_;
};

std::optional<Shape> ShapeOf(const SearchParameter& parameter) {
  Shape shape;
  std::string_view rest = parameter.expression;
  while (!rest.empty()) {
    std::string_view branch = rest.substr(0, rest.find('|'));
    rest.remove_prefix(std::min(rest.size(), branch.size() + 1));
    while (branch.starts_with(' ')) branch.remove_prefix(1);
    while (branch.ends_with(' ')) branch.remove_suffix(1);
    bool understood = false;
    const std::optional<Shape> part =
        BranchReader(parameter.resource_type, branch).Read(understood);
    if (!understood) return std::nullopt;
    if (!part) continue;
    shape.is_array |= part->is_array;
    shape.types.insert(shape.types.end(), part->types.begin(),
                       part->types.end());
  }
  if (shape.types.empty()) return std::nullopt;
  return shape;
}

constexpr std::string_view kNamedTypes[] = {"Patient", "Person", "Practitioner",
                                            "RelatedPerson"};
constexpr std::string_view kAddressedTypes[] = {
    "InsurancePlan", "Location",     "Organization",  "Patient",
    "Person",        "Practitioner", "RelatedPerson",
};

template <size_t N>
bool Contains(const std::string_view (&list)[N], std::string_view text) {
  return std::ranges::find(list, text) != std::end(list);
}

// Codes that are stored in a way of their own.
Kind SpecialKind(const SearchParameter& parameter) {
  const std::string_view code = parameter.code;
  if (code == "_id") return Kind::kId;
  if (code == "_project") return Kind::kProject;
  if (code == "_compartment") return Kind::kCompartments;
  if (code == "_lastUpdated") return Kind::kInstant;
  if (Contains(kNamedTypes, parameter.resource_type) &&
      (code == "name" || code == "given" || code == "family")) {
    return Kind::kNames;
  }
  if (Contains(kAddressedTypes, parameter.resource_type) &&
      code.starts_with("address")) {
    return Kind::kAddresses;
  }
  return Kind::kUnknown;
}

Kind TokenKind(const Shape& shape) {
  if (shape.HasAny(
          {"Identifier", "CodeableConcept", "Coding", "ContactPoint"})) {
    return Kind::kTokens;
  }
  if (shape.Has("boolean")) return Kind::kBoolean;
  return Kind::kText;
}

Kind DateKind(const Shape& shape) {
  const bool is_day = std::ranges::all_of(
      shape.types, [](std::string_view type) { return type == "date"; });
  if (is_day) return Kind::kDate;
  return shape.HasAny({"date", "dateTime", "instant", "Period"})
             ? Kind::kInstant
             : Kind::kUnknown;
}

DurableColumn FindColumn(const SearchParameter& parameter) {
  if (const Kind kind = SpecialKind(parameter); kind != Kind::kUnknown) {
    return {kind, kind == Kind::kCompartments};
  }
  if (parameter.resource_type == "Patient" && parameter.code == "deceased") {
    return {Kind::kBoolean, false};
  }
  const std::optional<Shape> shape = ShapeOf(parameter);
  if (!shape) return {};
  switch (parameter.type) {
    case ParameterType::kToken:
      return {TokenKind(*shape), shape->is_array};
    case ParameterType::kUri:
      return {Kind::kText, shape->is_array};
    case ParameterType::kReference:
      return {Kind::kReferences, shape->is_array};
    case ParameterType::kString:
      return {Kind::kStrings, shape->is_array};
    case ParameterType::kDate:
      return {DateKind(*shape), shape->is_array};
    case ParameterType::kNumber:
      return {Kind::kNumber, shape->is_array};
    case ParameterType::kQuantity:
      return {Kind::kQuantity, shape->is_array};
    case ParameterType::kComposite:
    case ParameterType::kSpecial:
      break;
  }
  return {};
}

// A column as a number that is not zero.
constexpr uint16_t kKnownBit = 0x8000;
constexpr uint16_t kArrayBit = 0x4000;

uint16_t Pack(const DurableColumn& column) {
  return static_cast<uint16_t>(kKnownBit | (column.is_array ? kArrayBit : 0) |
                               static_cast<uint16_t>(column.kind));
}

DurableColumn Unpack(uint16_t packed) {
  return {static_cast<Kind>(packed & 0xFF), (packed & kArrayBit) != 0};
}

}  // namespace

DurableColumn ColumnOf(const SearchParameter& parameter) {
  uint16_t packed = parameter.column.load(std::memory_order_relaxed);
  if (packed == 0) {
    packed = Pack(FindColumn(parameter));
    parameter.column.store(packed, std::memory_order_relaxed);
  }
  return Unpack(packed);
}

}  // namespace pdp::fhir::search
