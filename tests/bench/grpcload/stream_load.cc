// Bidirectional streams: each keeps so many messages in flight; answers are
// taken to come in the order of the requests.

#include <grpcpp/completion_queue.h>

#include <chrono>
#include <deque>
#include <utility>

#include "tests/bench/grpcload/load.h"

namespace grpcload {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

class Stream {
 public:
  Stream(Load& load, grpc::CompletionQueue& queue, size_t number)
      : load_(load), request_(number) {
    load.Prepare(context_);
    stream_ =
        load.stub(number).PrepareCall(&context_, load.options().method, &queue);
    stream_->StartCall(&start_);
  }

  // What happened; is given back by the queue.
  struct Tag {
    Stream* stream;
    void (Stream::*proceed)(bool ok);
  };

  bool is_over() const { return is_over_; }
  void Cancel() { context_.TryCancel(); }

 private:
  void Started(bool ok) {
    if (!ok) {
      stream_->Finish(&status_, &finish_);
      return;
    }
    stream_->Read(&answer_, &read_);
    Write();
  }

  void Written(bool ok) {
    is_writing_ = false;
    if (ok) Write();
  }

  void Write() {
    if (is_writing_ || is_closing_) return;
    if (load_.measurement.is_over.load(std::memory_order_relaxed)) {
      if (!sent_.empty()) return;
      is_closing_ = true;
      stream_->WritesDone(&writes_done_);
      return;
    }
    if (static_cast<int>(sent_.size()) >= load_.options().window) return;
    const Payload& payload = load_.payload(request_++);
    sent_.emplace_back(Now(), &payload);
    is_writing_ = true;
    stream_->Write(payload.request, &write_);
  }

  void Read(bool ok) {
    if (!ok) {
      stream_->Finish(&status_, &finish_);
      return;
    }
    if (sent_.empty()) {
      ++load_.counts.mismatches;
    } else {
      const auto [sent, payload] = sent_.front();
      sent_.pop_front();
      Count(sent, *payload);
    }
    answer_.Clear();
    stream_->Read(&answer_, &read_);
    Write();
  }

  void Count(Nanoseconds sent, const Payload& payload) {
    const Nanoseconds now = Now();
    if (!load_.measurement.Includes(now)) return;
    ++load_.counts.done;
    if (!IsAsExpected(payload, answer_)) {
      ++load_.counts.mismatches;
      return;
    }
    load_.counts.latency.Record(now - sent);
  }

  void WritesDone(bool /*ok*/) {}

  void Finished(bool /*ok*/) {
    is_over_ = true;
    load_.counts.AddStatus(status_);
    load_.counts.unanswered += sent_.size();
  }

  Load& load_;
  size_t request_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  grpc::ByteBuffer answer_;
  grpc::Status status_;
  std::deque<std::pair<Nanoseconds, const Payload*>> sent_;
  bool is_writing_ = false;
  bool is_closing_ = false;
  bool is_over_ = false;
  Tag start_ = {this, &Stream::Started};
  Tag write_ = {this, &Stream::Written};
  Tag read_ = {this, &Stream::Read};
  Tag writes_done_ = {this, &Stream::WritesDone};
  Tag finish_ = {this, &Stream::Finished};
};

}  // namespace

void RunStreams(Load& load) {
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < load.options().concurrency; ++i) {
    streams.push_back(
        std::make_unique<Stream>(load, queue, static_cast<size_t>(i)));
  }
  size_t open = streams.size();
  void* tag = nullptr;
  bool ok = false;
  while (open > 0) {
    const auto got = queue.AsyncNext(
        &tag, &ok, std::chrono::system_clock::now() + kPatience);
    if (got != grpc::CompletionQueue::GOT_EVENT) break;
    const auto* const event = static_cast<Stream::Tag*>(tag);
    (event->stream->*event->proceed)(ok);
    if (event->stream->is_over()) --open;
  }
  load.counts.unanswered += open;
  for (const auto& stream : streams) {
    if (!stream->is_over()) stream->Cancel();
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
}

}  // namespace grpcload
