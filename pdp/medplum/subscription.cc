#include "pdp/medplum/subscription.h"

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::medplum {
namespace {

using fhir::QuoteJson;

// `channel` and `extensions` are JSON.
std::string Subscription(std::string_view type, std::string_view reason,
                         std::string_view channel,
                         std::string_view extensions) {
  return StrCat(R"({"resourceType":"Subscription","status":"active","reason":)",
                QuoteJson(reason), R"(,"criteria":)", QuoteJson(type),
                R"(,"channel":)", channel, R"(,"extension":[)", extensions,
                "]}");
}

// One for each, with commas between them.
std::string InteractionExtensions(std::span<const Interaction> interactions) {
  std::string extensions;
  for (const Interaction interaction : interactions) {
    if (!extensions.empty()) extensions += ',';
    extensions +=
        StrCat(R"({"url":"https://medplum.com/fhir/StructureDefinition/)"
               R"(subscription-supported-interaction","valueCode":)",
               QuoteJson(InteractionName(interaction)), "}");
  }
  return extensions;
}

}  // namespace

std::string_view InteractionName(Interaction interaction) {
  switch (interaction) {
    case Interaction::kCreate:
      return "create";
    case Interaction::kUpdate:
      return "update";
    case Interaction::kDelete:
      return "delete";
  }
  return "";
}

std::optional<Interaction> ParseInteraction(std::string_view name) {
  for (const Interaction interaction : kAllInteractions) {
    if (InteractionName(interaction) == name) return interaction;
  }
  return std::nullopt;
}

std::string WebSocketSubscription(std::string_view type,
                                  std::span<const Interaction> interactions,
                                  std::string_view reason) {
  return Subscription(type, reason, R"({"type":"websocket"})",
                      InteractionExtensions(interactions));
}

std::string RestHookSubscription(std::string_view type,
                                 std::string_view endpoint,
                                 std::string_view secret,
                                 std::string_view reason) {
  const std::string extensions =
      StrCat(InteractionExtensions(kAllInteractions), R"(,{"url":)",
             QuoteJson(kSecretExtension), R"(,"valueString":)",
             QuoteJson(secret), "}");
  return Subscription(
      type, reason,
      StrCat(R"({"type":"rest-hook","endpoint":)", QuoteJson(endpoint),
             R"(,"payload":"application/fhir+json"})"),
      extensions);
}

}  // namespace pdp::medplum
