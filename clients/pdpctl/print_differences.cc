#include "clients/pdpctl/print_differences.h"

#include <google/protobuf/util/time_util.h>

#include <string_view>

#include "clients/pdpctl/names.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

constexpr size_t kCountWidth = 8;
constexpr size_t kRuleWidth = 30;

void Pad(size_t width, std::string& line, size_t from) {
  const size_t size = line.size() - from;
  line.append(size < width ? width - size : 1, ' ');
}

// What the rule does, as a sentence about the policies.
std::string_view Meaning(v1::StrictRule rule) {
  switch (rule) {
    case v1::STRICT_RULE_MALFORMED_CRITERIA:
      return "criteria that Medplum's search ignores grant nothing";
    case v1::STRICT_RULE_WILDCARD_CRITERIA_FIELDS:
      return "`*?criteria` hides its fields";
    case v1::STRICT_RULE_CREATE_NAMES_GRANTED_PATIENT:
      return "what is created must be about the policy's own patient";
    case v1::STRICT_RULE_DELETED_NEEDS_GRANT:
      return "deleted resources need their own grants";
    case v1::STRICT_RULE_PARAMETER_STRUCTURE:
      return "a parameter's value must not change the policy";
    case v1::STRICT_RULE_SMART_LETTERS:
      return "each letter of a SMART scope stands for itself";
    case v1::STRICT_RULE_ON_BEHALF_OF_ACTIVE:
      return "whom a caller acts for must be active and may have IP rules";
    case v1::STRICT_RULE_ADDRESS_BOUNDARY:
      return "an allowed address prefix ends where an octet ends";
    case v1::STRICT_RULE_DURABLE_READ:
      return "what a search does not find cannot be read either";
    case v1::STRICT_RULE_POLICY_REQUIRED:
      return "a membership without a policy has no access";
    case v1::STRICT_RULE_EMPTY_INTERACTION:
      return "`interaction: []` grants nothing";
    case v1::STRICT_RULE_POLICY_PROJECT:
      return "a policy of an unlinked project grants nothing";
    case v1::STRICT_RULE_ACCOUNT_ALLOWED:
      return "accounts that a client sets must be its tenants";
    case v1::STRICT_RULE_DURABLE_FIELDS:
      return "fields are hidden from what only a search finds, too";
    case v1::STRICT_RULE_FACT_REQUIRED:
      return "IP rules need the address of every request";
    case v1::STRICT_RULE_SAFE_QUERY:
      return "a search tells nothing of hidden fields";
    default:
      return "no rule explains it: please report this";
  }
}

std::string ExampleText(const v1::ShadowExample& example) {
  std::string text = StrCat(
      InteractionText(example.interaction()), " of ", example.resource_type(),
      " by ", example.membership().empty() ? "nobody" : example.membership(),
      " at ", google::protobuf::util::TimeUtil::ToString(example.at()), ": ",
      EffectText(example.effect()));
  text += example.effect() == example.shadow_effect()
              ? std::string(", with other fields hidden or other results")
              : StrCat(" would be ", EffectText(example.shadow_effect()));
  return text;
}

}  // namespace

std::string ToText(const v1::ShadowStatus& shadow) {
  const std::string mode = ModeText(shadow.mode());
  uint64_t total = 0;
  for (const v1::ShadowDifference& difference : shadow.differences()) {
    total += difference.count();
  }
  std::string out = StrCat(shadow.decisions(), " decisions compared with ",
                           mode, " mode; ", total, " would be otherwise; ",
                           shadow.undecided(), " could not be compared\n");
  if (shadow.differences().empty()) return out;
  out += '\n';
  size_t line = out.size();
  out += "count";
  Pad(kCountWidth, out, line);
  line = out.size();
  out += "rule";
  Pad(kRuleWidth, out, line);
  out += "in strict mode\n";
  for (const v1::ShadowDifference& difference : shadow.differences()) {
    line = out.size();
    out += StrCat(difference.count());
    Pad(kCountWidth, out, line);
    line = out.size();
    out += StrictRuleText(difference.strict_rule());
    Pad(kRuleWidth, out, line);
    out += Meaning(difference.strict_rule());
    out += '\n';
    if (!difference.has_last()) continue;
    out.append(kCountWidth, ' ');
    out += StrCat("last: ", ExampleText(difference.last()), "\n");
  }
  return out;
}

}  // namespace pdp::ctl
