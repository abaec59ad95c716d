#include "pdp/audit/run_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/time/clock.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

constexpr size_t kMaxOutput = size_t{64} << 10;
constexpr absl::Duration kPause = absl::Milliseconds(5);

// Starts it as the leader of a process group of its own, with `output` as its
// standard output and nothing to read.
int Spawn(const std::vector<std::string>& command, int output, pid_t& child) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY,
                                   0);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY,
                                   0);
  // What this process does with signals is not the command's affair.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  sigaddset(&defaults, SIGXFSZ);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                            POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETPGROUP);
  const int error = posix_spawnp(&child, arguments[0], &files, &attributes,
                                 arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

// Reads until the end, or `deadline`: false.
bool ReadAll(int file, absl::Time deadline, std::string& output) {
  while (true) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    pollfd wait = {.fd = file, .events = POLLIN};
    const int ready = poll(&wait, 1,
                           static_cast<int>(std::min<int64_t>(
                               absl::ToInt64Milliseconds(left) + 1, 1000)));
    if (ready <= 0) continue;
    char buffer[4096];
    const ssize_t count = read(file, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    output.append(buffer,
                  std::min(static_cast<size_t>(count),
                           kMaxOutput - std::min(kMaxOutput, output.size())));
  }
}

// Whether it ended before `deadline`.
bool WaitFor(pid_t child, absl::Time deadline, int& state) {
  while (true) {
    const pid_t ended = waitpid(child, &state, WNOHANG);
    if (ended == child) return true;
    if (ended < 0 && errno != EINTR) return false;
    if (absl::Now() >= deadline) return false;
    absl::SleepFor(kPause);
  }
}

}  // namespace

absl::StatusOr<std::string> RunCommand(const std::vector<std::string>& command,
                                       absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::UnavailableError(std::strerror(errno));
  }
  const auto close_reading = absl::MakeCleanup([&] { close(ends[0]); });
  pid_t child = 0;
  const int error = Spawn(command, ends[1], child);
  close(ends[1]);
  if (error != 0) {
    return absl::UnavailableError(
        StrCat("cannot run `", command[0], "`: ", std::strerror(error)));
  }
  std::string output;
  int state = 0;
  if (!ReadAll(ends[0], deadline, output) || !WaitFor(child, deadline, state)) {
    kill(-child, SIGKILL);
    waitpid(child, &state, 0);
    return absl::UnavailableError(StrCat("`", command[0], "` took longer than ",
                                         absl::FormatDuration(limit)));
  }
  if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
    return absl::UnavailableError(
        WIFEXITED(state) ? StrCat("`", command[0], "` ended with exit code ",
                                  WEXITSTATUS(state))
                         : StrCat("`", command[0], "` was ended by a signal"));
  }
  return output;
}

}  // namespace pdp::audit
