#include <set>

#include <gtest/gtest.h>

#include "pdi_client/sandbox/books.hpp"
#include "shared/core/random.hpp"
#include "tests/support/manual_clock.hpp"

namespace perkline::pdi::sandbox {
namespace {

const CustomerId john("CUST-12345");
const TransactionId sale("TXN-1");

Money usd(std::string_view text) {
  return parse_amount(text, *find_currency("USD")).value();
}

class SandboxBooks : public ::testing::Test {
 protected:
  ProviderSessionId calculated(const CustomerId& customer = john) {
    const auto session = books.identify(customer, sale).value().session;
    EXPECT_TRUE(books.calculate(session, usd("150.00")));
    return session;
  }
  Reply<Booking> finalize(const ProviderSessionId& session, bool apply = true, Points redeem = {}) {
    return books.finalize({.session = session,
                           .transaction = sale,
                           .amount = usd("150.00"),
                           .apply_rewards = apply,
                           .redeem = redeem});
  }

  test::ManualClock clock;
  SeededRng rng{7};
  Books books{100, 1, clock, rng};
};

TEST_F(SandboxBooks, JohnDoeIsGoldWithFiveThousandPoints) {
  const auto identified = books.identify(john, sale);
  ASSERT_TRUE(identified);
  EXPECT_EQ(identified->member.name, "John Doe");
  EXPECT_EQ(identified->member.tier, "Gold");
  EXPECT_EQ(identified->member.points.count, 5000);
}

TEST_F(SandboxBooks, FirstMembersAreTheSameForEveryCount) {
  const Books many(20'000, 1, clock, rng);
  const Books other_seed(100, 2, clock, rng);
  bool differs = false;
  for (const char* id : {"CUST-00001", "CUST-00050", "CUST-00100"}) {
    const Member* one = books.member(CustomerId(id));
    ASSERT_NE(one, nullptr);
    EXPECT_EQ(one->name, many.member(CustomerId(id))->name);
    EXPECT_EQ(one->points, many.member(CustomerId(id))->points);
    differs = differs || one->points != other_seed.member(CustomerId(id))->points;
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(many.member(john)->name, "John Doe") << "also where a drawn one had that number";
  EXPECT_EQ(books.member(CustomerId("CUST-00101")), nullptr);
}

TEST_F(SandboxBooks, MembersAreOfEveryTier) {
  std::set<std::string> tiers;
  for (int i = 1; i <= 100; ++i) {
    const std::string number = std::to_string(i);
    tiers.insert(books.member(CustomerId("CUST-" + std::string(5 - number.size(), '0') + number))->tier);
  }
  EXPECT_EQ(tiers, (std::set<std::string>{"Base", "Gold", "Platinum", "Silver"}));
}

TEST_F(SandboxBooks, UnknownAndBlockedCustomersAreRefused) {
  const auto unknown = books.identify(CustomerId("CUST-77777"), sale);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().status, 400);
  EXPECT_EQ(unknown.error().code, "UNKNOWN_CUSTOMER");
  const auto blocked = books.identify(CustomerId("CUST-99999"), sale);
  ASSERT_FALSE(blocked);
  EXPECT_EQ(blocked.error().status, 400);
  EXPECT_EQ(blocked.error().code, "BLOCKED");
}

TEST_F(SandboxBooks, FinalizeBooksTheWorkedExample) {
  const auto booking = finalize(calculated());
  ASSERT_TRUE(booking);
  EXPECT_EQ(booking->earned.count, 450);
  EXPECT_EQ(booking->new_balance.count, 5450);
  EXPECT_EQ(booking->receipt.str(), "RCP-2026-000001");
  EXPECT_EQ(books.member(john)->points.count, 5450);
}

TEST_F(SandboxBooks, RedeemingTakesPointsBeforeEarningAdds) {
  const auto booking = finalize(calculated(), true, Points{5000});
  ASSERT_TRUE(booking);
  EXPECT_EQ(booking->redeemed.count, 5000);
  EXPECT_EQ(booking->new_balance.count, 450);
  const auto more = finalize(calculated(), true, Points{451});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, "INSUFFICIENT_POINTS");
  EXPECT_EQ(books.member(john)->points.count, 450);
  EXPECT_EQ(books.ledger().size(), 1u);
}

TEST_F(SandboxBooks, WithoutRewardsNothingIsEarnedNorRedeemed) {
  const auto booking = finalize(calculated(), false);
  ASSERT_TRUE(booking);
  EXPECT_EQ(booking->earned.count, 0);
  EXPECT_EQ(booking->redeemed.count, 0);
  EXPECT_EQ(booking->new_balance.count, 5000);
  const auto redeeming = finalize(calculated(), false, Points{1});
  ASSERT_FALSE(redeeming);
  EXPECT_EQ(redeeming.error().status, 400);
}

TEST_F(SandboxBooks, EveryFinalizeBooksAlsoOfAFinalizedSession) {
  const auto session = calculated();
  ASSERT_TRUE(finalize(session));
  const auto second = finalize(session);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->new_balance.count, 5900);
  EXPECT_EQ(second->receipt.str(), "RCP-2026-000002");
  EXPECT_EQ(books.ledger().size(), 2u);
  EXPECT_EQ(books.ledger()[0].session, books.ledger()[1].session);
}

TEST_F(SandboxBooks, EveryIdentifyOpensASession) {
  EXPECT_NE(books.identify(john, sale)->session, books.identify(john, sale)->session);
  EXPECT_EQ(books.sessions(), 2u);
}

TEST_F(SandboxBooks, SessionGoesThroughItsStates) {
  const auto session = books.identify(john, sale)->session;
  EXPECT_EQ(books.session(session)->state, SessionState::active);
  EXPECT_EQ(finalize(session).error().status, 409);
  ASSERT_TRUE(books.calculate(session, usd("1.00")));
  EXPECT_EQ(books.session(session)->state, SessionState::calculated);
  ASSERT_TRUE(finalize(session));
  EXPECT_EQ(books.session(session)->state, SessionState::finalized);
  EXPECT_EQ(books.calculate(session, usd("1.00")).error().status, 409);
}

TEST_F(SandboxBooks, UnknownSessionIsNotFound) {
  const ProviderSessionId unknown("pdi-x");
  EXPECT_EQ(books.session(unknown).error().status, 404);
  EXPECT_EQ(books.calculate(unknown, usd("1.00")).error().status, 404);
  EXPECT_EQ(finalize(unknown).error().status, 404);
}

TEST_F(SandboxBooks, MorePointsThanAMemberCanHoldAreRefused) {
  const auto session = calculated();
  EXPECT_EQ(books.calculate(session, usd("999999999999.99")).error().code, "POINTS_LIMIT");
  const Finalize most{
      .session = session, .transaction = sale, .amount = usd("333333333333.00"), .redeem = {}};
  EXPECT_EQ(books.finalize(most).error().code, "POINTS_LIMIT") << "10^12 less one, on top of what John has";
  EXPECT_EQ(books.member(john)->points.count, 5000);
}

}  // namespace
}  // namespace perkline::pdi::sandbox
