#include <openssl/hmac.h>

#include "hub/identity/base64url.hpp"
#include "tests/integration/hub_attacks_fixture.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

using hub::identity::base64url;

std::string hmac_sha256(const std::string& key, const std::string& message) {
  std::string mac(32, '\0');
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &length);
  return mac;
}

// ---- tokens

TEST_F(HubAttacked, TokensOfAnyOtherMakingOpenNothing) {
  const Person member = person(Role::member);
  ASSERT_EQ(me(member.token).status, 200) << "made like this it opens: else the refusals would prove nothing";
  const std::string payload =
      member.token.substr(member.token.find('.') + 1, member.token.rfind('.') - member.token.find('.') - 1);
  const auto header = [](const std::string& alg, const std::string& kid, const std::string& more = "") {
    return base64url(R"({"alg":")" + alg + R"(","typ":"at+jwt","kid":")" + kid + '"' + more + '}');
  };
  const auto signed_by = [&](const Es256Key& signer, const std::string& head) {
    const std::string text = head + '.' + payload;
    return text + '.' + base64url(signer.sign(text));
  };
  const Es256Key foreign = Es256Key::generate();
  std::vector<std::string> forged{
      header("none", key().id()) + '.' + payload + '.',
      header("None", key().id()) + '.' + payload + '.',
      signed_by(foreign, header("ES256", key().id())),
      signed_by(foreign, header("ES256", foreign.id())),
      signed_by(foreign, header("ES256", foreign.id(), R"(,"jwk":)" + foreign.public_jwk())),
      signed_by(foreign, header("ES256", foreign.id(), R"(,"jku":"http://127.0.0.1:1/keys.json")")),
      signed_by(foreign, header("ES256", foreign.id(), R"(,"x5u":"http://127.0.0.1:1/cert.pem")")),
      signed_by(key(), header("ES256", key().id(), R"(,"crit":["b64"],"b64":false)")),
      token_of(member.id, minutes{10}, {}, {.issuer = "perkline", .audience = "another-service"}),
      token_of(member.id, minutes{10}, {}, {.issuer = "somebody else"}),
      token_of(member.id, minutes{10}, -minutes{5}),
      token_of(nobody),
      member.token.substr(0, member.token.size() - 4) + "AAAA",
      member.token + '.' + member.token,
      member.token.substr(0, member.token.rfind('.')),
      std::string(3000, 'a'),
      "..",
      "null"};
  for (const std::string kid :
       {"", "1", "../../../dev/null", "/dev/null", "' OR 1=1 --", "http://127.0.0.1:1/"})
    forged.push_back(signed_by(key(), header("ES256", kid)));
  const auto keys = hub().call({.path = "/.well-known/jwks.json"});
  for (const std::string& secret : {key().public_jwk(), keys.body, key().id(), std::string()}) {
    const std::string text = header("HS256", key().id()) + '.' + payload;
    forged.push_back(text + '.' + base64url(hmac_sha256(secret, text)));
  }
  for (const std::string& token : forged) {
    const auto answer = me(token);
    expect_problem(answer, 401, "UNAUTHENTICATED");
    EXPECT_EQ(header_of(answer, "www-authenticate"), "Bearer") << token;
  }
  const auto late = me(token_of(member.id, minutes{10}, minutes{11}));
  expect_problem(late, 401, "TOKEN_EXPIRED");
  for (const std::string& token : forged) {
    if (token.size() > 20) EXPECT_FALSE(hub().log().contains(token));
  }
}

TEST_F(HubAttacked, ARefreshTokenIsNoAccessTokenNorTheOtherWayRound) {
  const auto in = hub().call(
      {.method = "POST",
       .path = "/api/v1/auth/register",
       .body = R"({"email":")" + fresh("both") + R"(@example.com","password":")" + password + "\"}"});
  const std::string cookie = header_of(in, "set-cookie");
  const std::string refresh = cookie.substr(cookie.find('=') + 1, cookie.find(';') - cookie.find('=') - 1);
  const auto refreshed_with = [](const std::string& token) {
    return hub().call({.method = "POST",
                       .path = "/api/v1/auth/refresh",
                       .headers = {{"Cookie", "perkline_refresh=" + token}}});
  };
  expect_problem(me(refresh), 401, "UNAUTHENTICATED");
  expect_problem(refreshed_with(text_at(in, "accessToken")), 401, "UNAUTHENTICATED");
  expect_problem(refreshed_with(refresh.substr(0, refresh.rfind('.')) + ".AAAA"), 401, "UNAUTHENTICATED");
  EXPECT_EQ(refreshed_with(refresh).status, 200);
  EXPECT_FALSE(hub().log().contains(refresh));
}

TEST_F(HubAttacked, WhoIsGoneOrSetAsideIsOutAtOnce) {
  const Person admin = person(Role::admin);
  const auto set = [&](const Person& whom, const std::string& change) {
    return hub()
        .call({.method = "PATCH", .path = "/api/v1/users/" + whom.id, .body = change, .bearer = admin.token})
        .status;
  };
  const Person set_aside = person(Role::member);
  EXPECT_EQ(set(set_aside, R"({"active":false})"), 200);
  expect_problem(me(set_aside.token), 403, "ACCOUNT_INACTIVE");
  const Person lowered = person(Role::staff);
  EXPECT_EQ(hub().call({.path = "/api/v1/users", .bearer = lowered.token}).status, 200);
  EXPECT_EQ(set(lowered, R"({"role":"member"})"), 200);
  expect_problem(hub().call({.path = "/api/v1/users", .bearer = lowered.token}), 403, "FORBIDDEN");
  const Person gone = person(Role::member);
  EXPECT_EQ(hub().call({.method = "DELETE", .path = "/api/v1/users/" + gone.id, .bearer = gone.token}).status,
            202);
  expect_problem(me(gone.token), 401, "UNAUTHENTICATED");
  const std::string name = fresh("leaves");
  const std::string session = hub().member(name);
  EXPECT_EQ(hub().call({.method = "POST", .path = "/api/v1/auth/logout", .bearer = session}).status, 204);
  expect_problem(me(session), 401, "UNAUTHENTICATED");
}

// ---- guessing

TEST(HubGuessed, TheEleventhTryIsRefusedWhateverTheSpellingAndSaysNothing) {
  const LoneHub hub;
  hub.member("jo");
  const auto guess = [&](const std::string& login, const std::string& secret) {
    return hub.call({.method = "POST",
                     .path = "/api/v1/auth/login",
                     .body = R"({"login":")" + login + R"(","password":")" + secret + "\"}"});
  };
  for (int i = 0; i < 10; ++i) {
    expect_problem(
        guess(i % 2 == 0 ? "jo@example.com" : "JO@Example.COM", "guess number " + std::to_string(i)), 401,
        "INVALID_CREDENTIALS");
  }
  const auto right = guess("jo@example.com", password);
  expect_problem(right, 429, "RATE_LIMITED");
  EXPECT_EQ(header_of(right, "ratelimit-limit"), "10");
  EXPECT_EQ(header_of(right, "ratelimit-remaining"), "0");
  EXPECT_GE(std::stoi(header_of(right, "retry-after")), 1);
  EXPECT_EQ(guess("admin@example.com", password).status, 200) << "nobody else is kept out";
  for (const char* secret : {"jo@example.com", "JO@Example.COM", "guess number", "a password of twelve"})
    EXPECT_FALSE(hub.log().contains(secret)) << secret;
  EXPECT_TRUE(hub.log().contains("login refused"));
}

// ---- messages

TEST_F(HubAttacked, WhatTwoReadersMightReadDifferentlyIsRefusedAndNothingBehindItServed) {
  const std::string behind = "GET /health HTTP/1.1\r\nHost: hub\r\n\r\n";
  const std::string login =
      "POST /api/v1/auth/login HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n";
  const auto status_of = [&](const std::string& bytes) {
    RawHttp connection(hub().port());
    connection.send(bytes + behind);
    const std::string all = connection.read_until_closed().value_or("still open");
    EXPECT_EQ(all.find("HTTP/1.1 ", 1), std::string::npos) << "a second answer to " << bytes;
    return all.substr(0, 12);
  };
  for (const std::string& framing :
       {std::string("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
        std::string("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"),
        std::string("Content-Length: 2\r\nContent-Length: 2\r\n"), std::string("Content-Length: +2\r\n"),
        std::string("Transfer-Encoding: xchunked\r\n"), std::string("Transfer-Encoding: gzip, chunked\r\n"),
        std::string("Content-Length : 2\r\n"), std::string("X: a\r\n b\r\nContent-Length: 2\r\n")})
    EXPECT_EQ(status_of(login + framing + "\r\n{}"), "HTTP/1.1 400") << framing;
  EXPECT_EQ(status_of(login + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), "HTTP/1.1 411");
  for (const std::string host :
       {"", "Host: a\r\nHost: b\r\n", "Host: a/b\r\n", "Host: a@b\r\n", "Host: \r\n"})
    EXPECT_EQ(status_of("GET /health HTTP/1.1\r\n" + host + "\r\n"), "HTTP/1.1 400") << host;
}

TEST_F(HubAttacked, NoPathLeadsElsewhereAndNothingEchoedIsAFieldOfItsOwn) {
  const std::string staff = person(Role::staff).token;
  const std::string split = "%0d%0aSet-Cookie:%20own=ed";
  for (const std::string& path :
       {std::string("/api-docs/..%2f..%2fetc%2fpasswd"), std::string("/api-docs/../../etc/passwd"),
        std::string("/api/v1/stores/..%2f..%2fetc%2fpasswd"), std::string("//etc/passwd"),
        std::string("/api/v1/stores/%00"), std::string("/.git/config"), "/api/v1/stores/" + split,
        "/nowhere" + split}) {
    RawHttp connection(hub().port());
    connection.send("GET " + path + " HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer " + staff +
                    "\r\ntraceparent: 00-" + split + "\r\nOrigin: " + split + "\r\n\r\n");
    const auto answer = connection.read_answer();
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 404) << path;
    EXPECT_FALSE(answer->head.contains("own=ed")) << answer->head;
    EXPECT_FALSE(answer->body.contains("root:")) << path;
  }
}

}  // namespace
}  // namespace perkline::test
