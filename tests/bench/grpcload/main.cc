// A load generator for any unary or bidirectional gRPC method; see --help.

#include <absl/synchronization/mutex.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "tests/bench/grpcload/load.h"
#include "tests/bench/grpcload/process_use.h"

namespace grpcload {
namespace {

// As grpc::StatusCode numbers them; the last: what is none of these.
constexpr const char* kCodes[] = {"OK",
                                  "CANCELLED",
                                  "UNKNOWN",
                                  "INVALID_ARGUMENT",
                                  "DEADLINE_EXCEEDED",
                                  "NOT_FOUND",
                                  "ALREADY_EXISTS",
                                  "PERMISSION_DENIED",
                                  "RESOURCE_EXHAUSTED",
                                  "FAILED_PRECONDITION",
                                  "ABORTED",
                                  "OUT_OF_RANGE",
                                  "UNIMPLEMENTED",
                                  "INTERNAL",
                                  "UNAVAILABLE",
                                  "DATA_LOSS",
                                  "UNAUTHENTICATED",
                                  "OTHER"};

double ClientCpuSeconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

std::string Quote(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return quoted + '"';
}

int CallOnce(const Load& load) {
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  load.Prepare(context);
  const auto reader = load.stub(0).PrepareUnaryCall(
      &context, load.options().method, load.payload(0).request, &queue);
  grpc::ByteBuffer answer;
  grpc::Status status;
  reader->StartCall();
  reader->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (status.ok()) {
    std::ofstream(load.options().once, std::ios::binary) << ToString(answer);
  } else {
    std::fprintf(stderr, "grpcload: %s\n", status.error_message().c_str());
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return status.ok() && IsAsExpected(load.payload(0), answer) ? 0 : 1;
}

void Run(Load& load) {
  if (load.options().stream) {
    RunStreams(load);
  } else if (load.options().rate > 0) {
    RunOpenLoop(load);
  } else {
    RunClosedLoop(load);
  }
}

void Print(const Load& load, double client_seconds,
           const std::optional<ProcessUse>& before,
           const std::optional<ProcessUse>& after) {
  const Counts& counts = load.counts;
  const auto microseconds = [](double nanoseconds) {
    return nanoseconds / 1e3;
  };
  const auto calls = static_cast<double>(std::max<uint64_t>(1, counts.done));
  std::printf(
      "{\"calls\":%llu,\"good\":%llu,\"calls_per_second\":%.1f,"
      "\"mismatches\":%llu,\"unanswered\":%llu,\"errors\":{",
      static_cast<unsigned long long>(counts.done),
      static_cast<unsigned long long>(counts.latency.count()),
      static_cast<double>(counts.latency.count()) / load.options().duration,
      static_cast<unsigned long long>(counts.mismatches),
      static_cast<unsigned long long>(counts.unanswered));
  const char* separator = "";
  for (size_t i = 1; i < counts.codes.size(); ++i) {
    if (counts.codes[i] == 0) continue;
    std::printf("%s\"%s\":%llu", separator, kCodes[i],
                static_cast<unsigned long long>(counts.codes[i]));
    separator = ",";
  }
  std::printf(
      "},\"first_error\":%s,\"latency_us\":{\"p50\":%.2f,\"p90\":%.2f,"
      "\"p99\":%.2f,\"p99.9\":%.2f,\"max\":%.2f},\"send_lag_us\":"
      "{\"p50\":%.2f,\"p99\":%.2f},\"client_cpu_us_per_call\":%.3f",
      Quote(counts.first_error).c_str(),
      microseconds(counts.latency.Quantile(0.5)),
      microseconds(counts.latency.Quantile(0.9)),
      microseconds(counts.latency.Quantile(0.99)),
      microseconds(counts.latency.Quantile(0.999)),
      microseconds(counts.latency.max()),
      microseconds(counts.send_lag.Quantile(0.5)),
      microseconds(counts.send_lag.Quantile(0.99)),
      client_seconds * 1e6 / calls);
  if (before && after) {
    std::printf(
        ",\"server_cpu_us_per_call\":%.3f,\"server_cpu_seconds\":%.3f,"
        "\"server_resident_mib\":%.1f",
        (after->cpu_seconds - before->cpu_seconds) * 1e6 / calls,
        after->cpu_seconds - before->cpu_seconds, after->resident_mib);
  }
  std::printf("}\n");
}

int Measure(Load& load) {
  const Options& options = load.options();
  std::thread runner([&load] { Run(load); });
  SleepUntil(Now() + static_cast<Nanoseconds>(options.warmup * 1e9));
  const auto before = ReadUse(options.server_pid);
  const double client_before = ClientCpuSeconds();
  const Nanoseconds begin = Now();
  const Nanoseconds end =
      begin + static_cast<Nanoseconds>(options.duration * 1e9);
  load.measurement.end = end;
  load.measurement.begin = begin;
  SleepUntil(end);
  const auto after = ReadUse(options.server_pid);
  const double client_after = ClientCpuSeconds();
  load.measurement.is_over = true;
  runner.join();
  Print(load, client_after - client_before, before, after);
  const Counts& counts = load.counts;
  uint64_t bad = counts.mismatches + counts.unanswered;
  for (size_t i = 1; i < counts.codes.size(); ++i) bad += counts.codes[i];
  return bad == 0 && counts.latency.count() > 0 ? 0 : 1;
}

}  // namespace
}  // namespace grpcload

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const grpcload::Options options = grpcload::ParseCommandLine(argc, argv);
  grpcload::Load load(options);
  return options.once.empty() ? grpcload::Measure(load)
                              : grpcload::CallOnce(load);
}
