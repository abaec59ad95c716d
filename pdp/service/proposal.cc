#include "pdp/service/proposal.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/policy/access_policy.h"
#include "pdp/policy/membership.h"

namespace pdp::service {
namespace {

using fhir::ResourceKey;
using fhir::ResourcePtr;

constexpr int kMaxProposed = 1'000;

absl::Status CheckType(std::string_view type) {
  for (const std::string_view proposable :
       {"AccessPolicy", "ProjectMembership", "Project", "UserConfiguration"}) {
    if (type == proposable) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      StrCat("resourceType: `", type,
             "` cannot be proposed; send AccessPolicies, ProjectMemberships, "
             "Projects and UserConfigurations"));
}

// The Project that a resource says it is in; empty where it does not say.
absl::StatusOr<std::string> OwnProject(const fhir::Resource& resource) {
  std::string project(resource.project());
  if (resource.type() != "Project" && resource.type() != "ProjectMembership") {
    return project;
  }
  std::string own;
  if (resource.type() == "Project") {
    own = resource.id();
  } else {
    PDP_ASSIGN_OR_RETURN(const policy::Membership membership,
                         policy::ParseMembership(resource));
    const auto key = ResourceKey::Parse(membership.project);
    if (!key || key->type != "Project") {
      return absl::InvalidArgumentError(
          "project: not a reference to a Project");
    }
    own = key->id;
  }
  if (!project.empty() && project != own) {
    return absl::InvalidArgumentError(StrCat(
        "meta.project: `", project, "`, but the resource is of Project/", own));
  }
  return own;
}

// `resource` with `project` in its meta.
absl::StatusOr<ResourcePtr> InProject(const fhir::Resource& resource,
                                      const std::string& project) {
  const std::vector<fhir::MemberEdit> edit = {
      {.name = "project", .json = fhir::QuoteJson(project)}};
  const auto meta = fhir::Member(resource.root(), "meta");
  if (meta && !meta->is_object()) {
    return absl::InvalidArgumentError("meta: not an object");
  }
  const std::string edited =
      meta ? fhir::EditObject(*meta, edit)
           : StrCat("{\"project\":", fhir::QuoteJson(project), "}");
  // A little longer than what was within the limits.
  return fhir::Resource::Parse(
      fhir::EditObject(resource.root(), {{.name = "meta", .json = edited}}),
      {.max_bytes = SIZE_MAX});
}

absl::StatusOr<ResourcePtr> ReadProposed(const std::string& json,
                                         const fhir::ResourceLookup& stored,
                                         const fhir::ParseLimits& limits) {
  PDP_ASSIGN_OR_RETURN(ResourcePtr resource,
                       fhir::Resource::Parse(json, limits));
  PDP_RETURN_IF_ERROR(CheckType(resource->type()));
  const auto key = ResourceKey::Parse(resource->key().ToString());
  if (!key) {
    return absl::InvalidArgumentError(
        "id: missing or not a FHIR id; a new resource may have any UUID");
  }
  if (resource->type() == "AccessPolicy") {
    PDP_RETURN_IF_ERROR(policy::ParseAccessPolicy(resource->root()).status());
  }
  PDP_ASSIGN_OR_RETURN(std::string project, OwnProject(*resource));
  if (project.empty()) {
    const fhir::LookupResult old = stored.Read(*key);
    if (old.resource != nullptr) project = old.resource->project();
  }
  if (project.empty()) {
    return absl::InvalidArgumentError(
        "meta.project: missing, and no such resource is known here; send the "
        "id of its Project");
  }
  if (resource->project() == project) return resource;
  return InProject(*resource, project);
}

absl::StatusOr<ResourceKey> ReadDeleted(const std::string& reference,
                                        const fhir::ResourceLookup& stored) {
  std::optional<ResourceKey> key = ResourceKey::Parse(reference);
  if (!key) {
    return absl::InvalidArgumentError(
        StrCat("`", reference, "` is not `Type/id`"));
  }
  PDP_RETURN_IF_ERROR(CheckType(key->type));
  if (stored.Read(*key).state == fhir::LookupState::kAbsent) {
    return absl::InvalidArgumentError(
        StrCat(reference, " is not known here; leave it out"));
  }
  return *std::move(key);
}

absl::Status At(std::string_view field, int i, const absl::Status& status) {
  return absl::Status(status.code(),
                      StrCat(field, "[", i, "]: ", ToStd(status.message())));
}

absl::Status CheckCount(std::string_view field, int count) {
  if (count <= kMaxProposed) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      StrCat(field, ": ", count, " are sent; at most ", kMaxProposed,
             " are taken in one call"));
}

}  // namespace

absl::StatusOr<Proposal> ReadProposal(const v1::SimulateRequest& request,
                                      const fhir::ResourceLookup& stored,
                                      const fhir::ParseLimits& limits) {
  PDP_RETURN_IF_ERROR(CheckCount("proposed", request.proposed_size()));
  PDP_RETURN_IF_ERROR(CheckCount("deleted", request.deleted_size()));
  Proposal proposal;
  std::set<ResourceKey> seen;
  const auto see = [&seen](const ResourceKey& key) {
    if (seen.insert(key).second) return absl::OkStatus();
    return absl::InvalidArgumentError(
        StrCat(key.ToString(), " is proposed or deleted already"));
  };
  for (int i = 0; i < request.proposed_size(); ++i) {
    absl::StatusOr<ResourcePtr> resource =
        ReadProposed(request.proposed(i), stored, limits);
    absl::Status status = resource.status();
    if (status.ok()) status = see((*resource)->key());
    if (!status.ok()) return At("proposed", i, status);
    proposal.resources.push_back(*std::move(resource));
  }
  for (int i = 0; i < request.deleted_size(); ++i) {
    absl::StatusOr<ResourceKey> key = ReadDeleted(request.deleted(i), stored);
    absl::Status status = key.status();
    if (status.ok()) status = see(*key);
    if (!status.ok()) return At("deleted", i, status);
    proposal.deleted.push_back(*std::move(key));
  }
  return proposal;
}

}  // namespace pdp::service
