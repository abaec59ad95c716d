// Load for a server: as much as it answers, or twice that whatever it answers.
//
//   overload capacity TARGET
//     prints how many calls a second are answered to 64 clients that wait.
//   overload overload TARGET CAPACITY SECONDS PID METRICS
//     makes 2 x CAPACITY calls a second; fails where the server's memory grows
//     without bound, refused calls are not counted at METRICS, or accepted ones
//     take too long.

#include <grpcpp/grpcpp.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "medplum/pdp/v1/decision.grpc.pb.h"
#include "pdp/base/strings.h"

namespace {

namespace v1 = ::medplum::pdp::v1;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kChannels = 4;
constexpr int kWaiting = 64;
constexpr auto kMeasured = milliseconds(2'000);
constexpr auto kDeadline = milliseconds(5'000);
// Order of magnitude: the machine is shared with whoever makes the load.
constexpr double kMostSeconds = 10;
// What is offered and not yet answered is bounded, as the memory of whoever
// offers it is; far above what a server that keeps up has.
constexpr int kMaxInFlight = 20'000;
constexpr long kMaxGrowthKb = 512 * 1024;

int Fail(const std::string& message) {
  std::fprintf(stderr, "overload: %s\n", message.c_str());
  return 1;
}

struct Counts {
  std::atomic<int> in_flight{0};
  std::atomic<uint64_t> permitted{0};
  std::atomic<uint64_t> refused{0};  // RESOURCE_EXHAUSTED.
  std::atomic<uint64_t> late{0};     // DEADLINE_EXCEEDED.
  std::atomic<uint64_t> failed{0};   // Anything else.
  std::mutex mutex;
  std::vector<double> seconds;  // Of those that were answered.
  std::string failure;
};

class Load {
 public:
  explicit Load(const std::string& target) {
    for (int i = 0; i < kChannels; ++i) {
      grpc::ChannelArguments arguments;
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      stubs_.push_back(
          v1::PolicyDecisionPoint::NewStub(grpc::CreateCustomChannel(
              target, grpc::InsecureChannelCredentials(), arguments)));
    }
    request_.mutable_subject()->set_reference(
        "ProjectMembership/13000001-0000-4000-8000-000000000020");
    request_.set_interaction(v1::INTERACTION_READ);
    request_.mutable_resource()->set_type("Patient");
    request_.mutable_resource()->set_id("20000001-0000-4000-8000-000000000001");
  }

  void Call(Counts& counts, std::function<void()> done) {
    struct State {
      grpc::ClientContext context;
      v1::CheckResponse response;
      Clock::time_point began = Clock::now();
    };
    auto* const state = new State;
    state->context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    ++counts.in_flight;
    const size_t which = next_++ % stubs_.size();
    stubs_[which]->async()->Check(
        &state->context, &request_, &state->response,
        [state, &counts, done = std::move(done)](const grpc::Status& status) {
          Count(*state, status, counts);
          delete state;
          done();
          --counts.in_flight;
        });
  }

 private:
  template <typename State>
  static void Count(const State& state, const grpc::Status& status,
                    Counts& counts) {
    switch (status.error_code()) {
      case grpc::StatusCode::OK: {
        ++counts.permitted;
        const std::chrono::duration<double> took = Clock::now() - state.began;
        const std::lock_guard lock(counts.mutex);
        counts.seconds.push_back(took.count());
        return;
      }
      case grpc::StatusCode::RESOURCE_EXHAUSTED:
        ++counts.refused;
        return;
      case grpc::StatusCode::DEADLINE_EXCEEDED:
        ++counts.late;
        return;
      default: {
        ++counts.failed;
        const std::lock_guard lock(counts.mutex);
        counts.failure = status.error_message();
      }
    }
  }

  std::vector<std::unique_ptr<v1::PolicyDecisionPoint::Stub>> stubs_;
  v1::CheckRequest request_;
  std::atomic<size_t> next_{0};
};

void WaitForAll(const Counts& counts) {
  while (counts.in_flight > 0) std::this_thread::sleep_for(milliseconds(1));
}

int MeasureCapacity(const std::string& target) {
  Load load(target);
  Counts counts;
  std::atomic<bool> is_over = false;
  std::function<void()> again = [&] {
    if (!is_over) load.Call(counts, again);
  };
  const auto began = Clock::now();
  for (int i = 0; i < kWaiting; ++i) again();
  std::this_thread::sleep_for(kMeasured);
  is_over = true;
  WaitForAll(counts);
  const std::chrono::duration<double> took = Clock::now() - began;
  if (counts.failed > 0) return Fail(counts.failure);
  std::printf("%.0f\n", std::max(1.0, static_cast<double>(counts.permitted) /
                                          took.count()));
  return 0;
}

// VmRSS of /proc/PID/status; 0 where the process is gone.
long ResidentKb(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atol(line.c_str() + 6);
  }
  return 0;
}

// The value of the metric whose name and labels are `name`; -1: none.
double MetricOf(const std::string& address, const std::string& name) {
  const size_t colon = address.rfind(':');
  addrinfo* found = nullptr;
  if (getaddrinfo(address.substr(0, colon).c_str(),
                  address.substr(colon + 1).c_str(), nullptr, &found) != 0) {
    return -1;
  }
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string page;
  if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0) {
    const std::string get = "GET /metrics HTTP/1.0\r\n\r\n";
    char buffer[4096];
    ssize_t size = write(fd, get.data(), get.size());
    while (size > 0 && (size = read(fd, buffer, sizeof buffer)) > 0) {
      page.append(buffer, static_cast<size_t>(size));
    }
  }
  if (fd >= 0) close(fd);
  freeaddrinfo(found);
  const size_t at = page.find("\n" + name + " ");
  if (at == std::string::npos) return -1;
  return std::atof(page.c_str() + at + name.size() + 2);
}

int Overload(const std::string& target, double capacity, double seconds,
             const std::string& pid, const std::string& metrics) {
  Load load(target);
  Counts counts;
  const double per_second = 2 * capacity;
  const auto began = Clock::now();
  const auto end = began + std::chrono::duration<double>(seconds);
  long least_kb = ResidentKb(pid);
  long most_kb = least_kb;
  uint64_t offered = 0;
  uint64_t withheld = 0;
  for (auto now = began; now < end; now = Clock::now()) {
    const std::chrono::duration<double> passed = now - began;
    const auto due = static_cast<uint64_t>(passed.count() * per_second);
    for (; offered + withheld < due;) {
      if (counts.in_flight >= kMaxInFlight) {
        ++withheld;
        continue;
      }
      load.Call(counts, [] {});
      ++offered;
    }
    const long kb = ResidentKb(pid);
    if (kb == 0) return Fail("the server is gone");
    most_kb = std::max(most_kb, kb);
    std::this_thread::sleep_for(milliseconds(1));
  }
  WaitForAll(counts);

  std::vector<double>& took = counts.seconds;
  std::sort(took.begin(), took.end());
  const double p50 = took.empty() ? 0 : took[took.size() / 2];
  const double p99 = took.empty() ? 0 : took[took.size() * 99 / 100];
  std::printf(
      "overload: %.0f s at 2 x %.0f calls a second: offered %lu (and %lu not, "
      "as %d were in flight), answered %lu (p50 %.1f ms, p99 %.1f ms), refused "
      "%lu, too late %lu; memory %ld to %ld MiB\n",
      seconds, capacity, offered, withheld, kMaxInFlight,
      counts.permitted.load(), p50 * 1e3, p99 * 1e3, counts.refused.load(),
      counts.late.load(), least_kb / 1024, most_kb / 1024);
  if (counts.failed > 0) return Fail("a call failed: " + counts.failure);
  if (counts.permitted == 0) return Fail("nothing was answered");
  if (counts.refused == 0) return Fail("nothing was refused");
  const double counted =
      MetricOf(metrics, "pdp_grpc_rejected_total{reason=\"caller_rate\"}");
  // A refusal may be counted whose client had given up.
  if (counted < static_cast<double>(counts.refused)) {
    return Fail(
        pdp::StrCat("refused ", counts.refused.load(), ", counted ", counted));
  }
  if (most_kb - least_kb > kMaxGrowthKb) return Fail("memory grew too much");
  // Not the speed of this machine, but that nothing piles up.
  if (p99 > kMostSeconds) {
    return Fail("what was accepted took too long");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "capacity") {
    return MeasureCapacity(arguments[1]);
  }
  if (arguments.size() == 6 && arguments[0] == "overload") {
    return Overload(arguments[1], std::atof(arguments[2].c_str()),
                    std::atof(arguments[3].c_str()), arguments[4],
                    arguments[5]);
  }
  return Fail("wrong arguments; see the head of overload.cc");
}
