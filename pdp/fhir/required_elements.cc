#include "pdp/fhir/required_elements.h"

#include <algorithm>
#include <iterator>

#include "pdp/base/strings.h"
#include "pdp/fhir/schema.h"

namespace pdp::fhir {
namespace {

#include "pdp/fhir/definitions/required_elements.inc"

// The element of `type` that a path segment names, which for a choice element
// may be `value`, `value[x]` or `valueQuantity`, and the type of its value.
const ElementInfo* ElementOf(TypeId type, std::string_view segment) {
  if (segment.ends_with("[x]")) segment.remove_suffix(3);
  if (const ElementInfo* element = FindElement(type, segment)) return element;
  for (size_t size = segment.size(); size > 0; --size) {
    const ElementInfo* element = FindElement(type, segment.substr(0, size));
    if (element != nullptr && element->is_choice) return element;
  }
  return nullptr;
}

bool HasElement(JsonElement parent, const ElementInfo& element) {
  if (!element.is_choice) return Member(parent, element.name).has_value();
  for (const TypeId type : element.types) {
    std::string name(TypeName(type));
    if (name.empty()) continue;
    if (name[0] >= 'a' && name[0] <= 'z') {
      name[0] = static_cast<char>(name[0] - 'a' + 'A');
    }
    if (Member(parent, StrCat(element.name, name))) return true;
  }
  return false;
}

std::string Missing(JsonElement parent, TypeId type, std::string_view path) {
  if (!parent.is_object() || type == TypeId::kUnknown) return {};
  const size_t dot = path.find('.');
  const std::string_view segment = path.substr(0, dot);
  const ElementInfo* element = ElementOf(type, segment);
  if (element == nullptr) return {};
  if (!HasElement(parent, *element)) {
    return IsRequiredElement(TypeName(type), element->name)
               ? StrCat(TypeName(type), ".", element->name)
               : std::string();
  }
  if (dot == std::string_view::npos || element->types.size() != 1) return {};
  std::string found;
  ForEachItem(parent, element->name, [&](JsonElement item) {
    if (found.empty()) {
      found = Missing(item, element->types[0], path.substr(dot + 1));
    }
  });
  return found;
}

}  // namespace

bool IsRequiredElement(std::string_view type, std::string_view name) {
  const std::string element = StrCat(type, ".", name);
  return std::binary_search(std::begin(kRequiredElements),
                            std::end(kRequiredElements),
                            std::string_view(element));
}

std::string MissingRequiredElement(JsonElement resource,
                                   std::string_view path) {
  return Missing(resource, FindType(StringMember(resource, "resourceType")),
                 path);
}

}  // namespace pdp::fhir
