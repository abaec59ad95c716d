#include "pdp/policy/session_rules.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::policy {
namespace {

using fhir::JsonElement;
using fhir::JsonObject;

constexpr absl::Duration kClockSkew = absl::Minutes(1);
constexpr absl::Duration kLongest = absl::Hours(24 * 365);
constexpr size_t kMaxJsonBytes = 4096;

absl::Status WrongRule(std::string_view key, std::string_view what) {
  return absl::InvalidArgumentError(StrCat("`", key, "` ", what));
}

absl::Status ReadDuration(std::string_view key, JsonElement value,
                          absl::Duration& duration) {
  const auto text = fhir::AsString(value);
  if (!text || !absl::ParseDuration(ToAbsl(*text), &duration)) {
    return WrongRule(key, "is no duration; write a string such as \"30m\"");
  }
  return absl::OkStatus();
}

absl::Status ReadFlag(std::string_view key, JsonElement value, bool& flag) {
  if (value.get(flag) == simdjson::SUCCESS) return absl::OkStatus();
  return WrongRule(key, "is neither true nor false");
}

absl::Status ReadRule(std::string_view key, JsonElement value,
                      SessionRules& rules) {
  if (key == "idle-timeout") {
    return ReadDuration(key, value, rules.idle_timeout.emplace());
  }
  if (key == "absolute-lifetime") {
    return ReadDuration(key, value, rules.absolute_lifetime.emplace());
  }
  if (key == "failed-attempts") {
    uint64_t count = 0;
    if (value.get(count) != simdjson::SUCCESS || count > UINT32_MAX) {
      return WrongRule(key, "is no number of attempts");
    }
    rules.failed_attempts = static_cast<uint32_t>(count);
    return absl::OkStatus();
  }
  if (key == "lock") return ReadDuration(key, value, rules.lock);
  if (key == "administrative-lock") {
    return ReadFlag(key, value, rules.administrative_lock);
  }
  if (key == "mfa") return ReadFlag(key, value, rules.mfa);
  return WrongRule(key, "is no session rule");
}

template <typename Value>
std::optional<Value> Smaller(const std::optional<Value>& a,
                             const std::optional<Value>& b) {
  if (!a) return b;
  return b ? std::min(*a, *b) : a;
}

class Judge {
 public:
  Judge(const SessionRules& rules, const SessionFacts& facts, absl::Time now)
      : rules_(rules), facts_(facts), now_(now) {}

  SessionJudgment Run() {
    (void)(CheckAdministrativeLock() && CheckAttempts() && CheckIdle() &&
           CheckLifetime() && CheckMfa());
    return std::move(judgment_);
  }

 private:
  // Each returns false where it denies.

  bool CheckAdministrativeLock() {
    if (!rules_.administrative_lock) return true;
    if (!facts_.locked) return Missing("locked");
    if (!*facts_.locked) return true;
    return Deny(Reason::kAccountLocked,
                "an administrator has locked the account");
  }

  bool CheckAttempts() {
    if (!rules_.failed_attempts) return true;
    if (!facts_.failed_attempts) return Missing("failed_attempts");
    if (*facts_.failed_attempts < *rules_.failed_attempts) return true;
    const auto failed = Past(facts_.last_failed_attempt_at);
    if (!failed) return Missing("last_failed_attempt_at");
    if (now_ >= *failed + rules_.lock) return true;
    return Deny(Reason::kAccountLocked,
                StrCat("the account is locked after ", *facts_.failed_attempts,
                       " logins that failed"));
  }

  bool CheckIdle() {
    if (!rules_.idle_timeout) return true;
    const auto active = Past(facts_.last_activity_at);
    if (!active) return Missing("last_activity_at");
    return CheckEnd(*active + *rules_.idle_timeout,
                    StrCat("the session was idle for ",
                           Say(*rules_.idle_timeout), " or longer"));
  }

  bool CheckLifetime() {
    if (!rules_.absolute_lifetime) return true;
    const auto authenticated = Past(facts_.authenticated_at);
    if (!authenticated) return Missing("authenticated_at");
    return CheckEnd(*authenticated + *rules_.absolute_lifetime,
                    StrCat("the session began ", Say(*rules_.absolute_lifetime),
                           " ago or longer"));
  }

  bool CheckMfa() {
    if (!rules_.mfa) return true;
    if (!facts_.mfa_satisfied) return Missing("mfa_satisfied");
    if (*facts_.mfa_satisfied) return true;
    return Deny(Reason::kMfaRequired,
                "the session began without a second "
                "factor, which the project asks for");
  }

  bool CheckEnd(absl::Time end, std::string message) {
    if (now_ >= end) return Deny(Reason::kSessionExpired, std::move(message));
    judgment_.ends = std::min(judgment_.ends, end);
    return true;
  }

  // Nothing: not known.
  std::optional<absl::Time> Past(const std::optional<absl::Time>& fact) const {
    if (!fact || *fact > now_ + kClockSkew) return std::nullopt;
    return std::min(*fact, now_);
  }

  static std::string Say(absl::Duration duration) {
    return absl::FormatDuration(duration);
  }

  bool Missing(std::string_view fact) {
    return Deny(Reason::kSessionFactMissing,
                StrCat("a session rule of the project asks for `context."
                       "session.",
                       fact, "`, which is missing or in the future"));
  }

  bool Deny(Reason reason, std::string message) {
    judgment_.denial = {.reason = reason, .message = std::move(message)};
    return false;
  }

  const SessionRules& rules_;
  const SessionFacts& facts_;
  const absl::Time now_;
  SessionJudgment judgment_;
};

}  // namespace

SessionRules ConfiguredFor(const ConfiguredSessionRules& rules,
                           std::string_view project) {
  auto found = rules.find(project);
  if (found == rules.end()) found = rules.find(std::string_view());
  return found == rules.end() ? SessionRules() : found->second;
}

absl::StatusOr<SessionRules> ParseSessionRules(std::string_view json) {
  if (json.size() > kMaxJsonBytes) {
    return absl::InvalidArgumentError("it is too long");
  }
  simdjson::dom::parser parser;
  JsonElement root;
  JsonObject object;
  if (parser.parse(simdjson::padded_string(json)).get(root) !=
          simdjson::SUCCESS ||
      root.get(object) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("it is no JSON object");
  }
  SessionRules rules;
  StringSet seen;
  for (const auto member : object) {
    if (!seen.insert(std::string(member.key)).second) {
      return WrongRule(member.key, "is given twice");
    }
    PDP_RETURN_IF_ERROR(ReadRule(member.key, member.value, rules));
  }
  if (seen.contains("lock") && !rules.failed_attempts) {
    return WrongRule("lock", "goes with `failed-attempts` only");
  }
  PDP_RETURN_IF_ERROR(CheckSessionRules(rules));
  return rules;
}

absl::Status CheckSessionRules(const SessionRules& rules) {
  const std::pair<std::string_view, std::optional<absl::Duration>>
      kDurations[] = {{"idle-timeout", rules.idle_timeout},
                      {"absolute-lifetime", rules.absolute_lifetime},
                      {"lock", rules.lock}};
  for (const auto& [key, duration] : kDurations) {
    if (duration &&
        (*duration <= absl::ZeroDuration() || *duration > kLongest)) {
      return WrongRule(key, "must be more than 0s, and at most a year");
    }
  }
  if (rules.failed_attempts == 0u) {
    return WrongRule("failed-attempts", "must be 1 or more");
  }
  return absl::OkStatus();
}

SessionRules Stricter(const SessionRules& a, const SessionRules& b) {
  SessionRules rules;
  rules.idle_timeout = Smaller(a.idle_timeout, b.idle_timeout);
  rules.absolute_lifetime = Smaller(a.absolute_lifetime, b.absolute_lifetime);
  rules.failed_attempts = Smaller(a.failed_attempts, b.failed_attempts);
  rules.lock = !a.failed_attempts   ? b.lock
               : !b.failed_attempts ? a.lock
                                    : std::max(a.lock, b.lock);
  rules.administrative_lock = a.administrative_lock || b.administrative_lock;
  rules.mfa = a.mfa || b.mfa;
  return rules;
}

SessionJudgment JudgeSession(const SessionRules& rules,
                             const SessionFacts& facts, absl::Time now) {
  return Judge(rules, facts, now).Run();
}

}  // namespace pdp::policy
