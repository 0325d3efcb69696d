#include <gtest/gtest.h>

#include "tests/contract/pdi/sandboxed.hpp"

namespace perkline::test {
namespace {

using pdi::Outcome;

class PdiCalls : public Sandboxed {
 protected:
  /// The code PDI refused with; empty unless it was a refusal.
  template <class T>
  static std::string refusal(const pdi::Reply<T>& reply) {
    if (reply || reply.error().outcome != Outcome::rejected) return {};
    EXPECT_EQ(reply.error().error.code, Errc::pdi_rejected);
    EXPECT_FALSE(reply.error().may_have_been_sent);
    return reply.error().error.provider.value_or(ProviderFault{}).code;
  }
};

TEST_F(PdiCalls, WorkedExampleOfTheContract) {
  const auto identified = identify();
  ASSERT_TRUE(identified);
  EXPECT_EQ(identified->customer_name, "John Doe");
  EXPECT_EQ(identified->current_points.count, 5000);
  EXPECT_EQ(identified->tier, "Gold");

  const auto rewards = calculate(identified->session);
  ASSERT_TRUE(rewards);
  EXPECT_EQ(rewards->earned.count, 450);
  EXPECT_EQ(rewards->multiplier, 3.0);
  EXPECT_EQ(rewards->bonus.count, 150);
  EXPECT_EQ(rewards->breakdown,
            (std::vector<std::pair<std::string, Points>>{{"basePoints", {300}}, {"tierBonus", {150}}}));

  const auto open = status(identified->session);
  ASSERT_TRUE(open);
  EXPECT_EQ(open->status, "calculated");
  EXPECT_FALSE(open->finalized);

  const auto finalized = finalize(identified->session);
  ASSERT_TRUE(finalized);
  EXPECT_EQ(finalized->earned.count, 450);
  EXPECT_EQ(finalized->redeemed.count, 0);
  EXPECT_EQ(finalized->new_balance.count, 5450);
  EXPECT_TRUE(finalized->receipt.str().starts_with("RCP-20"));
  EXPECT_TRUE(finalized->receipt.str().ends_with("-000001"));

  const auto done = status(identified->session);
  ASSERT_TRUE(done);
  ASSERT_TRUE(done->finalized);
  EXPECT_EQ(done->finalized->new_balance.count, 5450);
  EXPECT_EQ(done->finalized->receipt, finalized->receipt);
  EXPECT_EQ(told("finalize ok"), 1u);
  EXPECT_EQ(refreshed("ok"), 1u);
}

TEST_F(PdiCalls, LedgerTellsTheBooking) {
  const auto session = calculated();
  ASSERT_TRUE(finalize(session));
  const auto ledger = sandbox->get("/sandbox/ledger");
  const auto items = ledger.root().find("items")->items();
  ASSERT_EQ(items.size(), 1u);
  const auto text = [&](std::string_view name) { return std::string(items[0].find(name)->text()); };
  EXPECT_EQ(text("transactionId"), "TXN-67890");
  EXPECT_EQ(text("sessionId"), session.str());
  EXPECT_EQ(text("customerId"), "CUST-12345");
  EXPECT_EQ(text("finalAmount"), "150.00");
  EXPECT_EQ(text("earnedPoints"), "450");
  EXPECT_EQ(text("redeemedPoints"), "0");
  EXPECT_EQ(text("newBalance"), "5450");
  EXPECT_TRUE(parse_time(text("at")));
}

TEST_F(PdiCalls, RedeemedPointsLeaveTheBalance) {
  auto call = sale(calculated());
  call.redeem = Points{1000};
  const auto finalized = finalize(call);
  ASSERT_TRUE(finalized);
  EXPECT_EQ(finalized->redeemed.count, 1000);
  EXPECT_EQ(finalized->new_balance.count, 4450);

  auto greedy = sale(calculated());
  greedy.redeem = Points{4451};
  EXPECT_EQ(refusal(finalize(greedy)), "INSUFFICIENT_POINTS");
}

TEST_F(PdiCalls, WithoutRewardsNothingIsEarned) {
  auto call = sale(calculated());
  call.apply_rewards = false;
  const auto finalized = finalize(call);
  ASSERT_TRUE(finalized);
  EXPECT_EQ(finalized->earned.count, 0);
  EXPECT_EQ(finalized->new_balance.count, 5000);
}

TEST_F(PdiCalls, SandboxNeverDeduplicates) {
  const auto session = calculated();
  ASSERT_TRUE(finalize(session));
  const auto second = finalize(session);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->new_balance.count, 5900);
  EXPECT_EQ(sandbox->booked(), 2u);
}

TEST_F(PdiCalls, RefusalsComeInPdisOwnWords) {
  EXPECT_EQ(refusal(identify("CUST-99999")), "BLOCKED");
  EXPECT_EQ(refusal(identify("CUST-77777")), "UNKNOWN_CUSTOMER");
  EXPECT_EQ(refusal(calculate(ProviderSessionId("nobody's"))), "UNKNOWN_SESSION");
  EXPECT_EQ(refusal(status(ProviderSessionId("a/b?c=d&e%"))), "UNKNOWN_SESSION");
  EXPECT_EQ(refusal(finalize(identify()->session)), "NOT_CALCULATED");
  EXPECT_EQ(told("identify rejected"), 2u);
}

TEST_F(PdiCalls, RefusalWithoutACodeIsNamedByItsStatus) {
  sandbox->fault(R"({"endpoint":"identify","mode":"status","status":422})");
  EXPECT_EQ(refusal(identify()), "FAULT");
}

TEST_F(PdiCalls, AmountsOfThreeDecimalsAreTakenAsTheyAre) {
  auto call = sale(calculated());
  call.final_amount = Money{1255, *find_currency("KWD")};
  ASSERT_TRUE(finalize(call));
  call.final_amount = Money{1200, *find_currency("JPY")};
  ASSERT_TRUE(finalize(call));
  const auto ledger = sandbox->get("/sandbox/ledger");
  EXPECT_EQ(ledger.root().find("items")->items()[0].find("finalAmount")->text(), "1.255");
  EXPECT_EQ(ledger.root().find("items")->items()[0].find("earnedPoints")->text(), "3");
  EXPECT_EQ(ledger.root().find("items")->items()[1].find("finalAmount")->text(), "1200.00");
}

TEST_F(PdiCalls, ConnectionsAreKept) {
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(identify());
  // With a TLS handshake each it would be many times that; a lost connection would show as a failed call.
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{10});
  EXPECT_EQ(sandbox->arrived("token"), 1);
}

}  // namespace
}  // namespace perkline::test
