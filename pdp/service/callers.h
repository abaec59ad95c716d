// Callers: who the services are that call this one.
//
// A call that shows a token is of the caller that the token proves, or of
// nobody; only one that shows nothing may be of whoever is on this host, where
// such a caller is configured.

#ifndef PDP_SERVICE_CALLERS_H_
#define PDP_SERVICE_CALLERS_H_

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/auth/token_file.h"
#include "pdp/service/caller.h"
#include "pdp/service/caller_settings.h"
#include "pdp/service/metrics.h"

namespace pdp::service {

// What a call shows of who makes it.
struct CallCredentials {
  std::string_view peer;  // As gRPC has it: "ipv4:127.0.0.1:5000", "unix:".
  // Of the header `authorization`.
  std::optional<std::string_view> authorization;
};

// Whether `peer` is a loopback address or a unix socket.
bool IsLocalPeer(std::string_view peer);

// Thread-safe.
class Callers {
 public:
  // InvalidArgument: "callers[0].token-file: ...", a file that cannot be used.
  static absl::StatusOr<std::unique_ptr<Callers>> Open(
      std::vector<CallerSettings> settings);

  struct Found {
    const Caller* caller = nullptr;  // Lives as long as the Callers.
    // Without a caller.
    Rejection rejection = Rejection::kNoCredentials;
  };
  // Returns at once.
  Found Find(const CallCredentials& credentials) const;

  // Reads the files again, and logs what is wrong with them.
  void Reload();

 private:
  struct Entry {
    Caller caller;
    std::unique_ptr<auth::TokenFile> tokens;  // Null: known otherwise.
    bool is_usable = true;                    // At the last Reload.
  };

  Callers() = default;
  const Caller* FindByToken(std::string_view token) const;

  std::vector<std::unique_ptr<Entry>> entries_;
  const Caller* loopback_ = nullptr;  // May be null.
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALLERS_H_
