// What a process has used so far, from /proc.

#ifndef PDP_TESTS_BENCH_GRPCLOAD_PROCESS_USE_H_
#define PDP_TESTS_BENCH_GRPCLOAD_PROCESS_USE_H_

#include <optional>
#include <string>

namespace grpcload {

struct ProcessUse {
  double cpu_seconds = 0;
  double resident_mib = 0;
};

// Nothing where there is no such process.
std::optional<ProcessUse> ReadUse(const std::string& pid);

}  // namespace grpcload

#endif  // PDP_TESTS_BENCH_GRPCLOAD_PROCESS_USE_H_
