// The file STORE of a store's directory: that this is a store, of which format,
// and the last revision that was acknowledged.
//
//   STORE  :=  "medplum-pdp store format=" decimal " state=" ("new" | "use")
//              " revision=" 20 digits " check=" 16 hexadecimal digits LF
//
// `check` is FNV-1a of all before " check=".  Whoever holds an Identity holds a
// lock on the file, until it is destroyed.

#ifndef STORE_IDENTITY_H_
#define STORE_IDENTITY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/column_families.h"

namespace pdp::store {

class Identity {
 public:
  // Locks and reads the file of `directory`.  Where the directory is empty or
  // does not exist it is made, in state `new`.
  static absl::StatusOr<std::unique_ptr<Identity>> Open(
      const std::string& directory);

  // Writes the file of a finished copy, which must not exist.
  static absl::Status Write(const std::string& directory, uint64_t revision);

  ~Identity();
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  // From kOldestFormatVersion to kFormatVersion.
  uint32_t format() const { return format_; }

  // A store that was being made and has never been used.
  bool is_new() const { return is_new_; }
  uint64_t revision() const { return revision_; }

  // Ends the state `new`, durably.
  absl::Status BeginUse();

  // Says, durably, that the store has kFormatVersion now.
  absl::Status Upgrade();

  // Moves the revision.  Survives the process at once, the machine in time:
  // after a power failure the file may be behind, never ahead, since the
  // revision itself is durable before it is acknowledged here.
  absl::Status Acknowledge(uint64_t revision);

 private:
  Identity(int file, bool is_new, uint64_t revision)
      : file_(file), is_new_(is_new), revision_(revision) {}

  absl::Status Rewrite();
  absl::Status RewriteDurably();

  const int file_;
  uint32_t format_ = kFormatVersion;
  bool is_new_;
  uint64_t revision_;
};

}  // namespace pdp::store

#endif  // STORE_IDENTITY_H_
