// The keys of the column families (column_families.h):
//
//   meta                    :=  "format"    ->  decimal, see kFormatVersion
//                            |  "revision"  ->  decimal
//                            |  "cursor" NUL source NUL project NUL type
//                                           ->  a position, opaque to the store
//                            |  "block" NUL type NUL id  ->  block (block.h)
//                            |  "history"                ->  see history.h
//   resources               :=  type NUL id                ->  current record
//   versions                :=  type NUL id NUL versionId  ->  record
//   by_project              :=  type NUL project NUL id    ->  empty
//   memberships_by_subject  :=  reference NUL id           ->  empty
//   history                 :=  type NUL id NUL number     ->  record, or empty
//   history_index           :=  "block" NUL type NUL id NUL number
//                                                          ->  block, or empty
//                            |  "member" NUL reference NUL id   ->  number
//                            |  "revision" NUL number           ->  number
//   number                  :=  8 bytes, the highest first
//
//   every other family also :=  NUL  ->  decimal, the revision
//
// The last is written by every Apply: see CheckFamilies in store.cc.
//
// No part may hold a NUL (the checks below), and a NUL follows every part but
// the last; a number is always the last.  So no two different keys are written
// alike, the keys that begin with given parts are exactly one range (`Patient`
// never reads `PatientLink`), and within it they are in the order of the
// remaining part's bytes.

#ifndef STORE_KEYS_H_
#define STORE_KEYS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::store {

inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kRevisionKey = "revision";
inline constexpr std::string_view kFamilyRevisionKey("\0", 1);

// What the keys of blocks begin with; a ResourcesKey follows.
inline constexpr std::string_view kBlockPrefix("block\0", 6);

inline constexpr std::string_view kHistoryKey = "history";
// What the keys of `history_index` begin with.
inline constexpr std::string_view kMemberPrefix("member\0", 7);
inline constexpr std::string_view kRevisionPrefix("revision\0", 9);

// The one type that has subjects.
inline constexpr std::string_view kMembershipType = "ProjectMembership";

inline constexpr size_t kMaxSubjectBytes = 1024;
inline constexpr size_t kMaxCursorPartBytes = 4096;

// OK where the argument may become part of a key.
absl::Status CheckKey(const fhir::ResourceKey& key);
absl::Status CheckProject(std::string_view project);  // Empty: of no project.
absl::Status CheckVersionId(std::string_view version_id);
absl::Status CheckSubject(std::string_view reference);
absl::Status CheckCursorPart(std::string_view part);

std::string CursorKey(std::string_view source, std::string_view project,
                      std::string_view type);
std::string BlockKey(const fhir::ResourceKey& target);
std::string ResourcesKey(const fhir::ResourceKey& key);
std::string VersionsKey(const fhir::ResourceKey& key,
                        std::string_view version_id);
std::string ByProjectKey(std::string_view type, std::string_view project,
                         std::string_view id);
std::string BySubjectKey(std::string_view reference, std::string_view id);

// Of the kinds of `history_index` the one of blocks is a HistoryPrefix that
// kBlockPrefix stands in front of, too.
std::string HistoryPrefix(const fhir::ResourceKey& key);
std::string FormerMemberPrefix(std::string_view reference);
std::string RevisionTimeKey(uint64_t revision);

std::string EncodeNumber(uint64_t number);
// Nothing where `text` is not one number.
std::optional<uint64_t> DecodeNumber(std::string_view text);

// What the keys of a range begin with.
std::string TypePrefix(std::string_view type);
std::string VersionsPrefix(const fhir::ResourceKey& key);
std::string ByProjectPrefix(std::string_view type, std::string_view project);
std::string BySubjectPrefix(std::string_view reference);

// The reverse of ResourcesKey and VersionsKey; nothing where `text` is not
// one.
std::optional<fhir::ResourceKey> ParseResourcesKey(std::string_view text);
struct VersionKey {
  fhir::ResourceKey key;
  std::string version_id;
};
std::optional<VersionKey> ParseVersionsKey(std::string_view text);

// Of a HistoryPrefix and a number.
struct HistoryKey {
  fhir::ResourceKey key;
  uint64_t revision = 0;
};
std::optional<HistoryKey> ParseHistoryKey(std::string_view text);

}  // namespace pdp::store

#endif  // STORE_KEYS_H_
