#include "tests/integration/chain.hpp"

namespace perkline::test {
namespace {

/// What a store does by itself while PDI is away. Edge 1 may redeem 100 points a member and day, 150 in all;
/// edge 2 as much as members have; edge 3 nothing, which is the default.
class Offline : public ChainTest {
 protected:
  static void SetUpTestSuite() {
    start_chain(3,
                {"standin: { max_redeem_points_per_member_day: 100, max_redeem_points_store_day: 150 }\n",
                 "standin: { max_redeem_points_per_member_day: 1000000000000, max_redeem_points_store_day: "
                 "1000000000000 }\n"});
  }
  void TearDown() override {
    for (std::size_t edge = 0; edge < fleet().edges(); ++edge)
      (void)fleet().edge_command(edge, {"breaker", "auto"});
  }

  static std::int64_t points_at_pdi(const std::string& customer) {
    return number_at(sandbox("/sandbox/members/" + customer), "points");
  }
  /// Another one for each number.
  static std::string member(std::size_t number) { return members_at_pdi("Gold").at(number); }
  /// What calculateRewards says may be redeemed.
  static std::int64_t told_redeemable(const Till& till, const std::string& session,
                                      const std::string& amount) {
    const auto priced = till.calculate(session, amount).json();
    const json::Value* redeemable = priced.root().find("redeemable");
    return redeemable == nullptr ? -1 : bench::integer_at(*redeemable, "maxPoints");
  }
  /// A sale of 150.00 that redeems; `session` is left for another try when it is refused.
  static bench::WebAnswer redeem(const Till& till, const std::string& session, const std::string& transaction,
                                 std::int64_t points) {
    return till.finalize(session, transaction, "150.00",
                         R"("applyRewards":true,"redeemPoints":)" + std::to_string(points));
  }
};

TEST_F(Offline, WorkedExampleIsTheSameToTheLetter) {
  const Till till = till_of(1);
  (void)till.open("EXAMPLE-1");  // The member is met.
  keep_from_pdi(1);
  const auto identified = till.identify("EXAMPLE-2");
  const std::string session = text_at(identified, "sessionId");
  EXPECT_EQ(
      identified.body,
      R"({"sessionId":")" + session +
          R"(","status":"active","customerName":"John Doe","currentPoints":5000,"tier":"Gold","mode":"standin"})");
  EXPECT_EQ(
      till.calculate(session, "150.00", R"([{"sku":"SKU-001","qty":2}])").body,
      R"({"earnedPoints":450,"multiplier":3.0,"bonusPoints":150,"breakdown":{"basePoints":300,"tierBonus":150},)"
      R"("redeemable":{"maxPoints":5000}})");
  const auto pending = till.finalize(session, "EXAMPLE-2");
  EXPECT_EQ(pending.status, 202) << pending.body;
  const auto told = pending.json();
  EXPECT_EQ(text_at(pending, "sessionId"), session);
  EXPECT_EQ(text_at(pending, "status"), "pending");
  EXPECT_EQ(text_at(pending, "mode"), "standin");
  EXPECT_EQ(number_at(pending, "earnedPoints"), 450);
  EXPECT_EQ(number_at(pending, "redeemedPoints"), 0);
  EXPECT_EQ(number_at(pending, "newBalance"), 5450);
  EXPECT_NE(text_at(pending, "receiptId"), "");
  ASSERT_NE(told.root().find("receiptLines"), nullptr);
  EXPECT_FALSE(told.root().find("receiptLines")->items().empty());
  ASSERT_NE(told.root().find("provisional"), nullptr);
  EXPECT_TRUE(told.root().find("provisional")->boolean());

  let_to_pdi(1);
  (void)status_once(till, session, "finalized");
  const auto done = till.finalize(session, "EXAMPLE-2");
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(number_at(done, "earnedPoints"), 450);
  EXPECT_EQ(number_at(done, "newBalance"), 5450);
}

TEST_F(Offline, RedeemsToTheLimitsAndNotAPointFurther) {
  const Till till = till_of(0);
  const std::string one = member(0);
  const std::string other = member(1);
  (void)till.open("LIMIT-MET-1", one);
  (void)till.open("LIMIT-MET-2", other);
  keep_from_pdi(0);
  const auto refused = [&](const std::string& session, const std::string& transaction, std::int64_t points) {
    expect_problem(redeem(till, session, transaction, points), 422, "REDEMPTION_LIMIT");
    EXPECT_EQ(text_at(till.status(session), "status"), "calculated");
  };
  const auto taken = [&](const std::string& session, const std::string& transaction, std::int64_t points) {
    const auto answer = redeem(till, session, transaction, points);
    EXPECT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(number_at(answer, "redeemedPoints"), points);
  };
  std::vector<std::string> sales;
  for (int i = 1; i <= 5; ++i)
    sales.push_back(till.price("LIMIT-" + std::to_string(i), "150.00", i <= 3 ? one : other));
  EXPECT_EQ(told_redeemable(till, sales[0], "150.00"), 100);
  refused(sales[0], "LIMIT-1", 101);
  taken(sales[0], "LIMIT-1", 60);
  EXPECT_EQ(told_redeemable(till, sales[1], "149.00"), 40);
  refused(sales[1], "LIMIT-2", 41);
  taken(sales[1], "LIMIT-2", 40);
  refused(sales[2], "LIMIT-3", 1);
  // The store's own limit leaves the other member less than one may have.
  refused(sales[3], "LIMIT-4", 51);
  taken(sales[3], "LIMIT-4", 50);
  refused(sales[4], "LIMIT-5", 1);

  fleet().edge(0).kill();
  ASSERT_TRUE(fleet().start_edge(0));
  keep_from_pdi(0);
  refused(sales[2], "LIMIT-3", 1);
  refused(sales[4], "LIMIT-5", 1);
  taken(sales[2], "LIMIT-3", 0);
  taken(sales[4], "LIMIT-5", 0);

  let_to_pdi(0);
  for (const std::string& session : sales) (void)status_once(till, session, "finalized");
  std::int64_t redeemed = 0;
  for (int i = 1; i <= 5; ++i) {
    const auto bookings = bookings_at_pdi("LIMIT-" + std::to_string(i));
    ASSERT_EQ(bookings.size(), 1u);
    redeemed += bookings[0].redeemed;
  }
  EXPECT_EQ(redeemed, 150);
}

TEST_F(Offline, NeverRedeemsMoreThanTheMemberHas) {
  const Till till = till_of(1);
  const std::string customer = member(2);
  const std::int64_t balance = points_at_pdi(customer);
  const std::string online = till.price("BALANCE-0", "150.00", customer);
  expect_problem(redeem(till, online, "BALANCE-0", balance + 1), 422, "REDEMPTION_LIMIT");

  keep_from_pdi(1);
  const std::string first = till.price("BALANCE-1", "150.00", customer);
  const std::string second = till.price("BALANCE-2", "150.00", customer);
  expect_problem(redeem(till, first, "BALANCE-1", balance + 1), 422, "REDEMPTION_LIMIT");
  EXPECT_EQ(redeem(till, first, "BALANCE-1", balance - 1).status, 202);
  expect_problem(redeem(till, second, "BALANCE-2", 2), 422, "REDEMPTION_LIMIT");
  EXPECT_EQ(redeem(till, second, "BALANCE-2", 1).status, 202);
  // What the sale earns is provisional: it cannot be spent yet.
  const std::string third = till.price("BALANCE-3", "150.00", customer);
  expect_problem(redeem(till, third, "BALANCE-3", 1), 422, "REDEMPTION_LIMIT");

  let_to_pdi(1);
  (void)status_once(till, first, "finalized");
  (void)status_once(till, second, "finalized");
  EXPECT_EQ(bookings_at_pdi("BALANCE-1").at(0).redeemed, balance - 1);
  EXPECT_EQ(bookings_at_pdi("BALANCE-2").at(0).redeemed, 1);
}

TEST_F(Offline, RedeemsNothingUnlessConfigured) {
  const Till till = till_of(2);
  const std::string customer = member(3);
  (void)till.open("NOTHING-MET", customer);
  keep_from_pdi(2);
  const std::string session = till.price("NOTHING-1", "150.00", customer);
  EXPECT_EQ(told_redeemable(till, session, "150.00"), 0);
  expect_problem(redeem(till, session, "NOTHING-1", 1), 422, "REDEMPTION_LIMIT");
  EXPECT_EQ(redeem(till, session, "NOTHING-1", 0).status, 202);
}

TEST_F(Offline, AMemberNeverMetIsServedAsTierBaseAndGetsPdisFiguresLater) {
  const Till till = till_of(1);
  const std::string customer = member(4);
  keep_from_pdi(1);
  const auto identified = till.identify("STRANGER-1", customer);
  EXPECT_EQ(identified.status, 200) << identified.body;
  EXPECT_EQ(text_at(identified, "tier"), "Base");
  EXPECT_EQ(number_at(identified, "currentPoints"), 0);
  EXPECT_EQ(text_at(identified, "mode"), "standin");
  const std::string session = text_at(identified, "sessionId");
  EXPECT_EQ(number_at(till.calculate(session), "earnedPoints"), 300);
  expect_problem(redeem(till, session, "STRANGER-1", 1), 422, "REDEMPTION_LIMIT");
  const auto pending = till.finalize(session, "STRANGER-1");
  EXPECT_EQ(pending.status, 202) << pending.body;
  EXPECT_TRUE(is_null(pending, "newBalance")) << pending.body;

  const std::int64_t before = points_at_pdi(customer);
  let_to_pdi(1);
  const auto done = status_once(till, session, "finalized");
  EXPECT_EQ(number_at(done, "newBalance"), before + number_at(done, "earnedPoints"));
  EXPECT_EQ(number_at(done, "newBalance"), points_at_pdi(customer));
}

TEST_F(Offline, AnAmountPaidThatDiffersIsPricedAnew) {
  const Till till = till_of(1);
  const std::string customer = member(5);
  (void)till.open("DIFFERS-MET", customer);
  keep_from_pdi(1);
  const std::string session = till.price("DIFFERS-1", "150.00", customer);
  const auto pending = till.finalize(session, "DIFFERS-1", "99.99");
  EXPECT_EQ(pending.status, 202) << pending.body;
  EXPECT_EQ(number_at(pending, "earnedPoints"), 199 + 99);  // floor(199.98), and half of it rounded down
}

}  // namespace
}  // namespace perkline::test
