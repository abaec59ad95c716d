#include "pdp/service/worker_refresher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace pdp::service {
namespace {

TEST(WorkerRefresherTest, CallsThatComeMeanwhileShareTheNextReading) {
  std::promise<void> first_began;
  std::promise<void> let_first_end;
  std::atomic<int> readings = 0;
  std::atomic<int> answered = 0;
  std::promise<void> all_answered;
  const auto done = [&](const absl::Status& status) {
    EXPECT_TRUE(status.ok());
    if (++answered == 4) all_answered.set_value();
  };
  WorkerRefresher refresher([&] {
    if (++readings == 1) {
      first_began.set_value();
      let_first_end.get_future().wait();
    }
    return absl::OkStatus();
  });
  refresher.Refresh("", done);
  first_began.get_future().wait();
  for (int i = 0; i < 3; ++i) refresher.Refresh("", done);
  EXPECT_EQ(answered, 0);
  let_first_end.set_value();
  all_answered.get_future().wait();
  EXPECT_EQ(readings, 2);
}

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
