// The ruler of the benchmarks: the least that a gRPC C++ server does for a
// call.  Asynchronous API, one completion queue, one thread, calls posted ahead
// and reused; libraries as they come, nothing decided.
//   echo_server ADDRESS [CERTIFICATE KEY]

#include <grpcpp/grpcpp.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "echo.grpc.pb.h"

namespace pdp::bench {
namespace {

constexpr int kUnaryCalls = 256;
constexpr int kOtherCalls = 8;

void Answer(const CheckRequest& request, CheckResponse& response) {
  response.set_allowed(request.action() == "read");
  response.set_decision_id("7b0d6d0c-4f0e-4f7a-9d55-1c8e2f4b9a10");
  response.set_policy_version(42);
  response.set_reason("rule-7");
}

void Answer(const BatchCheckRequest& request, BatchCheckResponse& response) {
  response.mutable_items()->Reserve(request.items_size());
  for (const CheckRequest& item : request.items()) {
    Answer(item, *response.add_items());
  }
}

class Tag {
 public:
  virtual void Proceed(bool ok) = 0;

 protected:
  ~Tag() = default;
};

template <typename Request, typename Response>
class UnaryCall final : public Tag {
 public:
  using Post = void (Echo::AsyncService::*)(
      grpc::ServerContext*, Request*,
      grpc::ServerAsyncResponseWriter<Response>*, grpc::CompletionQueue*,
      grpc::ServerCompletionQueue*, void*);

  UnaryCall(Echo::AsyncService& service, grpc::ServerCompletionQueue& queue,
            Post post)
      : service_(service), queue_(queue), post_(post) {
    Recycle();
  }

  void Proceed(bool ok) override {
    if (is_finishing_) {
      Recycle();
      return;
    }
    if (!ok) return;
    Answer(request_, response_);
    is_finishing_ = true;
    writer_->Finish(response_, grpc::Status::OK, static_cast<Tag*>(this));
  }

 private:
  void Recycle() {
    is_finishing_ = false;
    writer_.reset();
    context_.emplace();
    writer_.emplace(&*context_);
    request_.Clear();
    response_.Clear();
    (service_.*post_)(&*context_, &request_, &*writer_, &queue_, &queue_,
                      static_cast<Tag*>(this));
  }

  Echo::AsyncService& service_;
  grpc::ServerCompletionQueue& queue_;
  const Post post_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<Response>> writer_;
  Request request_;
  Response response_;
  bool is_finishing_ = false;
};

class StreamCall final : public Tag {
 public:
  StreamCall(Echo::AsyncService& service, grpc::ServerCompletionQueue& queue)
      : service_(service), queue_(queue), stream_(&context_) {
    service_.RequestCheckStream(&context_, &stream_, &queue_, &queue_,
                                static_cast<Tag*>(this));
  }

  void Proceed(bool ok) override {
    switch (state_) {
      case State::kPosted:
        if (!ok) {
          delete this;
          return;
        }
        new StreamCall(service_, queue_);
        Read();
        return;
      case State::kReading:
        if (!ok) {
          Finish();
          return;
        }
        Answer(request_, response_);
        state_ = State::kWriting;
        stream_.Write(response_, static_cast<Tag*>(this));
        return;
      case State::kWriting:
        ok ? Read() : Finish();
        return;
      case State::kFinishing:
        delete this;
    }
  }

 private:
  enum class State { kPosted, kReading, kWriting, kFinishing };

  void Read() {
    state_ = State::kReading;
    stream_.Read(&request_, static_cast<Tag*>(this));
  }
  void Finish() {
    state_ = State::kFinishing;
    stream_.Finish(grpc::Status::OK, static_cast<Tag*>(this));
  }

  Echo::AsyncService& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<CheckResponse, CheckRequest> stream_;
  CheckRequest request_;
  CheckResponse response_;
  State state_ = State::kPosted;
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

int Serve(const std::string& address,
          const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, credentials, &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(-1);
  Echo::AsyncService service;
  builder.RegisterService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fprintf(stderr, "echo_server: cannot listen on %s\n", address.c_str());
    return 1;
  }
  std::printf("%d\n", port);
  std::fflush(stdout);
  for (int i = 0; i < kUnaryCalls; ++i) {
    new UnaryCall<CheckRequest, CheckResponse>(
        service, *queue, &Echo::AsyncService::RequestCheck);
  }
  for (int i = 0; i < kOtherCalls; ++i) {
    new UnaryCall<BatchCheckRequest, BatchCheckResponse>(
        service, *queue, &Echo::AsyncService::RequestBatchCheck);
    new StreamCall(service, *queue);
  }
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<Tag*>(tag)->Proceed(ok);
  return 0;
}

}  // namespace
}  // namespace pdp::bench

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    std::fprintf(stderr, "usage: echo_server ADDRESS [CERTIFICATE KEY]\n");
    return 2;
  }
  auto credentials = grpc::InsecureServerCredentials();
  if (argc == 4) {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back(
        {pdp::bench::ReadFile(argv[3]), pdp::bench::ReadFile(argv[2])});
    credentials = grpc::SslServerCredentials(options);
  }
  return pdp::bench::Serve(argv[1], credentials);
}
