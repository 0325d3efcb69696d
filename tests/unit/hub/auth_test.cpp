#include <gtest/gtest.h>

#include "tests/unit/hub/served_hub.hpp"

namespace perkline::test {
namespace {

using hub::identity::Role;

const std::string jwks_path = "/.well-known/jwks.json";

/// The problem without what differs from request to request.
std::string without_trace(const RawAnswer& answer) {
  std::string body = answer.body;
  const std::string trace = member_of(body, "traceId");
  EXPECT_FALSE(trace.empty());
  return body.replace(body.find(trace), trace.size(), "");
}

TEST(Login, GivesATokenThatOpensWhatTheRoleMay) {
  ServedHub hub;
  const auto user = hub.add_user("jo", Role::staff);
  const RawAnswer answer = hub.log_in("jo@example.com");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(member_of(answer.body, "expiresIn"), "600");
  const auto document = json::parse(answer.body);
  const json::Value* shown = document->root().find("user");
  ASSERT_NE(shown, nullptr);
  EXPECT_EQ(shown->find("id")->text(), user.id.str());
  EXPECT_EQ(shown->find("email")->text(), "jo@example.com");
  EXPECT_EQ(shown->find("role")->text(), "staff");
  EXPECT_TRUE(shown->find("active")->boolean());
  for (const char* name : {"mobile", "referralCode", "loyaltyId"}) {
    ASSERT_NE(shown->find(name), nullptr) << name;
    EXPECT_TRUE(shown->find(name)->is(json::Value::Kind::null)) << name;
  }
  EXPECT_EQ(shown->find("password_hash"), nullptr);
  EXPECT_EQ(answer.body.find("argon2"), std::string::npos);
  EXPECT_EQ(hub.get("/api/v1/stores", member_of(answer.body, "accessToken")).status, 200);
}

TEST(Login, TakesTheAddressInAnyCase) {
  ServedHub hub;
  hub.add_user("Jo", Role::staff);
  EXPECT_EQ(hub.log_in("jO@EXAMPLE.com").status, 200);
}

TEST(Login, TakesAMobileNumber) {
  ServedHub hub;
  const auto user = hub.add_user("jo", Role::member);
  hub.execute("UPDATE users SET mobile = '+491701234567' WHERE id = $1", {user.id.str()});
  EXPECT_EQ(hub.log_in("+491701234567").status, 200);
}

TEST(Login, TellsAWrongPasswordAndAnUnknownLoginAlike) {
  ServedHub hub;
  hub.add_user("jo", Role::staff);
  const RawAnswer wrong = hub.log_in("jo@example.com", "not the password");
  const RawAnswer unknown = hub.log_in("nobody@example.com");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.code(), "INVALID_CREDENTIALS");
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(without_trace(wrong), without_trace(unknown));
}

TEST(Login, OfAnInactiveAccountIsToldOnlyWithTheRightPassword) {
  ServedHub hub;
  const auto user = hub.add_user("jo", Role::staff);
  hub.execute("UPDATE users SET active = 0 WHERE id = $1", {user.id.str()});
  const RawAnswer right = hub.log_in("jo@example.com");
  EXPECT_EQ(right.status, 403);
  EXPECT_EQ(right.code(), "ACCOUNT_INACTIVE");
  EXPECT_EQ(hub.log_in("jo@example.com", "not the password").code(), "INVALID_CREDENTIALS");
}

TEST(Login, NamesEveryFaultOfItsBody) {
  ServedHub hub;
  const auto refused = [&](const std::string& body) {
    return hub.send("POST", "/api/v1/auth/login", "", body);
  };
  const RawAnswer both = refused("{}");
  EXPECT_EQ(both.status, 400);
  EXPECT_EQ(both.code(), "VALIDATION_FAILED");
  EXPECT_NE(both.body.find(R"("field":"login")"), std::string::npos) << both.body;
  EXPECT_NE(both.body.find(R"("field":"password")"), std::string::npos) << both.body;
  EXPECT_EQ(faults_of(refused("[]")), (std::set<std::string>{""})) << "no member of what is no object";
  EXPECT_EQ(refused("{").code(), "MALFORMED_JSON");
  EXPECT_EQ(refused(R"({"login":"a@b.c","password":""})").code(), "VALIDATION_FAILED");
  EXPECT_EQ(refused(R"({"login":"a@b.c","password":")" + std::string(513, 'x') + R"("})").code(),
            "VALIDATION_FAILED");
}

TEST(Login, TakesAnyCharacterInThePassword) {
  ServedHub hub;
  const RawAnswer answer =
      hub.send("POST", "/api/v1/auth/login", "", R"({"login":"a@b.c","password":"tab\tü\u0001"})");
  EXPECT_EQ(answer.code(), "INVALID_CREDENTIALS") << answer.body;
}

TEST(Login, IsLimitedForEachLoginInWhateverCaseItIsSpelled) {
  ServedHub hub({.login_per_minute = 3, .auth_per_address_minute = 0});
  hub.add_user("jo", Role::staff);
  for (const char* spelled : {"jo@example.com", "JO@example.com", "Jo@Example.Com"}) {
    EXPECT_EQ(hub.log_in(spelled, "not the password").status, 401);
  }
  const RawAnswer refused = hub.log_in("jO@example.com");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.code(), "RATE_LIMITED");
  EXPECT_EQ(refused.field("RateLimit-Limit"), "3");
  EXPECT_EQ(refused.field("RateLimit-Remaining"), "0");
  for (const char* name : {"Retry-After", "RateLimit-Reset"}) {
    const int wait = std::stoi(refused.field(name).value_or("0"));
    EXPECT_GE(wait, 1) << name;
    EXPECT_LE(wait, 60) << name;
  }
  EXPECT_EQ(hub.log_in("somebody.else@example.com").status, 401);
}

TEST(Login, IsLimitedForEachAddress) {
  ServedHub hub({.login_per_minute = 0, .auth_per_address_minute = 2});
  EXPECT_EQ(hub.log_in("a@example.com").status, 401);
  EXPECT_EQ(hub.log_in("b@example.com").status, 401);
  EXPECT_EQ(hub.log_in("c@example.com").status, 429);
  RawHttp early = hub.connect();
  early.send(
      "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
      "Content-Length: 1000000\r\n\r\n");
  EXPECT_EQ(early.read_answer().value_or(RawAnswer{}).status, 429) << "a megabyte is not read for it";
  // Other routes are not counted nor refused.
  EXPECT_EQ(hub.get(jwks_path).status, 200);
}

TEST(Login, IsLimitedForEachNetworkThatOneSubscriberHas) {
  const ServedHub hub({.login_per_minute = 0, .auth_per_address_minute = 2},
                      {.server = {.listen = "0", .trusted_proxies = {"127.0.0.1"}}});
  const auto status_from = [&](const std::string& address) {
    return hub.send("POST", "/api/v1/auth/login", "", "{}", "X-Forwarded-For: " + address + "\r\n").status;
  };
  EXPECT_EQ(status_from("2001:db8:0:7::1"), 400);
  EXPECT_EQ(status_from("2001:db8:0:7:ffff:eeee:dddd:2"), 400);
  EXPECT_EQ(status_from("2001:db8:0:7:1::3"), 429) << "another address of the same /64";
  EXPECT_EQ(status_from("2001:db8:0:8::1"), 400);
  for (const char* address : {"203.0.113.1", "203.0.113.2", "203.0.113.3"})
    EXPECT_EQ(status_from(address), 400) << "of IPv4 each counts for itself: " << address;
}

TEST(PasswordHasher, TurnsAwayWhatItsQueueDoesNotHold) {
  RunningReactor reactor;
  std::optional<hub::identity::PasswordHasher> hasher;
  hasher.emplace(*reactor, hub::identity::PasswordHasher::Options{.threads = 1, .queue_max = 2, .cost = {}});
  std::vector<std::future<Result<bool>>> verdicts;
  // Started in one go on the reactor's thread, so that they meet at the queue.
  reactor.run([&] {
    for (int i = 0; i < 8; ++i) {
      auto promise = std::make_shared<std::promise<Result<bool>>>();
      verdicts.push_back(promise->get_future());
      reactor->spawn(
          [](Task<Result<bool>> task, std::shared_ptr<std::promise<Result<bool>>> to) -> Task<void> {
            to->set_value(co_await std::move(task));
          }(hasher->verify(hasher->nobodys_hash(), "some password"), promise));
    }
  });
  int done = 0;
  for (auto& verdict : verdicts) {
    const auto result = verdict.get();
    if (result) {
      EXPECT_FALSE(*result);
      ++done;
    } else {
      EXPECT_EQ(result.error().code, Errc::rate_limited);
      EXPECT_TRUE(result.error().retry_after.has_value());
      ASSERT_TRUE(result.error().quota.has_value());
      EXPECT_EQ(result.error().quota->limit, 2);
    }
  }
  EXPECT_GE(done, 2);
  EXPECT_LE(done, 3);
}

TEST(PasswordHasher, TakesAsLongForNobodyAsForSomebody) {
  RunningReactor reactor;
  hub::identity::PasswordHasher hasher(*reactor, {.threads = 1, .cost = {}});
  const auto somebodys = reactor.await(hasher.hash("a password of twelve"));
  ASSERT_TRUE(somebodys);
  // Salt and hash come behind the cost: what stands before them decides how long it takes.
  const auto cost_of = [](const std::string& hash) {
    return hash.substr(0, hash.find('$', hash.find("$m=") + 1));
  };
  EXPECT_EQ(cost_of(hasher.nobodys_hash()), cost_of(*somebodys));
  EXPECT_EQ(cost_of(*somebodys), "$argon2id$v=19$m=65536,t=2,p=1");
}

TEST(Guard, AsksForATokenOfItsOwnMaking) {
  ServedHub hub;
  for (const std::string token : {"", "x", "a.b.c"}) {
    const RawAnswer answer = hub.get("/api/v1/stores", token);
    EXPECT_EQ(answer.status, 401) << token;
    EXPECT_EQ(answer.code(), "UNAUTHENTICATED");
    EXPECT_TRUE(answer.field("WWW-Authenticate").has_value());
  }
}

TEST(Guard, RefusesATokenWhoseUserIsDeactivatedAtOnce) {
  ServedHub hub;
  const auto user = hub.add_user("jo", Role::admin);
  const std::string token = hub.token_of(user);
  EXPECT_EQ(hub.get("/api/v1/stores", token).status, 200);
  hub.execute("UPDATE users SET active = 0 WHERE id = $1", {user.id.str()});
  const RawAnswer answer = hub.get("/api/v1/stores", token);
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.code(), "ACCOUNT_INACTIVE");
}

TEST(Guard, RefusesATokenWhoseUserIsGone) {
  ServedHub hub;
  const auto user = hub.add_user("jo", Role::admin);
  const std::string token = hub.token_of(user);
  hub.execute("DELETE FROM users WHERE id = $1", {user.id.str()});
  EXPECT_EQ(hub.get("/api/v1/stores", token).code(), "UNAUTHENTICATED");
}

TEST(Guard, GoesByTheRoleTheUserHasNow) {
  ServedHub hub;
  const auto user = hub.add_user("jo", Role::staff);
  const std::string token = hub.token_of(user);
  EXPECT_EQ(hub.get("/api/v1/stores", token).status, 200);
  hub.execute("UPDATE users SET role = 'member' WHERE id = $1", {user.id.str()});
  EXPECT_EQ(hub.get("/api/v1/stores", token).code(), "FORBIDDEN");
}

TEST(Guard, TellsThatATokenHasExpired) {
  ServedHub hub;
  const auto user = hub.add_user("jo", Role::staff);
  const auto keys = hub.reactor().await(hub::db::write_for<std::vector<hub::identity::SigningKey>>(
      hub.database(), [](hub::db::Transaction& transaction) {
        return hub::identity::load_or_make_signing_keys(transaction, WallTime{});
      }));
  ASSERT_TRUE(keys);
  SystemClock clock;
  hub::identity::Tokens expired(*keys, {.terms = {.issuer = "perkline"}, .ttl = seconds{0}}, clock,
                                hub.rng());
  EXPECT_EQ(hub.get("/api/v1/stores", expired.issue(user)).code(), "TOKEN_EXPIRED");
  // The same keys, so nothing but the time is wrong with it.
  hub::identity::Tokens fresh(*keys, {.terms = {.issuer = "perkline"}, .ttl = minutes{1}}, clock, hub.rng());
  EXPECT_EQ(hub.get("/api/v1/stores", fresh.issue(user)).status, 200);
}

TEST(SigningKeys, AreMadeOnceAndShownByTheirPublicHalf) {
  ServedHub hub;
  const auto load = [&] {
    return hub.reactor()
        .await(hub::db::write_for<std::vector<hub::identity::SigningKey>>(
            hub.database(),
            [](hub::db::Transaction& transaction) {
              return hub::identity::load_or_make_signing_keys(transaction, WallTime{});
            }))
        .value();
  };
  const auto first = load();
  const auto second = load();
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(first[0].key.id(), second[0].key.id());
  const RawAnswer shown = hub.get(jwks_path);
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.body, hub::identity::KeySet({first[0].key}).jwks());
}

TEST(Users, HaveTheirAddressForThemselvesInWhateverCase) {
  ServedHub hub;
  hub.add_user("jo", Role::member);
  hub::identity::NewUser other{.user = {}, .password_hash = "x"};
  other.user.id = UserId(hub.ids().next().str());
  other.user.email = "JO@example.com";
  const auto added = hub.reactor().await(hub.database().write(
      [&](hub::db::Transaction& transaction) { return hub::identity::insert_user(transaction, other); }));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Errc::already_registered);
}

TEST(EmailKey, IsTheAddressInLowerCaseOrNothing) {
  using hub::identity::email_key;
  EXPECT_EQ(email_key("Jo.Doe+x@Example.COM"), "jo.doe+x@example.com");
  EXPECT_EQ(email_key("o'brien_1@mail-2.example.co.uk"), "o'brien_1@mail-2.example.co.uk");
  for (const std::string wrong : {"",
                                  "jo",
                                  "@example.com",
                                  "jo@",
                                  "jo@example",
                                  "jo@.com",
                                  "jo@example.com.",
                                  "jo@@example.com",
                                  "jo doe@example.com",
                                  "jo@exa\nmple.com",
                                  "jö@example.com",
                                  ".jo@example.com",
                                  "jo.@example.com",
                                  "j..o@example.com",
                                  "jo@exa..mple.com",
                                  "jo@-example.com",
                                  "jo@example-.com",
                                  "jo@exam_ple.com",
                                  "<jo@example.com>",
                                  "jo,ann@example.com",
                                  "\"jo\"@example.com",
                                  "jo@[127.0.0.1]"}) {
    EXPECT_FALSE(email_key(wrong)) << wrong;
  }
  EXPECT_TRUE(email_key(std::string(64, 'a') + "@example.com"));
  EXPECT_FALSE(email_key(std::string(65, 'a') + "@example.com"));
  EXPECT_FALSE(email_key("a@" + std::string(64, 'a') + ".com"));
  std::string long_one = "a@";
  for (int i = 0; i < 62; ++i) long_one += "abc.";
  EXPECT_EQ(long_one.size(), 250u);
  EXPECT_TRUE(email_key(long_one + "comm"));
  EXPECT_FALSE(email_key(long_one + "commm"));
}

TEST(Mobile, IsANumberByE164) {
  using hub::identity::is_mobile;
  for (const char* right : {"+491701234567", "+1234567", "+123456789012345"}) EXPECT_TRUE(is_mobile(right));
  for (const char* wrong : {"", "+", "491701234567", "+0491701234", "+123456", "+1234567890123456",
                            "+49 170 1234567", "+49170123456a", "00491701234567", "+49+1701234"})
    EXPECT_FALSE(is_mobile(wrong)) << wrong;
}

}  // namespace
}  // namespace perkline::test
