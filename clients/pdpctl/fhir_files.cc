#include "clients/pdpctl/fhir_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "clients/pdpctl/requests.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::ctl {
namespace {

namespace files = std::filesystem;
using fhir::ResourcePtr;

constexpr size_t kMaxFileBytes = size_t{64} << 20;

// The files to be read, in order.
absl::StatusOr<std::vector<std::string>> FindFiles(const std::string& path) {
  std::error_code error;
  if (!files::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> found;
  files::recursive_directory_iterator at(path, error);
  for (; !error && at != files::end(at); at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.')) {
      if (at->is_directory()) at.disable_recursion_pending();
    } else if (at->path().extension() == ".json") {
      found.push_back(at->path().string());
    }
  }
  if (error) {
    return absl::NotFoundError(
        StrCat(path, " cannot be read: ", error.message()));
  }
  std::sort(found.begin(), found.end());
  return found;
}

absl::Status ReadFile(const std::string& path,
                      std::vector<ResourcePtr>& resources) {
  const auto refuse = [&path](std::string_view what) {
    return absl::InvalidArgumentError(StrCat(path, ": ", what));
  };
  PDP_ASSIGN_OR_RETURN(const std::string text, ReadInput(path));
  const fhir::ParseLimits limits{.max_bytes = kMaxFileBytes};
  const auto root = fhir::Resource::Parse(text, limits);
  if (!root.ok()) return refuse(ToStd(root.status().message()));
  if ((*root)->type() != "Bundle") {
    resources.push_back(*root);
    return absl::OkStatus();
  }
  absl::Status status;
  fhir::ForEachItem((*root)->root(), "entry", [&](fhir::JsonElement entry) {
    const auto member = fhir::Member(entry, "resource");
    if (!member) {
      status.Update(refuse("an entry of the Bundle has no `resource`"));
      return;
    }
    const auto parsed = fhir::Resource::Parse(fhir::ToJson(*member), limits);
    if (parsed.ok()) {
      resources.push_back(*parsed);
    } else {
      status.Update(refuse(ToStd(parsed.status().message())));
    }
  });
  return status;
}

std::string OwnProject(const fhir::Resource& resource) {
  if (resource.type() == "Project") return std::string(resource.id());
  if (resource.type() != "ProjectMembership") return {};
  const auto member = fhir::Member(resource.root(), "project");
  const auto key = fhir::ResourceKey::Parse(
      member ? fhir::StringMember(*member, "reference") : "");
  return key ? key->id : std::string();
}

absl::StatusOr<ResourcePtr> InProject(const fhir::Resource& resource,
                                      const std::string& project) {
  const std::string quoted = fhir::QuoteJson(project);
  const auto meta = fhir::Member(resource.root(), "meta");
  return fhir::Resource::Parse(
      fhir::EditObject(
          resource.root(),
          {{.name = "meta",
            .json = meta && meta->is_object()
                        ? fhir::EditObject(
                              *meta, {{.name = "project", .json = quoted}})
                        : StrCat("{\"project\":", quoted, "}")}}),
      {.max_bytes = kMaxFileBytes});
}

}  // namespace

absl::StatusOr<std::vector<ResourcePtr>> ReadFhirFiles(
    const std::string& path) {
  std::vector<ResourcePtr> resources;
  PDP_ASSIGN_OR_RETURN(const std::vector<std::string> files, FindFiles(path));
  for (const std::string& file : files) {
    PDP_RETURN_IF_ERROR(ReadFile(file, resources));
  }
  return resources;
}

bool IsOneResource(const std::string& path,
                   const std::vector<ResourcePtr>& resources) {
  std::error_code error;
  return resources.size() == 1 && !files::is_directory(path, error);
}

absl::Status AssignProjects(std::vector<ResourcePtr>& resources) {
  std::vector<std::string> projects;
  for (const ResourcePtr& resource : resources) {
    if (resource->type() == "Project") projects.emplace_back(resource->id());
  }
  for (ResourcePtr& resource : resources) {
    if (!resource->project().empty()) continue;
    std::string project = OwnProject(*resource);
    if (project.empty() && projects.size() == 1) project = projects.front();
    if (project.empty()) {
      return absl::InvalidArgumentError(
          StrCat(resource->key().ToString(),
                 " has no meta.project, and there "
                 "are ",
                 projects.size(), " Projects"));
    }
    PDP_ASSIGN_OR_RETURN(resource, InProject(*resource, project));
  }
  return absl::OkStatus();
}

}  // namespace pdp::ctl
