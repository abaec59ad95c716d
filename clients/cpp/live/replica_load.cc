// Asks several servers of the sample clinic as fast as it can, and looks at
// every answer, until its input ends.
//
// usage: replica_load TARGET
//
// Prints a line of JSON for each 500 answers: of how many of them there was no
// decision, and of how many ever the answer was wrong.  The last line also says
// how many were asked and never answered.

#include <atomic>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "medplum_pdp/check_stream.h"
#include "medplum_pdp/client.h"

namespace {

namespace v1 = medplum_pdp::v1;
using medplum_pdp::CheckStream;
using medplum_pdp::Client;
using medplum_pdp::Decision;

constexpr int kOfLine = 500;
constexpr int kThreads = 4;
constexpr int kStreams = 2;
constexpr int kInFlight = 20;  // Of each stream.

v1::CheckRequest Question(bool is_permitted) {
  v1::CheckRequest request;
  request.mutable_subject()->set_reference(
      "ProjectMembership/13000001-0000-4000-8000-000000000020");
  request.set_interaction(v1::INTERACTION_READ);
  request.mutable_resource()->set_type("Patient");
  request.mutable_resource()->set_id(
      is_permitted ? "20000001-0000-4000-8000-000000000001"
                   : "20000002-0000-4000-8000-000000000001");
  return request;
}

// Counts answers.  Thread-safe.
class Tally {
 public:
  void Ask() { ++open_; }

  void Take(const Decision& decision, bool is_permitted) {
    --open_;
    const std::lock_guard lock(mutex_);
    const bool is_right =
        is_permitted ? decision.permitted() : decision.denied();
    if (decision.no_decision()) {
      ++without_;
    } else if (!is_right) {
      ++wrong_;
    }
    if (++answers_ % kOfLine != 0) return;
    Print();
    without_ = 0;
  }

  void Finish() {
    const std::lock_guard lock(mutex_);
    Print();
  }

 private:
  void Print() const {
    std::cout << "{\"answers\":" << answers_ << ",\"no_decision\":" << without_
              << ",\"wrong\":" << wrong_ << ",\"open\":" << open_ << "}"
              << std::endl;
  }

  std::atomic<int> open_{0};
  std::mutex mutex_;
  int answers_ = 0;
  int without_ = 0;
  int wrong_ = 0;
};

// One check by the stream after another, until `is_ending`.
void Pump(CheckStream& stream, Tally& tally, const std::atomic<bool>& is_ending,
          bool is_permitted) {
  if (is_ending) return;
  tally.Ask();
  stream.Check(
      Question(is_permitted),
      [&stream, &tally, &is_ending, is_permitted](const Decision& decision) {
        tally.Take(decision, is_permitted);
        // Not at once where there is no server to ask.
        if (decision.no_decision()) {
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        Pump(stream, tally, is_ending, !is_permitted);
      });
}

}  // namespace

int main(int, char** argv) {
  const auto client = Client::Create(
      {.target = argv[1], .plaintext = true, .timeout = absl::Seconds(10)});
  if (!client.ok()) {
    std::cerr << client.status() << "\n";
    return 2;
  }
  Tally tally;
  std::atomic<bool> is_ending = false;
  std::vector<std::unique_ptr<CheckStream>> streams;
  for (int i = 0; i < kStreams; ++i) {
    streams.push_back((*client)->OpenCheckStream());
    for (int j = 0; j < kInFlight; ++j) {
      Pump(*streams.back(), tally, is_ending, j % 2 == 0);
    }
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (bool is_permitted = true; !is_ending; is_permitted = !is_permitted) {
        tally.Ask();
        tally.Take((*client)->Check(Question(is_permitted)), is_permitted);
      }
    });
  }
  for (std::string line; std::getline(std::cin, line);) continue;
  is_ending = true;
  for (std::thread& thread : threads) thread.join();
  streams.clear();
  tally.Finish();
  return 0;
}
