#include "clients/pdpctl/names.h"

#include "absl/strings/ascii.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

// A number that this program does not know is shown as it is.
std::string Word(const std::string& name, std::string_view prefix, int number) {
  if (name.empty()) return StrCat(number);
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

}  // namespace

std::string EffectText(v1::Effect effect) {
  return Word(v1::Effect_Name(effect), "EFFECT_", effect);
}

std::string ReasonText(v1::Reason reason) {
  return Word(v1::Reason_Name(reason), "REASON_", reason);
}

std::string MatchText(v1::Match match) {
  if (match == v1::MATCH_UNSPECIFIED) return "not asked";
  return absl::AsciiStrToLower(Word(v1::Match_Name(match), "MATCH_", match));
}

std::string StrictRuleText(v1::StrictRule rule) {
  return Word(v1::StrictRule_Name(rule), "STRICT_RULE_", rule);
}

std::string NoteText(const v1::Note& note) {
  std::string text =
      Word(v1::NoteCode_Name(note.code()), "NOTE_CODE_", note.code());
  if (note.strict_rule() != v1::STRICT_RULE_UNSPECIFIED) {
    text += StrCat(" ", StrictRuleText(note.strict_rule()));
  }
  if (!note.text().empty()) text += StrCat(": ", note.text());
  return text;
}

std::string FilterKindText(v1::FilterKind kind) {
  return Word(v1::FilterKind_Name(kind), "FILTER_KIND_", kind);
}

std::string ModeText(v1::Mode mode) {
  return absl::AsciiStrToLower(Word(v1::Mode_Name(mode), "MODE_", mode));
}

std::string ParameterSemanticsText(v1::ParameterSemantics semantics) {
  return absl::AsciiStrToLower(Word(v1::ParameterSemantics_Name(semantics),
                                    "PARAMETER_SEMANTICS_", semantics));
}

std::string InteractionText(v1::Interaction interaction) {
  return absl::AsciiStrToLower(
      Word(v1::Interaction_Name(interaction), "INTERACTION_", interaction));
}

v1::Interaction ParseInteractionName(std::string_view name) {
  v1::Interaction interaction = v1::INTERACTION_UNSPECIFIED;
  v1::Interaction_Parse(
      StrCat("INTERACTION_", absl::AsciiStrToUpper(ToAbsl(name))),
      &interaction);
  return interaction;
}

}  // namespace pdp::ctl
