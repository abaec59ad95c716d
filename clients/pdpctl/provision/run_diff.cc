#include "clients/pdpctl/provision/run_diff.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "clients/pdpctl/exit_code.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::provision {
namespace {

// By key, that of a project for each organization before it.
using Contents = std::map<std::string, Lines>;

absl::StatusOr<Lines> LinesOf(const Observed& observed,
                              const fhir::Resource& resource) {
  if (resource.type() == "AccessPolicy") return PolicyLines(resource.root());
  if (resource.type() == "ProjectMembership") {
    PDP_ASSIGN_OR_RETURN(const MembershipContent content,
                         observed.ContentOf(resource));
    return MembershipLines(content);
  }
  return Lines{StrCat("name: ", fhir::StringMember(resource.root(), "name")),
               fhir::BoolMember(resource.root(), "active").value_or(true)
                   ? "active"
                   : "inactive"};
}

absl::StatusOr<Contents> Read(const RunContext& context,
                              const std::string& name) {
  Contents contents;
  const Environment& environment = *context.file.FindEnvironment(name);
  for (DesiredProject& desired : DesiredOf(context.file, environment)) {
    PDP_ASSIGN_OR_RETURN(
        const ProjectRun run,
        OpenProject(context.file, environment, std::move(desired)));
    for (const std::string& key : run.observed->Keys("")) {
      Lines& lines =
          contents[StrCat(run.desired.organization,
                          run.desired.organization.empty() ? "" : ": ", key)];
      for (const fhir::ResourcePtr& resource : run.observed->Find(key)) {
        PDP_ASSIGN_OR_RETURN(const Lines more,
                             LinesOf(*run.observed, *resource));
        lines.insert(lines.end(), more.begin(), more.end());
      }
    }
  }
  return contents;
}

void Print(const RunContext& context, const std::string& key,
           std::string_view what, const Lines& difference) {
  if (context.output == ctl::OutputFormat::kText) {
    context.out << key << ": " << what << "\n";
    for (const std::string& line : difference) {
      context.out << "    " << line << "\n";
    }
    return;
  }
  context.out << "{\"name\":" << fhir::QuoteJson(key)
              << ",\"what\":" << fhir::QuoteJson(what) << ",\"changes\":[";
  for (size_t i = 0; i < difference.size(); ++i) {
    context.out << (i == 0 ? "" : ",") << fhir::QuoteJson(difference[i]);
  }
  context.out << "]}\n";
}

}  // namespace

absl::StatusOr<int> RunDiff(const RunContext& context) {
  const std::string& one = context.command.environment;
  const std::string& other = context.command.other_environment;
  PDP_ASSIGN_OR_RETURN(const Contents before, Read(context, one));
  PDP_ASSIGN_OR_RETURN(const Contents after, Read(context, other));
  std::set<std::string> keys;
  for (const auto& [key, lines] : before) keys.insert(key);
  for (const auto& [key, lines] : after) keys.insert(key);
  int found = 0;
  for (const std::string& key : keys) {
    const auto left = before.find(key);
    const auto right = after.find(key);
    if (left == before.end() || right == after.end()) {
      ++found;
      Print(context, key,
            StrCat("only in ", left == before.end() ? other : one), {});
      continue;
    }
    const Lines difference = Difference(left->second, right->second);
    if (difference.empty()) continue;
    ++found;
    Print(context, key, StrCat("- ", one, ", + ", other), difference);
  }
  if (context.output == ctl::OutputFormat::kText) {
    context.out << found << " of " << keys.size() << " differ\n";
  }
  return found == 0 ? ctl::kExitOk : ctl::kExitFindings;
}

}  // namespace pdp::provision
