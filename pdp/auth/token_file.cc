#include "pdp/auth/token_file.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/secret_file.h"

namespace pdp::auth {
namespace {

absl::Status Unusable(const std::string& path, std::string_view why) {
  return absl::InvalidArgumentError(
      StrCat("the token file `", path, "` ", why));
}

bool IsPlain(std::string_view token) {
  return std::all_of(token.begin(), token.end(),
                     [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenFile>> TokenFile::Open(std::string path) {
  std::unique_ptr<TokenFile> file(new TokenFile(std::move(path)));
  PDP_RETURN_IF_ERROR(file->Reload());
  return file;
}

absl::StatusOr<TokenFile::Tokens> TokenFile::Read() const {
  const absl::StatusOr<std::string> content = medplum::ReadSecretFile(path_);
  if (!content.ok()) {
    return absl::InvalidArgumentError(content.status().message());
  }
  Tokens tokens;
  for (absl::string_view line : absl::StrSplit(*content, '\n')) {
    absl::ConsumeSuffix(&line, "\r");
    if (line.empty()) continue;
    if (line.size() < kMinTokenBytes) {
      return Unusable(path_, StrCat("holds a token of less than ",
                                    kMinTokenBytes, " bytes"));
    }
    if (!IsPlain(ToStd(line))) {
      return Unusable(path_,
                      "holds a token with a space or another character that "
                      "no header can carry");
    }
    tokens.emplace_back(line);
  }
  if (tokens.empty()) return Unusable(path_, "holds no token");
  if (tokens.size() > kMaxTokens) {
    return Unusable(path_, StrCat("holds more than ", kMaxTokens, " tokens"));
  }
  return tokens;
}

absl::Status TokenFile::Reload() {
  absl::StatusOr<Tokens> read = Read();
  auto tokens =
      std::make_shared<const Tokens>(read.ok() ? *std::move(read) : Tokens());
  MutexLock lock(mutex_);
  tokens_ = std::move(tokens);
  return read.status();
}

bool TokenFile::Matches(std::string_view text) const {
  std::shared_ptr<const Tokens> tokens;
  {
    MutexLock lock(mutex_);
    tokens = tokens_;
  }
  bool matches = false;
  for (const std::string& token : *tokens) {
    matches |= token.size() == text.size() &&
               CRYPTO_memcmp(token.data(), text.data(), text.size()) == 0;
  }
  return matches;
}

}  // namespace pdp::auth
