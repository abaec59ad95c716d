#include "tests/bench/grpcload/options.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

namespace grpcload {

void Die(const std::string& message) {
  std::fprintf(stderr, "grpcload: %s\n", message.c_str());
  std::exit(2);
}

Options ParseCommandLine(int argc, char** argv) {
  Options options;
  std::vector<std::string> headers;
  CLI::App app(
      "Makes calls of one gRPC method from files that hold serialized "
      "requests, and\nprints one JSON object.  Exit code: 0 where each call "
      "was answered as expected,\n1 otherwise, 2 where it could not begin.",
      "grpcload");
  app.add_option("--target", options.target, "HOST:PORT or unix:PATH")
      ->required();
  app.add_option("--method", options.method, "/package.Service/Method")
      ->required();
  app.add_option("--request", options.requests, "files, taken in turn")
      ->required();
  app.add_option("--contains", options.contains,
                 "files of bytes that an answer has to hold: one for all "
                 "requests, or one for each");
  app.add_option("--header", headers, "metadata, KEY:VALUE");
  app.add_option("--tls-ca", options.tls_ca, "certificates to trust");
  app.add_option("--tls-name", options.tls_name,
                 "the name in the server's certificate");
  app.add_option("--concurrency", options.concurrency,
                 "calls in flight (with --rate: at most), or streams");
  app.add_option("--connections", options.connections, "connections");
  app.add_option("--duration", options.duration, "seconds that are measured");
  app.add_option("--warmup", options.warmup, "seconds before these");
  app.add_option("--rate", options.rate,
                 "open loop: calls a second, each timed from when it was due");
  app.add_flag("--stream", options.stream, "bidirectional streams");
  app.add_option("--window", options.window,
                 "messages in flight on each stream");
  app.add_option("--server-pid", options.server_pid,
                 "process whose processor time and memory are reported");
  app.add_option("--once", options.once,
                 "make one call and write its answer to this file");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    std::exit(code == 0 ? 0 : 2);
  }
  if (options.concurrency < 1 || options.connections < 1 ||
      options.window < 1) {
    Die("counts must be at least 1");
  }
  if (options.contains.size() > 1 &&
      options.contains.size() != options.requests.size()) {
    Die("--contains: give one file, or one for each request");
  }
  if (options.stream && options.rate > 0) Die("streams have no open loop");
  for (const std::string& header : headers) {
    const size_t colon = header.find(':');
    if (colon == std::string::npos) Die("--header wants KEY:VALUE");
    options.headers.emplace_back(header.substr(0, colon),
                                 header.substr(colon + 1));
  }
  return options;
}

}  // namespace grpcload
