// TokenFile: the tokens of a file, any of which shows who a caller is.
//
// One a line, so that a new one can be taken before the old one is given up.

#ifndef PDP_AUTH_TOKEN_FILE_H_
#define PDP_AUTH_TOKEN_FILE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/base/mutex.h"

namespace pdp::auth {

// Thread-safe.
class TokenFile {
 public:
  static constexpr size_t kMinTokenBytes = 32;
  static constexpr size_t kMaxTokens = 16;

  // InvalidArgument: the file cannot be used.  The message names it and has no
  // part of what is in it.
  static absl::StatusOr<std::unique_ptr<TokenFile>> Open(std::string path);

  // Takes as long for every text of the same length.
  bool Matches(std::string_view text) const;

  // Reads the file again.  While it cannot be used nothing matches: whoever
  // took the tokens away must not find them still taken.
  absl::Status Reload();

  const std::string& path() const { return path_; }

 private:
  using Tokens = std::vector<std::string>;

  explicit TokenFile(std::string path) : path_(std::move(path)) {}
  absl::StatusOr<Tokens> Read() const;

  const std::string path_;
  mutable Mutex mutex_;
  std::shared_ptr<const Tokens> tokens_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::auth

#endif  // PDP_AUTH_TOKEN_FILE_H_
