#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "hub/api/access.hpp"
#include "hub/identity/access_token.hpp"
#include "hub/identity/base64url.hpp"
#include "tests/integration/lone_hub.hpp"
#include "tests/integration/till.hpp"
#include "tests/support/raw_http.hpp"

namespace perkline::test {
namespace {

using hub::identity::base64url;
using hub::identity::Es256Key;
using hub::identity::Role;

const std::string password = "a password of twelve";
const std::string nobody = "0190163d-8694-739b-aea5-966c26f8ad91";

std::string hmac_sha256(const std::string& key, const std::string& message) {
  std::string mac(32, '\0');
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &length);
  return mac;
}

/// A hub whose signing key the attacker of these tests has: what is refused is refused for what it says.
class Besieged {
 public:
  Besieged() {
    std::ofstream(folder_.file("key.pem")) << key.private_pem();
    hub.emplace("",
                "limits: { login_per_minute: 0, auth_per_address_minute: 0, member_per_second: 0 }\n"
                "jwt: { key_file: \"" +
                    folder_.file("key.pem") + "\" }\n");
  }

 private:
  TempDir folder_;

 public:
  const Es256Key key = Es256Key::generate();
  std::optional<LoneHub> hub;
};

class HubAttacked : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { besieged_ = new Besieged; }
  static void TearDownTestSuite() {
    delete besieged_;
    besieged_ = nullptr;
  }

  static const LoneHub& hub() { return *besieged_->hub; }
  static const Es256Key& key() { return besieged_->key; }
  /// A name that no other test has.
  static std::string fresh(const std::string& name) {
    static int count = 0;
    return name + std::to_string(++count);
  }
  struct Person {
    std::string id;
    std::string token;  ///< Without a session of its own: it goes by the user's row alone.
  };
  static Person person(Role role) {
    const std::string name = fresh(std::string(name_of(role)));
    std::string id;
    if (role == Role::member) {
      id = text_at(hub().call({.path = "/api/v1/auth/me", .bearer = hub().member(name)}), "id");
    } else {
      const auto made = hub().call({.method = "POST",
                                    .path = "/api/v1/auth/register-staff",
                                    .body = R"({"email":")" + name + R"(@example.com","password":")" +
                                            password + R"(","role":")" + std::string(name_of(role)) + "\"}",
                                    .bearer = hub().admin()});
      EXPECT_EQ(made.status, 201) << made.body;
      id = std::string(made.json().root().find("user")->find("id")->text());
    }
    return {.id = id, .token = token_of(id)};
  }
  static std::string token_of(const std::string& id, seconds lives = minutes{10}, seconds age = {},
                              const hub::identity::TokenTerms& terms = {.issuer = "perkline"}) {
    const WallTime issued = SystemClock().wall_now() - age;
    return hub::identity::issue_token(key(), terms,
                                      {.user = UserId(id),
                                       .id = parse_uuid(nobody).value(),
                                       .issued_at = issued,
                                       .expires_at = issued + lives});
  }
  static bench::WebAnswer me(const std::string& token) {
    return hub().call({.path = "/api/v1/auth/me", .bearer = token});
  }
  static bench::WebAnswer post(const std::string& path, const std::string& body, const std::string& token,
                               const std::string& idempotency_key = fresh("key")) {
    return hub().call({.method = "POST",
                       .path = "/api/v1/" + path,
                       .body = body,
                       .bearer = token,
                       .headers = {{"Idempotency-Key", idempotency_key}}});
  }
  static std::string money(const std::string& user, const std::string& amount) {
    return R"({"userId":")" + user + R"(","amount":)" + amount + R"(,"currency":"USD","reason":"r"})";
  }
  static std::string available(const Person& member) {
    const auto wallet = hub().call({.path = "/api/v1/wallet", .bearer = member.token});
    const auto json = wallet.json();
    return bench::text_at(json.root().find("balances")->items()[0], "available");
  }

 private:
  static inline Besieged* besieged_ = nullptr;
};

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

// ---- who may what

TEST_F(HubAttacked, EveryRouteIsOpenToWhomTheTableSaysAndToNobodyElse) {
  struct Caller {
    std::string name;
    std::optional<Role> role;
    std::string token;
  };
  std::vector<Caller> callers{{"nobody", std::nullopt, ""}};
  for (const Role role : {Role::member, Role::staff, Role::admin})
    callers.push_back({std::string(name_of(role)), role, person(role).token});
  const Person gone = person(Role::admin);
  EXPECT_EQ(hub().call({.method = "DELETE", .path = "/api/v1/users/" + gone.id, .bearer = gone.token}).status,
            202);
  callers.push_back({"an admin who is gone", std::nullopt, gone.token});
  callers.push_back(
      {"an admin of yesterday", std::nullopt,
       token_of(callers[3].token.empty() ? "" : person(Role::admin).id, minutes{10}, hours{24})});
  for (const hub::api::AccessRule& rule : hub::api::access_rules) {
    std::string path(rule.pattern);
    if (const auto open = path.find('{'); open != std::string::npos)
      path.replace(open, path.find('}') - open + 1, "any");
    for (const Caller& caller : callers) {
      const auto answer = hub().call({.method = std::string(net::name_of(rule.method)),
                                      .path = path,
                                      .body = rule.method == net::Method::get ? "" : "{}",
                                      .bearer = caller.token});
      const std::string what = path + " for " + caller.name + ": " + answer.body;
      // A cookie is asked for, or a token among the subprotocols; a bearer token does not count.
      if (rule.access == hub::api::Access::refresh_cookie || rule.pattern.ends_with("/ws")) {
        EXPECT_EQ(answer.status, 401) << what;
      } else if (may(rule.access, caller.role)) {
        EXPECT_TRUE(answer.status != 401 && answer.status != 403 && answer.status < 500) << what;
      } else {
        EXPECT_EQ(answer.status, caller.role ? 403 : 401) << what;
      }
    }
  }
}

TEST_F(HubAttacked, NobodyReachesWhatIsAnothersByItsId) {
  const Person thief = person(Role::member);
  const Person owner = person(Role::member);
  const Person staff = person(Role::staff);
  ASSERT_EQ(post("wallet/credits", money(owner.id, "\"5\""), staff.token).status, 201);
  const auto held = post("wallet/holds", money(owner.id, "\"1\""), staff.token);
  ASSERT_EQ(held.status, 201);
  const std::string before = hub().call({.path = "/api/v1/wallet", .bearer = owner.token}).body;
  for (const std::string& path :
       {"/api/v1/users/" + owner.id + "/export", "/api/v1/points/balance?userId=" + owner.id,
        "/api/v1/points/history?userId=" + owner.id,
        std::string("/api/v1/points/balance?customerId=CUST-12345")})
    expect_problem(hub().call({.path = path, .bearer = thief.token}), 404, "NOT_FOUND");
  expect_problem(hub().call({.method = "DELETE", .path = "/api/v1/users/" + owner.id, .bearer = thief.token}),
                 404, "NOT_FOUND");
  expect_problem(hub().call({.method = "DELETE", .path = "/api/v1/users/" + owner.id, .bearer = staff.token}),
                 404, "NOT_FOUND");
  for (const std::string& role : {thief.token, staff.token}) {
    expect_problem(hub().call({.method = "PATCH",
                               .path = "/api/v1/users/" + thief.id,
                               .body = R"({"role":"admin"})",
                               .bearer = role}),
                   403, "FORBIDDEN");
  }
  const std::string hold = "wallet/holds/" + text_at(held, "id");
  for (const std::string& call : {hold + "/capture", hold + "/release", std::string("wallet/credits")})
    expect_problem(post(call, money(thief.id, "\"5\""), thief.token), 403, "FORBIDDEN");
  // What a body says of who pays changes nothing.
  expect_problem(post("wallet/transfers",
                      R"({"from":")" + owner.id + R"(","userId":")" + owner.id + R"(","to":")" + thief.id +
                          R"(","amount":"1","currency":"USD"})",
                      thief.token),
                 400, "VALIDATION_FAILED");
  const auto renamed = hub().call({.method = "PATCH",
                                   .path = "/api/v1/auth/me",
                                   .body = R"({"id":")" + owner.id + R"(","role":"admin","name":"x"})",
                                   .bearer = thief.token});
  EXPECT_EQ(text_at(renamed, "role"), "member");
  EXPECT_EQ(text_at(renamed, "id"), thief.id);
  EXPECT_EQ(hub().call({.path = "/api/v1/wallet", .bearer = owner.token}).body, before);
}

// ---- money

TEST_F(HubAttacked, AHundredDebitsAtOnceOfAWalletThatCoversThirtyTakeThirty) {
  const Person member = person(Role::member);
  const Person staff = person(Role::staff);
  ASSERT_EQ(post("wallet/credits", money(member.id, "\"30\""), staff.token).status, 201);
  std::vector<bench::WebAnswer> answers(100);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    threads.emplace_back([&, i] {
      answers[i] =
          post("wallet/debits", money(member.id, "\"1\""), staff.token, "debit-" + std::to_string(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  int taken = 0;
  for (const auto& answer : answers) {
    if (answer.status == 201) {
      ++taken;
    } else {
      expect_problem(answer, 409, "INSUFFICIENT_FUNDS");
    }
  }
  EXPECT_EQ(taken, 30);
  EXPECT_EQ(available(member), "0.00");
}

TEST_F(HubAttacked, OneKeyFromManySidesAtOnceIsOneCredit) {
  const Person member = person(Role::member);
  const Person staff = person(Role::staff);
  std::vector<bench::WebAnswer> answers(60);
  std::vector<std::thread> threads;
  for (bench::WebAnswer& answer : answers) {
    threads.emplace_back(
        [&] { answer = post("wallet/credits", money(member.id, "\"7\""), staff.token, "one-key"); });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> bodies;
  for (const auto& answer : answers) {
    EXPECT_EQ(answer.status, 201) << answer.body;
    bodies.insert(answer.body);
  }
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_EQ(available(member), "7.00");
}

TEST_F(HubAttacked, AmountsThatAreNoneMoveNothing) {
  const Person member = person(Role::member);
  const Person other = person(Role::member);
  const Person staff = person(Role::staff);
  ASSERT_EQ(post("wallet/credits", money(member.id, "\"5\""), staff.token).status, 201);
  for (const char* amount : {"-1",
                             "\"-1\"",
                             "0",
                             "\"0.00\"",
                             "\"-0\"",
                             "1e3",
                             "\"1e3\"",
                             "\"0x10\"",
                             "0.001",
                             "\"01\"",
                             "\"1,5\"",
                             "\"1000000000000\"",
                             "99999999999999999999",
                             "9223372036854775808",
                             "-9223372036854775809",
                             "1e999",
                             "\"\"",
                             "\" 1\"",
                             "\"١\"",
                             "true",
                             "null",
                             "[1]",
                             "{}",
                             "\"NaN\""}) {
    for (const char* route : {"credits", "debits", "holds"}) {
      const auto answer = post(std::string("wallet/") + route, money(member.id, amount), staff.token);
      expect_problem(answer, 400, "VALIDATION_FAILED");
      EXPECT_EQ(faulty_fields(answer), std::vector<std::string>{"amount"}) << route << ' ' << amount;
    }
    expect_problem(
        post("wallet/transfers",
             R"({"to":")" + other.id + R"(","amount":)" + amount + R"(,"currency":"USD"})", member.token),
        400, "VALIDATION_FAILED");
  }
  for (const char* points :
       {"-1", "0", "1.5", "1e3", "1000000000001", "9223372036854775808", "\"1\"", "null"}) {
    expect_problem(
        post("points/purchase", std::string(R"({"item":"i","amount":)") + points + "}", member.token), 400,
        "VALIDATION_FAILED");
  }
  for (const char* delta : {"0", "1.5", "1000000000001", "-1000000000001", "9223372036854775808", "\"1\""}) {
    expect_problem(
        post("points/apply",
             R"({"userId":")" + member.id + R"(","reason":"r","externalId":"x","delta":)" + delta + "}",
             staff.token),
        400, "VALIDATION_FAILED");
  }
  EXPECT_EQ(available(member), "5.00");
  EXPECT_EQ(available(other), "0.00");
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
