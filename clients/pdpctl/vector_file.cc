#include "clients/pdpctl/vector_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {

using fhir::AsString;
using fhir::BoolMember;
using fhir::ForEachItem;
using fhir::JsonElement;
using fhir::Member;
using fhir::StringMember;

// Fills one VectorFile.
class VectorFileReader {
 public:
  VectorFileReader(std::string name, VectorFile& file)
      : name_(std::move(name)), file_(file) {}

  absl::Status Read(JsonElement root) {
    if (!root.is_object()) return Refuse("is not a JSON object");
    file_.scenario_ = StringMember(root, "scenario");
    if (file_.scenario_.empty()) return Refuse("has no `scenario`");
    if (!Member(root, "resources")) return Refuse("has no `resources`");

    PDP_RETURN_IF_ERROR(ReadResources(root, "resources", file_.resources_));
    PDP_RETURN_IF_ERROR(ReadResources(root, "versions", file_.versions_));
    absl::Status status;
    ForEachItem(root, "checks", [&](JsonElement item) {
      if (status.ok()) status = ReadCheck(item);
    });
    ForEachItem(root, "searches", [&](JsonElement item) {
      if (status.ok()) status = ReadSearch(item);
    });
    ForEachItem(root, "effective", [&](JsonElement item) {
      if (status.ok()) status = ReadEffective(item);
    });
    return status;
  }

 private:
  absl::Status Refuse(const std::string& what) const {
    return absl::InvalidArgumentError(StrCat(name_, ": ", what));
  }

  absl::Status ReadResources(JsonElement root, std::string_view member,
                             std::vector<fhir::ResourcePtr>& out) {
    absl::Status status;
    size_t index = 0;
    ForEachItem(root, member, [&](JsonElement item) {
      if (!status.ok()) return;
      auto resource = fhir::Resource::Parse(fhir::ToJson(item));
      if (!resource.ok()) {
        status = Refuse(
            StrCat(member, "[", index, "]: ", resource.status().message()));
        return;
      }
      out.push_back(*std::move(resource));
      ++index;
    });
    return status;
  }

  absl::Status ReadSubject(JsonElement item, std::string_view id,
                           RecordedSubject& out) const {
    const auto subject = Member(item, "subject");
    if (subject) out.membership = StringMember(*subject, "membership");
    if (out.membership.empty()) {
      return Refuse(StrCat(id, ": has no `subject.membership`"));
    }
    out.scope = OptionalString(*subject, "scope");
    out.remote_address = OptionalString(*subject, "remote_address");
    out.on_behalf_of = OptionalString(*subject, "on_behalf_of");
    out.extended = BoolMember(*subject, "extended").value_or(false);
    out.basic_authentication = StringMember(*subject, "auth") == "basic";
    out.new_token = BoolMember(*subject, "new_token").value_or(false);
    if (const auto launch = OptionalString(*subject, "launch")) {
      out.launch_patient = PatientOf(*launch);
      if (!out.launch_patient) {
        return Refuse(StrCat(id, ": `", *launch, "` is not in `resources`"));
      }
    }
    return absl::OkStatus();
  }

  static std::optional<std::string_view> OptionalString(JsonElement parent,
                                                        std::string_view name) {
    const auto member = Member(parent, name);
    return member ? AsString(*member) : std::nullopt;
  }

  // The patient of a SmartAppLaunch; "" where it names none.
  std::optional<std::string> PatientOf(std::string_view launch) const {
    for (const fhir::ResourcePtr& resource : file_.resources_) {
      if (resource->key().ToString() != launch) continue;
      const auto patient = Member(resource->root(), "patient");
      return patient ? std::string(StringMember(*patient, "reference"))
                     : std::string();
    }
    return std::nullopt;
  }

  absl::Status ReadDecision(JsonElement item, std::string_view id,
                            RecordedDecision& out) const {
    const std::string_view decision = StringMember(item, "decision");
    if (decision != "ALLOW" && decision != "DENY") {
      return Refuse(StrCat(id, ": `decision` is neither ALLOW nor DENY"));
    }
    out.allowed = decision == "ALLOW";
    out.http_status = Status(item);
    out.outcome_text = StringMember(item, "outcome_text");
    out.body = Member(item, "body");
    out.stored = Member(item, "stored");
    ForEachItem(item, "bodies",
                [&](JsonElement body) { out.bodies.push_back(body); });
    return absl::OkStatus();
  }

  static int Status(JsonElement item) {
    int64_t status = 0;
    if (const auto member = Member(item, "http_status")) {
      if (member->get(status) != simdjson::SUCCESS) status = 0;
    }
    return static_cast<int>(status);
  }

  absl::Status ReadCheck(JsonElement item) {
    RecordedCheck check;
    check.id = StringMember(item, "id");
    if (check.id.empty()) return Refuse("has a check without `id`");
    PDP_RETURN_IF_ERROR(ReadSubject(item, check.id, check.subject));
    const std::string_view interaction = StringMember(item, "interaction");
    check.interaction = interaction == "patch"
                            ? fhir::Interaction::kPatch
                            : fhir::ParseInteraction(interaction)
                                  .value_or(fhir::Interaction::kUnspecified);
    if (check.interaction == fhir::Interaction::kUnspecified) {
      return Refuse(
          StrCat(check.id, ": the interaction `", interaction, "` is unknown"));
    }
    const std::string_view resource = StringMember(item, "resource");
    const size_t slash = resource.find('/');
    check.type = resource.substr(0, slash);
    if (slash != std::string_view::npos) {
      check.resource_id = resource.substr(slash + 1);
    }
    check.version_id = StringMember(item, "version");
    if (const auto proposed = Member(item, "proposed")) {
      check.proposed = fhir::ToJson(*proposed);
      if (check.type.empty()) {
        check.type = StringMember(*proposed, "resourceType");
      }
    }
    const auto expected = Member(item, "expect");
    if (!expected) return Refuse(StrCat(check.id, ": has no `expect`"));
    PDP_RETURN_IF_ERROR(ReadDecision(*expected, check.id, check.expected));
    if (const auto cold = Member(item, "cold")) {
      PDP_RETURN_IF_ERROR(ReadDecision(*cold, check.id, check.cold.emplace()));
    }
    file_.checks_.push_back(std::move(check));
    return absl::OkStatus();
  }

  absl::Status ReadSearch(JsonElement item) {
    RecordedSearch search;
    search.id = StringMember(item, "id");
    if (search.id.empty()) return Refuse("has a search without `id`");
    PDP_RETURN_IF_ERROR(ReadSubject(item, search.id, search.subject));
    const std::string_view query = StringMember(item, "query");
    const size_t mark = query.find('?');
    search.type = query.substr(0, mark);
    if (mark != std::string_view::npos) search.query = query.substr(mark + 1);
    const auto expected = Member(item, "expect");
    if (!expected) return Refuse(StrCat(search.id, ": has no `expect`"));
    search.http_status = Status(*expected);
    search.outcome_text = StringMember(*expected, "outcome_text");
    if (Member(*expected, "ids")) {
      search.ids.emplace();
      ForEachItem(*expected, "ids", [&](JsonElement id) {
        search.ids->emplace_back(AsString(id).value_or(std::string_view()));
      });
      std::sort(search.ids->begin(), search.ids->end());
    }
    file_.searches_.push_back(std::move(search));
    return absl::OkStatus();
  }

  absl::Status ReadEffective(JsonElement item) {
    RecordedEffectivePolicy effective;
    effective.id = StringMember(item, "id");
    if (effective.id.empty()) {
      return Refuse("has an effective policy without `id`");
    }
    PDP_RETURN_IF_ERROR(ReadSubject(item, effective.id, effective.subject));
    const auto expected = Member(item, "expect");
    if (!expected) return Refuse(StrCat(effective.id, ": has no `expect`"));
    effective.http_status = Status(*expected);
    effective.outcome_text = StringMember(*expected, "outcome_text");
    effective.access_policy = Member(*expected, "accessPolicy");
    effective.project = StringMember(*expected, "project");
    effective.profile = StringMember(*expected, "profile");
    file_.effective_.push_back(std::move(effective));
    return absl::OkStatus();
  }

  const std::string name_;
  VectorFile& file_;
};

absl::StatusOr<std::unique_ptr<const VectorFile>> VectorFile::Load(
    const std::string& path) {
  std::unique_ptr<VectorFile> file(new VectorFile());
  JsonElement root;
  if (const auto error = file->parser_.load(path).get(root);
      error != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(
        StrCat(path, ": ", simdjson::error_message(error)));
  }
  PDP_RETURN_IF_ERROR(VectorFileReader(path, *file).Read(root));
  return std::unique_ptr<const VectorFile>(std::move(file));
}

absl::StatusOr<std::unique_ptr<const VectorFile>> VectorFile::Parse(
    const std::string& name, const std::string& json) {
  std::unique_ptr<VectorFile> file(new VectorFile());
  JsonElement root;
  if (const auto error = file->parser_.parse(json).get(root);
      error != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(
        StrCat(name, ": ", simdjson::error_message(error)));
  }
  PDP_RETURN_IF_ERROR(VectorFileReader(name, *file).Read(root));
  return std::unique_ptr<const VectorFile>(std::move(file));
}

absl::StatusOr<std::vector<std::string>> ListVectorFiles(
    const std::string& directory) {
  std::error_code error;
  std::filesystem::directory_iterator it(directory, error);
  if (error) {
    return absl::NotFoundError(StrCat(directory, ": ", error.message()));
  }
  std::vector<std::string> paths;
  for (; it != std::filesystem::directory_iterator(); it.increment(error)) {
    if (error) {
      return absl::NotFoundError(StrCat(directory, ": ", error.message()));
    }
    if (it->path().extension() == ".json") paths.push_back(it->path().string());
  }
  if (paths.empty()) {
    return absl::NotFoundError(
        StrCat(directory, ": there are no vector files (*.json) in it"));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace pdp::ctl
