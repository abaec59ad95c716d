// KeySource: the keys by which an issuer signs its tokens, from a file or from
// where the issuer publishes them.  A look-up never waits.

#ifndef PDP_AUTH_KEY_SOURCE_H_
#define PDP_AUTH_KEY_SOURCE_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/medplum/jwks.h"

namespace pdp::auth {

// Thread-safe.
class KeySource {
 public:
  // Keys are asked for again when they are as old as this; and when a token
  // names one that is not known, but not more often than this.
  static constexpr absl::Duration kMaxAge = absl::Minutes(10);
  static constexpr absl::Duration kMinInterval = absl::Seconds(30);

  // A JSON Web Key Set (RFC 7517).  InvalidArgument: it cannot be used, or has
  // no key by which a signature can be checked.
  static absl::StatusOr<std::unique_ptr<KeySource>> OpenFile(std::string path);

  // `fetch` is called on a thread of the source's own, first at once; `stop`
  // ends it early.
  static std::unique_ptr<KeySource> OpenFetched(
      std::function<absl::StatusOr<medplum::KeySet>()> fetch,
      std::function<void()> stop, absl::Duration min_interval = kMinInterval);

  ~KeySource();
  KeySource(const KeySource&) = delete;
  KeySource& operator=(const KeySource&) = delete;

  struct Found {
    std::optional<medplum::SignatureKey> key;
    // Without a key: it may come with the keys that are being fetched.
    bool may_come = false;
  };
  Found Find(std::string_view key_id);

  // Grows with each change of the keys: what was signed by an older one has to
  // be looked at again.
  uint64_t generation() const;

  // Reads the file again; those that cannot be used change nothing.
  absl::Status Reload();

 private:
  KeySource() = default;
  void Run();

  std::string path_;
  std::function<absl::StatusOr<medplum::KeySet>()> fetch_;
  std::function<void()> stop_;
  absl::Duration min_interval_ = kMinInterval;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  medplum::KeySet keys_;
  std::string text_;  // Of the file.
  uint64_t generation_ = 0;
  bool is_wanted_ = true;     // To be fetched as soon as that may be.
  bool is_fetching_ = false;  // Or is about to be.
  bool is_stopped_ = false;
  std::thread thread_;
};

}  // namespace pdp::auth

#endif  // PDP_AUTH_KEY_SOURCE_H_
