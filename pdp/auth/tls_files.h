// TlsFiles: the certificate of a server, its key, and the authorities of its
// clients, from files that may be replaced while it serves.

#ifndef PDP_AUTH_TLS_FILES_H_
#define PDP_AUTH_TLS_FILES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"

namespace pdp::auth {

struct TlsPaths {
  std::string certificate_file;  // The server's first, then its issuers'.
  std::string private_key_file;
  std::string client_ca_file;  // Empty: clients are not asked for theirs.
};

// As PEM.  The key goes with the certificate, which is in force.
struct TlsMaterial {
  std::string certificates;
  std::string private_key;
  std::string client_authorities;
  absl::Time expires;  // The server's certificate.

  friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

// Thread-safe.
class TlsFiles {
 public:
  // InvalidArgument: they cannot be used.  Messages name a file and have no
  // part of what is in it.  `clock` must outlive the files.
  static absl::StatusOr<std::unique_ptr<TlsFiles>> Open(
      TlsPaths paths, const Clock& clock = Clock::Real());

  // Reads the files again.  Those that cannot be used change nothing.
  absl::Status Reload();

  std::shared_ptr<const TlsMaterial> Current() const;

  // Grows with each change of Current().
  uint64_t generation() const { return generation_; }

  uint64_t failed_reloads() const { return failed_reloads_; }

 private:
  TlsFiles(TlsPaths paths, const Clock& clock)
      : paths_(std::move(paths)), clock_(clock) {}
  absl::StatusOr<TlsMaterial> Read() const;

  const TlsPaths paths_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::shared_ptr<const TlsMaterial> current_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> generation_{0};
  std::atomic<uint64_t> failed_reloads_{0};
};

}  // namespace pdp::auth

#endif  // PDP_AUTH_TLS_FILES_H_
