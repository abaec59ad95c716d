#include "tests/bench/bench_world.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "pdp/base/strings.h"

namespace pdp {
namespace {

constexpr std::string_view kProject = "10000000-0000-4000-8000-000000000001";
constexpr std::string_view kMember =
    "ProjectMembership/30000000-0000-4000-8000-000000000001";
constexpr std::string_view kOrganization =
    "Organization/40000000-0000-4000-8000-000000000001";

[[noreturn]] void Die(std::string_view message) {
  std::fprintf(stderr, "bench: %.*s\n", static_cast<int>(message.size()),
               message.data());
  std::exit(2);
}

std::string Head(std::string_view type, std::string_view id) {
  return StrCat(R"({"resourceType":")", type, R"(","id":")", id,
                R"(","meta":{"versionId":"v","project":")", kProject, "\"}");
}

store::Change Put(std::string_view type, std::string_view id,
                  std::string json) {
  store::Record record;
  record.version_id = "v";
  record.last_updated = "2026-05-01T12:00:00.000Z";
  record.project = kProject;
  record.bytes = std::move(json);
  return {.key = {std::string(type), std::string(id)},
          .record = std::move(record)};
}

std::string PatientJson(size_t bytes) {
  // As Medplum stores it: with its compartments.
  std::string json = Head("Patient", BenchWorld::kPatient);
  json.pop_back();
  json += StrCat(
      R"(,"compartment":[{"reference":"Project/)", kProject,
      R"("},{"reference":"Patient/)", BenchWorld::kPatient,
      R"("}]},"active":true,"gender":"female","birthDate":"1974-12-25",)",
      R"("managingOrganization":{"reference":")", kOrganization,
      R"("},"address":[{"city":"PleasantVille"})");
  while (json.size() + 2 < bytes) {
    json += R"(,{"use":"home","type":"both","line":["534 Erewhon St"],)"
            R"("city":"PleasantVille","state":"Vic","postalCode":"3999"})";
  }
  return json + "]}";
}

// `entries` that name other types or other patients, but for the last.
std::string PolicyJson(std::string_view id, int entries,
                       std::string_view organization) {
  static constexpr std::string_view kTypes[] = {"Task", "Observation",
                                                "Encounter", "Condition"};
  std::string json = StrCat(Head("AccessPolicy", id), R"(,"resource":[)");
  for (int i = 0; i + 1 < entries; ++i) {
    const std::string_view type = kTypes[i % 4];
    json += StrCat(R"({"resourceType":")", type, R"(","criteria":")", type,
                   "?_id=", i, R"("},)");
  }
  return json + StrCat(R"({"resourceType":"Patient","criteria":)",
                       R"("Patient?organization=)", organization, "\"}]}");
}

std::string MembershipHead(std::string_view id, std::string_view profile) {
  return StrCat(Head("ProjectMembership", id),
                R"(,"project":{"reference":"Project/)", kProject,
                R"("},"user":{"reference":"User/)", profile,
                R"("},"profile":{"reference":"Practitioner/)", profile, "\"}");
}

std::string MemberJson(int access_items) {
  const std::string_view id = kMember.substr(kMember.find('/') + 1);
  std::string json = MembershipHead(id, "member");
  if (access_items == 0) {
    return json + R"(,"accessPolicy":{"reference":"AccessPolicy/policy"}})";
  }
  json += R"(,"access":[)";
  for (int i = 1; i <= access_items; ++i) {
    const std::string organization = i == access_items
                                         ? std::string(kOrganization)
                                         : StrCat("Organization/", i);
    json += StrCat(R"({"policy":{"reference":"AccessPolicy/policy"},)",
                   R"("parameter":[{"name":"organization","valueReference":)",
                   R"({"reference":")", organization, "\"}}]}",
                   i == access_items ? "]}" : ",");
  }
  return json;
}

store::Change OtherMembership(int number, int version) {
  const std::string id = StrCat("other-", number);
  store::Change change =
      Put("ProjectMembership", id,
          StrCat(MembershipHead(id, id),
                 R"(,"accessPolicy":{"reference":"AccessPolicy/policy"},)",
                 R"("userName":"version )", version, "\"}"));
  change.record.version_id = StrCat("v", version);
  change.record.subjects = {StrCat("Practitioner/", id), StrCat("User/", id)};
  return change;
}

std::unique_ptr<store::Store> OpenStore(const TempDirectory& directory) {
  auto store = store::Store::Open({.directory = directory / "store"});
  if (!store.ok()) Die(store.status().ToString());
  return *std::move(store);
}

}  // namespace

BenchWorld::BenchWorld(const BenchWorldSize& size)
    : patient_json_(PatientJson(size.patient_bytes)),
      policy_json_(
          PolicyJson("policy", size.entries,
                     size.access_items == 0 ? kOrganization : "%organization")),
      store_(OpenStore(directory_)),
      lookup_(*store_),
      decision_point_(lookup_, {}) {
  Fill(size);
  decision_point_.Invalidate(store_->revision(), {});
  observer_ = store_->AddObserver([this](const store::Applied& applied) {
    decision_point_.Invalidate(applied.revision, applied.keys);
  });
}

BenchWorld::~BenchWorld() { store_->RemoveObserver(observer_); }

void BenchWorld::Fill(const BenchWorldSize& size) {
  std::vector<store::Change> changes;
  changes.push_back(
      Put("Project", kProject, StrCat(Head("Project", kProject), "}")));
  changes.push_back(Put("Patient", kPatient, patient_json_));
  changes.push_back(Put("AccessPolicy", "policy", policy_json_));
  changes.push_back(Put("ProjectMembership",
                        kMember.substr(kMember.find('/') + 1),
                        MemberJson(size.access_items)));
  for (int i = 0; i < size.other_policies; ++i) {
    const std::string id = StrCat("policy-", i);
    changes.push_back(
        Put("AccessPolicy", id, PolicyJson(id, size.entries, kOrganization)));
  }
  for (int i = 0; i < size.other_memberships; ++i) {
    changes.push_back(OtherMembership(i, 0));
    if (changes.size() < 10'000) continue;
    Apply(std::move(changes));
    changes.clear();
  }
  Apply(std::move(changes));
}

void BenchWorld::Apply(std::vector<store::Change> changes) {
  const auto revision = store_->Apply(changes, {});
  if (!revision.ok()) Die(revision.status().ToString());
}

policy::AccessRequest BenchWorld::ReadPatient() const {
  policy::AccessRequest request;
  request.subject.reference = kMember;
  request.interaction = fhir::Interaction::kRead;
  request.resource.type = "Patient";
  request.resource.id = kPatient;
  return request;
}

policy::FilterRequest BenchWorld::SearchPatients() const {
  policy::FilterRequest request;
  request.subject.reference = kMember;
  request.resource_type = "Patient";
  request.query = "active=true";
  return request;
}

void BenchWorld::Decide(const policy::AccessRequest& request,
                        policy::Decision& decision) const {
  const policy::Outcome outcome = decision_point_.Decide(request, decision);
  if (!outcome.decided() || !decision.permitted()) {
    Die(StrCat("not permitted: ", outcome.status.ToString(), " ",
               decision.message));
  }
}

void BenchWorld::Forget(bool with_policy) {
  std::vector<fhir::ResourceKey> keys = {*fhir::ResourceKey::Parse(kMember)};
  if (with_policy) keys.push_back({"AccessPolicy", "policy"});
  decision_point_.Invalidate(store_->revision(), keys);
}

uint64_t BenchWorld::DiskBytes() const {
  uint64_t bytes = 0;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(directory_.path())) {
    if (file.is_regular_file()) bytes += file.file_size();
  }
  return bytes;
}

void BenchWorld::ChangeMemberships(int first, int count) {
  std::vector<store::Change> changes;
  ++changes_;
  for (int i = first; i < first + count; ++i) {
    changes.push_back(OtherMembership(i, changes_));
  }
  Apply(std::move(changes));
}

}  // namespace pdp
