#include "bench/measure/http_load.hpp"

#include <array>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace perkline::bench {
namespace {

constexpr std::chrono::seconds patience{20};

/// Listens on a free port of loopback. Clients are connected before it takes them in, so that one thread is
/// enough.
class Listener {
 public:
  Listener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(fd_, 8);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { ::close(fd_); }
  std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  /// A client, once what it asks has come.
  int accept_request() const {
    const int client = ::accept(fd_, nullptr, nullptr);
    std::string asked;
    while (!asked.ends_with("\r\n\r\n")) {
      std::array<char, 512> piece{};
      const ssize_t count = ::recv(client, piece.data(), piece.size(), 0);
      if (count <= 0) break;
      asked.append(piece.data(), static_cast<std::size_t>(count));
    }
    return client;
  }

 private:
  int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

void say(int client, std::string_view text) {
  ASSERT_EQ(::send(client, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

/// Reads a wallet, and takes 200 alone.
class WalletScript final : public HttpScript {
 public:
  std::vector<std::string> kinds() const override { return {"balance"}; }
  std::size_t next(std::size_t, std::string& request) override {
    append_get(request, "/wallet", "");
    return 0;
  }
  bool answered(std::size_t, int status, std::string_view body) override {
    heard = body;
    return status == 200;
  }
  std::string heard;
};

class BenchHttpLoad : public ::testing::Test {
 protected:
  void SetUp() override {
    auto load = HttpLoad::connect({.port = listener.port(), .connections = 1}, script);
    ASSERT_TRUE(load) << load.error().detail;
    load_ = std::move(*load);
    ASSERT_TRUE(load_->begin(0));
    client = listener.accept_request();
  }
  void TearDown() override { ::close(client); }
  std::vector<Ended> poll() {
    std::vector<Ended> ended;
    const auto polled = load_->poll(patience, ended);
    EXPECT_TRUE(polled);
    return ended;
  }

  Listener listener;
  WalletScript script;
  std::unique_ptr<HttpLoad> load_;
  int client = -1;
};

TEST_F(BenchHttpLoad, AnswerInPiecesEndsWithTheLast) {
  for (const std::string_view piece : {"HTTP/1.1 200 OK\r\nConte", "nt-Length: 5\r\n\r\n", "ab"}) {
    say(client, piece);
    EXPECT_TRUE(poll().empty());
  }
  say(client, "cde");
  const auto ended = poll();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_TRUE(ended[0].ok);
  EXPECT_EQ(script.heard, "abcde");
  EXPECT_EQ(load_->complaint(), "");
}

TEST_F(BenchHttpLoad, LessThanAMillisecondIsWaitedForAsWell) {
  std::vector<Ended> ended;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(load_->poll(std::chrono::microseconds(700), ended));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::microseconds(7'000));
  EXPECT_TRUE(ended.empty());
}

TEST_F(BenchHttpLoad, WrongAnswerHasFailedAndTheFirstIsTold) {
  say(client, "HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\noops");
  auto ended = poll();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_FALSE(ended[0].ok);
  ASSERT_TRUE(load_->begin(0));
  say(client, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  ended = poll();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_FALSE(ended[0].ok);
  EXPECT_EQ(load_->complaint(), "balance was answered 500: oops");
}

TEST_F(BenchHttpLoad, ClosedConnectionHasFailedAndIsMadeAnew) {
  ::close(client);
  client = -1;
  auto ended = poll();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_FALSE(ended[0].ok);
  EXPECT_EQ(load_->complaint(), "balance: the server closed the connection");
  ASSERT_TRUE(load_->begin(0));
  client = listener.accept_request();
  say(client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  ended = poll();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_TRUE(ended[0].ok);
}

}  // namespace
}  // namespace perkline::bench
