// AccessTokens: whose login an access token is, where that is known already.

#ifndef PDP_POLICY_ACCESS_TOKENS_H_
#define PDP_POLICY_ACCESS_TOKENS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/policy/decision.h"

namespace pdp::policy {

// What a verified token stands for.
struct TokenBinding {
  std::string membership;  // `ProjectMembership/id`.
  std::string project;     // The id of the membership's Project.
  // Those of the login, not of the token.  No scope: no narrowing.
  std::optional<std::string> smart_scope;
  std::optional<std::string> launch_patient;  // `Patient/id`.
  absl::Time expires;                         // When the token ends.
};

struct TokenAnswer {
  enum class State : uint8_t {
    kUnknown,  // Has to be resolved first.
    kBound,
    kRefused,      // It is not good, or nothing may be decided by it.
    kUnavailable,  // It could not be told just now.
  };
  State state = State::kUnknown;
  std::shared_ptr<const TokenBinding> binding;  // With kBound.
  // With kRefused.
  Reason reason = Reason::kTokenInvalid;
  uint16_t medplum_http_status = 401;
  // Why, where it is not bound: a sentence without any part of the token.
  std::string message;
};

// Counts since the start.
struct TokenStatistics {
  // Look-ups at the server, by what they came to.
  uint64_t bound = 0;
  uint64_t refused = 0;
  uint64_t unavailable = 0;
  uint64_t key_fetches = 0;
  size_t known = 0;  // Tokens of which something is known now.
};

// Thread-safe.
class AccessTokens {
 public:
  virtual ~AccessTokens() = default;

  // Returns at once.
  virtual TokenAnswer Find(std::string_view token) = 0;

  // Finds out about `token`, also where it is known; returns at once.  Calls
  // `done` exactly once and within a bounded time, maybe from within Resolve.
  // OK: Find answers by what was learned now; with `anew`, by nothing that was
  // asked for before this call.
  virtual void Resolve(std::string token, bool anew,
                       std::function<void(const absl::Status&)> done) = 0;

  virtual TokenStatistics statistics() const = 0;
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_ACCESS_TOKENS_H_
