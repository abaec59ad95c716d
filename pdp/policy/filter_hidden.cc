#include "pdp/policy/filter_hidden.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "pdp/fhir/search/compartment.h"

namespace pdp::policy {
namespace {

// The element that a field's path begins with: `name` of `name.given`, `value`
// of `value[x]`.
std::string_view ElementOf(std::string_view field) {
  field = field.substr(0, field.find_first_of(".["));
  if (field.starts_with('_')) field.remove_prefix(1);
  return field;
}

// `valueQuantity` is `value` in an expression.
bool AreSameElement(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (a.empty() || !b.starts_with(a)) return false;
  return a.size() == b.size() ||
         absl::ascii_isupper(static_cast<unsigned char>(b[a.size()]));
}

bool Names(std::string_view expression, std::string_view element) {
  for (size_t at = expression.find('.'); at != std::string_view::npos;
       at = expression.find('.', at + 1)) {
    std::string_view name = expression.substr(at + 1);
    name = name.substr(0, name.find_first_of(".()[] |,'="));
    if (AreSameElement(name, element)) return true;
  }
  return false;
}

}  // namespace

bool LooksAtHiddenField(const fhir::search::SearchParameter& parameter,
                        std::span<const std::string> hidden_fields) {
  const bool looks =
      std::ranges::any_of(hidden_fields, [&parameter](std::string_view field) {
        return Names(parameter.expression, ElementOf(field));
      });
  if (looks || parameter.code != "_compartment" || hidden_fields.empty()) {
    return looks;
  }
  const auto codes =
      fhir::search::PatientCompartmentCodes(parameter.resource_type);
  return std::ranges::any_of(codes, [&](std::string_view code) {
    const auto* const maker =
        fhir::search::FindSearchParameter(parameter.resource_type, code);
    return maker != nullptr && LooksAtHiddenField(*maker, hidden_fields);
  });
}

bool ListsHiddenField(std::string_view type, std::string_view list,
                      std::span<const std::string> hidden_fields) {
  if (hidden_fields.empty()) return false;
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    std::string_view name = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    if (name.starts_with('-')) name.remove_prefix(1);
    const auto* const parameter =
        fhir::search::FindSearchParameter(type, name.substr(0, name.find(':')));
    if (parameter != nullptr && LooksAtHiddenField(*parameter, hidden_fields)) {
      return true;
    }
    const bool is_hidden =
        std::ranges::any_of(hidden_fields, [name](std::string_view field) {
          return AreSameElement(ElementOf(field), ElementOf(name));
        });
    if (is_hidden) return true;
  }
  return false;
}

}  // namespace pdp::policy
