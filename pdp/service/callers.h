// Callers: who the services are that call this one.
//
// A call that shows a token is of the caller that the token proves, or of
// nobody.  Else one whose connection has a certificate is of the caller that
// this names, or of nobody.  Only one that shows nothing may be of whoever is
// on this host, where such a caller is configured.

#ifndef PDP_SERVICE_CALLERS_H_
#define PDP_SERVICE_CALLERS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/auth/bearer_jwt.h"
#include "pdp/auth/key_source.h"
#include "pdp/auth/token_file.h"
#include "pdp/base/clock.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/service/caller.h"
#include "pdp/service/caller_settings.h"
#include "pdp/service/metrics.h"
#include "pdp/service/rate_limit.h"

namespace pdp::service {

// What a call shows of who makes it.
struct CallCredentials {
  std::string_view peer;  // As gRPC has it: "ipv4:127.0.0.1:5000", "unix:".
  // Of the header `authorization`.
  std::optional<std::string_view> authorization;
  // Of a certificate that was verified: its subjectAltNames.
  bool has_certificate = false;
  std::vector<std::string_view> uris;
  std::vector<std::string_view> dns_names;
};

// Whether `peer` is a loopback address or a unix socket.
bool IsLocalPeer(std::string_view peer);

// Thread-safe.
class Callers {
 public:
  // InvalidArgument: "callers[0].token-file: ...", a file that cannot be used.
  // `clock` must outlive the callers.  0 calls: as many as they like.
  static absl::StatusOr<std::unique_ptr<Callers>> Open(
      std::vector<CallerSettings> settings, const Clock& clock = Clock::Real(),
      uint32_t calls_per_second = 0);

  struct Found {
    const Caller* caller = nullptr;  // Lives as long as the Callers.
    // Without a caller.
    Rejection rejection = Rejection::kNoCredentials;
  };
  // Returns at once.
  Found Find(const CallCredentials& credentials) const;

  // Counts a call, or a message of a stream.  False where `caller` makes more
  // of them than it may.
  bool TakeCall(const Caller& caller) const;

  // Whether certificates say anything here.
  bool asks_for_certificates() const { return asks_for_certificates_; }

  // Reads the files again, and logs what is wrong with them.
  void Reload();

 private:
  struct Entry {
    Caller caller;
    CallerSettings settings;                  // But for the caller.
    std::unique_ptr<auth::TokenFile> tokens;  // Null: known otherwise.
    bool is_usable = true;                    // At the last Reload.
    RateLimit rate;
  };
  struct Issuer {
    std::unique_ptr<auth::KeySource> keys;
    bool is_usable = true;
  };
  // What a token was found to be.
  struct Verified {
    const Caller* caller = nullptr;
    absl::Time expires;
    uint64_t key_generation = 0;
    auth::KeySource* keys = nullptr;
  };

  Callers(const Clock& clock, uint32_t calls_per_second)
      : clock_(clock), calls_per_second_(calls_per_second) {}
  absl::Status Add(size_t index, CallerSettings settings);
  absl::Status AddIssuer(size_t index, const CallerSettings::Jwt& jwt);
  const Caller* FindByToken(std::string_view token) const;
  Found FindByJwt(std::string_view token) const;
  const Caller* CallerOf(std::string_view issuer,
                         const auth::JwtClaims& claims) const;
  const Caller* FindByCertificate(const CallCredentials& credentials) const;

  const Clock& clock_;
  const uint32_t calls_per_second_;
  std::vector<std::unique_ptr<Entry>> entries_;
  StringMap<Issuer> issuers_;
  const Caller* loopback_ = nullptr;  // May be null.
  bool asks_for_certificates_ = false;
  mutable Mutex mutex_;
  // By the SHA-256 of the token.
  mutable StringMap<Verified> verified_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALLERS_H_
