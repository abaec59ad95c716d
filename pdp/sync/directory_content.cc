#include "pdp/sync/directory_content.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/schema.h"
#include "pdp/sync/instant.h"
#include "pdp/sync/membership_subjects.h"
#include "pdp/sync/resource_text.h"
#include "pdp/sync/store_lookup.h"
#include "store/keys.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;

// A scenario nests resources in a few levels of its own.
constexpr size_t kMaxFileDepth = 100;
constexpr size_t kMaxFaults = 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string PlaceAt(std::string_view path, std::string_view text,
                    size_t offset) {
  const fhir::JsonPosition position = fhir::PositionAt(text, offset);
  return StrCat(path, ":", position.line, ":", position.column);
}

absl::StatusOr<std::string> ReadFile(const WalkedFile& file, size_t max_bytes) {
  const auto cannot_read = [&file] {
    return absl::UnavailableError(
        StrCat(file.path, ": cannot be read: ",
               std::error_code(errno, std::generic_category()).message()));
  };
  const int descriptor =
      open(file.real.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return cannot_read();
  std::string text;
  ssize_t size = 0;
  do {
    // One byte more than was there tells that a file has grown.
    const size_t at = text.size();
    const size_t want =
        at == 0 ? std::min<size_t>(file.bytes, max_bytes) + 1 : size_t{1} << 16;
    text.resize(at + want);
    size = read(descriptor, text.data() + at, want);
    text.resize(at + static_cast<size_t>(std::max<ssize_t>(size, 0)));
  } while (size > 0 && text.size() <= max_bytes);
  const bool failed = size < 0;
  const absl::Status error = failed ? cannot_read() : absl::OkStatus();
  close(descriptor);
  PDP_RETURN_IF_ERROR(error);
  if (text.size() > max_bytes) {
    return absl::ResourceExhaustedError(
        StrCat(file.path, ":1: more than ", max_bytes, " bytes"));
  }
  return text;
}

// Reads one file after the other.  Confined.
class Reader {
 public:
  explicit Reader(const DirectoryLimits& limits) : limits_(limits) {}

  absl::StatusOr<DirectoryContent> Run(const Walk& walk) {
    size_t total = 0;
    for (const WalkedFile& file : walk.files) {
      PDP_ASSIGN_OR_RETURN(std::string text,
                           ReadFile(file, limits_.max_file_bytes));
      total += text.size();
      if (total > limits_.max_total_bytes) {
        return absl::ResourceExhaustedError(
            StrCat(file.path, ":1: the files together have more than ",
                   limits_.max_total_bytes, " bytes"));
      }
      AddFile(file, std::move(text));
      if (content_.resources.size() > limits_.max_resources) {
        return absl::ResourceExhaustedError(
            StrCat(file.path, ":1: the files together have more than ",
                   limits_.max_resources, " resources"));
      }
    }
    AssignProjects();
    if (!faults_.empty()) {
      return absl::InvalidArgumentError(absl::StrJoin(faults_, "\n"));
    }
    for (const auto& [key, resource] : content_.resources) {
      if (resource.current != nullptr) ++content_.live;
    }
    return std::move(content_);
  }

 private:
  // The file that is being read.
  struct File {
    std::string_view path;
    const std::string* text = nullptr;
    std::string time;
    bool recorded = false;
  };

  void Fault(const File& file, size_t offset, std::string_view reason) {
    FaultAt(PlaceAt(file.path, *file.text, offset), reason);
  }
  void FaultAt(std::string_view place, std::string_view reason) {
    if (faults_.size() < kMaxFaults) {
      faults_.push_back(StrCat(place, ": ", reason));
    }
  }

  void AddFile(const WalkedFile& walked, std::string text) {
    content_.texts.push_back(
        std::make_unique<const std::string>(std::move(text)));
    content_.paths.push_back(std::make_unique<const std::string>(walked.path));
    File file{.path = *content_.paths.back(),
              .text = content_.texts.back().get(),
              .time = absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ",
                                       walked.modified, absl::UTCTimeZone())};
    if (file.text->starts_with(kByteOrderMark)) {
      return Fault(file, 0, "begins with a byte order mark");
    }
    if (const auto fault = fhir::FindJsonFault(*file.text, kMaxFileDepth)) {
      return Fault(file, fault->offset, fault->reason);
    }
    const fhir::JsonSpan root = fhir::RootOf(*file.text);
    std::optional<fhir::JsonSpan> type;
    std::optional<fhir::JsonSpan> scenario;
    std::optional<fhir::JsonSpan> resources;
    std::optional<fhir::JsonSpan> versions;
    std::optional<fhir::JsonSpan> entries;
    for (fhir::JsonMember& member : MembersOf(root)) {
      if (member.name == "resourceType") type = member.value;
      if (member.name == "scenario") scenario = member.value;
      if (member.name == "resources") resources = member.value;
      if (member.name == "versions") versions = member.value;
      if (member.name == "entry") entries = member.value;
    }
    if (type) {
      if (StringOf(*type) != "Bundle") return AddCurrent(file, root);
      return AddBundle(file, entries);
    }
    if (scenario && resources) {
      file.recorded = true;
      return AddScenario(file, *resources, versions);
    }
    Fault(file, root.offset,
          "neither a resource (`resourceType`), nor a recorded scenario "
          "(`scenario` and `resources`)");
  }

  void AddBundle(const File& file,
                 const std::optional<fhir::JsonSpan>& entries) {
    if (!entries) return;
    if (!entries->is_array()) {
      return Fault(file, entries->offset, "`entry` is not an array");
    }
    for (const fhir::JsonSpan& entry : ItemsOf(*entries)) {
      const std::optional<fhir::JsonSpan> resource =
          MemberOf(entry, "resource");
      if (!resource) {
        Fault(file, entry.offset, "an entry of the Bundle has no `resource`");
        continue;
      }
      AddCurrent(file, *resource);
    }
  }

  void AddScenario(const File& file, const fhir::JsonSpan& resources,
                   const std::optional<fhir::JsonSpan>& versions) {
    for (const fhir::JsonSpan* list :
         {&resources, versions ? &*versions : nullptr}) {
      if (list != nullptr && !list->is_array()) {
        return Fault(file, list->offset,
                     "`resources` and `versions` are arrays");
      }
    }
    for (const fhir::JsonSpan& resource : ItemsOf(resources)) {
      AddCurrent(file, resource);
    }
    if (!versions) return;
    for (const fhir::JsonSpan& version : ItemsOf(*versions))
      AddOlder(file, version);
  }

  void AddCurrent(const File& file, const fhir::JsonSpan& span) {
    std::optional<Parsed> parsed = Parse(file, span);
    if (!parsed) return;
    FileResource& resource = content_.resources[parsed->key];
    if (resource.current != nullptr || !resource.older.empty()) {
      const FileVersion& first = resource.current != nullptr
                                     ? *resource.current
                                     : resource.older.front();
      // Scenarios that were recorded from one server may share a resource.
      const bool same = resource.current != nullptr && first.recorded &&
                        file.recorded && first.text.text == span.text;
      if (same) return;
      return Fault(
          file, span.offset,
          StrCat(parsed->key.ToString(), " is in ", first.Place(), " already"));
    }
    resource.current =
        std::make_unique<FileVersion>(std::move(parsed->version));
  }

  void AddOlder(const File& file, const fhir::JsonSpan& span) {
    std::optional<Parsed> parsed = Parse(file, span);
    if (!parsed) return;
    FileVersion& version = parsed->version;
    if (version.version_id.empty()) {
      return Fault(file, span.offset, "an older version has no meta.versionId");
    }
    FileResource& resource = content_.resources[parsed->key];
    const auto repeats = [&](const FileVersion& other) {
      return other.path != file.path || other.version_id == version.version_id;
    };
    const FileVersion* repeated = nullptr;
    if (resource.current != nullptr && repeats(*resource.current)) {
      repeated = resource.current.get();
    }
    for (const FileVersion& other : resource.older) {
      if (repeats(other)) repeated = &other;
    }
    if (repeated != nullptr) {
      return Fault(file, span.offset,
                   StrCat(parsed->key.ToString(), " is in ", repeated->Place(),
                          " already"));
    }
    resource.older.push_back(std::move(version));
  }

  struct Parsed {
    ResourceKey key;
    FileVersion version;
  };

  // Nothing where there is a fault.
  std::optional<Parsed> Parse(const File& file, const fhir::JsonSpan& span) {
    const absl::StatusOr<fhir::ResourcePtr> parsed = fhir::Resource::Parse(
        span.text, {.max_bytes = kMaxStoredResourceBytes});
    if (!parsed.ok()) {
      Fault(file, span.offset, ToStd(parsed.status().message()));
      return std::nullopt;
    }
    const fhir::Resource& resource = **parsed;
    FileVersion version{.text = span,
                        .file_text = file.text,
                        .path = file.path,
                        .recorded = file.recorded,
                        .file_time = file.time};
    std::string reason = CheckIdentity(resource);
    if (reason.empty()) reason = ReadMeta(resource, version);
    if (reason.empty()) reason = ReadProject(resource, version);
    if (reason.empty()) reason = ReadSubjects(resource, version);
    if (!reason.empty()) {
      Fault(file, span.offset, reason);
      return std::nullopt;
    }
    return Parsed{.key = resource.key(), .version = std::move(version)};
  }

  // These return a reason, which is empty where all is well.
  static std::string CheckIdentity(const fhir::Resource& resource) {
    if (!fhir::IsResourceType(resource.type())) {
      return "`resourceType` is not a type of FHIR's or Medplum's";
    }
    if (resource.id().empty()) return "the resource has no `id` string";
    if (!store::CheckKey(resource.key()).ok()) return "`id` is not a FHIR id";
    return {};
  }

  static std::string ReadMeta(const fhir::Resource& resource,
                              FileVersion& version) {
    const auto meta = fhir::Member(resource.root(), "meta");
    if (!meta) return {};
    if (!meta->is_object()) return "`meta` is not an object";
    for (const auto& [name, text] :
         {std::pair{"versionId", &version.version_id},
          std::pair{"lastUpdated", &version.last_updated},
          std::pair{"project", &version.project}}) {
      const auto member = fhir::Member(*meta, name);
      if (!member) continue;
      *text = fhir::AsString(*member).value_or("");
      const bool valid = text == &version.last_updated
                             ? ReadInstant(*text).has_value()
                             : store::CheckVersionId(*text).ok();
      if (!valid) return StrCat("meta.", name, " is malformed");
    }
    version.project_in_text = !version.project.empty();
    return {};
  }

  static std::string ReadProject(const fhir::Resource& resource,
                                 FileVersion& version) {
    std::string project;
    if (resource.type() == "Project") {
      project = resource.id();
    } else if (resource.type() == store::kMembershipType) {
      const auto member = fhir::Member(resource.root(), "project");
      const auto key = ResourceKey::Parse(
          member ? fhir::StringMember(*member, "reference") : "");
      if (!key || key->type != "Project") {
        return "`project` of a ProjectMembership is not a reference to a "
               "Project";
      }
      project = key->id;
    } else {
      return {};
    }
    if (version.project_in_text && version.project != project) {
      return StrCat("meta.project is not ", project);
    }
    version.project = std::move(project);
    return {};
  }

  static std::string ReadSubjects(const fhir::Resource& resource,
                                  FileVersion& version) {
    if (resource.type() != store::kMembershipType) return {};
    for (const std::string_view subject : MembershipSubjects(resource)) {
      if (subject.empty()) continue;
      if (!store::CheckSubject(subject).ok()) {
        return "`profile` or `user` is not a reference";
      }
      version.subjects.emplace_back(subject);
    }
    return {};
  }

  void AssignProjects() {
    std::vector<std::string_view> projects;
    for (const auto& [key, resource] : content_.resources) {
      if (key.type == "Project" && resource.current != nullptr) {
        projects.push_back(key.id);
      }
    }
    const auto assign = [&](FileVersion& version) {
      if (!version.project.empty()) return;
      if (projects.size() == 1) {
        version.project = projects.front();
        return;
      }
      FaultAt(version.Place(),
              StrCat("the resource has no meta.project, and there are ",
                     projects.size(), " Projects in the directory"));
    };
    for (auto& [key, resource] : content_.resources) {
      if (resource.current != nullptr) assign(*resource.current);
      for (FileVersion& version : resource.older) assign(version);
    }
  }

  const DirectoryLimits& limits_;
  DirectoryContent content_;
  std::vector<std::string> faults_;
};

}  // namespace

store::Record FileVersion::ToRecord(std::string_view stored_time) const {
  store::Record record;
  record.project = project;
  record.subjects = subjects;
  record.version_id = version_id;
  record.last_updated = last_updated;
  std::vector<TextMember> added;
  if (!project_in_text) {
    added.push_back({.name = "project", .value = record.project});
  }
  if (version_id.empty()) {
    record.version_id = VersionIdOf(text.text);
    added.push_back({.name = "versionId", .value = record.version_id});
  }
  if (last_updated.empty()) {
    record.last_updated = stored_time.empty() ? file_time : stored_time;
    added.push_back({.name = "lastUpdated", .value = record.last_updated});
  }
  record.bytes = AddToMeta(text, added);
  return record;
}

std::string FileVersion::Place() const {
  return PlaceAt(path, *file_text, text.offset);
}

absl::StatusOr<DirectoryContent> ReadDirectoryContent(
    const Walk& walk, const DirectoryLimits& limits) {
  return Reader(limits).Run(walk);
}

}  // namespace pdp::sync
