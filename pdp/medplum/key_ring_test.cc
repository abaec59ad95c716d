#include "pdp/medplum/key_ring.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/fake_clock.h"
#include "tests/support/test_keys.h"

namespace pdp::medplum {
namespace {

using pdp::testing::KeySetOf;
using pdp::testing::TestKey;

class FakeIssuer final : public TokenApi {
 public:
  absl::StatusOr<KeySet> FetchKeys() override {
    if (!status.ok()) return status;
    return ParseKeySet(KeySetOf(jwks));
  }
  absl::StatusOr<LoginInfo> WhoIs(std::string_view, std::string_view) override {
    return absl::InternalError("not asked");
  }
  void Stop() override {}

  absl::Status status;
  std::vector<std::string> jwks = {TestKey::Ec("P-256").Jwk("k1")};
};

class KeyRingTest : public ::testing::Test {
 protected:
  bool Has(std::string_view key_id) {
    return ring_.Find(key_id).key.has_value();
  }

  FakeClock clock_;
  FakeIssuer issuer_;
  KeyRing ring_{issuer_, absl::Seconds(30), clock_};
};

TEST_F(KeyRingTest, FetchesOnceForManyTokens) {
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Has("k1"));
  EXPECT_EQ(ring_.fetches(), 1u);
}

TEST_F(KeyRingTest, ANewKeyIsFoundOnceItMayBeAskedFor) {
  EXPECT_TRUE(Has("k1"));
  issuer_.jwks.push_back(TestKey::Ec("P-384").Jwk("k2"));
  EXPECT_FALSE(Has("k2"));
  clock_.Advance(absl::Seconds(30));
  EXPECT_TRUE(Has("k2"));
  EXPECT_TRUE(Has("k1"));
  EXPECT_EQ(ring_.fetches(), 2u);
}

TEST_F(KeyRingTest, UnknownKeysAreAskedForAtALimitedRate) {
  for (int i = 0; i < 100; ++i) {
    const KeyRing::Found found = ring_.Find(StrCat("nobody's-", i));
    EXPECT_FALSE(found.key);
    EXPECT_EQ(found.status, absl::OkStatus());
    EXPECT_LE(found.holds, absl::Seconds(30));
  }
  EXPECT_EQ(ring_.fetches(), 1u);
  for (int second = 0; second < 60; ++second) {
    clock_.Advance(absl::Seconds(1));
    EXPECT_FALSE(Has("nobody's"));
  }
  EXPECT_EQ(ring_.fetches(), 3u);
}

TEST_F(KeyRingTest, AFetchThatFailedIsNoAnswer) {
  issuer_.status = absl::UnavailableError("away");
  const KeyRing::Found found = ring_.Find("k1");
  EXPECT_FALSE(found.key);
  EXPECT_EQ(found.status, issuer_.status);
  issuer_.status = absl::OkStatus();
  EXPECT_FALSE(Has("k1"));  // It is not asked again at once.
  clock_.Advance(KeyRing::kRetryInterval);
  EXPECT_TRUE(Has("k1"));
}

TEST_F(KeyRingTest, KnownKeysServeWhileTheIssuerIsAway) {
  EXPECT_TRUE(Has("k1"));
  issuer_.status = absl::UnavailableError("away");
  clock_.Advance(KeyRing::kMaxAge + absl::Seconds(1));
  EXPECT_TRUE(Has("k1"));
}

TEST_F(KeyRingTest, AKeyThatWasWithdrawnIsForgotten) {
  EXPECT_TRUE(Has("k1"));
  issuer_.jwks = {TestKey::Ec("P-256").Jwk("k2")};
  clock_.Advance(KeyRing::kMaxAge + absl::Seconds(1));
  EXPECT_FALSE(Has("k1"));
  EXPECT_TRUE(Has("k2"));
}

}  // namespace
}  // namespace pdp::medplum
