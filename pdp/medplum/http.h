// Http: requests to one server, and their answers, within bounds.
//
// Certificates and host names are always verified, TLS is at least 1.2, no
// proxy of the environment is used and no redirect is followed: it is an answer
// like any other.  An answer that does not end in time, stops flowing or grows
// past its limit ends with an error.

#ifndef PDP_MEDPLUM_HTTP_H_
#define PDP_MEDPLUM_HTTP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace pdp::medplum {

struct HttpOptions {
  // Certificates that the server's is checked against, as PEM; empty for those
  // of the system.
  std::string ca_file;
  std::string user_agent = "medplum-pdp";
  absl::Duration connect_timeout = absl::Seconds(5);
  // Of one request, connecting included.
  absl::Duration total_timeout = absl::Seconds(10);
  // Between two pieces of an answer, once it has begun.
  absl::Duration stall_timeout = absl::Seconds(5);
  // Of the body, as it is after decompression.
  size_t max_response_bytes = size_t{64} << 20;
  // Connections kept for later requests.
  size_t max_idle_connections = 8;
};

struct HttpRequest {
  enum class Method : uint8_t { kGet, kPost, kPut, kPatch, kDelete };
  Method method = Method::kGet;
  std::string url;
  std::vector<std::string> headers;  // `Name: value`.
  std::string body;
  // Takes no kept connection.  A request on a kept one that the server just
  // closed is sent again on another: twice, if the first did arrive.
  bool new_connection = false;
  // Reads HttpAnswer.certificate_ends, for which a new connection is needed.
  bool with_certificate = false;
};

struct HttpAnswer {
  int code = 0;
  std::string body;
  std::string location;     // Of a redirect.
  std::string retry_after;  // As it was sent.
  // The header Date; InfinitePast where there is none.
  absl::Time date = absl::InfinitePast();
  // Until when the server's own certificate is good, where it was asked for.
  std::optional<absl::Time> certificate_ends;
};

// The end of one request.
struct HttpExchange {
  // OK: there is an answer, whatever its code.  Else:
  //   Unavailable         no connection, or no whole answer in time
  //   FailedPrecondition  the server's certificate is not to be trusted
  //   DataLoss            an answer that is cut short, or no HTTP
  //   ResourceExhausted   an answer past the limit
  //   Cancelled           Stop was called
  absl::Status status;
  // Whether the server may have received the request.
  bool may_have_arrived = false;
  HttpAnswer answer;
};

// The date of a header, `Sun, 06 Nov 1994 08:49:37 GMT`.
std::optional<absl::Time> ParseHttpDate(std::string_view text);

// Thread-safe.
class Http {
 public:
  // InvalidArgument: the CA file cannot be read.
  static absl::StatusOr<std::unique_ptr<Http>> Open(HttpOptions options);
  // REQUIRES: no Send is running.
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  HttpExchange Send(const HttpRequest& request);

  // Ends every Send, now and later.
  void Stop();

  // Of bodies, as they are after decompression.
  uint64_t bytes_received() const;

 private:
  struct Impl;
  explicit Http(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_HTTP_H_
