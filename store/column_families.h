// The column families of the store.  Their keys are in keys.h, the records in
// record.h.
//
//   default                  what the store says about itself (`meta`)
//   resources                the current version of each resource
//   versions                 older versions
//   by_project               index: live resources of a type in a project
//   memberships_by_subject   index: live ProjectMemberships of a profile or
//                            user
//   history                  what was in force before, and from which revision
//   history_index            when each revision began, the blocks of each, and
//                            whose former memberships there are

#ifndef STORE_COLUMN_FAMILIES_H_
#define STORE_COLUMN_FAMILIES_H_

#include <cstddef>
#include <cstdint>

namespace pdp::store {

enum class ColumnFamily : uint8_t {
  kMeta = 0,
  kResources,
  kVersions,
  kByProject,
  kMembershipsBySubject,
  kHistory,
  kHistoryIndex,
};

inline constexpr size_t kColumnFamilies = 7;

// By the number of the ColumnFamily.  RocksDB insists on `default`.
inline constexpr const char* kColumnFamilyNames[kColumnFamilies] = {
    "default",
    "resources",
    "versions",
    "by_project",
    "memberships_by_subject",
    "history",
    "history_index",
};

inline constexpr ColumnFamily kFamiliesBesideMeta[] = {
    ColumnFamily::kResources, ColumnFamily::kVersions,
    ColumnFamily::kByProject, ColumnFamily::kMembershipsBySubject,
    ColumnFamily::kHistory,   ColumnFamily::kHistoryIndex,
};

// What a store of `format` does not have.
constexpr bool IsNewerThan(ColumnFamily family, uint64_t format) {
  return format < 3 && (family == ColumnFamily::kHistory ||
                        family == ColumnFamily::kHistoryIndex);
}

// Of everything below the store's directory.  A store of an older format that
// is still read becomes one of this format when it is opened; any other format
// is refused.
//
//   1   no blocks
//   2   blocks: a program that passed over them would permit what is denied
//   3   history
inline constexpr uint32_t kFormatVersion = 3;
inline constexpr uint32_t kOldestFormatVersion = 1;

}  // namespace pdp::store

#endif  // STORE_COLUMN_FAMILIES_H_
