// PostgreSQL over TLS.
#include <array>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "bench/fleet/postgres_server.hpp"
#include "hub/db/postgres_statements.hpp"
#include "hub/db/postgres_wire.hpp"
#include "shared/core/assert.hpp"
#include "tests/contract/hub/database_subject.hpp"
#include "tests/support/test_certificates.hpp"

namespace perkline::test {
namespace {

using hub::db::PostgresWire;
using hub::db::Transaction;

TEST(PostgresTls, ServesOverTlsAloneAndHoldsTheServerToItsCertificate) {
  TestCertificates certificates;
  TestCertificates others;
  const auto files = certificates.server("127.0.0.1");
  auto server = bench::PostgresServer::start({.cert_file = files.cert_file, .key_file = files.key_file});
  ASSERT_TRUE(server) << server.error().detail;
  const auto answer = [&](const std::string& parameters) {
    PostgresOnReactor subject(server->url("hub") + "?" + parameters, {});
    std::int64_t over_tls = 0;
    const auto read = subject.write([&](Transaction& transaction) -> Result<void> {
      auto rows = transaction.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
      if (!rows) return failure(rows);
      over_tls = rows->at(0).integer(0);
      return {};
    });
    return read ? std::to_string(over_tls) : std::string(name_of(read.error().code));
  };
  EXPECT_EQ(answer("sslmode=disable"), "database_unavailable");
  EXPECT_EQ(answer("sslmode=require"), "1");
  EXPECT_EQ(answer("sslmode=verify-full&sslrootcert=" + certificates.ca_file()), "1");
  EXPECT_EQ(answer("sslmode=verify-full&sslrootcert=" + others.ca_file()), "database_unavailable");
}

/// Stands before a server without TLS, speaks TLS to one client, and puts as much of an answer as there is
/// into records of TLS's full 16 KiB: PostgreSQL 15 stays below 8, later ones and other servers do not.
class LongRecords {
 public:
  LongRecords(std::uint16_t server_port, const TestCertificates::Files& files) : server_(dial(server_port)) {
    context_ = SSL_CTX_new(TLS_server_method());
    PERKLINE_ASSERT(SSL_CTX_use_certificate_chain_file(context_, files.cert_file.c_str()) == 1);
    PERKLINE_ASSERT(SSL_CTX_use_PrivateKey_file(context_, files.key_file.c_str(), SSL_FILETYPE_PEM) == 1);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    PERKLINE_ASSERT(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
    PERKLINE_ASSERT(::listen(listener_, 1) == 0);
    PERKLINE_ASSERT(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  LongRecords(const LongRecords&) = delete;
  LongRecords& operator=(const LongRecords&) = delete;
  ~LongRecords() {
    ::shutdown(listener_, SHUT_RDWR);
    ::shutdown(server_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    ::close(server_);
    SSL_CTX_free(context_);
  }
  std::uint16_t port() const { return port_; }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static int dial(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    PERKLINE_ASSERT(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
  }
  static bool readable(int fd, int millis) {
    pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&polled, 1, millis) > 0;
  }

  void serve() {
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    std::array<char, 8> asks_for_tls{};
    SSL* const tls = SSL_new(context_);
    SSL_set_fd(tls, client);
    if (::recv(client, asks_for_tls.data(), asks_for_tls.size(), MSG_WAITALL) == asks_for_tls.size() &&
        ::send(client, "S", 1, MSG_NOSIGNAL) == 1 && SSL_accept(tls) == 1)
      relay(tls, client);
    SSL_free(tls);
    ::close(client);
  }
  void relay(SSL* tls, int client) const {
    while (true) {
      std::array<pollfd, 2> polled{pollfd{.fd = client, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = server_, .events = POLLIN, .revents = 0}};
      if (SSL_pending(tls) == 0 && ::poll(polled.data(), polled.size(), -1) < 0) return;
      if ((SSL_pending(tls) > 0 || polled[0].revents != 0) && !ask(tls)) return;
      if (polled[1].revents != 0 && !answer(tls)) return;
    }
  }
  bool ask(SSL* tls) const {
    std::array<char, 16'384> bytes{};
    const int length = SSL_read(tls, bytes.data(), bytes.size());
    return length > 0 &&
           ::send(server_, bytes.data(), static_cast<std::size_t>(length), MSG_NOSIGNAL) == length;
  }
  /// What comes without a pause, at once.
  bool answer(SSL* tls) const {
    std::string all;
    std::array<char, 65'536> bytes{};
    do {
      const auto length = ::recv(server_, bytes.data(), bytes.size(), 0);
      if (length <= 0) return false;
      all.append(bytes.data(), static_cast<std::size_t>(length));
    } while (readable(server_, 2));
    return SSL_write(tls, all.data(), static_cast<int>(all.size())) == static_cast<int>(all.size());
  }

  const int server_;
  SSL_CTX* context_ = nullptr;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST(PostgresTls, AnswersOfEveryLengthComeAtOnceWhateverTheRecords) {
  auto server = bench::PostgresServer::start();
  ASSERT_TRUE(server) << server.error().detail;
  TestCertificates certificates;
  std::string url = server->url("postgres");
  const std::size_t port = url.rfind(':') + 1;
  const LongRecords relay(static_cast<std::uint16_t>(std::stoi(url.substr(port))),
                          certificates.server("127.0.0.1"));
  url.replace(port, url.rfind('/') - port, std::to_string(relay.port()));
  url += "?sslmode=require&gssencmode=disable";
  const auto wire = PostgresWire::connect({.url = url});
  ASSERT_TRUE(wire);
  // Around what a record holds, so that the end of some is left when libpq's buffer is full: then it lies
  // neither there nor in the socket. libpq 15.20 takes it by itself, Debian's 15.18 leaves it to its caller.
  for (int length = 1'000; length < 60'000; length += 499) {
    const std::string sql = "SELECT repeat('x', " + std::to_string(length) + ") FROM generate_series(1, 3)";
    const std::array steps{hub::db::WireStep{.text = sql}};
    const auto rows = (*wire)->exchange(steps, std::chrono::steady_clock::now() + seconds(10));
    ASSERT_TRUE(rows) << length << " bytes a row";
    ASSERT_FALSE(hub::db::has_failed(rows->front().get()));
    for (int row = 0; row < 3; ++row) {
      EXPECT_EQ(std::get<std::string>(hub::db::columns_of(rows->front().get(), row)->front()).size(),
                static_cast<std::size_t>(length));
    }
  }
}

}  // namespace
}  // namespace perkline::test
