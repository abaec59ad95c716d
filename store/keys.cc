#include "store/keys.h"

#include <initializer_list>

#include "pdp/base/strings.h"

namespace pdp::store {
namespace {

constexpr char kNul = '\0';
constexpr size_t kNumberBytes = 8;

std::string Join(std::initializer_list<std::string_view> parts) {
  std::string key;
  for (const std::string_view part : parts) {
    if (!key.empty()) key += kNul;
    key += part;
  }
  return key;
}

// A part that may be empty must not come first: Join could not tell.
std::string JoinPrefix(std::initializer_list<std::string_view> parts) {
  return Join(parts) + kNul;
}

// Ids of FHIR, project ids and versionIds: [A-Za-z0-9-.]{1,64}.
bool IsId(std::string_view text) {
  return fhir::ResourceKey::Parse(StrCat("A/", text)).has_value();
}

bool IsText(std::string_view text, size_t max_bytes) {
  return text.size() <= max_bytes && text.find(kNul) == std::string_view::npos;
}

}  // namespace

absl::Status CheckKey(const fhir::ResourceKey& key) {
  if (fhir::ResourceKey::Parse(key.ToString()) == key) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "a key of the store is a resource type and a FHIR id");
}

absl::Status CheckProject(std::string_view project) {
  if (project.empty() || IsId(project)) return absl::OkStatus();
  return absl::InvalidArgumentError("a project is a FHIR id");
}

absl::Status CheckVersionId(std::string_view version_id) {
  if (IsId(version_id)) return absl::OkStatus();
  return absl::InvalidArgumentError("a versionId is a FHIR id");
}

absl::Status CheckSubject(std::string_view reference) {
  if (!reference.empty() && IsText(reference, kMaxSubjectBytes)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      StrCat("a subject is a reference of 1 to ", kMaxSubjectBytes, " bytes"));
}

absl::Status CheckCursorPart(std::string_view part) {
  if (IsText(part, kMaxCursorPartBytes)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("a part of a cursor has at most ", kMaxCursorPartBytes, " bytes"));
}

std::string CursorKey(std::string_view source, std::string_view project,
                      std::string_view type) {
  return Join({"cursor", source, project, type});
}

std::string BlockKey(const fhir::ResourceKey& target) {
  return StrCat(kBlockPrefix, ResourcesKey(target));
}

std::string ResourcesKey(const fhir::ResourceKey& key) {
  return Join({key.type, key.id});
}

std::string VersionsKey(const fhir::ResourceKey& key,
                        std::string_view version_id) {
  return Join({key.type, key.id, version_id});
}

std::string ByProjectKey(std::string_view type, std::string_view project,
                         std::string_view id) {
  return Join({type, project, id});
}

std::string BySubjectKey(std::string_view reference, std::string_view id) {
  return Join({reference, id});
}

std::string HistoryPrefix(const fhir::ResourceKey& key) {
  return JoinPrefix({key.type, key.id});
}

std::string FormerMemberPrefix(std::string_view reference) {
  return StrCat(kMemberPrefix, JoinPrefix({reference}));
}

std::string RevisionTimeKey(uint64_t revision) {
  return StrCat(kRevisionPrefix, EncodeNumber(revision));
}

std::string EncodeNumber(uint64_t number) {
  std::string bytes(kNumberBytes, '\0');
  for (size_t i = kNumberBytes; i-- > 0; number >>= 8) {
    bytes[i] = static_cast<char>(number & 0xff);
  }
  return bytes;
}

std::optional<uint64_t> DecodeNumber(std::string_view text) {
  if (text.size() != kNumberBytes) return std::nullopt;
  uint64_t number = 0;
  for (const char byte : text) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return number;
}

std::string TypePrefix(std::string_view type) { return JoinPrefix({type}); }

std::string VersionsPrefix(const fhir::ResourceKey& key) {
  return JoinPrefix({key.type, key.id});
}

std::string ByProjectPrefix(std::string_view type, std::string_view project) {
  return JoinPrefix({type, project});
}

std::string BySubjectPrefix(std::string_view reference) {
  return JoinPrefix({reference});
}

std::optional<fhir::ResourceKey> ParseResourcesKey(std::string_view text) {
  const size_t nul = text.find(kNul);
  if (nul == std::string_view::npos) return std::nullopt;
  fhir::ResourceKey key{std::string(text.substr(0, nul)),
                        std::string(text.substr(nul + 1))};
  if (!CheckKey(key).ok()) return std::nullopt;
  return key;
}

std::optional<VersionKey> ParseVersionsKey(std::string_view text) {
  const size_t nul = text.rfind(kNul);
  if (nul == std::string_view::npos) return std::nullopt;
  std::optional<fhir::ResourceKey> key = ParseResourcesKey(text.substr(0, nul));
  const std::string_view version_id = text.substr(nul + 1);
  if (!key || !CheckVersionId(version_id).ok()) return std::nullopt;
  return VersionKey{*std::move(key), std::string(version_id)};
}

std::optional<HistoryKey> ParseHistoryKey(std::string_view text) {
  if (text.size() <= kNumberBytes) return std::nullopt;
  std::string_view front = text.substr(0, text.size() - kNumberBytes);
  if (!front.ends_with(kNul)) return std::nullopt;
  front.remove_suffix(1);
  std::optional<fhir::ResourceKey> key = ParseResourcesKey(front);
  const std::optional<uint64_t> revision =
      DecodeNumber(text.substr(text.size() - kNumberBytes));
  if (!key || !revision) return std::nullopt;
  return HistoryKey{*std::move(key), *revision};
}

}  // namespace pdp::store
