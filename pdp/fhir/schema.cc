#include "pdp/fhir/schema.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>

namespace pdp::fhir {
namespace {

struct TypeInfo {
  std::string_view name;
  uint16_t first_element;  // In kElementLists.
  uint16_t element_count;
  bool is_resource;
};

#include "pdp/fhir/definitions/types.inc"

constexpr uint32_t Hash(std::string_view text) {
  uint32_t hash = 2166136261;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  }
  return hash ^ (hash >> 15);
}

// Open addressing; 0 is an empty slot.
constexpr size_t kSlots = 2048;
static_assert(std::size(kTypes) < kSlots / 2);

constexpr std::array<uint16_t, kSlots> IndexTypes() {
  std::array<uint16_t, kSlots> slots{};
  for (uint16_t type = 1; type < std::size(kTypes); ++type) {
    size_t slot = Hash(kTypes[type].name) % kSlots;
    while (slots[slot] != 0) slot = (slot + 1) % kSlots;
    slots[slot] = type;
  }
  return slots;
}

constexpr std::array<uint16_t, kSlots> kTypeSlots = IndexTypes();

const TypeInfo& InfoOf(TypeId type) {
  const auto index = static_cast<size_t>(type);
  return kTypes[index < std::size(kTypes) ? index : 0];
}

}  // namespace

TypeId FindType(std::string_view name) {
  for (size_t slot = Hash(name) % kSlots; kTypeSlots[slot] != 0;
       slot = (slot + 1) % kSlots) {
    const uint16_t type = kTypeSlots[slot];
    if (kTypes[type].name == name) return TypeId{type};
  }
  return TypeId::kUnknown;
}

std::string_view TypeName(TypeId type) { return InfoOf(type).name; }

const ElementInfo* FindElement(TypeId type, std::string_view name) {
  const TypeInfo& info = InfoOf(type);
  const uint16_t* const begin = kElementLists + info.first_element;
  const uint16_t* const end = begin + info.element_count;
  const uint16_t* const found = std::lower_bound(
      begin, end, name, [](uint16_t element, std::string_view wanted) {
        return kElements[element].name < wanted;
      });
  if (found == end || kElements[*found].name != name) return nullptr;
  return &kElements[*found];
}

bool IsResourceType(std::string_view name) {
  return InfoOf(FindType(name)).is_resource;
}

}  // namespace pdp::fhir
