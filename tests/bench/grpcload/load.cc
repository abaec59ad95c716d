#include "tests/bench/grpcload/load.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>

namespace grpcload {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Die("cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const Options& options) {
  if (options.tls_ca.empty()) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({.pem_root_certs = ReadFile(options.tls_ca)});
}

std::shared_ptr<grpc::Channel> Connect(const Options& options, int number) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1);
  arguments.SetInt("grpcload.connection", number);
  if (!options.tls_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls_name);
  }
  auto channel = grpc::CreateCustomChannel(options.target, Credentials(options),
                                           arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() +
                                 std::chrono::seconds(10))) {
    Die("cannot connect to " + options.target);
  }
  return channel;
}

}  // namespace

Nanoseconds Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void SleepUntil(Nanoseconds time) {
  const timespec until = {time / 1'000'000'000, time % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) ==
         EINTR) {
  }
}

void Counts::AddStatus(const grpc::Status& status) {
  const auto code = static_cast<size_t>(status.error_code());
  ++codes[std::min(code, codes.size() - 1)];
  if (!status.ok() && first_error.empty()) first_error = status.error_message();
}

Load::Load(const Options& options) : options_(options) {
  for (size_t i = 0; i < options.requests.size(); ++i) {
    const grpc::Slice slice(ReadFile(options.requests[i]));
    Payload payload = {.request = grpc::ByteBuffer(&slice, 1)};
    if (!options.contains.empty()) {
      payload.contains =
          ReadFile(options.contains[options.contains.size() == 1 ? 0 : i]);
    }
    payloads_.push_back(std::move(payload));
  }
  for (int i = 0; i < options.connections; ++i) {
    stubs_.push_back(std::make_unique<grpc::GenericStub>(Connect(options, i)));
  }
}

void Load::Prepare(grpc::ClientContext& context) const {
  for (const auto& [key, value] : options_.headers) {
    context.AddMetadata(key, value);
  }
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Dump(&slices).ok()) return text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

bool IsAsExpected(const Payload& payload, const grpc::ByteBuffer& answer) {
  if (payload.contains.empty()) return true;
  grpc::Slice slice;
  if (!answer.TrySingleSlice(&slice).ok()) {
    return ToString(answer).find(payload.contains) != std::string::npos;
  }
  const std::string_view text(reinterpret_cast<const char*>(slice.begin()),
                              slice.size());
  return text.find(payload.contains) != std::string_view::npos;
}

}  // namespace grpcload
