#include "pdp/sync/observation.h"

#include <utility>

#include "absl/status/status.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource.h"
#include "pdp/sync/instant.h"
#include "pdp/sync/membership_subjects.h"
#include "pdp/sync/mirrored_types.h"
#include "pdp/sync/named_resources.h"
#include "pdp/sync/stored_form.h"
#include "store/keys.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;
using Kind = Observation::Kind;

absl::Status Refused(const ResourceKey& key, std::string_view reason) {
  return absl::DataLossError(
      StrCat(key.type.empty() ? "a resource without a key" : key.ToString(),
             ": ", reason));
}

// The functions below return a reason, which is empty where all is well.

std::string ReadVersion(const fhir::Resource& resource, ReadResource& read) {
  const bool live = read.kind == Kind::kLive;
  read.record.version_id = resource.version_id();
  if ((live || !read.record.version_id.empty()) &&
      !store::CheckVersionId(read.record.version_id).ok()) {
    return "meta.versionId is absent or malformed";
  }
  const auto instant = ReadInstant(resource.last_updated());
  if (!instant) return "meta.lastUpdated is absent or malformed";
  read.record.last_updated = resource.last_updated();
  read.last_updated = *instant;
  return {};
}

std::string ReadProject(const fhir::Resource& resource, ReadResource& read) {
  std::string_view project = resource.project();
  if (!store::CheckProject(project).ok()) return "meta.project is malformed";
  if (read.kind == Kind::kLive) {
    if (resource.type() == "Project") {
      project = resource.id();
    } else if (resource.type() == store::kMembershipType) {
      const auto member = fhir::Member(resource.root(), "project");
      const auto key = ResourceKey::Parse(
          member ? fhir::StringMember(*member, "reference") : "");
      if (!key || key->type != "Project" || key->id != project) {
        return "`project` is not a reference to the Project of meta.project";
      }
    }
  }
  read.record.project = project;
  return {};
}

std::string ReadSubjects(const fhir::Resource& resource, ReadResource& read) {
  for (const std::string_view subject : MembershipSubjects(resource)) {
    if (subject.empty()) continue;
    if (!store::CheckSubject(subject).ok()) {
      return "`profile` or `user` is not a reference";
    }
    read.record.subjects.emplace_back(subject);
  }
  return {};
}

std::string ReadJson(const fhir::Resource& resource, ReadResource& read) {
  const MirroredType* const mirrored = FindMirroredType(resource.type());
  const bool is_kept =
      mirrored != nullptr && mirrored->kept == Mirrored::kWhole;
  if (read.kind == Kind::kLive && !is_kept) return {};
  std::string reason = ReadVersion(resource, read);
  if (reason.empty()) reason = ReadProject(resource, read);
  if (!reason.empty() || read.kind != Kind::kLive) return reason;
  const bool membership = resource.type() == store::kMembershipType;
  if (membership) reason = ReadSubjects(resource, read);
  read.record.bytes = StoredForm(resource.type(), resource.json());
  if (membership || resource.type() == "Project") {
    read.names = NamedResources(read.record.bytes);
  }
  return reason;
}

}  // namespace

absl::StatusOr<ReadResource> Understand(Observation observation,
                                        size_t max_bytes) {
  ReadResource read{.key = std::move(observation.key),
                    .kind = observation.kind,
                    .ticket = observation.ticket,
                    .by_id = observation.by_id};
  read.record.deleted = read.kind != Kind::kLive;
  const bool has_json =
      read.kind == Kind::kLive || (read.kind == Kind::kDeleted && !read.by_id);
  if (has_json) {
    const absl::StatusOr<fhir::ResourcePtr> resource =
        fhir::Resource::Parse(observation.json, {.max_bytes = max_bytes});
    if (!resource.ok()) {
      return Refused(read.key, ToStd(resource.status().message()));
    }
    ResourceKey key = (*resource)->key();
    if (read.key.type.empty()) {
      read.key = std::move(key);
    } else if (read.key != key) {
      return Refused(read.key, "what was read is another resource");
    }
    // The server decides what is in a key, so it is checked before all else.
    if (!store::CheckKey(read.key).ok()) {
      return Refused({}, "`resourceType` or `id` is malformed");
    }
    if (const std::string reason = ReadJson(**resource, read);
        !reason.empty()) {
      return Refused(read.key, reason);
    }
  }
  if (!store::CheckKey(read.key).ok()) {
    return Refused({}, "an observation of no resource");
  }
  if (FindMirroredType(read.key.type) == nullptr) {
    return Refused(read.key, "resources of this type are not kept");
  }
  if (read.kind == Kind::kAbsent && !read.by_id) {
    return Refused(read.key, "no search says that a resource is absent");
  }
  return read;
}

}  // namespace pdp::sync
