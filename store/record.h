// A stored record: one version of a resource, or its tombstone.
//
//   record   :=  version flags last_updated version_id project last_version
//                subjects bytes
//   version  :=  one byte, kRecordVersion
//   flags    :=  one byte: 1 where deleted, else 0
//   subjects :=  count string*
//   count    :=  varint32
//   string, and every other member  :=  varint32 length, then its bytes
//
// What is current has the revision that brought it, too:
//
//   current   :=  record | kCurrentVersion revision record
//   revision  :=  varint64
//
// The first is what programs before format 3 wrote.
//
// Decoding is strict: an unknown version or flag, a length past the end, or
// anything after the last member is DataLoss.

#ifndef STORE_RECORD_H_
#define STORE_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace pdp::store {

struct Record {
  bool deleted = false;
  std::string last_updated;  // A FHIR instant.
  std::string version_id;    // May be empty for a tombstone only.
  std::string project;       // The id of the Project; empty: of none.
  // Of a tombstone: the versionId of its last live version, which is in the
  // `versions` column family.  Empty where that is not known.
  std::string last_version;
  // Of a ProjectMembership: the references in `profile` and `user`.
  std::vector<std::string> subjects;
  // The resource, as its source wrote it.  Empty for a tombstone.
  std::string bytes;

  friend bool operator==(const Record&, const Record&) = default;
};

std::string EncodeRecord(const Record& record);
absl::StatusOr<Record> DecodeRecord(std::string_view encoded);

struct CurrentRecord {
  Record record;
  uint64_t revision = 0;  // 0: not known.
};

std::string EncodeCurrent(const Record& record, uint64_t revision);
absl::StatusOr<CurrentRecord> DecodeCurrent(std::string_view encoded);

}  // namespace pdp::store

#endif  // STORE_RECORD_H_
