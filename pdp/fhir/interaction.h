// FHIR's RESTful interactions, as AccessPolicies name them, and PATCH.

#ifndef PDP_FHIR_INTERACTION_H_
#define PDP_FHIR_INTERACTION_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace pdp::fhir {

// The numbers are those of medplum.pdp.v1.Interaction.
enum class Interaction : uint8_t {
  kUnspecified = 0,
  kRead = 1,
  kVread = 2,
  kUpdate = 3,
  kDelete = 4,
  kHistory = 5,
  kCreate = 6,
  kSearch = 7,
  kPatch = 8,  // Not a word of AccessPolicy: granted as kUpdate.
};

// "read"; "" for kUnspecified.
std::string_view InteractionName(Interaction interaction);

// The interaction that an AccessPolicy calls `name` (so not "patch").
std::optional<Interaction> ParseInteraction(std::string_view name);

// A set of interactions.
using InteractionSet = uint32_t;
constexpr InteractionSet Bit(Interaction interaction) {
  return static_cast<InteractionSet>(1u << static_cast<unsigned>(interaction));
}
inline constexpr InteractionSet kReadInteractions =
    Bit(Interaction::kRead) | Bit(Interaction::kVread) |
    Bit(Interaction::kHistory) | Bit(Interaction::kSearch);
inline constexpr InteractionSet kAllInteractions =
    kReadInteractions | Bit(Interaction::kCreate) | Bit(Interaction::kUpdate) |
    Bit(Interaction::kDelete);

}  // namespace pdp::fhir

#endif  // PDP_FHIR_INTERACTION_H_
