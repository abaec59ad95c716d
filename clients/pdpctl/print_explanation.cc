#include "clients/pdpctl/print_explanation.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <string_view>

#include "absl/strings/str_split.h"
#include "clients/pdpctl/names.h"
#include "clients/pdpctl/print.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

constexpr size_t kColumns = 80;
constexpr size_t kIndent = 5;

// `text` as lines of at most kColumns, where words allow it; every line but
// the first is indented.
void Wrap(std::string_view text, size_t indent, std::string& out) {
  size_t column = out.size() - (out.rfind('\n') + 1);
  bool is_first = true;
  for (const absl::string_view part : absl::StrSplit(ToAbsl(text), ' ')) {
    const std::string_view word = ToStd(part);
    if (!is_first && column + 1 + word.size() > kColumns) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else if (!is_first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    is_first = false;
  }
  out += '\n';
}

std::string_view StageText(v1::DecisionStage stage) {
  switch (stage) {
    case v1::DECISION_STAGE_READ:
      return "May the resource be read?";
    case v1::DECISION_STAGE_STORED:
      return "May this be done to the resource as it is?";
    case v1::DECISION_STAGE_RESULT:
      return "May the result be stored?";
    case v1::DECISION_STAGE_TYPE:
      return "May the type be searched?";
    case v1::DECISION_STAGE_SECURITY_CONTEXT:
      return "May the resource be read that protects the Binary?";
    default:
      return "Entries that were not tried:";
  }
}

std::string ParametersText(const v1::EntryTrace& entry) {
  std::string out;
  for (const v1::EntryParameter& parameter : entry.parameters()) {
    out += StrCat(out.empty() ? "" : ", ", "%", parameter.name(), " = ",
                  parameter.value());
  }
  return out;
}

void AddEntry(const v1::EntryTrace& entry, bool is_nearest, std::string& out) {
  out += entry.matched() ? " yes " : "  no ";
  Wrap(StrCat(ToText(entry.entry()), is_nearest ? "  <- the nearest" : ""),
       kIndent, out);
  const auto add = [&](std::string_view text) {
    if (text.empty()) return;
    out.append(kIndent, ' ');
    Wrap(text, kIndent, out);
  };
  add(entry.criteria());
  add(ParametersText(entry));
  add(entry.failed_test());
}

void AddRecorded(const v1::RecordedDecision& recorded, std::string& out) {
  out += '\n';
  Wrap(StrCat("Recorded ",
              google::protobuf::util::TimeUtil::ToString(recorded.time()),
              recorded.caller().empty() ? "" : ", asked by ", recorded.caller(),
              ": ", EffectText(recorded.effect()), ", ",
              ReasonText(recorded.reason()),
              recorded.policy().empty() ? "" : ", by ", recorded.policy(),
              recorded.policy_version_id().empty() ? "" : " version ",
              recorded.policy_version_id(), ", revision ", recorded.revision(),
              "."),
       0, out);
  Wrap(recorded.agrees()
           ? "The explanation agrees with what was recorded."
           : "The explanation does NOT agree with what was recorded: a fact "
             "that decided is not in the record, or is another now.",
       0, out);
}

}  // namespace

std::string ToText(const v1::ExplainResponse& explanation, bool all) {
  const v1::Decision& decision = explanation.decision();
  std::string out = StrCat(EffectText(decision.effect()), ", ",
                           ReasonText(decision.reason()), "\n\n");
  Wrap(explanation.summary(), 0, out);
  if (!explanation.missing().empty()) {
    out += '\n';
    Wrap(StrCat("What to do: ", explanation.missing()), 0, out);
  }
  if (explanation.has_recorded()) AddRecorded(explanation.recorded(), out);
  const v1::EntryTrace* before = nullptr;
  int others = 0;
  for (int i = 0; i < explanation.entries_size(); ++i) {
    const v1::EntryTrace& entry = explanation.entries(i);
    if (entry.stage() == v1::DECISION_STAGE_UNSPECIFIED && !all) {
      ++others;
      continue;
    }
    if (before == nullptr || before->stage() != entry.stage() ||
        before->durable() != entry.durable()) {
      out += StrCat("\n", StageText(entry.stage()),
                    entry.durable() ? "  (as Medplum's database searches)" : "",
                    "\n");
    }
    const bool is_nearest = explanation.has_nearest() &&
                            explanation.nearest() == static_cast<uint32_t>(i);
    AddEntry(entry, is_nearest, out);
    before = &entry;
  }
  if (others > 0) {
    out += StrCat("\n", others, others == 1 ? " entry was" : " entries were",
                  " not tried (--all lists them)\n");
  }
  out += "\n";
  out += ToText(decision);
  return out;
}

}  // namespace pdp::ctl
