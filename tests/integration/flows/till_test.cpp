// What a sale at a till means for who the card belongs to, and for the store.
#include "tests/integration/chain.hpp"
#include "tests/integration/flows/people.hpp"

namespace perkline::test {
namespace {

class TillFlows : public ChainTest {
 protected:
  static void SetUpTestSuite() {
    start_chain(2, {}, {}, {},
                "programme: { purchase_rule: [{ from: \"100.00\", points: 2 }, "
                "{ from: \"500.00\", points: 15 }] }\n");
  }
  static HubCalls calls() { return HubCalls(fleet().hub_url()); }
  static std::string admin() { return fleet().log_in().value_or(""); }

  static std::string next_transaction() {
    static int last = 0;
    return "FLOW-" + std::to_string(++last);
  }
  /// A card that no other test's sale has named.
  static std::string next_card() {
    static std::size_t last = 0;
    return members_at_pdi("Gold").at(last++);
  }
  struct Sold {
    std::string transaction;
    std::string session;
    std::string receipt;
    std::int64_t earned;
    std::int64_t balance;
  };
  /// A sale that PDI books.
  static Sold sell(std::size_t edge, const std::string& card, const std::string& amount = "150.00",
                   const std::string& more = R"("applyRewards":true)") {
    const Till till = till_of(edge);
    const std::string transaction = next_transaction();
    const std::string session = till.price(transaction, amount, card);
    const auto sold = till.finalize(session, transaction, amount, more);
    EXPECT_EQ(sold.status, 200) << sold.body;
    return {transaction, session, text_at(sold, "receiptId"), number_at(sold, "earnedPoints"),
            number_at(sold, "newBalance")};
  }
  /// Until the hub has all that the store has to tell.
  static void expect_all_at_hub(std::size_t edge) {
    EXPECT_TRUE(eventually([&] { return number_at(hub("stores/" + fleet().store_id(edge)), "lag") == 0; }));
  }
  static bench::WebAnswer link(const Person& member, const std::string& card, const std::string& receipt) {
    return calls().post("auth/me/loyalty", body({{"loyaltyId", card}, {"receiptId", receipt}}), member.token);
  }
  /// Somebody to whom the card is proven to belong by a sale of 150.00, at the first store.
  static Person cardholder(const std::string& name, const std::string& card) {
    Person member = calls().join(name);
    const Sold sold = sell(0, card);
    expect_all_at_hub(0);
    EXPECT_EQ(link(member, card, sold.receipt).status, 200);
    return member;
  }
  struct Statement {
    std::int64_t issued;
    std::int64_t redeemed;
    std::string owes;
    std::string owed;
    std::string net;
  };
  static Statement statement(std::size_t edge) {
    const auto list = hub("billing/statements?storeId=" + fleet().store_id(edge) +
                          "&month=" + day_from_now(0).substr(0, 7));
    EXPECT_EQ(at(list, "items"), "1") << list.body;
    return {std::stoll(at(list, "items.0.issuedPoints")), std::stoll(at(list, "items.0.redeemedPoints")),
            at(list, "items.0.owes"), at(list, "items.0.owed"), at(list, "items.0.net")};
  }

  /// One prize is left, a coupon, at the hub and at every till.
  static void offer_coupons_alone() {
    const HubCalls hub = calls();
    const std::string staff = admin();
    for (const std::string& id : each(hub.get("prizes?limit=200"), "id"))
      EXPECT_EQ(hub.patch("prizes/" + id, body({{"active", false}}), staff).status, 200);
    const auto made =
        hub.post("prizes", body({{"name", "Coupon"}, {"type", "coupon"}, {"weight", 1}}), staff);
    ASSERT_EQ(made.status, 201) << made.body;
    for (std::size_t edge = 0; edge < fleet().edges(); ++edge) {
      EXPECT_TRUE(eventually([&] {
        return each(till_of(edge).get("prizes"), "id") == Texts{at(made, "id")};
      })) << till_of(edge).get("prizes").body;
    }
  }
};

TEST_F(TillFlows, PointsOfACardAreWhosesReceiptItIsWithThePurchaseRules) {
  const std::string card = next_card();
  const Sold first = sell(0, card);
  const Sold second = sell(1, card, "500.00");
  EXPECT_EQ(first.earned, 450) << "Gold: 300 and half as much";
  EXPECT_EQ(second.earned, 1500);
  for (std::size_t edge : {0u, 1u}) expect_all_at_hub(edge);

  const HubCalls hub = calls();
  expect_problem(
      hub.post("auth/register",
               body({{"email", address("thief")}, {"password", password_of_all}, {"loyaltyId", card}})),
      403, "RECEIPT_REQUIRED");
  const Person ann = hub.join("ann", {{"loyaltyId", card}, {"receiptId", second.receipt}});
  const auto balance = hub.get("points/balance", ann.token);
  EXPECT_EQ(at(balance, "rewards.net"), "1950");
  EXPECT_EQ(at(balance, "rewards.pending"), "0");
  EXPECT_EQ(at(balance, "rewards.pdiBalance"), std::to_string(second.balance));
  EXPECT_EQ(at(balance, "tier"), "Gold");
  EXPECT_EQ(at(balance, "balance"), "17") << "2 for 100 or more, 15 for 500";
  const auto history = hub.get("points/history", ann.token);
  std::map<std::string, std::string> stores;
  for (std::size_t i = 0; i < each(history, "id").size(); ++i) {
    const std::string item = "items." + std::to_string(i) + ".";
    stores[at(history, item + "purse") + " " + at(history, item + "delta")] = at(history, item + "storeId");
  }
  EXPECT_EQ(stores, (std::map<std::string, std::string>{{"rewards 450", "store-1"},
                                                        {"rewards 1500", "store-2"},
                                                        {"points 2", "store-1"},
                                                        {"points 15", "store-2"}}));
}

TEST_F(TillFlows, AMonthsStatementHasWhatAStoresTillsIssuedRedeemedAndTookBack) {
  const std::string card = next_card();
  const Statement before = statement(0);
  const Sold sold = sell(0, card, "150.00", R"("applyRewards":true,"redeemPoints":100)");
  (void)sell(1, card);
  const auto back = till_of(0).post("return", body({{"originalTransactionId", sold.transaction},
                                                    {"transactionId", next_transaction()},
                                                    {"amount", "50.00"}}));
  ASSERT_EQ(back.status, 200) << back.body;
  EXPECT_EQ(number_at(back, "clawedBackPoints"), 150) << "a third of 450";
  EXPECT_EQ(number_at(back, "restoredPoints"), 33);
  expect_all_at_hub(0);
  Statement after{};
  EXPECT_TRUE(eventually([&] {
    after = statement(0);
    return after.issued == before.issued + 300;
  })) << after.issued;
  EXPECT_EQ(after.redeemed, before.redeemed + 67);
  const auto cents = [](std::int64_t points) {
    return std::to_string(points / 100) + "." + (points % 100 < 10 ? "0" : "") + std::to_string(points % 100);
  };
  EXPECT_EQ(after.owes, cents(after.issued)) << "a cent a point";
  EXPECT_EQ(after.owed, cents(after.redeemed));
  EXPECT_EQ(after.net, "-" + cents(after.issued - after.redeemed));
  const auto csv = calls().get("billing/statements?storeId=store-1&month=" + day_from_now(0).substr(0, 7),
                               admin(), {{"Accept", "text/csv"}});
  EXPECT_EQ(header_of(csv, "content-type").substr(0, 8), "text/csv");
  EXPECT_NE(csv.body.find("store-1"), std::string::npos);
  EXPECT_NE(csv.body.find("," + std::to_string(after.issued) + ","), std::string::npos) << csv.body;
}

TEST_F(TillFlows, AfterASaleTheTillSpinsOnceAtNoCostAndThePointsAreTheMembers) {
  const HubCalls hub = calls();
  offer_coupons_alone();
  const std::string card = next_card();
  const Person ben = cardholder("ben", card);
  ASSERT_EQ(hub.points(ben), "2");
  const Sold sold = sell(0, card, "20.00");
  const auto spin = [&](std::size_t edge, const std::string& transaction, const char* seed) {
    return till_of(edge).post(
        "spin", body({{"customerId", card}, {"transactionId", transaction}, {"clientSeed", seed}}));
  };
  const auto spun = spin(0, sold.transaction, "lucky");
  ASSERT_EQ(spun.status, 200) << spun.body;
  EXPECT_EQ(at(spun, "prize.type"), "coupon");
  EXPECT_EQ(at(spun, "proof.clientSeed"), "lucky");
  expect_replay(spin(0, sold.transaction, "lucky"), spun);
  expect_problem(spin(0, sold.transaction, "another"), 422, "TRANSACTION_REUSED");
  expect_problem(spin(0, "NO-SUCH-SALE", "lucky"), 409, "SESSION_STATE");
  expect_problem(spin(1, sold.transaction, "lucky"), 409, "SESSION_STATE");

  EXPECT_TRUE(eventually([&] { return hub.points(ben) == "3"; })) << hub.points(ben);
  const auto spins = hub.get("spins", ben.token);
  EXPECT_EQ(each(spins, "spinId"), Texts{at(spun, "spinId")});
  EXPECT_EQ(each(spins, "channel"), Texts{"till"});
  EXPECT_EQ(each(spins, "storeId"), Texts{"store-1"});
  EXPECT_EQ(each(spins, "cost"), Texts{"0"});
  const auto proof = hub.get("spins/" + at(spun, "spinId") + "/proof");
  for (const char* field : {"memberId", "nonce", "serverSeedHash", "tableVersion", "prizeId"})
    EXPECT_EQ(at(proof, field), at(spun, std::string("proof.") + field)) << field;
  EXPECT_TRUE(eventually([&] {
    return each(hub.get("notifications?type=prize", ben.token), "content.channel") == Texts{"till"};
  }));
}

}  // namespace
}  // namespace perkline::test
