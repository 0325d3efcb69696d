#include <gtest/gtest.h>

#include "hub/api/security_headers.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/test_certificates.hpp"
#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

using hub::identity::Role;

/// As the daemon serves it.
net::HttpServerOptions served(hub::api::Transport transport = hub::api::Transport::clear) {
  return {.listen = "0",
          .body_bytes_max = limits::hub_body_bytes_max,
          .common_headers = hub::api::security_headers(transport)};
}

constexpr hub::api::Attempts::Limits no_limits{.login_per_minute = 0, .auth_per_address_minute = 0};

std::string get(const std::string& path, const std::string& more_fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: hub\r\n" + more_fields + "\r\n";
}

std::optional<RawAnswer> ask(const ServedHub& hub, const std::string& bytes) {
  RawHttp connection = hub.connect();
  connection.send(bytes);
  return connection.read_answer();
}

// ---- what every answer says

TEST(HubHttp, EveryAnswerTellsBrowsersWhatItIs) {
  const ServedHub hub(no_limits, {.server = served()});
  for (const std::string& bytes : {get("/health"), get("/api/v1/openapi.json"), get("/nowhere"),
                                   get("/api/v1/stores"), std::string("nonsense\r\n\r\n")}) {
    const auto answer = ask(hub, bytes);
    ASSERT_TRUE(answer) << bytes;
    EXPECT_EQ(answer->field("Content-Security-Policy"), "default-src 'none'; frame-ancestors 'none'")
        << bytes;
    EXPECT_EQ(answer->field("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer->field("Referrer-Policy"), "no-referrer");
    EXPECT_FALSE(answer->field("Strict-Transport-Security")) << "a lie in the clear";
    EXPECT_FALSE(answer->field("Server")) << "nobody's business";
  }
}

TEST(HubHttp, BehindTlsItIsNeverToBeCalledInTheClear) {
  const ServedHub hub(no_limits, {.server = served(hub::api::Transport::tls)});
  EXPECT_EQ(hub.get("/health").field("Strict-Transport-Security"), "max-age=63072000; includeSubDomains");
}

// ---- how often

TEST(HubHttp, AMemberThatCallsTooOftenIsTurnedAwayAndNobodyElseIs) {
  ServedHub hub(no_limits, {.member_per_second = 5, .server = served()});
  const std::string noisy = hub.token_for(Role::member);
  const std::string quiet = hub.token_for(Role::member);
  const std::string staff = hub.token_for(Role::staff);
  int admitted = 0;
  std::optional<RawAnswer> refused;
  RawHttp connection = hub.connect();
  for (int i = 0; i < 50; ++i) {
    connection.send(get("/api/v1/points/balance", "Authorization: Bearer " + noisy + "\r\n"));
    auto answer = connection.read_answer();
    ASSERT_TRUE(answer);
    if (answer->status == 200) ++admitted;
    if (answer->status == 429) refused = std::move(answer);
  }
  EXPECT_GE(admitted, 5) << "a burst of a second's worth";
  EXPECT_LT(admitted, 45);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code(), "RATE_LIMITED");
  EXPECT_EQ(refused->field("Retry-After"), "1");
  EXPECT_EQ(refused->field("RateLimit-Limit"), "5");
  EXPECT_EQ(refused->field("RateLimit-Remaining"), "0");
  EXPECT_EQ(refused->field("RateLimit-Reset"), "1");
  EXPECT_EQ(hub.get("/api/v1/points/balance", quiet).status, 200);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(hub.get("/api/v1/stores", staff).status, 200) << "no member";
}

TEST(HubHttp, AnAddressThatReadsTooOftenWithoutATokenIsTurnedAwayFromThatAlone) {
  net::HttpServerOptions behind_proxy = served();
  behind_proxy.trusted_proxies = {"127.0.0.1"};
  ServedHub hub(no_limits, {.member_per_second = 5, .server = std::move(behind_proxy)});
  // One subscriber has all of a /64.
  const auto from = [](int host) {
    return "X-Forwarded-For: 2001:db8:0:7::" + std::to_string(host) + "\r\n";
  };
  const std::string member = hub.token_for(Role::member);
  int admitted = 0;
  std::optional<RawAnswer> refused;
  RawHttp connection = hub.connect();
  for (int i = 0; i < 50; ++i) {
    connection.send(get(i % 2 == 0 ? "/api/v1/prizes" : "/api/v1/wheel/seeds", from(i)));
    auto answer = connection.read_answer();
    ASSERT_TRUE(answer);
    if (answer->status == 200) ++admitted;
    if (answer->status == 429) refused = std::move(answer);
  }
  EXPECT_GE(admitted, 5) << "a burst of a second's worth";
  EXPECT_LT(admitted, 45);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code(), "RATE_LIMITED");
  EXPECT_TRUE(refused->field("Retry-After"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(hub.send("GET", "/health", "", "", from(i)).status, 200) << "what asks no database";
    EXPECT_EQ(hub.send("GET", "/api/v1/openapi.json", "", "", from(i)).status, 200);
  }
  EXPECT_EQ(hub.send("GET", "/api/v1/points/balance", member, "", from(1)).status, 200);
}

// ---- attacks (quality.md)

TEST(HubAttacks, TwoWaysToFrameARequestAreRefusedAndNothingBehindThemIsServed) {
  const ServedHub hub(no_limits, {.server = served()});
  const std::string smuggled = get("/health");
  const auto login = [](const std::string& fields, const std::string& body) {
    return "POST /api/v1/auth/login HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n" + fields +
           "\r\n" + body;
  };
  struct Case {
    std::string bytes;
    int status;
  };
  for (const Case& attack : {
           Case{login("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + smuggled), 400},
           Case{login("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + smuggled), 400},
           Case{login("Content-Length: 2\r\nContent-Length: 40\r\n", "{}" + smuggled), 400},
           Case{login("Content-Length: 2, 40\r\n", "{}" + smuggled), 400},
           Case{login("Content-Length: +2\r\n", "{}" + smuggled), 400},
           Case{login("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n" + smuggled), 411},
           Case{login("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + smuggled), 400},
           Case{login("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" + smuggled), 400},
           Case{login("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + smuggled), 400},
           Case{login("X: a\r\n Content-Length: 2\r\n", "{}" + smuggled), 400},
       }) {
    RawHttp connection = hub.connect();
    connection.send(attack.bytes);
    const auto answer = connection.read_answer();
    ASSERT_TRUE(answer) << attack.bytes;
    EXPECT_EQ(answer->status, attack.status) << attack.bytes;
    EXPECT_EQ(answer->code(), attack.status == 411 ? "LENGTH_REQUIRED" : "BAD_REQUEST");
    EXPECT_EQ(answer->field("Connection"), "close");
    EXPECT_FALSE(connection.read_answer()) << "nothing behind it is served: " << attack.bytes;
  }
}

TEST(HubAttacks, HostIsOneNameAndNothingIsMadeOfIt) {
  const ServedHub hub(no_limits, {.server = served()});
  const auto with_host = [&](const std::string& fields) {
    return ask(hub, "GET /health HTTP/1.1\r\n" + fields + "\r\n").value_or(RawAnswer{});
  };
  for (const char* wrong : {"", "Host: a\r\nHost: b\r\n", "Host:\r\n", "Host: a b\r\n", "Host: a/b\r\n",
                            "Host: user@a\r\n", "Host: a:99999\r\n", "Host: a\r\n Host: b\r\n"}) {
    EXPECT_EQ(with_host(wrong).status, 400) << wrong;
  }
  const RawAnswer foreign = with_host("Host: evil.example.com\r\nX-Forwarded-Host: evil.example.com\r\n");
  EXPECT_EQ(foreign.status, 200);
  EXPECT_FALSE((foreign.head + foreign.body).contains("evil"));
  EXPECT_EQ(ask(hub, "GET http://evil.example.com/nowhere HTTP/1.1\r\nHost: hub\r\n\r\n")->status, 404)
      << "the absolute form is served by its path";
}

TEST(HubAttacks, NoPathLeadsOutOfTheRoutes) {
  ServedHub hub(no_limits, {.server = served()});
  const std::string staff = hub.token_for(Role::staff);
  for (const char* path : {"/../../../../etc/passwd", "/api-docs/../../../../etc/passwd",
                           "/api-docs/..%2f..%2f..%2fetc%2fpasswd", "/api-docs/%2e%2e/%2e%2e/etc/passwd",
                           "/api/v1/stores/..%2F..%2Fetc%2Fpasswd", "/api/v1/stores/..", "/api/v1//stores",
                           "/api/v1/./stores", "/api/v1/stores/%00", "/api/v1/stores/%c0%ae%c0%ae",
                           "/api/v1/stores%00", "/.env", "/api/v1/stores/..\\..\\boot.ini", "//etc/passwd"}) {
    const RawAnswer answer = hub.get(path, staff);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.code(), "NOT_FOUND") << path;
    EXPECT_FALSE(answer.body.contains("root:")) << path;
  }
}

TEST(HubAttacks, DeepAndHugeJsonAreRefusedCheaply) {
  const ServedHub hub(no_limits, {.server = served()});
  const auto login = [&](const std::string& body) {
    return hub.send("POST", "/api/v1/auth/login", "", body);
  };
  for (const std::string& deep :
       {std::string(500'000, '['), std::string(200'000, '[') + std::string(200'000, ']'),
        [] {
          std::string text;
          for (int i = 0; i < 100'000; ++i) text += R"({"a":)";
          return text;
        }(),
        [] {
          std::string text = "[0";
          for (int i = 0; i < 500'000; ++i) text += ",0";
          return text + "]";
        }(),
        R"({"login":)" + std::string(100, '[') + std::string(100, ']') + "}"}) {
    const RawAnswer answer = login(deep);
    EXPECT_EQ(answer.status, 400) << deep.substr(0, 20);
    EXPECT_EQ(answer.code(), "MALFORMED_JSON");
  }
  const RawAnswer number = login(R"({"login":)" + std::string(900'000, '9') + R"(,"password":1e999999999})");
  EXPECT_EQ(number.status, 400);
  EXPECT_EQ(number.code(), "VALIDATION_FAILED");
  EXPECT_LT(number.body.size(), 1000u) << "the attack is not sent back";
  const RawAnswer doubled = login(R"({"login":"a@b.de","login":"c@d.de","password":"x"})");
  EXPECT_EQ(doubled.code(), "MALFORMED_JSON") << "two parsers would read two logins";

  // Over the limit: told before the body is read, and to whoever is still sending.
  RawHttp connection = hub.connect();
  connection.send(
      "POST /api/v1/auth/login HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
      "Content-Length: 1048577\r\n\r\n");
  connection.send(std::string(500'000, ' '));
  const auto huge = connection.read_answer();
  ASSERT_TRUE(huge);
  EXPECT_EQ(huge->status, 413);
  EXPECT_EQ(huge->code(), "BODY_TOO_LARGE");
  EXPECT_EQ(login(std::string(limits::hub_body_bytes_max - 2, ' ') + "{}").code(), "VALIDATION_FAILED")
      << "the limit itself is taken";
}

TEST(HubAttacks, ASecondConnectionIsServedWhileAThousandHeadsNeverEnd) {
  const ServedHub hub(no_limits, {.server = [] {
                        auto options = served();
                        options.connections_max = 2048;
                        return options;
                      }()});
  std::vector<RawHttp> slow;
  for (int i = 0; i < 1000; ++i) {
    slow.push_back(hub.connect());
    slow.back().send("GET /health HTTP/1.1\r\nHost: hub\r\nX-Slow: ");
  }
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    for (int each = 0; each < 20; ++each) slow[static_cast<std::size_t>(20 * i + each)].send("a");
    EXPECT_EQ(hub.get("/health").status, 200);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds{5});
}

TEST(HubAttacks, SlowHeadsAndReadersAreClosedInTheEnd) {
  const ServedHub hub(no_limits, {.server = [] {
                        auto options = served();
                        options.timeouts.head = Millis{300};
                        options.timeouts.write = Millis{300};
                        options.timeouts.sweep = Millis{50};
                        return options;
                      }()});
  RawHttp head = hub.connect();
  head.send("GET /health HTTP/1.1\r\n");
  EXPECT_TRUE(head.is_closed());
  // Asks for far more than the sockets hold, and reads none of it.
  RawHttp reader = hub.connect();
  std::string many;
  for (int i = 0; i < 2'000; ++i) many += get("/api/v1/openapi.json");
  EXPECT_TRUE(eventually([&] { return !reader.send(many); })) << "cut off";
  EXPECT_EQ(hub.get("/health").status, 200);
}

TEST(HubAttacks, AFloodBeyondTheConnectionsIsToldToComeBack) {
  const ServedHub hub(no_limits, {.server = [] {
                        auto options = served();
                        options.connections_max = 8;
                        return options;
                      }()});
  std::vector<RawHttp> held;
  for (int i = 0; i < 8; ++i) {
    held.push_back(hub.connect());
    held.back().send(get("/health"));
    ASSERT_TRUE(held.back().read_answer());
  }
  for (int i = 0; i < 50; ++i) {
    const auto answer = ask(hub, get("/health"));
    if (!answer) continue;  // Closed without a word once enough are being told.
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->code(), "OVERLOADED");
    EXPECT_EQ(answer->field("Retry-After"), "1");
  }
  held.front().send(get("/health"));
  EXPECT_EQ(held.front().read_answer().value_or(RawAnswer{}).status, 200) << "who is in stays in";
}

TEST(HubAttacks, NothingEchoedStartsAFieldOfItsOwn) {
  ServedHub hub(no_limits, {.server = served()});
  const std::string staff = hub.token_for(Role::staff);
  const std::string split = "%0d%0aSet-Cookie:%20own=ed%0d%0a%0d%0a<script>";
  for (const std::string& path : {"/api/v1/stores/" + split, "/api/v1/stores?cursor=" + split, "/" + split}) {
    const RawAnswer answer = hub.get(path, staff);
    EXPECT_FALSE(answer.head.contains("Set-Cookie")) << path;
    EXPECT_GE(answer.status, 400);
  }
  const RawAnswer traced =
      hub.send("GET", "/health", "", "", "traceparent: 00-<script>-x-01\r\nOrigin: https://a\r\n");
  EXPECT_EQ(traced.status, 200);
  EXPECT_FALSE(traced.head.contains("<script>")) << "a trace that is none is not continued";
  const auto raw = ask(hub, get("/health", "X-A: b\rSet-Cookie: own=ed\r\n"));
  EXPECT_EQ(raw.value_or(RawAnswer{}).status, 400) << "a bare CR";
}

}  // namespace
}  // namespace perkline::test
