#include "pdp/service/callers.h"

#include <utility>

#include "absl/strings/match.h"
#include "pdp/base/log.h"
#include "pdp/base/strings.h"

namespace pdp::service {
namespace {

constexpr std::string_view kBearer = "bearer ";

}  // namespace

bool IsLocalPeer(std::string_view peer) {
  // gRPC writes an IPv6 address as part of a URI.
  return peer.starts_with("ipv4:127.") || peer.starts_with("ipv6:[::1]:") ||
         peer.starts_with("ipv6:%5B::1%5D:") || peer.starts_with("unix:");
}

absl::StatusOr<std::unique_ptr<Callers>> Callers::Open(
    std::vector<CallerSettings> settings) {
  std::unique_ptr<Callers> callers(new Callers);
  for (size_t i = 0; i < settings.size(); ++i) {
    auto entry = std::make_unique<Entry>();
    entry->caller = std::move(settings[i].caller);
    if (settings[i].from_loopback) callers->loopback_ = &entry->caller;
    if (!settings[i].token_file.empty()) {
      auto tokens = auth::TokenFile::Open(std::move(settings[i].token_file));
      if (!tokens.ok()) {
        return absl::InvalidArgumentError(StrCat(
            "callers[", i, "].token-file: ", ToStd(tokens.status().message())));
      }
      entry->tokens = *std::move(tokens);
    }
    callers->entries_.push_back(std::move(entry));
  }
  return callers;
}

Callers::Found Callers::Find(const CallCredentials& credentials) const {
  if (credentials.authorization) {
    const std::string_view text = *credentials.authorization;
    const Caller* caller = nullptr;
    if (absl::StartsWithIgnoreCase(ToAbsl(text), ToAbsl(kBearer))) {
      caller = FindByToken(text.substr(kBearer.size()));
    }
    return {caller, Rejection::kUnknownCredentials};
  }
  if (loopback_ != nullptr && IsLocalPeer(credentials.peer)) {
    return {loopback_, Rejection::kNoCredentials};
  }
  return {};
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

void Callers::Reload() {
  for (const auto& entry : entries_) {
    if (entry->tokens == nullptr) continue;
    const absl::Status status = entry->tokens->Reload();
    if (status.ok() == entry->is_usable) continue;
    entry->is_usable = status.ok();
    Log(status.ok() ? Severity::kInfo : Severity::kError,
        status.ok() ? "caller_tokens_usable" : "caller_tokens_unusable",
        {{"caller", entry->caller.name}, {"error", ToStd(status.message())}});
  }
}

}  // namespace pdp::service
