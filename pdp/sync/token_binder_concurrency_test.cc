// Many callers of a few tokens.  Runs under ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "pdp/sync/token_binder.h"
#include "tests/support/fake_clock.h"
#include "tests/support/test_keys.h"

namespace pdp::sync {
namespace {

using policy::TokenAnswer;
using State = TokenAnswer::State;

constexpr std::string_view kIssuer = "https://a.example/";
constexpr int kTokens = 12;
constexpr int kCallers = 4;
constexpr int kRounds = 200;

const testing::TestKey& Key() {
  static const testing::TestKey key = testing::TestKey::Ec("P-256");
  return key;
}

// Token i is of ProjectMembership/i, and every third is refused.
class Server final : public medplum::TokenApi {
 public:
  absl::StatusOr<medplum::KeySet> FetchKeys() override {
    return medplum::ParseKeySet(testing::KeySetOf({Key().Jwk("k")}));
  }
  absl::StatusOr<medplum::LoginInfo> WhoIs(
      std::string_view token, std::string_view /*project*/) override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] != token) continue;
      if (i % 3 == 0) return absl::UnauthenticatedError("revoked");
      return medplum::LoginInfo{
          .project = "p",
          .membership = StrCat("ProjectMembership/", i),
          .access_policy =
              R"({"resourceType":"AccessPolicy","resource":[)"
              R"({"resourceType":"SearchParameter","readonly":true},)"
              R"({"resourceType":"StructureDefinition","readonly":true}]})"};
    }
    return absl::UnavailableError("unknown");
  }
  void Stop() override {}

  std::vector<std::string> tokens;
};

TEST(TokenBinderConcurrencyTest, EveryCallerIsToldOfItsOwnToken) {
  FakeClock clock;
  Server server;
  const int64_t now = absl::ToUnixSeconds(clock.Now());
  for (int i = 0; i < kTokens; ++i) {
    server.tokens.push_back(
        Key().Token(R"({"alg":"ES256","kid":"k"})",
                    StrCat(R"({"iss":")", kIssuer, R"(","aud":")", kIssuer,
                           R"(","login_id":"l)", i,
                           R"(","scope":"openid","exp":)", now + 3600, "}")));
  }
  TokenBinderOptions options;
  options.lookup = {.issuer = std::string(kIssuer), .clock = &clock};
  options.max_tokens = kTokens / 2;  // So that some are always forgotten.
  options.threads = 2;
  TokenBinder binder(options, server, nullptr);

  std::atomic<int> bound = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> wrong = 0;
  std::atomic<int> done = 0;
  std::atomic<int> asked = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < kRounds; ++round) {
        const int i = (round + caller) % kTokens;
        const std::string& token = server.tokens[static_cast<size_t>(i)];
        const TokenAnswer answer = binder.Find(token);
        if (answer.state == State::kUnknown) {
          ++asked;
          binder.Resolve(token, round % 5 == 0,
                         [&](const absl::Status&) { ++done; });
        } else if (answer.state == State::kBound) {
          ++bound;
          if (i % 3 == 0 ||
              answer.binding->membership != StrCat("ProjectMembership/", i)) {
            ++wrong;
          }
        } else {
          ++refused;
          if (i % 3 != 0) ++wrong;
        }
        std::this_thread::yield();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  binder.Stop();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(done, asked);  // Also those that Stop ended.
  EXPECT_GT(asked, 0);
  EXPECT_GT(bound + refused, 0);
}

}  // namespace
}  // namespace pdp::sync
