// The Subscriptions that are made at a Medplum server: all that is ever written
// there.

#ifndef PDP_MEDPLUM_SUBSCRIPTION_H_
#define PDP_MEDPLUM_SUBSCRIPTION_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pdp/medplum/notification.h"

namespace pdp::medplum {

inline constexpr Interaction kAllInteractions[] = {
    Interaction::kCreate, Interaction::kUpdate, Interaction::kDelete};

// `create`.
std::string_view InteractionName(Interaction interaction);
std::optional<Interaction> ParseInteraction(std::string_view name);

// A WebSocket Subscription, as JSON, to `interactions` with every resource of
// `type`.  Frames do not tell one interaction from the other.
std::string WebSocketSubscription(std::string_view type,
                                  std::span<const Interaction> interactions,
                                  std::string_view reason);

// A rest-hook Subscription, as JSON, to everything that happens to resources of
// `type`, signed under `secret`.
std::string RestHookSubscription(std::string_view type,
                                 std::string_view endpoint,
                                 std::string_view secret,
                                 std::string_view reason);

// The extension that holds the secret of a rest-hook Subscription.
inline constexpr std::string_view kSecretExtension =
    "https://www.medplum.com/fhir/StructureDefinition/subscription-secret";

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_SUBSCRIPTION_H_
