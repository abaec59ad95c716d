// Access tokens whose members a test says.

#ifndef PDP_SERVICE_TOKEN_TEST_SUPPORT_H_
#define PDP_SERVICE_TOKEN_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/policy/access_tokens.h"

namespace pdp::service {

class FakeTokens final : public policy::AccessTokens {
 public:
  policy::TokenAnswer Find(std::string_view token) override {
    const auto found = answers.find(token);
    return found == answers.end() ? policy::TokenAnswer() : found->second;
  }
  void Resolve(std::string, bool,
               std::function<void(const absl::Status&)>) override {
    FAIL() << "a decision resolves nothing itself";
  }

  policy::TokenStatistics statistics() const override { return {}; }

  std::map<std::string, policy::TokenAnswer, std::less<>> answers;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_TOKEN_TEST_SUPPORT_H_
