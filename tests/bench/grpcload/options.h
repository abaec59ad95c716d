// The command line of grpcload.

#ifndef PDP_TESTS_BENCH_GRPCLOAD_OPTIONS_H_
#define PDP_TESTS_BENCH_GRPCLOAD_OPTIONS_H_

#include <string>
#include <utility>
#include <vector>

namespace grpcload {

struct Options {
  std::string target;
  std::string method;
  std::vector<std::string> requests;  // Files, taken in turn.
  // Files: bytes that an answer has to hold; empty, one for all requests, or
  // one for each.
  std::vector<std::string> contains;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string tls_ca;    // File; empty: plaintext.
  std::string tls_name;  // Of the server's certificate, where not the target's.
  int concurrency = 1;
  int connections = 1;
  double duration = 5;
  double warmup = 1;
  double rate = 0;  // Calls a second; 0: a closed loop.
  bool stream = false;
  int window = 1;
  std::string server_pid;
  std::string once;  // File that the one answer is written to.
};

// Ends the process with 2 where the command line is wrong, with 0 after --help.
Options ParseCommandLine(int argc, char** argv);

[[noreturn]] void Die(const std::string& message);

}  // namespace grpcload

#endif  // PDP_TESTS_BENCH_GRPCLOAD_OPTIONS_H_
