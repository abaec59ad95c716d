// Session rules: what a project asks of its members' sessions, judged by facts
// that the enforcement point sends.
//
// Medplum has no such rules; both modes judge them alike.  A rule is off until
// it is configured; one that is on and whose fact is missing denies.
//
// Pure: the time comes in.

#ifndef PDP_POLICY_SESSION_RULES_H_
#define PDP_POLICY_SESSION_RULES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/policy/bind.h"
#include "pdp/policy/request.h"

namespace pdp::policy {

struct SessionRules {
  // Since the last activity.
  std::optional<absl::Duration> idle_timeout;
  // Since the subject last proved who it is.
  std::optional<absl::Duration> absolute_lifetime;
  // As many logins in a row that failed lock, for `lock` since the last.
  std::optional<uint32_t> failed_attempts;
  absl::Duration lock = absl::Minutes(30);
  // Whether who was locked by an administrator is denied.
  bool administrative_lock = false;
  // Whether a second factor is asked for.
  bool mfa = false;

  bool any() const {
    return idle_timeout || absolute_lifetime || failed_attempts ||
           administrative_lock || mfa;
  }
};

// Of the server's configuration, by the id of the project; under "" those of
// every project that has none of its own.
using ConfiguredSessionRules = std::map<std::string, SessionRules, std::less<>>;

// The rules of `project` there; none where it has none.
SessionRules ConfiguredFor(const ConfiguredSessionRules& rules,
                           std::string_view project);

// Reads the value of a Project.setting `pdpSessionRules`: an object of the keys
// of the configuration, {"idle-timeout": "30m", "failed-attempts": 5}.
//
// InvalidArgument: anything else.
absl::StatusOr<SessionRules> ParseSessionRules(std::string_view json);

// InvalidArgument, naming the key: a rule that makes no sense.
absl::Status CheckSessionRules(const SessionRules& rules);

// What denies whatever one of them denies.
SessionRules Stricter(const SessionRules& a, const SessionRules& b);

struct SessionJudgment {
  std::optional<Denial> denial;
  // The first moment at which the session is expired; infinite where no rule
  // ends it.
  absl::Time ends = absl::InfiniteFuture();
};

// A fact up to a minute in the future is of now, as clocks differ; a later one
// counts as missing.
SessionJudgment JudgeSession(const SessionRules& rules,
                             const SessionFacts& facts, absl::Time now);

}  // namespace pdp::policy

#endif  // PDP_POLICY_SESSION_RULES_H_
