#include "shared/core/clock.hpp"
#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

/// What the hub sends down to two real stores.
class Downlink : public ChainTest {
 protected:
  static void SetUpTestSuite() { start_chain(2); }
  void TearDown() override {
    for (std::size_t edge = 0; edge < fleet().edges(); ++edge)
      (void)fleet().edge_command(edge, {"breaker", "auto"});
  }

  static bench::WebAnswer call(const std::string& method, const std::string& path, const std::string& body,
                               const std::string& token) {
    auto answer = bench::call({.method = method,
                               .origin = fleet().hub_url(),
                               .path = "/api/v1/" + path,
                               .body = body,
                               .bearer = token});
    EXPECT_TRUE(answer) << path;
    return answer.value_or(bench::WebAnswer{});
  }
  static bench::WebAnswer as_admin(const std::string& method, const std::string& path,
                                   const std::string& body) {
    return call(method, path, body, fleet().log_in().value_or(""));
  }
  static void put_rules(const std::string& rules) {
    const auto answer = as_admin("PUT", "rules", rules);
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
  /// Each time a new transaction, of a card no till has read.
  static std::int64_t points_for_10(std::size_t edge) {
    const Till till = till_of(edge);
    const std::string transaction = next();
    const std::string session = till.open(transaction, "NEW-" + transaction);
    return number_at(till.calculate(session, "10.00"), "earnedPoints");
  }
  static bool earns_once(std::size_t edge, std::int64_t points) {
    return eventually([&] { return points_for_10(edge) == points; });
  }
  static std::string next() {
    static int count = 0;
    return "DOWN-" + std::to_string(++count);
  }
  /// A sale that PDI books; its answer.
  static bench::WebAnswer sell(std::size_t edge, const std::string& customer) {
    const Till till = till_of(edge);
    const std::string transaction = next();
    const auto answer = till.finalize(till.price(transaction, "150.00", customer), transaction);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer;
  }
  static std::string member(std::size_t number) { return members_at_pdi("Silver").at(number); }
  /// Waits until the hub has every event of that store.
  static void expect_all_at_hub(std::size_t edge) {
    EXPECT_TRUE(eventually([&] { return number_at(hub("stores/" + fleet().store_id(edge)), "lag") == 0; }));
  }
};

TEST_F(Downlink, RulesThatStaffPutPriceTheNextSaleAtEveryTill) {
  for (std::size_t edge : {0u, 1u}) keep_from_pdi(edge);
  EXPECT_EQ(points_for_10(0), 20) << "as built in";
  const std::string begun = till_of(0).price("DOWN-BEGUN", "10.00", "NEW-BEGUN");
  put_rules(R"({"version":"hub-1","points_per_unit":7,"receipt":{"lines":["Hub: {{earnedPoints}}"]}})");
  EXPECT_TRUE(earns_once(0, 70));
  EXPECT_TRUE(earns_once(1, 70));
  const auto old = till_of(0).finalize(begun, "DOWN-BEGUN", "10.00");
  EXPECT_EQ(number_at(old, "earnedPoints"), 20) << "as it was priced";

  const auto dry = as_admin("POST", "rules/dry-run", R"({"baskets":[{"transactionAmount":"10.00"}]})");
  EXPECT_NE(dry.body.find(R"("earnedPoints":70)"), std::string::npos) << dry.body;

  put_rules(R"({"version":"hub-2","points_per_unit":8})");
  EXPECT_TRUE(earns_once(0, 80));
  EXPECT_TRUE(earns_once(1, 80));
}

TEST_F(Downlink, RulesOfTheHubStayInForceWithoutItAndAcrossRestarts) {
  put_rules(R"({"version":"hub-3","points_per_unit":9})");
  keep_from_pdi(0);
  ASSERT_TRUE(earns_once(0, 90));
  ASSERT_EQ(fleet().hub().terminate(), 0);
  ASSERT_EQ(fleet().edge(0).terminate(), 0);
  ASSERT_TRUE(fleet().start_edge(0));
  keep_from_pdi(0);
  EXPECT_EQ(points_for_10(0), 90) << "from its journal";
  ASSERT_TRUE(fleet().start_hub());
  put_rules(R"({"version":"hub-4","points_per_unit":10})");
  EXPECT_TRUE(earns_once(0, 100));
}

TEST_F(Downlink, WhatAMemberHasAfterASaleElsewhereAnswersWithoutPdi) {
  const std::string customer = member(0);
  (void)sell(1, customer);
  const std::int64_t balance = number_at(sell(0, customer), "newBalance");
  expect_all_at_hub(0);
  keep_from_pdi(1);
  bench::WebAnswer identified;
  EXPECT_TRUE(eventually([&] {
    identified = till_of(1).identify(next(), customer);
    return number_at(identified, "currentPoints") == balance;
  })) << identified.body;
  EXPECT_EQ(text_at(identified, "mode"), "standin");
  EXPECT_EQ(text_at(identified, "tier"), "Silver");
}

TEST_F(Downlink, AMemberWhoseAccountIsDeactivatedIsBlockedAtEveryStandIn) {
  const std::string customer = member(1);
  const std::string receipt = text_at(sell(0, customer), "receiptId");
  expect_all_at_hub(0);
  const auto registered = call("POST", "auth/register",
                               R"({"email":"blocked@example.com","password":"a password of twelve",)"
                               R"("loyaltyId":")" +
                                   customer + R"(","receiptId":")" + receipt + "\"}",
                               "");
  ASSERT_EQ(registered.status, 201) << registered.body;
  const auto document = registered.json();
  const std::string user = bench::text_at(*document.root().find("user"), "id");
  ASSERT_EQ(as_admin("PATCH", "users/" + user, R"({"active":false})").status, 200);
  keep_from_pdi(1);
  bench::WebAnswer refused;
  EXPECT_TRUE(eventually([&] {
    refused = till_of(1).identify(next(), customer);
    return refused.status == 400;
  })) << refused.body;
  expect_problem(refused, 400, "PDI_REJECTED");
  EXPECT_NE(refused.body.find(R"("code":"BLOCKED")"), std::string::npos) << refused.body;
  ASSERT_EQ(as_admin("PATCH", "users/" + user, R"({"active":true})").status, 200);
  EXPECT_TRUE(eventually([&] { return till_of(1).identify(next(), customer).status == 200; }));
}

TEST_F(Downlink, AForgottenMemberIsForgottenAtEveryStore) {
  const std::string customer = member(2);
  const Till till = till_of(0);
  const std::string transaction = next();
  const std::string session = till.price(transaction, "150.00", customer);
  const auto sold = till.finalize(session, transaction);
  ASSERT_EQ(sold.status, 200) << sold.body;
  (void)sell(1, customer);
  expect_all_at_hub(0);
  expect_all_at_hub(1);
  const auto registered =
      call("POST", "auth/register",
           R"({"email":"forgotten@example.com","password":"a password of twelve","loyaltyId":")" + customer +
               R"(","receiptId":")" + text_at(sold, "receiptId") + "\"}",
           "");
  ASSERT_EQ(registered.status, 201) << registered.body;
  const auto document = registered.json();
  const std::string user = bench::text_at(*document.root().find("user"), "id");

  // One store is cut off from the hub: it is waited for.
  ASSERT_EQ(fleet().edge(1).terminate(), 0);
  const auto asked = as_admin("DELETE", "users/" + user, "");
  ASSERT_EQ(asked.status, 202) << asked.body;
  EXPECT_TRUE(eventually([&] { return text_at(till.status(session), "customerId").starts_with("erased-"); }));
  EXPECT_EQ(as_admin("DELETE", "users/" + user, "").status, 202);
  ASSERT_TRUE(fleet().start_edge(1));
  bench::WebAnswer done;
  EXPECT_TRUE(eventually([&] {
    done = as_admin("DELETE", "users/" + user, "");
    return done.status == 200;
  })) << done.body;

  expect_replay(till.finalize(session, transaction), sold);
  expect_problem(till.identify(transaction, customer), 422, "TRANSACTION_REUSED");
  for (std::size_t edge : {0u, 1u}) {
    EXPECT_EQ(edge_command(edge, {"verify"}).status, 0);
    EXPECT_EQ(edge_command(edge, {"sessions", "list", "--json"}).out.find(customer), std::string::npos);
  }
}

// ---- commands

struct StoreKeys {
  std::vector<std::string> valid;
  std::string command;  ///< The latest one's state.
};
StoreKeys keys_of(const bench::CommandOutput& shown) {
  const auto document = json::parse(shown.out);
  EXPECT_TRUE(document) << shown.out << shown.err;
  StoreKeys keys;
  if (!document) return keys;
  for (const json::Value& key : document->root().find("keys")->items()) {
    if (key.find("revokedAt")->is(json::Value::Kind::null))
      keys.valid.push_back(bench::text_at(key, "publicKey"));
  }
  const auto commands = document->root().find("commands")->items();
  if (!commands.empty()) keys.command = bench::text_at(commands.front(), "state");
  return keys;
}

class StoreCommands : public Downlink {
 protected:
  static StoreKeys keys() {
    const auto shown = fleet().hub_command({"store", "show", "store-1", "--json"});
    EXPECT_TRUE(shown);
    return keys_of(shown.value_or(bench::CommandOutput{}));
  }
  static void give(std::vector<std::string> command) {
    std::vector<std::string> arguments{"store", "command", "store-1"};
    arguments.insert(arguments.end(), command.begin(), command.end());
    const auto given = fleet().hub_command(arguments);
    ASSERT_TRUE(given);
    ASSERT_EQ(given->status, 0) << given->err;
  }
  static bool once_done() {
    return eventually([] { return keys().command == "done"; });
  }
};

TEST_F(StoreCommands, TheLogsLevelIsSetFromTheHub) {
  give({"log-level", "debug"});
  EXPECT_TRUE(once_done());
  give({"log-level", "info"});
  EXPECT_TRUE(once_done());
  const auto wrong = fleet().hub_command({"store", "command", "store-1", "log-level", "loud"});
  ASSERT_TRUE(wrong);
  EXPECT_EQ(wrong->status, 2);
  EXPECT_EQ(fleet().hub_command({"store", "command", "store-1", "dance"})->status, 2);
}

TEST_F(StoreCommands, AKeyIsRotatedUnderLoadAndTheOldOneIsOver) {
  const auto before = keys().valid;
  ASSERT_EQ(before.size(), 1u);
  give({"rotate-key"});
  EXPECT_EQ(fleet().hub_command({"store", "command", "store-1", "rotate-key"})->status, 1) << "one at a time";
  for (int i = 0; i < 20; ++i) (void)sell(0, member(3));
  ASSERT_TRUE(once_done());
  const auto after = keys().valid;
  ASSERT_EQ(after.size(), 1u);
  EXPECT_NE(after.front(), before.front());
  (void)sell(0, member(3));
  expect_all_at_hub(0);
}

TEST_F(StoreCommands, ARotationThatAKillInterruptsIsEndedAllTheSame) {
  for (const Millis until_kill : {Millis{0}, Millis{700}, Millis{1400}, Millis{2600}}) {
    const auto before = keys().valid;
    ASSERT_EQ(before.size(), 1u);
    give({"rotate-key"});
    const auto kill_at = std::chrono::steady_clock::now() + until_kill;
    do (void)sell(0, member(4));
    while (std::chrono::steady_clock::now() < kill_at);
    fleet().edge(0).kill();
    ASSERT_TRUE(fleet().start_edge(0));
    ASSERT_TRUE(once_done()) << until_kill.count();
    const auto after = keys().valid;
    ASSERT_EQ(after.size(), 1u);
    EXPECT_NE(after.front(), before.front());
    (void)sell(0, member(4));
    expect_all_at_hub(0);
  }
}

}  // namespace
}  // namespace perkline::test
