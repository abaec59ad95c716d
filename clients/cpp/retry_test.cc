#include "clients/cpp/retry.h"

#include <gtest/gtest.h>

#include "absl/random/random.h"
#include "clients/cpp/status.h"

namespace medplum_pdp {
namespace {

TEST(RetryTest, OnlyWhatAnotherTryMayMend) {
  struct Case {
    const char* name;
    absl::Status status;
    bool may_retry;
  };
  const Case kCases[] = {
      {"ServerAway", absl::UnavailableError("connection refused"), true},
      {"Draining", absl::UnavailableError("the server is stopping"), true},
      {"Stopped", absl::CancelledError("CANCELLED"), true},
      {"Stale", absl::UnavailableError("STALE: 90 s behind"), false},
      {"Refused", absl::UnavailableError("CREDENTIALS_REFUSED: x"), false},
      {"Gone", absl::UnavailableError("PROJECT_GONE: x"), false},
      {"Missing", absl::UnavailableError("ACCESS_MISSING: x"), false},
      {"Unaudited", absl::UnavailableError("AUDIT_UNAVAILABLE: x"), false},
      {"Overload", absl::ResourceExhaustedError("x"), false},
      {"TooLate", absl::DeadlineExceededError("x"), false},
      {"Malformed", absl::InvalidArgumentError("x"), false},
      {"Fault", absl::InternalError("x"), false},
      {"Answered", absl::OkStatus(), false},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(MayRetry(c.status), c.may_retry);
  }
}

TEST(RetryTest, TheBudgetIsTenAndATenthOfASuccess) {
  RetryBudget budget;
  budget.Return();  // Not more than ten.
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.Take()) << i;
  EXPECT_FALSE(budget.Take());
  for (int i = 0; i < 9; ++i) budget.Return();
  EXPECT_FALSE(budget.Take());
  budget.Return();
  EXPECT_TRUE(budget.Take());
  EXPECT_FALSE(budget.Take());
}

TEST(RetryTest, TheWaitIsAtRandom) {
  absl::InsecureBitGen random;
  absl::Duration least = absl::InfiniteDuration();
  absl::Duration most;
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration wait = RetryWait(random);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_GE(least, absl::Milliseconds(10));
  EXPECT_LT(least, absl::Milliseconds(20));
  EXPECT_LE(most, absl::Milliseconds(50));
  EXPECT_GT(most, absl::Milliseconds(40));
}

TEST(StatusTest, WhatIsSaidOfTheCallerIsNoDenial) {
  for (const int code : {7, 16}) {
    const absl::Status status = FromGrpc(code, "who are you");
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  }
  EXPECT_EQ(FromGrpc(7, "who are you").message(),
            "PERMISSION_DENIED: who are you");
  EXPECT_EQ(FromGrpc(16, "").message(), "UNAUTHENTICATED: ");
  EXPECT_TRUE(absl::IsUnavailable(FromGrpc(14, "away")));
  EXPECT_TRUE(absl::IsUnknown(FromGrpc(99, "new")));
  EXPECT_TRUE(absl::IsUnknown(FromGrpc(-1, "odd")));
  EXPECT_TRUE(FromGrpc(0, "").ok());
}

TEST(StatusTest, AnErrorOfAnItemIsNeverOk) {
  EXPECT_TRUE(absl::IsInternal(ItemStatus({})));
}

}  // namespace
}  // namespace medplum_pdp
