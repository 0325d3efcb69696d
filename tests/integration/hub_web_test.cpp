#include <csignal>

#include <gtest/gtest.h>

#include "tests/integration/lone_hub.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/raw_http.hpp"
#include "tests/support/test_certificates.hpp"

namespace perkline::test {
namespace {

/// What hub.yaml says of the API, on the real binary.
TEST(HubWeb, TlsServesWhoKnowsItsAuthorityAndNobodyInTheClear) {
  TestCertificates certificates;
  const auto files = certificates.server("127.0.0.1");
  const LoneHub hub("tls: { cert_file: " + files.cert_file + ", key_file: " + files.key_file + " }", "",
                    certificates.ca_file());
  const auto health = hub.call({.path = "/health"});
  EXPECT_EQ(health.status, 200) << health.body;
  EXPECT_TRUE(header_of(health, "strict-transport-security").starts_with("max-age="));
  EXPECT_EQ(header_of(health, "x-content-type-options"), "nosniff");
  const auto in = hub.call({.method = "POST",
                            .path = "/api/v1/auth/login",
                            .body = R"({"login":"admin@example.com","password":"a password of twelve"})"});
  EXPECT_EQ(in.status, 200) << in.body;
  EXPECT_TRUE(header_of(in, "set-cookie").contains("Secure")) << header_of(in, "set-cookie");

  TestCertificates strangers;
  EXPECT_FALSE(bench::call({.origin = hub.url(), .path = "/health", .ca_file = strangers.ca_file()}));
  RawHttp in_the_clear(hub.port());
  in_the_clear.send("GET /health HTTP/1.1\r\nHost: hub\r\n\r\n");
  const auto told = in_the_clear.read_until_closed();
  ASSERT_TRUE(told);
  EXPECT_FALSE(told->starts_with("HTTP/")) << *told;
}

TEST(HubWeb, PagesOfListedOriginsMayCallAndOthersMayNot) {
  const LoneHub hub("cors_origins: [ \"https://console.example.com\" ]");
  const auto from = [&](const std::string& origin) {
    return hub.call({.path = "/api/v1/wallet", .headers = {{"Origin", origin}}});
  };
  const auto allowed = from("https://console.example.com");
  EXPECT_EQ(allowed.status, 401) << "a page is told so too";
  EXPECT_EQ(header_of(allowed, "access-control-allow-origin"), "https://console.example.com");
  EXPECT_EQ(header_of(from("https://evil.example.com"), "access-control-allow-origin"), "");
  EXPECT_EQ(header_of(allowed, "strict-transport-security"), "") << "in the clear";
}

TEST(HubWeb, LimitsByAddressCountTheAddressThatATrustedProxyTells) {
  const LoneHub hub("trusted_proxies: [ \"127.0.0.1\" ]", "limits: { auth_per_address_minute: 3 }\n");
  const auto attempt = [&](const std::string& forwarded) {
    return hub
        .call({.method = "POST",
               .path = "/api/v1/auth/login",
               .body = "{}",
               .headers = {{"X-Forwarded-For", forwarded}}})
        .status;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(attempt("203.0.113.7"), 400);
  EXPECT_EQ(attempt("203.0.113.7"), 429);
  EXPECT_EQ(attempt("1.2.3.4, 203.0.113.7"), 429) << "what it made up itself does not help";
  EXPECT_EQ(attempt("203.0.113.8"), 400) << "another one's own count";
}

TEST(HubWeb, AForwardedAddressFromAnybodyElseIsNotBelieved) {
  const LoneHub hub("", "limits: { auth_per_address_minute: 3 }\n");
  int refused = 0;
  for (int i = 0; i < 6; ++i) {
    const auto answer = hub.call({.method = "POST",
                                  .path = "/api/v1/auth/login",
                                  .body = "{}",
                                  .headers = {{"X-Forwarded-For", "203.0.113." + std::to_string(i)}}});
    if (answer.status == 429) ++refused;
  }
  EXPECT_EQ(refused, 3);
}

TEST(HubWeb, AMembersCallsAreLimitedByTheSecond) {
  const LoneHub hub("", "limits: { member_per_second: 4 }\n");
  const std::string member = hub.member("jo");
  std::optional<bench::WebAnswer> refused;
  for (int i = 0; i < 40 && !refused; ++i) {
    auto answer = hub.call({.path = "/api/v1/wallet", .bearer = member});
    if (answer.status == 429) refused = std::move(answer);
  }
  ASSERT_TRUE(refused);
  expect_problem(*refused, 429, "RATE_LIMITED");
  EXPECT_EQ(header_of(*refused, "ratelimit-limit"), "4");
  EXPECT_EQ(header_of(*refused, "retry-after"), "1");
}

TEST(HubWeb, SigtermLetsARequestInProgressFinish) {
  LoneHub hub;
  const std::string admin = hub.admin();
  // A request whose body is still to come when the signal does.
  const std::string body =
      R"({"userId":"0190163d-8694-739b-aea5-966c26f8ad91","amount":"1","currency":"USD",)";
  const std::string rest = R"("reason":"r"})";
  RawHttp slow(hub.port());
  slow.send(
      "POST /api/v1/wallet/credits HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
      "Idempotency-Key: k\r\nAuthorization: Bearer " +
      admin + "\r\nContent-Length: " + std::to_string(body.size() + rest.size()) + "\r\n\r\n" + body);
  RawHttp idle(hub.port());
  idle.send("GET /health HTTP/1.1\r\nHost: hub\r\n\r\n");
  ASSERT_TRUE(idle.read_answer()) << "both are connected by now";

  ::kill(hub.child().pid(), SIGTERM);
  EXPECT_TRUE(eventually([&] { return hub.log().contains(R"("message":"draining")"); }));
  EXPECT_TRUE(idle.is_closed());
  EXPECT_TRUE(eventually([&] { return !is_listening(hub.port()); }));
  slow.send(rest);
  const auto answer = slow.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404) << answer->body;
  EXPECT_EQ(answer->field("Connection"), "close");
  EXPECT_EQ(hub.child().terminate(), 0);
}

TEST(HubWeb, MoneyHeldBeyondItsTimeIsFreeAgainByItself) {
  const LoneHub hub;
  const std::string admin = hub.admin();
  const std::string member = hub.member("jo");
  const std::string id = text_at(hub.call({.path = "/api/v1/auth/me", .bearer = member}), "id");
  const auto ask = [&](const std::string& what, const std::string& more) {
    return hub.call(
        {.method = "POST",
         .path = "/api/v1/wallet/" + what,
         .body = R"({"userId":")" + id + R"(","amount":"5","currency":"USD","reason":"r")" + more + "}",
         .bearer = admin,
         .headers = {{"Idempotency-Key", what}}});
  };
  EXPECT_EQ(ask("credits", "").status, 201);
  EXPECT_EQ(ask("holds", R"(,"expiresInS":1)").status, 201);
  const auto wallet = [&] { return hub.call({.path = "/api/v1/wallet", .bearer = member}).body; };
  EXPECT_TRUE(wallet().contains(R"("available":"0.00","held":"5.00")")) << wallet();
  EXPECT_TRUE(eventually([&] { return wallet().contains(R"("available":"5.00","held":"0.00")"); }))
      << wallet();
}

TEST(HubWeb, AnAnswerUnderAKeyOutlivesTheHub) {
  LoneHub hub;
  const std::string admin = hub.admin();
  const std::string member = hub.member("jo");
  const std::string id = text_at(hub.call({.path = "/api/v1/auth/me", .bearer = member}), "id");
  const auto credit = [&] {
    return hub.call({.method = "POST",
                     .path = "/api/v1/wallet/credits",
                     .body = R"({"userId":")" + id + R"(","amount":"5","currency":"USD","reason":"r"})",
                     .bearer = admin,
                     .headers = {{"Idempotency-Key", "k"}}});
  };
  const auto first = credit();
  EXPECT_EQ(first.status, 201) << first.body;
  hub.child().kill();
  hub.start();
  expect_replay(credit(), first);
  EXPECT_TRUE(hub.call({.path = "/api/v1/wallet", .bearer = member}).body.contains(R"("available":"5.00")"));
}

}  // namespace
}  // namespace perkline::test
