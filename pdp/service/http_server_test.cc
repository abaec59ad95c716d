#include "pdp/service/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// What the server sends back to `request`, which must end the connection.
std::string Http(const HttpServer& server, const std::string& request,
                 bool half_close = false) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(server.address().port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  EXPECT_EQ(send(fd, request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  if (half_close) shutdown(fd, SHUT_WR);
  std::string response;
  char buffer[4096];
  ssize_t count;
  while ((count = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
    response.append(buffer, static_cast<size_t>(count));
  }
  close(fd);
  return response;
}

std::string Get(const HttpServer& server, const std::string& path,
                const std::string& method = "GET") {
  return Http(server, method + " " + path +
                          " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
}

std::unique_ptr<HttpServer> StartHttp(const std::atomic<bool>& ready) {
  auto server = HttpServer::Start(
      *ParseListenAddress("127.0.0.1:0"),
      {{"/livez", [] { return HttpResponse{.body = "live\n"}; }},
       {"/readyz", [&] {
          return ready ? HttpResponse{.body = "ready\n"}
                       : HttpResponse{.status = 503, .body = "not ready\n"};
        }}});
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

TEST(HttpServerTest, ServesItsPagesAndNothingElse) {
  std::atomic<bool> ready = false;
  const auto server = StartHttp(ready);
  EXPECT_THAT(Get(*server, "/livez"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(Get(*server, "/livez"), HasSubstr("\r\n\r\nlive\n"));
  EXPECT_THAT(Get(*server, "/readyz"),
              StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  ready = true;
  EXPECT_THAT(Get(*server, "/readyz"), StartsWith("HTTP/1.1 200 OK\r\n"));

  EXPECT_THAT(Get(*server, "/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get(*server, "/livez/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get(*server, "/../../../etc/passwd"),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get(*server, "/livez", "POST"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Get(*server, "/livez", "HEAD"), Not(HasSubstr("live\n")));
  EXPECT_THAT(Http(*server, "nonsense\r\n\r\n"), HasSubstr(" 400 Bad Request"));
}

TEST(HttpServerTest, ATakenPortIsRefused) {
  std::atomic<bool> ready = true;
  const auto server = StartHttp(ready);
  const auto second = HttpServer::Start(server->address(), {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
}

// A server that answers a POST to /hook with what it was sent.
std::unique_ptr<HttpServer> StartPosts(std::atomic<int>& posts) {
  auto server = HttpServer::Start(
      *ParseListenAddress("127.0.0.1:0"),
      {{"/livez", [] { return HttpResponse{.body = "live\n"}; }}},
      {{"/hook/a", [&](const HttpRequest& request) {
          ++posts;
          return HttpResponse{
              .status = request.body == "refuse" ? 401 : 200,
              .body = request.path + "|" +
                      std::string(request.Header("x-signature")) + "|" +
                      std::string(request.Header("X-None")) + "|" +
                      std::to_string(request.body.size()) + "|" +
                      request.body.substr(0, 20)};
        }}});
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

std::string Post(const HttpServer& server, const std::string& path,
                 const std::string& body, const std::string& headers = "") {
  return Http(server, "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + headers +
                          "Connection: close\r\nContent-Length: " +
                          std::to_string(body.size()) + "\r\n\r\n" + body);
}

TEST(HttpServerTest, APostIsHandedOnWhole) {
  std::atomic<int> posts = 0;
  const auto server = StartPosts(posts);
  const std::string bytes("{\"a\":\0\xff}", 8);
  const std::string answer =
      Post(*server, "/hook/a?x=1", bytes, "X-SIGNATURE: abc\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n/hook/a|abc||8|" + bytes));
  EXPECT_THAT(Post(*server, "/hook/a", ""), HasSubstr("/hook/a|||0|"));
  EXPECT_THAT(Post(*server, "/hook/a", "refuse"),
              StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_EQ(posts, 3);
}

TEST(HttpServerTest, OnlyPostIsServedWhereItIsPosted) {
  std::atomic<int> posts = 0;
  const auto server = StartPosts(posts);
  EXPECT_THAT(Get(*server, "/hook/a"), HasSubstr("\r\nAllow: POST\r\n"));
  EXPECT_THAT(Get(*server, "/hook/a", "PUT"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Post(*server, "/livez", "x"),
              HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  for (const char* const path :
       {"/hook", "/hook/", "/hook/a/", "/hook/b", "/"}) {
    EXPECT_THAT(Post(*server, path, "x"), StartsWith("HTTP/1.1 404 ")) << path;
  }
  EXPECT_THAT(Get(*server, "/livez"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(posts, 0);
}

TEST(HttpServerTest, BodiesAreTakenUpToTheLimit) {
  std::atomic<int> posts = 0;
  const auto server = StartPosts(posts);
  EXPECT_THAT(
      Post(*server, "/hook/a", std::string(HttpServer::kMaxBodyBytes, 'x')),
      HasSubstr("|4194304|xxx"));
  EXPECT_EQ(posts, 1);
  // The answer arrives although all of it is sent.
  EXPECT_THAT(
      Post(*server, "/hook/a", std::string(HttpServer::kMaxBodyBytes + 1, 'x')),
      StartsWith("HTTP/1.1 413 Payload Too Large\r\n"));
  EXPECT_THAT(Post(*server, "/hook/a", std::string(size_t{32} << 20, 'x')),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(posts, 1);
}

TEST(HttpServerTest, BodiesOfUnknownLengthAreRefused) {
  std::atomic<int> posts = 0;
  const auto server = StartPosts(posts);
  EXPECT_THAT(Http(*server,
                   "POST /hook/a HTTP/1.1\r\nHost: a\r\n"
                   "Connection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 411 "));
  EXPECT_THAT(Http(*server,
                   "POST /hook/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 411 "));
  EXPECT_EQ(posts, 0);
}

TEST(HttpServerTest, BodyThatIsCutShortIsNotHandedOn) {
  std::atomic<int> posts = 0;
  {
    const auto server = StartPosts(posts);
    EXPECT_THAT(Http(*server,
                     "POST /hook/a HTTP/1.1\r\nHost: a\r\n"
                     "Content-Length: 10\r\n\r\nabc",
                     /*half_close=*/true),
                Not(HasSubstr(" 200 ")));
  }
  EXPECT_EQ(posts, 0);
}

TEST(HttpServerTest, AConnectionTakesOnePostAfterTheOther) {
  std::atomic<int> posts = 0;
  const auto server = StartPosts(posts);
  const std::string one =
      "POST /hook/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
  const std::string last =
      "POST /hook/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
      "Content-Length: 1\r\n\r\ny";
  const std::string answers = Http(*server, one + last);
  EXPECT_THAT(answers, HasSubstr("|1|x"));
  EXPECT_THAT(answers, HasSubstr("|1|y"));
  EXPECT_EQ(posts, 2);
}

TEST(HttpServerTest, AQuestionIsItsHeadersAllOfThem) {
  auto server = HttpServer::Start(
      *ParseListenAddress("127.0.0.1:0"), {}, {},
      {{"/ask", [](const HttpRequest& question) {
          return HttpResponse{
              .status = 403,
              .body = std::string(question.Header("x-a")),
              .headers = {{"x-b", question.peer.substr(0, 15)}}};
        }}});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto ask = [&](const std::string& headers,
                       const std::string& body = "") {
    return Http(**server, "POST /ask HTTP/1.1\r\nHost: a\r\n" + headers +
                              "Connection: close\r\n\r\n" + body);
  };
  const std::string answer = ask("X-A: " + std::string(40'000, 'a') + "\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nx-b: ipv4:127.0.0.1:\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\naaaa"));

  std::string many;
  for (int i = 0; i < 61; ++i) many += "X-C: c\r\n";
  EXPECT_THAT(ask(many), StartsWith("HTTP/1.1 403 "));  // 63 headers.
  EXPECT_THAT(ask(many + "X-A: hidden\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(ask(many + many), StartsWith("HTTP/1.1 431 "));

  EXPECT_THAT(ask("Content-Length: 1\r\n", "x"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(ask("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
}

}  // namespace
}  // namespace pdp::service
