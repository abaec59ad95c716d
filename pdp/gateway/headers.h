// The headers of an HTTP request, as a gateway may believe them: each of those
// that matter once, under its own name.

#ifndef PDP_GATEWAY_HEADERS_H_
#define PDP_GATEWAY_HEADERS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pdp::gateway {

inline constexpr size_t kMaxHeaders = 200;

// What this server tells the upstream begins with it.
inline constexpr std::string_view kOwnPrefix = "x-pdp-";

// As they came, names in any case.
using HeaderList = std::vector<std::pair<std::string_view, std::string_view>>;

// `name` in lower case, with `-` for `_`: some servers know no difference.
std::string PlainHeaderName(std::string_view name);

class Headers {
 public:
  // InvalidArgument: too many; or one that says that the method or the path is
  // another than the request's, or that the connection becomes another.
  static absl::StatusOr<Headers> Read(const HeaderList& list);

  // Of the header `name`, in lower case; nothing where there is none.
  // InvalidArgument where it is there twice, or under a name that only some
  // take for it.
  absl::StatusOr<std::optional<std::string_view>> Find(
      std::string_view name) const;

  // The same of one that decides nothing: empty where it cannot be told.
  std::string_view FindOrEmpty(std::string_view name) const;

  // The names of those that only this server may send, as they came, in lower
  // case, each once.
  std::vector<std::string> Own() const;

 private:
  struct Header {
    std::string name;  // In lower case.
    std::string plain_name;
    std::string_view value;
  };
  std::vector<Header> headers_;
};

// The entry `from_right` (1: the last) of `x-forwarded-for`, an IP address.
// InvalidArgument where there is no such entry.
absl::StatusOr<std::string> ForwardedFor(std::string_view list,
                                         size_t from_right);

}  // namespace pdp::gateway

#endif  // PDP_GATEWAY_HEADERS_H_
