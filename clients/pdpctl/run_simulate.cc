#include "clients/pdpctl/run_simulate.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/names.h"
#include "clients/pdpctl/print.h"
#include "clients/pdpctl/recorded_checks.h"
#include "clients/pdpctl/requests.h"
#include "clients/pdpctl/rpc_client.h"
#include "clients/pdpctl/simulate_input.h"
#include "clients/pdpctl/text_table.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

// What a server takes in one call, unless it is configured otherwise.
constexpr size_t kMaxChecks = 1'000;
constexpr size_t kMaxBytes = size_t{7} << 19;  // Of 4 MiB.

struct Input {
  v1::SimulateRequest proposal;  // Without checks.
  std::vector<NamedCheck> checks;
  size_t left_out = 0;
  // Of recorded checks: the decisions, and those that cannot be asked again.
  uint64_t decisions = 0;
  uint64_t not_asked = 0;
};

absl::StatusOr<Input> ReadSimulation(const SimulateCommand& command) {
  Input input;
  std::vector<std::string> proposed;
  for (const std::string& path : command.proposed) {
    PDP_RETURN_IF_ERROR(AddProposed(path, proposed, input.left_out));
  }
  for (std::string& json : proposed) {
    input.proposal.add_proposed(std::move(json));
  }
  for (const std::string& reference : command.deleted) {
    input.proposal.add_deleted(reference);
  }
  input.proposal.set_by_current_attributes(command.by_current_attributes ||
                                           !command.recorded.empty());
  if (!command.recorded.empty()) {
    PDP_ASSIGN_OR_RETURN(RecordedChecks found,
                         ReadRecordedChecks(command.recorded, command.filters));
    input.checks = std::move(found.checks);
    input.decisions = found.decisions;
    input.not_asked = found.left_out;
    return input;
  }
  PDP_ASSIGN_OR_RETURN(const std::string text, ReadInput(command.checks));
  absl::StatusOr<std::vector<NamedCheck>> checks = ParseChecks(text);
  if (!checks.ok()) {
    return absl::InvalidArgumentError(
        StrCat(command.checks, ": ", ToStd(checks.status().message())));
  }
  input.checks = *std::move(checks);
  return input;
}

// One check, and what came of it.
struct Row {
  const NamedCheck* check;
  v1::SimulatedCheck simulated;
};

bool IsChanged(const Row& row) {
  return row.simulated.outcome() != v1::SIMULATED_OUTCOME_UNCHANGED;
}

std::string OutcomeText(v1::SimulatedOutcome outcome) {
  constexpr std::string_view kPrefix = "SIMULATED_OUTCOME_";
  std::string name = v1::SimulatedOutcome_Name(outcome);
  if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
  return name;
}

// Asks in as many calls as it takes; keeps what changes.
absl::Status Ask(const RpcClient& client, const Input& input,
                 std::vector<Row>& changes, uint64_t& revision) {
  const size_t fixed = input.proposal.ByteSizeLong();
  for (size_t next = 0; next < input.checks.size();) {
    const size_t first = next;
    v1::SimulateRequest request = input.proposal;
    size_t bytes = fixed;
    while (next < input.checks.size() && next - first < kMaxChecks) {
      const v1::CheckRequest& check = input.checks[next].request;
      bytes += check.ByteSizeLong() + 8;
      if (next > first && bytes > kMaxBytes) break;
      *request.add_checks() = check;
      ++next;
    }
    PDP_ASSIGN_OR_RETURN(v1::SimulateResponse response,
                         client.Simulate(request));
    if (static_cast<size_t>(response.checks_size()) != next - first) {
      return absl::InternalError("the server left checks out");
    }
    revision = response.revision();
    for (size_t i = first; i < next; ++i) {
      Row row{&input.checks[i],
              std::move(*response.mutable_checks(static_cast<int>(i - first)))};
      if (IsChanged(row)) changes.push_back(std::move(row));
    }
  }
  return absl::OkStatus();
}

// What is known of the answers: "PERMIT -> DENY RESOURCE_NOT_GRANTED".
std::string ChangeText(const v1::SimulatedCheck& simulated) {
  if (simulated.has_error()) return simulated.error().message();
  return StrCat(AnswerText(simulated.before()), " -> ",
                AnswerText(simulated.after()));
}

std::string_view MessageOf(const v1::SimulatedCheck& simulated) {
  return simulated.after().message();
}

void PrintText(const std::vector<Row>& changes, std::ostream& out) {
  size_t outcome = 0;
  size_t who = 0;
  size_t what = 0;
  for (const Row& row : changes) {
    outcome = std::max(outcome, OutcomeText(row.simulated.outcome()).size());
    who = std::max(who, Width(Shorten(row.check->who)));
    what = std::max(what, Width(Shorten(row.check->what)));
  }
  for (const Row& row : changes) {
    out << Pad(OutcomeText(row.simulated.outcome()), outcome) << "  "
        << Pad(Shorten(row.check->who), who) << "  "
        << Pad(Shorten(row.check->what), what) << "  "
        << ChangeText(row.simulated) << '\n'
        << std::string(outcome + 2, ' ') << row.check->id;
    if (!MessageOf(row.simulated).empty()) {
      out << ": " << MessageOf(row.simulated);
    }
    out << '\n';
  }
}

void PrintJson(const std::vector<Row>& changes, std::ostream& out) {
  for (const Row& row : changes) {
    std::string simulated = ToJsonLine(row.simulated);
    simulated.pop_back();
    out << "{\"id\":" << fhir::QuoteJson(row.check->id)
        << ",\"who\":" << fhir::QuoteJson(row.check->who)
        << ",\"what\":" << fhir::QuoteJson(row.check->what)
        << ",\"simulated\":" << simulated << "}\n";
  }
}

size_t Count(const std::vector<Row>& changes, v1::SimulatedOutcome outcome) {
  return static_cast<size_t>(std::count_if(
      changes.begin(), changes.end(),
      [&](const Row& row) { return row.simulated.outcome() == outcome; }));
}

}  // namespace

int RunSimulate(const SimulateCommand& command, OutputFormat output,
                std::ostream& out, std::ostream& err) {
  absl::StatusOr<Input> input = ReadSimulation(command);
  if (!input.ok()) {
    err << "pdpctl: " << input.status().message() << '\n';
    return kExitUsage;
  }
  if (input->left_out > 0) {
    err << "pdpctl: left out " << input->left_out
        << " resources that are no AccessPolicy, ProjectMembership, Project or "
           "UserConfiguration\n";
  }
  std::vector<Row> changes;
  uint64_t revision = 0;
  const absl::Status status =
      Ask(RpcClient(command.connection), *input, changes, revision);
  if (!status.ok()) {
    err << "pdpctl: " << status.message() << '\n';
    return kExitError;
  }

  const size_t unknown = Count(changes, v1::SIMULATED_OUTCOME_UNKNOWN);
  const size_t changed = changes.size() - unknown;
  const bool is_json = output == OutputFormat::kJson;
  if (is_json) {
    PrintJson(changes, out);
  } else {
    PrintText(changes, out);
  }
  std::ostream& totals = is_json ? err : out;
  totals << input->checks.size() << " checks: " << changed << " would change ("
         << Count(changes, v1::SIMULATED_OUTCOME_GAINED) << " gained, "
         << Count(changes, v1::SIMULATED_OUTCOME_LOST) << " lost, "
         << Count(changes, v1::SIMULATED_OUTCOME_OTHER_OBLIGATIONS)
         << " with other obligations), " << unknown
         << " cannot be told; at revision " << revision << '\n';
  if (!command.recorded.empty()) {
    totals << "They are of " << input->decisions << " recorded decisions; "
           << input->not_asked
           << " cannot be asked again, as writes cannot, whose content is not "
              "recorded.\n";
  }
  if (input->proposal.by_current_attributes()) {
    totals << "Resources were judged by their attributes of now, which may not "
              "be those of then.\n";
  }
  totals << std::flush;
  out << std::flush;
  if (changed > 0) return kExitDeny;
  return unknown > 0 ? kExitError : kExitOk;
}

}  // namespace pdp::ctl
