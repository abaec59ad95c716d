#include "pdp/gateway/headers.h"

#include <arpa/inet.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "pdp/base/strings.h"

namespace pdp::gateway {
namespace {

// With one of these a request is another to some servers.
constexpr std::string_view kOverrides[] = {
    "x-http-method-override", "x-http-method", "x-method-override",
    "x-original-url",         "x-rewrite-url", "upgrade",
    "http2-settings"};

absl::Status Refused(const char* why) {
  return absl::InvalidArgumentError(why);
}

std::string_view Trim(std::string_view text) {
  return ToStd(absl::StripAsciiWhitespace(ToAbsl(text)));
}

// Others name headers that a proxy is to drop on the way.
bool IsPlainConnection(std::string_view value) {
  for (;;) {
    const size_t comma = value.find(',');
    const std::string_view token = Trim(value.substr(0, comma));
    if (!absl::EqualsIgnoreCase(ToAbsl(token), "close") &&
        !absl::EqualsIgnoreCase(ToAbsl(token), "keep-alive")) {
      return false;
    }
    if (comma == std::string_view::npos) return true;
    value.remove_prefix(comma + 1);
  }
}

bool IsAddress(const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

}  // namespace

std::string PlainHeaderName(std::string_view name) {
  std::string plain = absl::AsciiStrToLower(ToAbsl(name));
  std::replace(plain.begin(), plain.end(), '_', '-');
  return plain;
}

absl::StatusOr<Headers> Headers::Read(const HeaderList& list) {
  if (list.size() > kMaxHeaders) return Refused("there are too many headers");
  Headers headers;
  headers.headers_.reserve(list.size());
  for (const auto& [name, value] : list) {
    std::string plain = PlainHeaderName(name);
    if (std::find(std::begin(kOverrides), std::end(kOverrides), plain) !=
        std::end(kOverrides)) {
      return Refused("a header says that the request is another");
    }
    if (plain == "connection" && !IsPlainConnection(value)) {
      return Refused("the header `connection` names other headers");
    }
    headers.headers_.push_back({.name = absl::AsciiStrToLower(ToAbsl(name)),
                                .plain_name = std::move(plain),
                                .value = value});
  }
  return headers;
}

absl::StatusOr<std::optional<std::string_view>> Headers::Find(
    std::string_view name) const {
  std::optional<std::string_view> found;
  for (const Header& header : headers_) {
    if (header.plain_name != name) continue;
    if (found || header.name != name) {
      return Refused("a header is there twice, or under an ambiguous name");
    }
    found = header.value;
  }
  return found;
}

std::string_view Headers::FindOrEmpty(std::string_view name) const {
  const auto found = Find(name);
  return found.ok() && *found ? **found : std::string_view();
}

std::vector<std::string> Headers::Own() const {
  std::vector<std::string> names;
  for (const Header& header : headers_) {
    if (!header.plain_name.starts_with(kOwnPrefix)) continue;
    if (std::find(names.begin(), names.end(), header.name) == names.end()) {
      names.push_back(header.name);
    }
  }
  return names;
}

absl::StatusOr<std::string> ForwardedFor(std::string_view list,
                                         size_t from_right) {
  for (; from_right > 1; --from_right) {
    const size_t comma = list.rfind(',');
    if (comma == std::string_view::npos) {
      return Refused("x-forwarded-for has too few entries");
    }
    list = list.substr(0, comma);
  }
  const size_t comma = list.rfind(',');
  if (comma != std::string_view::npos) list.remove_prefix(comma + 1);
  std::string address(Trim(list));
  if (!IsAddress(address)) {
    return Refused("the entry of x-forwarded-for is not an address");
  }
  return address;
}

}  // namespace pdp::gateway
