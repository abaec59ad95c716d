#include "clients/pdpctl/text_table.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_join.h"
#include "clients/pdpctl/names.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

template <typename Fields>
void AppendFields(std::string_view what, const Fields& fields,
                  std::string& answer) {
  if (fields.empty()) return;
  answer += StrCat(" (", what, ": ", absl::StrJoin(fields, ", "), ")");
}

}  // namespace

size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(),
                    [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

std::string Pad(const std::string& text, size_t width) {
  const size_t own = Width(text);
  return own < width ? text + std::string(width - own, ' ') : text;
}

std::string Shorten(const std::string& what) {
  const size_t slash = what.find('/');
  if (slash == std::string::npos || !fhir::IsUuid(what.substr(slash + 1))) {
    return what;
  }
  return StrCat(what.substr(0, slash + 9), "…", what.substr(what.size() - 4));
}

std::string AnswerText(const v1::Decision& decision) {
  std::string answer = EffectText(decision.effect());
  if (decision.effect() == v1::EFFECT_PERMIT_WITH_OBLIGATIONS) {
    AppendFields("hidden", decision.hidden_fields(), answer);
    AppendFields("readonly", decision.readonly_fields(), answer);
  } else if (decision.effect() != v1::EFFECT_PERMIT) {
    answer += StrCat(" ", ReasonText(decision.reason()));
  }
  return answer;
}

}  // namespace pdp::ctl
