#include "pdp/fhir/interaction.h"

#include <array>
#include <cstddef>

namespace pdp::fhir {
namespace {

constexpr std::array<std::string_view, 9> kNames = {
    "",        "read",   "vread",  "update", "delete",
    "history", "create", "search", "patch"};

}  // namespace

std::string_view InteractionName(Interaction interaction) {
  return kNames[static_cast<size_t>(interaction)];
}

std::optional<Interaction> ParseInteraction(std::string_view name) {
  for (size_t i = 1; i < static_cast<size_t>(Interaction::kPatch); ++i) {
    if (kNames[i] == name) return static_cast<Interaction>(i);
  }
  return std::nullopt;
}

}  // namespace pdp::fhir
