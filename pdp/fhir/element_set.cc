#include "pdp/fhir/element_set.h"

#include <algorithm>

namespace pdp::fhir {
namespace {

bool IsInEverySet(std::string_view name) {
  return name == "id" || name == "meta" || name == "resourceType";
}

}  // namespace

const ElementSet& ElementSet::Whole() {
  static const ElementSet* const whole = [] {
    auto* const set = new ElementSet();
    set->AddAll();
    return set;
  }();
  return *whole;
}

const ElementSet& ElementSet::Least() {
  static const ElementSet* const least = new ElementSet();
  return *least;
}

void ElementSet::Add(std::string_view name) {
  if (is_whole_ || IsInEverySet(name)) return;
  const auto place = std::lower_bound(names_.begin(), names_.end(), name);
  if (place == names_.end() || *place != name) names_.emplace(place, name);
}

void ElementSet::Add(const ElementSet& other) {
  if (other.is_whole_) AddAll();
  for (const std::string& name : other.names_) Add(name);
}

void ElementSet::AddAll() {
  is_whole_ = true;
  names_.clear();
}

bool ElementSet::Covers(const ElementSet& other) const {
  if (is_whole_) return true;
  return !other.is_whole_ &&
         std::includes(names_.begin(), names_.end(), other.names_.begin(),
                       other.names_.end());
}

bool ElementSet::HasMember(std::string_view member) const {
  if (is_whole_) return true;
  if (member.starts_with('_')) member.remove_prefix(1);
  if (IsInEverySet(member)) return true;
  return std::any_of(names_.begin(), names_.end(), [&](std::string_view name) {
    if (!member.starts_with(name)) return false;
    const std::string_view rest = member.substr(name.size());
    return rest.empty() || (rest.front() >= 'A' && rest.front() <= 'Z');
  });
}

}  // namespace pdp::fhir
