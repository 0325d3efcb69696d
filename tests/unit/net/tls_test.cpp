#include "shared/net/tls.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "shared/net/http_client.hpp"
#include "tests/support/test_certificates.hpp"
#include "tests/unit/net/scripted_peer.hpp"
#include "tests/unit/net/serving.hpp"

namespace perkline::test {
namespace {

using net::HttpServerOptions;
using Outcome = std::expected<net::HttpAnswer, net::HttpFailure>;

HttpServerOptions with(const TestCertificates::Files& files) {
  return {.listen = "0", .tls = {.cert_file = files.cert_file, .key_file = files.key_file}};
}

struct Exchange {
  Outcome first;
  Outcome second;
};

/// Two calls, one after the other, to `host` where `serving` is.
Exchange call_twice(const Serving& serving, const std::string& host, const std::string& ca_file,
                    std::string body = "{}") {
  RunningReactor reactor;
  auto client = net::HttpClient::make(
      *reactor, {.origin = "https://" + host + ":" + std::to_string(serving.port()), .ca_file = ca_file});
  const auto call = [&] {
    return reactor.await((*client)->call({.method = net::Method::post, .target = "/echo", .body = body},
                                         reactor->clock().mono_now() + seconds{10}));
  };
  auto first = call();
  auto second = call();
  reactor.run([&] { client->reset(); });  // a client belongs to its reactor's thread
  return {.first = std::move(first), .second = std::move(second)};
}

void expect_untrusted(const Outcome& outcome, std::string_view why) {
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().error.code, Errc::connection_failed);
  EXPECT_FALSE(outcome.error().may_have_been_sent);
  EXPECT_TRUE(outcome.error().error.detail.contains(why)) << outcome.error().error.detail;
}

TEST(Tls, CallsAHostByNameOrAddress) {
  TestCertificates authority;
  for (const std::string host : {"localhost", "127.0.0.1"}) {
    const Serving serving(with(authority.server(host)));
    ASSERT_TRUE(serving.started());
    const auto [first, second] = call_twice(serving, host, authority.ca_file());
    ASSERT_TRUE(first) << first.error().error.detail;
    EXPECT_EQ(first->body, "{}");
    ASSERT_TRUE(second) << second.error().error.detail;
  }
}

TEST(Tls, CarriesLargeBodiesBothWays) {
  TestCertificates authority;
  const Serving serving(with(authority.server("127.0.0.1")));
  const std::string body(200'000, 'x');
  const auto [first, second] = call_twice(serving, "127.0.0.1", authority.ca_file(), body);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->body, body);
}

TEST(Tls, CertificateForAnotherHostIsRefused) {
  TestCertificates authority;
  for (const auto& [named, called] :
       {std::pair("example.org", "127.0.0.1"), std::pair("127.0.0.2", "127.0.0.1"),
        std::pair("example.org", "localhost"), std::pair("127.0.0.1", "localhost")}) {
    Serving serving(with(authority.server(named)));
    expect_untrusted(call_twice(serving, called, authority.ca_file()).first, "another host");
    EXPECT_TRUE(serving.seen().empty()) << "no request may have arrived";
  }
}

TEST(Tls, UnknownAuthorityIsRefused) {
  TestCertificates authority;
  const TestCertificates other;
  const Serving serving(with(authority.server("127.0.0.1")));
  expect_untrusted(call_twice(serving, "127.0.0.1", other.ca_file()).first, "not trusted");
  expect_untrusted(call_twice(serving, "127.0.0.1", "").first, "not trusted");
}

TEST(Tls, PlainServerIsNoTlsServer) {
  const TestCertificates authority;
  const Serving serving;
  expect_untrusted(call_twice(serving, "127.0.0.1", authority.ca_file()).first, "TLS handshake failed");
}

TEST(Tls, PlainRequestToATlsServerIsClosed) {
  TestCertificates authority;
  const Serving serving(with(authority.server("127.0.0.1")));
  RawHttp connection = serving.connect();
  connection.send(request("GET", "/things/1"));
  const auto rest = connection.read_until_closed();
  ASSERT_TRUE(rest);
  EXPECT_FALSE(rest->contains("HTTP/1.1"));
}

TEST(Tls, HandshakeThatDoesNotEndIsClosed) {
  TestCertificates authority;
  HttpServerOptions options = with(authority.server("127.0.0.1"));
  options.timeouts.head = Millis{50};
  options.timeouts.sweep = Millis{5};
  const Serving serving(options);
  RawHttp connection = serving.connect();
  connection.send("\x16\x03\x01");
  EXPECT_EQ(connection.read_until_closed(), "");
}

struct FreeSsl {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

/// A blocking TLS end on a raw socket.
struct RawTls {
  RawTls(SSL_CTX* its_context, const RawHttp& connection) : ssl(SSL_new(its_context)) {
    SSL_set_fd(ssl.get(), connection.fd());
  }
  std::string read_some() {
    std::string bytes(65536, '\0');
    const int got = SSL_read(ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  bool write(std::string_view bytes) {
    return SSL_write(ssl.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  std::unique_ptr<SSL, FreeSsl> ssl;
};

TEST(Tls, OldVersionsAreRefused) {
  TestCertificates authority;
  const Serving serving(with(authority.server("127.0.0.1")));
  for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::unique_ptr<SSL_CTX, FreeSsl> context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    const RawHttp connection = serving.connect();
    const RawTls tls(context.get(), connection);
    EXPECT_EQ(SSL_connect(tls.ssl.get()) == 1, version != TLS1_1_VERSION) << version;
  }
}

TEST(Tls, RefusalReachesAClientThatIsStillSending) {
  TestCertificates authority;
  const Serving serving(with(authority.server("127.0.0.1")));
  const std::unique_ptr<SSL_CTX, FreeSsl> context(SSL_CTX_new(TLS_client_method()));
  const RawHttp connection = serving.connect();
  RawTls tls(context.get(), connection);
  ASSERT_EQ(SSL_connect(tls.ssl.get()), 1);
  tls.write(request("POST", "/secret", "Content-Length: 900000\r\n"));
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(tls.write(std::string(16000, 'x'))) << i;
  EXPECT_TRUE(tls.read_some().starts_with("HTTP/1.1 401 ")) << "lost to a reset";
  EXPECT_EQ(tls.read_some(), "");
  EXPECT_EQ(SSL_get_shutdown(tls.ssl.get()) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN)
      << "ended without saying so";
}

TEST(Tls, NextConnectionResumesTheSession) {
  TestCertificates authority;
  const auto files = authority.server("127.0.0.1");
  const std::unique_ptr<SSL_CTX, FreeSsl> context(SSL_CTX_new(TLS_server_method()));
  ASSERT_EQ(SSL_CTX_use_certificate_chain_file(context.get(), files.cert_file.c_str()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM), 1);
  std::vector<int> resumed;
  std::promise<void> closed;
  ScriptedPeer peer([&](RawHttp& connection) {
    RawTls tls(context.get(), connection);
    ASSERT_EQ(SSL_accept(tls.ssl.get()), 1);
    resumed.push_back(SSL_session_reused(tls.ssl.get()));
    tls.read_some();
    tls.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    connection.close();
    if (resumed.size() == 1) closed.set_value();
  });
  RunningReactor reactor;
  const auto client = net::HttpClient::make(
      *reactor,
      {.origin = "https://127.0.0.1:" + std::to_string(peer.port()), .ca_file = authority.ca_file()});
  const auto call = [&] {
    return reactor.await((*client)->call({}, reactor->clock().mono_now() + seconds{10}));
  };
  ASSERT_TRUE(call());
  closed.get_future().wait();
  ASSERT_TRUE(call());
  EXPECT_EQ(resumed, (std::vector<int>{0, 1}));
}

TEST(Tls, UnusableFilesAreTold) {
  TestCertificates authority;
  const auto one = authority.server("127.0.0.1");
  const auto other = authority.server("127.0.0.1");
  for (const auto& [cert, key] :
       {std::pair(one.cert_file, other.key_file), std::pair(one.key_file, one.key_file),
        std::pair(one.cert_file, one.cert_file), std::pair(std::string("/no"), one.key_file)}) {
    const Serving serving(with({.cert_file = cert, .key_file = key}));
    ASSERT_FALSE(serving.started()) << cert << key;
    EXPECT_EQ(serving.started().error().code, Errc::bad_request);
  }
}

}  // namespace
}  // namespace perkline::test
