#include <atomic>
#include <set>
#include <thread>

#include "hub/api/access.hpp"
#include "tests/integration/hub_attacks_fixture.hpp"

namespace perkline::test {
namespace {

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

}  // namespace
}  // namespace perkline::test
