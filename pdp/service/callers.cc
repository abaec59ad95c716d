#include "pdp/service/callers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "pdp/auth/key_fetch.h"
#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"

namespace pdp::service {
namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr size_t kMaxVerified = 10'000;

absl::Status Wrong(size_t index, std::string_view key,
                   const absl::Status& status) {
  return absl::InvalidArgumentError(
      StrCat("callers[", index, "].", key, ": ", ToStd(status.message())));
}

bool Has(const std::vector<std::string_view>& list, std::string_view text) {
  return !text.empty() &&
         std::find(list.begin(), list.end(), text) != list.end();
}

// Says so when a file becomes usable or ceases to be.
void LogChange(std::string_view what, std::string_view whose,
               const absl::Status& status, bool& was_usable) {
  if (status.ok() == was_usable) return;
  was_usable = status.ok();
  Log(status.ok() ? Severity::kInfo : Severity::kError,
      StrCat(what, status.ok() ? "_usable" : "_unusable"),
      {{"of", whose}, {"error", ToStd(status.message())}});
}

}  // namespace

bool IsLocalPeer(std::string_view peer) {
  // gRPC writes an IPv6 address as part of a URI.
  return peer.starts_with("ipv4:127.") || peer.starts_with("ipv6:[::1]:") ||
         peer.starts_with("ipv6:%5B::1%5D:") || peer.starts_with("unix:");
}

absl::StatusOr<std::unique_ptr<Callers>> Callers::Open(
    std::vector<CallerSettings> settings, const Clock& clock,
    uint32_t calls_per_second) {
  std::unique_ptr<Callers> callers(new Callers(clock, calls_per_second));
  for (size_t i = 0; i < settings.size(); ++i) {
    PDP_RETURN_IF_ERROR(callers->Add(i, std::move(settings[i])));
  }
  return callers;
}

absl::Status Callers::Add(size_t index, CallerSettings settings) {
  auto entry = std::make_unique<Entry>();
  entry->caller = std::move(settings.caller);
  if (settings.from_loopback) loopback_ = &entry->caller;
  if (!settings.san_uri.empty() || !settings.san_dns.empty()) {
    asks_for_certificates_ = true;
  }
  if (!settings.token_file.empty()) {
    auto tokens = auth::TokenFile::Open(settings.token_file);
    if (!tokens.ok()) return Wrong(index, "token-file", tokens.status());
    entry->tokens = *std::move(tokens);
  }
  if (settings.jwt) PDP_RETURN_IF_ERROR(AddIssuer(index, *settings.jwt));
  entry->settings = std::move(settings);
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::Status Callers::AddIssuer(size_t index, const CallerSettings::Jwt& jwt) {
  if (issuers_.contains(jwt.issuer)) return absl::OkStatus();
  if (jwt.jwks_file.empty()) {
    auto keys = auth::OpenKeysByUrl(jwt.jwks_url, jwt.jwks_ca_file);
    if (!keys.ok()) return Wrong(index, "jwks-url", keys.status());
    issuers_[jwt.issuer].keys = *std::move(keys);
    return absl::OkStatus();
  }
  auto keys = auth::KeySource::OpenFile(jwt.jwks_file);
  if (!keys.ok()) return Wrong(index, "jwks-file", keys.status());
  issuers_[jwt.issuer].keys = *std::move(keys);
  return absl::OkStatus();
}

Callers::Found Callers::Find(const CallCredentials& credentials) const {
  if (credentials.authorization) {
    const std::string_view text = *credentials.authorization;
    if (!absl::StartsWithIgnoreCase(ToAbsl(text), ToAbsl(kBearer))) {
      return {.rejection = Rejection::kUnknownCredentials};
    }
    const std::string_view token = text.substr(kBearer.size());
    if (const Caller* caller = FindByToken(token)) return {.caller = caller};
    return FindByJwt(token);
  }
  if (credentials.has_certificate && asks_for_certificates_) {
    return {FindByCertificate(credentials), Rejection::kUnknownCredentials};
  }
  if (loopback_ != nullptr && IsLocalPeer(credentials.peer)) {
    return {.caller = loopback_};
  }
  return {};
}

bool Callers::TakeCall(const Caller& caller) const {
  if (calls_per_second_ == 0) return true;
  for (const auto& entry : entries_) {
    if (&entry->caller != &caller) continue;
    return entry->rate.Take(calls_per_second_, clock_.SinceBoot());
  }
  return false;
}

// Every file is looked at: how long it takes says nothing of which.
const Caller* Callers::FindByToken(std::string_view token) const {
  const Caller* found = nullptr;
  int matches = 0;
  for (const auto& entry : entries_) {
    if (entry->tokens == nullptr || !entry->tokens->Matches(token)) continue;
    found = &entry->caller;
    ++matches;
  }
  // A token of two callers tells nothing.
  return matches == 1 ? found : nullptr;
}

// A certificate of two callers tells nothing, either.
const Caller* Callers::FindByCertificate(
    const CallCredentials& credentials) const {
  const Caller* found = nullptr;
  int matches = 0;
  for (const auto& entry : entries_) {
    if (!Has(credentials.uris, entry->settings.san_uri) &&
        !Has(credentials.dns_names, entry->settings.san_dns)) {
      continue;
    }
    found = &entry->caller;
    ++matches;
  }
  return matches == 1 ? found : nullptr;
}

Callers::Found Callers::FindByJwt(std::string_view token) const {
  const Found unknown = {.rejection = Rejection::kUnknownCredentials};
  if (issuers_.empty()) return unknown;
  const absl::Time now = clock_.Now();
  const std::string digest = auth::DigestOf(token);
  {
    MutexLock lock(mutex_);
    const auto known = verified_.find(digest);
    if (known != verified_.end()) {
      const Verified& verified = known->second;
      if (now < verified.expires &&
          verified.key_generation == verified.keys->generation()) {
        return {.caller = verified.caller};
      }
      verified_.erase(known);
    }
  }
  const std::optional<std::string> name = auth::NamedIssuer(token);
  const auto issuer = name ? issuers_.find(*name) : issuers_.end();
  if (issuer == issuers_.end()) return unknown;
  auth::KeySource& keys = *issuer->second.keys;
  // Before the keys are used: an older one makes it be looked at again.
  const uint64_t generation = keys.generation();
  const auth::JwtVerdict verdict = auth::VerifyJwt(token, *name, keys, now);
  if (verdict.state == auth::JwtVerdict::State::kUnknown) {
    return {.rejection = Rejection::kKeysUnavailable};
  }
  if (verdict.state != auth::JwtVerdict::State::kGood) return unknown;
  const Caller* const caller = CallerOf(*name, verdict.claims);
  if (caller == nullptr) return unknown;
  MutexLock lock(mutex_);
  if (verified_.size() >= kMaxVerified) verified_.clear();
  verified_[digest] = {.caller = caller,
                       .expires = verdict.claims.expires,
                       .key_generation = generation,
                       .keys = &keys};
  return {.caller = caller};
}

const Caller* Callers::CallerOf(std::string_view issuer,
                                const auth::JwtClaims& claims) const {
  const Caller* found = nullptr;
  int matches = 0;
  for (const auto& entry : entries_) {
    const auto& jwt = entry->settings.jwt;
    if (!jwt || jwt->issuer != issuer ||
        std::find(claims.audiences.begin(), claims.audiences.end(),
                  jwt->audience) == claims.audiences.end() ||
        (!jwt->subject.empty() && jwt->subject != claims.subject)) {
      continue;
    }
    found = &entry->caller;
    ++matches;
  }
  // A token for two audiences may be of two callers.
  return matches == 1 ? found : nullptr;
}

void Callers::Reload() {
  for (const auto& entry : entries_) {
    if (entry->tokens == nullptr) continue;
    LogChange("caller_tokens", entry->caller.name, entry->tokens->Reload(),
              entry->is_usable);
  }
  for (auto& [name, issuer] : issuers_) {
    LogChange("caller_keys", name, issuer.keys->Reload(), issuer.is_usable);
  }
}

}  // namespace pdp::service
