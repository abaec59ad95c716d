#include "clients/pdpctl/simulate_input.h"

#include <google/protobuf/util/json_util.h>

#include <string_view>
#include <utility>

#include "clients/pdpctl/case_table.h"
#include "clients/pdpctl/fhir_files.h"
#include "clients/pdpctl/names.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

bool IsProposable(std::string_view type) {
  return type == "AccessPolicy" || type == "ProjectMembership" ||
         type == "Project" || type == "UserConfiguration";
}

// A table is one JSON object with lists of its own; a CheckRequest has none of
// these names.
bool IsTable(const std::string& text) {
  simdjson::dom::parser parser;
  fhir::JsonElement root;
  return parser.parse(text).get(root) == simdjson::SUCCESS &&
         (fhir::Member(root, "groups") || fhir::Member(root, "filters"));
}

std::string WhatText(const v1::CheckRequest& request) {
  const v1::Resource& resource = request.resource();
  std::string what =
      StrCat(InteractionText(request.interaction()), " ", resource.type());
  if (!resource.id().empty()) what += StrCat("/", resource.id());
  return what;
}

absl::StatusOr<std::vector<NamedCheck>> ParseLines(const std::string& text) {
  std::vector<NamedCheck> checks;
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    NamedCheck check;
    check.id = StrCat("line ", number);
    const auto status =
        google::protobuf::util::JsonStringToMessage(line, &check.request);
    if (!status.ok()) {
      return absl::InvalidArgumentError(StrCat(
          check.id,
          ": not a CheckRequest as JSON: ", std::string(status.message())));
    }
    check.who = check.request.subject().reference();
    check.what = WhatText(check.request);
    checks.push_back(std::move(check));
  }
  if (checks.empty()) return absl::InvalidArgumentError("holds no checks");
  return checks;
}

}  // namespace

absl::Status AddProposed(const std::string& path,
                         std::vector<std::string>& proposed, size_t& left_out) {
  PDP_ASSIGN_OR_RETURN(const auto resources, ReadFhirFiles(path));
  // What is named by itself is sent as it is: the server says what is wrong.
  const bool is_meant = IsOneResource(path, resources);
  for (const fhir::ResourcePtr& resource : resources) {
    if (is_meant || IsProposable(resource->type())) {
      proposed.emplace_back(resource->json());
    } else {
      ++left_out;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NamedCheck>> ParseChecks(const std::string& text) {
  if (!IsTable(text)) return ParseLines(text);
  PDP_ASSIGN_OR_RETURN(CaseTable table, ParseCaseTable(text));
  std::vector<NamedCheck> checks;
  for (CheckGroup& group : table.groups) {
    for (CheckCase& from : group.cases) {
      checks.push_back({std::move(from.id), std::move(from.who),
                        std::move(from.what), std::move(from.request)});
    }
  }
  if (checks.empty()) return absl::InvalidArgumentError("holds no checks");
  return checks;
}

}  // namespace pdp::ctl
