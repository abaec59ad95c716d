// KeyRing: the keys of one issuer, fetched when they are needed.
//
// A `kid` that is not known may be that of a new key, so the set is fetched
// again; but not for each of them, as anybody can name one.  A ring is of one
// issuer, and a key knows its algorithm: neither is ever taken for another's.

#ifndef PDP_MEDPLUM_KEY_RING_H_
#define PDP_MEDPLUM_KEY_RING_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"
#include "pdp/medplum/jwks.h"
#include "pdp/medplum/token_api.h"

namespace pdp::medplum {

// Thread-safe.
class KeyRing {
 public:
  // Keys are looked at again when they are as old as this.
  static constexpr absl::Duration kMaxAge = absl::Minutes(10);
  // After a fetch that failed.
  static constexpr absl::Duration kRetryInterval = absl::Seconds(1);

  // Both must outlive the ring.  It fetches at most once in
  // `refetch_interval`.
  KeyRing(TokenApi& api, absl::Duration refetch_interval, const Clock& clock)
      : api_(api), refetch_interval_(refetch_interval), clock_(clock) {}

  struct Found {
    std::optional<SignatureKey> key;
    // Without a key: OK, the issuer has none of this name; otherwise the keys
    // could not be fetched.
    absl::Status status;
    // Without a key: how long the answer stays the same.
    absl::Duration holds;
  };
  // May wait for the issuer.
  Found Find(std::string_view key_id);

  uint64_t fetches() const;

 private:
  bool FindHeld(std::string_view key_id, bool may_be_old, Found& found) const;
  void Fetch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fetch_mutex_);

  TokenApi& api_;
  const absl::Duration refetch_interval_;
  const Clock& clock_;

  Mutex fetch_mutex_;  // Held while the keys are fetched.
  mutable Mutex mutex_;
  KeySet keys_ ABSL_GUARDED_BY(mutex_);
  absl::Duration fetched_at_ ABSL_GUARDED_BY(mutex_) =
      -absl::InfiniteDuration();
  absl::Duration next_fetch_ ABSL_GUARDED_BY(mutex_) =
      -absl::InfiniteDuration();
  absl::Status last_fetch_ ABSL_GUARDED_BY(mutex_);
  uint64_t fetches_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_KEY_RING_H_
