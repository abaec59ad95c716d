// ScriptedServer: an HTTP server in the test's process that answers as it is
// told to, and breaks off where it is told to.

#ifndef PDP_TESTS_SUPPORT_SCRIPTED_SERVER_H_
#define PDP_TESTS_SUPPORT_SCRIPTED_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/test_certificates.h"

namespace pdp {

struct ServerRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;
  int connection = 0;  // The how manyth connection it came on, from 1.
};

struct ServerAnswer {
  int code = 200;
  std::vector<std::string> headers;  // Beside Content-Length.
  std::string body;
  // Sent in place of all of the above.
  std::string raw;

  enum class Then : uint8_t {
    kKeep,   // The connection is kept for the next request.
    kClose,  // It is closed.
    kStall,  // It is kept, and nothing more is sent on it.
  };
  Then then = Then::kKeep;
  // How many bytes of the answer, head included, are sent before that; all of
  // them where there is none.
  std::optional<size_t> bytes_sent;
};

// Thread-safe.
class ScriptedServer {
 public:
  // Called from a thread of each connection.
  using Handler = std::function<ServerAnswer(const ServerRequest&)>;

  // On a port of 127.0.0.1 that is picked; with a certificate over TLS.
  explicit ScriptedServer(
      Handler handler,
      const std::optional<ServerCertificate>& certificate = std::nullopt);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const;
  // `http://127.0.0.1:port/`, or https:.
  std::string url() const;

  // All until now.
  std::vector<ServerRequest> requests() const;
  // Waits until there were `count`.
  void WaitForRequests(size_t count) const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace pdp

#endif  // PDP_TESTS_SUPPORT_SCRIPTED_SERVER_H_
