// The words that pdpctl uses for the enums of the API: those of the .proto
// files without their prefixes.

#ifndef PDP_CLIENTS_PDPCTL_NAMES_H_
#define PDP_CLIENTS_PDPCTL_NAMES_H_

#include <optional>
#include <string>
#include <string_view>

#include "medplum/pdp/v1/admin.pb.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "medplum/pdp/v1/types.pb.h"

namespace pdp::ctl {

// "PERMIT_WITH_OBLIGATIONS".
std::string EffectText(medplum::pdp::v1::Effect effect);
// "RESOURCE_NOT_GRANTED".
std::string ReasonText(medplum::pdp::v1::Reason reason);
// "MATCH" is written as "yes", "no", "unknown", "error", "not asked".
std::string MatchText(medplum::pdp::v1::Match match);
// "STRICT_RULE", with the rule's name where there is one.
// "DURABLE_READ".
std::string StrictRuleText(medplum::pdp::v1::StrictRule rule);
std::string NoteText(const medplum::pdp::v1::Note& note);
// "ALWAYS_DENIED".
std::string FilterKindText(medplum::pdp::v1::FilterKind kind);
// "parity".
std::string ModeText(medplum::pdp::v1::Mode mode);
// "documented".
std::string ParameterSemanticsText(
    medplum::pdp::v1::ParameterSemantics semantics);
// "read".
std::string InteractionText(medplum::pdp::v1::Interaction interaction);

// INTERACTION_UNSPECIFIED where no interaction has this name.
medplum::pdp::v1::Interaction ParseInteractionName(std::string_view name);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_NAMES_H_
