#include "tests/bench/grpcload/process_use.h"

#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace grpcload {

std::optional<ProcessUse> ReadUse(const std::string& pid) {
  // Finer than the ticks of /proc/PID/stat.
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(std::atoi(pid.c_str()), &clock) != 0 ||
      clock_gettime(clock, &used) != 0) {
    return std::nullopt;
  }
  std::ifstream memory("/proc/" + pid + "/statm");
  double pages = 0;
  double resident = 0;
  memory >> pages >> resident;
  return ProcessUse{.cpu_seconds = static_cast<double>(used.tv_sec) +
                                   static_cast<double>(used.tv_nsec) / 1e9,
                    .resident_mib = resident *
                                    static_cast<double>(sysconf(_SC_PAGESIZE)) /
                                    (1024.0 * 1024.0)};
}

}  // namespace grpcload
