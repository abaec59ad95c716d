#include "pdp/service/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace pdp::service {
namespace {

TEST(WorkerTest, RefusesWhatDoesNotFit) {
  std::promise<void> began;
  std::promise<void> end;
  std::atomic<int> ran = 0;
  Worker worker(/*max_queued=*/1);
  EXPECT_TRUE(worker.Offer([&] {
    began.set_value();
    end.get_future().wait();
  }));
  began.get_future().wait();
  EXPECT_TRUE(worker.Offer([&] { ++ran; }));
  EXPECT_FALSE(worker.Offer([&] { ++ran; }));
  end.set_value();
}

}  // namespace
}  // namespace pdp::service
