// ElementSet: some of the top-level elements of a resource type, or all of
// them.
//
// `resourceType`, `id` and `meta` are in every set.

#ifndef PDP_FHIR_ELEMENT_SET_H_
#define PDP_FHIR_ELEMENT_SET_H_

#include <string>
#include <string_view>
#include <vector>

namespace pdp::fhir {

class ElementSet {
 public:
  ElementSet() = default;

  static const ElementSet& Whole();
  // What every set has.
  static const ElementSet& Least();

  // `name` as in paths: `value` stands for all that `value[x]` is called.
  void Add(std::string_view name);
  void Add(const ElementSet& other);
  void AddAll();

  bool is_whole() const { return is_whole_; }
  bool Covers(const ElementSet& other) const;

  // Whether the JSON member `member` belongs to an element of the set:
  // `birthDate` has `_birthDate` beside it, `value` is `valueQuantity`.
  bool HasMember(std::string_view member) const;

  // In the order of the letters; empty for a whole.
  const std::vector<std::string>& names() const { return names_; }

  friend bool operator==(const ElementSet&, const ElementSet&) = default;

 private:
  bool is_whole_ = false;
  std::vector<std::string> names_;  // Each once, in order.
};

}  // namespace pdp::fhir

#endif  // PDP_FHIR_ELEMENT_SET_H_
