#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/medplum/client.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_file.h"

namespace pdp::medplum {
namespace {

constexpr char kBot[] =
    R"({"resourceType":"Bot","id":"b",
        "meta":{"versionId":"1","lastUpdated":"2024-01-01T00:00:00Z"}})";

// Every tenth request ends the token that it came with.
class Server {
 public:
  std::unique_ptr<Client> Connect() const {
    ClientOptions options;
    options.base_url = server_.url();
    options.credentials = {.client_id = "c",
                           .client_secret_file = secret_.path()};
    options.http.max_idle_connections = 2;
    return *Client::Open(std::move(options));
  }

 private:
  ServerAnswer Answer(const ServerRequest& request) {
    if (request.target == "/oauth2/token") {
      return {.body = StrCat(R"({"token_type":"Bearer","expires_in":3600,)",
                             R"("access_token":")", token_.load(), R"("})")};
    }
    const std::string expected = StrCat("Bearer ", token_.load());
    if (++requests_ % 10 == 0) ++token_;
    if (request.headers.at("authorization") != expected) return {.code = 401};
    return {.body = kBot};
  }

  const TempFile secret_{"hunter2"};
  std::atomic<int> token_ = 1;
  std::atomic<int> requests_ = 0;
  ScriptedServer server_{
      [this](const ServerRequest& request) { return Answer(request); }};
};

TEST(ClientConcurrencyTest, ThreadsShareConnectionsAndTokens) {
  Server server;
  const auto client = server.Connect();
  std::atomic<int> found = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 25; ++j) {
        const auto read = client->Read({"Bot", "b"});
        if (read.ok()) {
          ++found;
        } else {
          // The token ended while it was new.
          EXPECT_TRUE(absl::IsUnauthenticated(read.status()));
        }
        (void)client->statistics();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(found, 0);
}

TEST(ClientConcurrencyTest, StopEndsAllThreads) {
  Server server;
  const auto client = server.Connect();
  std::atomic<int> found = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!absl::IsCancelled(client->Read({"Bot", "b"}).status())) ++found;
    });
  }
  while (found < 20) std::this_thread::yield();
  client->Stop();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace pdp::medplum
