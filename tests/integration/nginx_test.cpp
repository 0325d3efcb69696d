// nginx as deploy/nginx has it, in front of two hubs on one PostgreSQL.
#include <arpa/inet.h>
#include <fstream>
#include <regex>
#include <set>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "bench/fleet/reserved_port.hpp"
#include "shared/core/random.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/paths.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/postgres_database.hpp"
#include "tests/support/test_certificates.hpp"
#include "tests/support/web_socket_client.hpp"

namespace perkline::test {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// `text` with its one `from` replaced.
std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

/// nginx with the site that ships, on ports of its own choice, and the same locations once more without TLS.
class Nginx {
 public:
  explicit Nginx(const std::vector<std::uint16_t>& hubs) {
    const auto server = certificates_.server("127.0.0.1");
    std::string lines;
    for (const std::uint16_t hub : hubs)
      lines += "server 127.0.0.1:" + std::to_string(hub) + " max_fails=1 fail_timeout=5s;\n";
    std::string site = content_of(source_dir() + "/deploy/nginx/perkline.conf");
    site = with(site, "server 127.0.0.1:8080 max_fails=1 fail_timeout=5s;", lines);
    site = with(site, "listen 80;", "listen 127.0.0.1:" + std::to_string(redirect_.number()) + ";");
    site = with(site, "listen [::]:80;", "");
    site = with(site, "listen 443 ssl", "listen 127.0.0.1:" + std::to_string(tls_.number()) + " ssl");
    site = with(site, "listen [::]:443 ssl http2;", "");
    site = with(site, "/etc/ssl/certs/perkline-hub.pem", server.cert_file);
    site = with(site, "/etc/ssl/private/perkline-hub.key", server.key_file);
    std::ofstream(folder_.file("perkline.conf")) << site;
    std::ofstream(folder_.file("perkline.locations"))
        << content_of(source_dir() + "/deploy/nginx/perkline.locations");
    std::string own;
    for (const char* name : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      own += std::string(name) + "_temp_path " + folder_.file(name) + ";\n";
    // Its workers read the test's folder.
    std::ofstream(folder_.file("nginx.conf"))
        << (::geteuid() == 0 ? "user root;\n" : "")
        << "daemon off;\nworker_processes 1;\nerror_log stderr;\npid " << folder_.file("pid")
        << ";\nevents {}\nhttp {\naccess_log off;\n"
        << own << "include perkline.conf;\nserver {\nlisten 127.0.0.1:" << plain_.number()
        << ";\ninclude perkline.locations;\n}\n}\n";
    auto child = bench::Child::start(nginx_program(), {"-e", "stderr", "-c", folder_.file("nginx.conf")},
                                     folder_.file("log"));
    EXPECT_TRUE(child) << "no nginx (Debian's; `./run test` unpacks one into build/)";
    if (child) child_.emplace(std::move(*child));
    EXPECT_TRUE(eventually([&] { return is_listening(plain_.number()); })) << content_of(folder_.file("log"));
  }
  ~Nginx() {
    // Its workers are not ours to kill.
    if (child_) child_->terminate();
  }

  std::string tls() const { return "https://127.0.0.1:" + std::to_string(tls_.number()); }
  std::string plain() const { return "http://127.0.0.1:" + std::to_string(plain_.number()); }
  std::uint16_t plain_port() const { return plain_.number(); }
  std::uint16_t redirect_port() const { return redirect_.number(); }
  const std::string& ca_file() const { return certificates_.ca_file(); }

 private:
  TempDir folder_;
  TestCertificates certificates_;
  SystemRng rng_;
  bench::ReservedPort tls_ = bench::ReservedPort::any(rng_);
  bench::ReservedPort plain_ = bench::ReservedPort::any(rng_);
  bench::ReservedPort redirect_ = bench::ReservedPort::any(rng_);
  std::optional<bench::Child> child_;
};

/// A connection to 127.0.0.1 from another address of this machine's.
RawHttp connection_from(const char* address, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  ::inet_pton(AF_INET, address, &own.sin_addr);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
  sockaddr_in peer{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  ::inet_pton(AF_INET, "127.0.0.1", &peer.sin_addr);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer), 0);
  return RawHttp::adopt(fd);
}

std::string login_request(const std::string& fields) {
  const std::string body = R"({"login":"nobody@example.com","password":"correct horse 42"})";
  return "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
         fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class NginxFront : public testing::Test {
 protected:
  static std::string api() {
    return R"(public_url: "https://hub.example.com", trusted_proxies: ["127.0.0.1"])";
  }
  static std::string quiet() { return "limits: { login_per_minute: 0, auth_per_address_minute: 0 }\n"; }

  bench::WebAnswer call(bench::WebCall call) {
    if (call.origin.starts_with("https")) call.ca_file = nginx_.ca_file();
    auto answer = bench::call(call);
    EXPECT_TRUE(answer) << call.path;
    return answer.value_or(bench::WebAnswer{});
  }
  /// Where people who could not log in came from, by both hubs' logs.
  std::vector<std::string> addresses_seen() const {
    std::vector<std::string> found;
    const std::regex address(R"re("address":"([^"]*)")re");
    for (const LoneHub* hub : {&one_, &two_}) {
      const std::string log = hub->log();
      for (std::sregex_iterator at(log.begin(), log.end(), address), end; at != end; ++at)
        found.push_back((*at)[1]);
    }
    return found;
  }

  PostgresDatabase database_;
  LoneHub one_{api(), quiet(), "", database_.url()};
  LoneHub two_{api(), quiet(), "", database_.url()};
  Nginx nginx_{{one_.port(), two_.port()}};
  std::multiset<std::string> known_;
};

TEST_F(NginxFront, ServesMembersFromBothHubsOverTlsAndGoesOnWithOne) {
  const auto in = call({.method = "POST",
                        .origin = nginx_.tls(),
                        .path = "/api/v1/auth/register",
                        .body = R"({"email":"jo@example.com","password":"correct horse 42"})"});
  ASSERT_EQ(in.status, 201) << in.body;
  EXPECT_NE(in.headers.at("set-cookie").find("Secure"), std::string::npos) << in.headers.at("set-cookie");
  const std::string token = text_at(in, "accessToken");
  const bench::WebCall me{.origin = nginx_.tls(), .path = "/api/v1/auth/me", .bearer = token};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(text_at(call(me), "email"), "jo@example.com");
  EXPECT_EQ(call({.origin = nginx_.tls(), .path = "/api-docs"}).status,
            one_.call({.path = "/api-docs"}).status);

  const bench::WebCall wrong{.method = "POST",
                             .origin = nginx_.tls(),
                             .path = "/api/v1/auth/login",
                             .body = R"({"login":"nobody@example.com","password":"correct horse 42"})"};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(call(wrong).status, 401);
  for (const LoneHub* hub : {&one_, &two_})
    EXPECT_NE(hub->log().find(R"("address":)"), std::string::npos) << "one of the two is never asked";

  EXPECT_EQ(one_.child().terminate(), 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call(me).status, 200) << "a caller notices that one is away";
  for (int i = 0; i < 4; ++i) EXPECT_EQ(call(wrong).status, 401) << "nor with what has a body";
}

TEST_F(NginxFront, SendsWhoComesWithoutTlsThere) {
  RawHttp plain(nginx_.redirect_port());
  plain.send("GET /api/v1/prizes?limit=1 HTTP/1.1\r\nHost: hub.example.com\r\n\r\n");
  const auto answer = plain.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 308);
  EXPECT_EQ(answer->field("Location"), "https://hub.example.com/api/v1/prizes?limit=1");
}

TEST_F(NginxFront, BringsNotificationsToASocketFromEitherHub) {
  const std::string token = one_.member("jo");
  const auto me = one_.call({.path = "/api/v1/auth/me", .bearer = token});
  WebSocketClient socket(nginx_.plain_port(), "/api/v1/notifications/ws?after=0", socket_token(token));
  ASSERT_TRUE(socket.is_open()) << socket.answer().head << socket.answer().body;
  int made = 0;
  for (LoneHub* hub : {&one_, &two_}) {
    const std::string amount = std::to_string(++made) + ".00";
    const auto credited = hub->call({.method = "POST",
                                     .path = "/api/v1/wallet/credits",
                                     .body = R"({"userId":")" + text_at(me, "id") + R"(","amount":")" +
                                             amount + R"(","currency":"USD","reason":"test"})",
                                     .bearer = hub->admin(),
                                     .headers = {{"Idempotency-Key", "credit-" + amount}}});
    ASSERT_EQ(credited.status, 201) << credited.body;
    // Those of the registration come first.
    bool told = false;
    for (int frame = 0; frame < 6 && !told; ++frame) {
      const auto text = socket.next_text();
      ASSERT_TRUE(text) << "the socket ended";
      told = text->find(amount) != std::string::npos;
    }
    EXPECT_TRUE(told) << "nothing of the hub number " << made;
  }
  WebSocketClient nobody(nginx_.plain_port(), "/api/v1/notifications/ws", socket_token("forged"));
  EXPECT_EQ(nobody.answer().status, 401);
}

TEST_F(NginxFront, PassesOnWhereACallerComesFromAndNobodyCanMakeItUp) {
  const auto seen_after = [&](RawHttp connection, const std::string& fields) {
    const std::size_t before = addresses_seen().size();
    connection.send(login_request(fields));
    const auto answer = connection.read_answer();
    EXPECT_TRUE(answer && answer->status == 401);
    EXPECT_TRUE(eventually([&] { return addresses_seen().size() == before + 1; }));
    std::multiset<std::string> now;
    for (const std::string& address : addresses_seen()) now.insert(address);
    for (const std::string& address : known_) now.erase(now.find(address));
    known_ = {};
    for (const std::string& address : addresses_seen()) known_.insert(address);
    return now.empty() ? "" : *now.begin();
  };
  const std::string forged = "X-Forwarded-For: 203.0.113.9\r\n";
  EXPECT_EQ(seen_after(connection_from("127.0.0.2", nginx_.plain_port()), ""), "127.0.0.2");
  EXPECT_EQ(seen_after(connection_from("127.0.0.3", nginx_.plain_port()), forged), "127.0.0.3")
      << "by way of nginx, which is trusted: a client's own word counts for nothing";
  EXPECT_EQ(seen_after(connection_from("127.0.0.4", one_.port()), forged), "127.0.0.4")
      << "straight at a hub, and not trusted";
  EXPECT_EQ(seen_after(connection_from("127.0.0.1", two_.port()), forged), "203.0.113.9") << "a proxy's word";
}

TEST_F(NginxFront, LeavesRefusalsToTheHubAndTakesBodiesInPieces) {
  // Beyond the limit by less than the hub reads on after its answer: nginx is to get that whole.
  const std::string large(1024 * 1024, 'x');
  const auto refused = call({.method = "POST",
                             .origin = nginx_.plain(),
                             .path = "/api/v1/auth/login",
                             .body = R"({"login":")" + large + "\"}"});
  EXPECT_EQ(refused.status, 413);
  EXPECT_NE(refused.body.find("BODY_TOO_LARGE"), std::string::npos) << refused.body;

  RawHttp pieces(nginx_.plain_port());
  pieces.send(
      "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n1a\r\n{\"login\":\"jo@example.com\",\r\n"
      "21\r\n\"password\":\"correct horse is 42\"}\r\n0\r\n\r\n");
  const auto answer = pieces.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->code(), "INVALID_CREDENTIALS") << answer->body;
}

}  // namespace
}  // namespace perkline::test
