#include "pdp/service/listen_address.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "pdp/base/strings.h"

namespace pdp::service {
namespace {

TEST(ListenAddressTest, TakesLoopbackAndUnix) {
  struct Case {
    const char* text;
    const char* printed;
  };
  const Case kCases[] = {{"127.0.0.1:8990", "127.0.0.1:8990"},
                         {"127.1.2.3:0", "127.1.2.3:0"},
                         {"localhost:65535", "127.0.0.1:65535"},
                         {"[::1]:80", "[::1]:80"},
                         {"unix:/run/pdp.sock", "unix:/run/pdp.sock"},
                         {"unix:relative.sock", "unix:relative.sock"}};
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.text);
    const auto address = ParseListenAddress(c.text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->ToString(), c.printed);
  }
}

TEST(ListenAddressTest, RefusesEverythingElse) {
  const char* const kTexts[] = {"",
                                "8990",
                                "127.0.0.1",
                                "127.0.0.1:",
                                ":8990",
                                "127.0.0.1:x",
                                "127.0.0.1:-1",
                                "127.0.0.1:65536",
                                "0.0.0.0:1",
                                "[::]:1",
                                "10.0.0.1:1",
                                "128.0.0.1:1",
                                "::1:1",
                                "[::1]",
                                "example.org:1",
                                "[::ffff:127.0.0.1]:1",
                                "*:1",
                                "unix:",
                                "127.1:1",
                                "dns:///localhost:1",
                                "127.0.0.1 :1",
                                "localhost.:1",
                                "unix-abstract:x",
                                "[127.0.0.1:1"};
  for (const char* const text : kTexts) {
    EXPECT_EQ(ParseListenAddress(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(ListenAddressTest, RefusesAPathThatNoSocketCanHave) {
  EXPECT_FALSE(ParseListenAddress("unix:" + std::string(200, 'a')).ok());
}

int BindUnix(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  EXPECT_EQ(listen(fd, 1), 0);
  return fd;
}

TEST(ClearStaleSocketTest, RemovesOnlyWhatNobodyServes) {
  const std::string path = StrCat("/tmp/pdp-stale-test-", getpid());
  EXPECT_EQ(ClearStaleSocket(path), absl::OkStatus());

  const int fd = BindUnix(path);
  EXPECT_EQ(ClearStaleSocket(path).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::exists(path));
  close(fd);
  EXPECT_EQ(ClearStaleSocket(path), absl::OkStatus());
  EXPECT_FALSE(std::filesystem::exists(path));

  std::ofstream(path) << "a file";
  EXPECT_EQ(ClearStaleSocket(path),
            absl::FailedPreconditionError(
                StrCat("`", path,
                       "` exists and is not a socket; remove it or "
                       "choose another path")));
  EXPECT_TRUE(std::filesystem::exists(path));
  unlink(path.c_str());
}

}  // namespace
}  // namespace pdp::service
