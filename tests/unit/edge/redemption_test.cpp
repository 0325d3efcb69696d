#include "edge/standin/redemption.hpp"

#include <gtest/gtest.h>

#include "tests/support/sim_store.hpp"

/// Points that are spent while PDI is away: to the limit, and not a point further.
namespace perkline::edge::session {
namespace {

using standin::redeemable;
using test::PdiCall;
using test::PdiFault;

constexpr standin::RedemptionLimits limits_of(std::int64_t member, std::int64_t store) {
  return {.member_day = Points{member}, .store_day = Points{store}};
}

TEST(Redeemable, IsTheLeastOfLimitsAndBalance) {
  EXPECT_EQ(redeemable(Points{5000}, {}, limits_of(300, 500)), Points{300});
  EXPECT_EQ(redeemable(Points{5000}, {}, limits_of(900, 500)), Points{500});
  EXPECT_EQ(redeemable(Points{120}, {}, limits_of(300, 500)), Points{120});
  EXPECT_EQ(redeemable(Points{0}, {}, limits_of(300, 500)), Points{0});
}

TEST(Redeemable, IsLessWhatWasRedeemedBefore) {
  const standin::Redeemed before{
      .member_today = Points{100}, .store_today = Points{450}, .unsettled = Points{4900}};
  EXPECT_EQ(redeemable(Points{5000}, before, limits_of(300, 500)), Points{50}) << "the store's";
  EXPECT_EQ(redeemable(Points{5200}, before, limits_of(300, 900)), Points{200}) << "the member's";
  EXPECT_EQ(redeemable(Points{5000}, before, limits_of(300, 900)), Points{100}) << "what is not spent yet";
}

TEST(Redeemable, IsNothingWhereALimitIs0) {
  for (const auto& limits : {limits_of(0, 500), limits_of(300, 0), limits_of(0, 0)})
    EXPECT_EQ(redeemable(Points{5000}, {}, limits), Points{0});
}

TEST(Redeemable, IsNeverLessThanNothing) {
  const standin::Redeemed over{.member_today = Points{999}, .store_today = {}, .unsettled = Points{9999}};
  EXPECT_EQ(redeemable(Points{5000}, over, limits_of(300, 500)), Points{0});
}

class Redeeming : public ::testing::Test {
 protected:
  void start(standin::RedemptionLimits limits, std::string timezone = "UTC") {
    life.reset();
    life = std::make_unique<Life>(
        outside,
        LifeOptions{.standin = {.enabled = true, .limits = limits, .timezone = std::move(timezone)}});
  }
  void out() {
    outside.pdi.otherwise([](PdiCall) { return PdiFault{.lose_request = true}; });
  }
  void back() { outside.pdi.otherwise(nullptr); }
  void at(const char* time) { outside.time.wall = *parse_time(time); }
  /// A sale that is priced and about to redeem.
  Till priced(std::int64_t redeem) {
    Till till;
    till.transaction = TransactionId("TXN-" + std::to_string(++sales));
    till.session = life->identify(till);
    EXPECT_TRUE(life->calculate(till));
    till.redeem = Points{redeem};
    return till;
  }
  Errc refused(std::int64_t redeem) {
    const auto answer = life->finalize(priced(redeem));
    return answer ? Errc::internal : answer.error().code;
  }
  bool redeemed(std::int64_t redeem) {
    const auto answer = life->finalize(priced(redeem));
    return answer && answer->status == 202;
  }
  standin::Member john() { return **life->members.find(CustomerId("CUST-12345")); }
  void owes(std::int64_t points) {
    standin::Member member = john();
    member.owed = Points{points};
    journal::Batch batch;
    const auto writing = life->members.put(batch, CustomerId("CUST-12345"), member);
    life->run(commit(std::move(batch)));
  }
  Task<bool> commit(journal::Batch batch) {
    co_await life->journal.commit(std::move(batch));
    co_return true;
  }

  Outside outside;
  std::unique_ptr<Life> life;
  int sales = 0;
};

TEST_F(Redeeming, ADayEndsAtTheStoresMidnightAlsoWhenTheClocksChange) {
  at("2026-03-28T12:00:00Z");
  start(limits_of(100, 1000), "Europe/Berlin");
  priced(0);  // so that John is known
  out();
  at("2026-03-28T22:59:00Z");
  EXPECT_TRUE(redeemed(100)) << "23:59 on the 28th";
  at("2026-03-28T23:00:00Z");
  EXPECT_TRUE(redeemed(100)) << "00:00 on the 29th, which has 23 hours";
  at("2026-03-29T21:59:00Z");
  EXPECT_EQ(refused(1), Errc::redemption_limit) << "23:59 on the 29th";
  at("2026-03-29T22:00:00Z");
  EXPECT_TRUE(redeemed(100)) << "00:00 on the 30th";
  at("2026-10-24T22:00:00Z");
  EXPECT_TRUE(redeemed(100)) << "00:00 on the 25th of October, which has 25 hours";
  at("2026-10-25T22:59:00Z");
  EXPECT_EQ(refused(1), Errc::redemption_limit) << "23:59 on it";
  at("2026-10-25T23:00:00Z");
  EXPECT_TRUE(redeemed(100));
}

TEST_F(Redeeming, WhatIsOwedIsNotSpentOfflineNorOnline) {
  start(limits_of(10'000, 10'000));
  priced(0);
  owes(4900);
  EXPECT_EQ(refused(101), Errc::redemption_limit) << "online";
  out();
  EXPECT_EQ(refused(101), Errc::redemption_limit);
  EXPECT_TRUE(redeemed(100));
  EXPECT_EQ(refused(1), Errc::redemption_limit);
}

TEST_F(Redeeming, WhoOwesMoreThanHeHasSpendsNothing) {
  start(limits_of(10'000, 10'000));
  priced(0);
  owes(6000);
  const auto online = life->finalize(priced(1));
  ASSERT_FALSE(online);
  EXPECT_EQ(online.error().detail, "the member has 0 points");
  out();
  EXPECT_EQ(refused(1), Errc::redemption_limit);
}

TEST_F(Redeeming, LimitsOf0AllowNothingOfflineAndEverythingOnline) {
  start(limits_of(0, 0));
  EXPECT_TRUE(life->finalize(priced(5000))) << "online";
  EXPECT_EQ(outside.pdi.ledger().back().redeemed, Points{5000});
  out();
  EXPECT_EQ(refused(1), Errc::redemption_limit);
  EXPECT_TRUE(redeemed(0));
}

TEST_F(Redeeming, TwoAtATimeDoNotPassTheLimitTogether) {
  start(limits_of(300, 1000));
  priced(0);
  out();
  const Till one = priced(200);
  const Till two = priced(200);
  const auto [first, second] = life->run_both(life->flows.finalize(one.finalize_request(), ""),
                                              life->flows.finalize(two.finalize_request(), ""));
  EXPECT_EQ(first.has_value() + second.has_value(), 1);
  EXPECT_EQ(john().redeemed_on_day, Points{200});
}

TEST_F(Redeeming, TwoThatDidNotReachPdiDoNotPassTheLimitTogetherEither) {
  start(limits_of(300, 1000));
  const Till one = priced(200);
  const Till two = priced(200);
  for (int i = 0; i < 2; ++i)
    outside.pdi.next(PdiCall::finalize, {.refuse_to_send = test::pdi_not_sent(pdi::Outcome::not_tried)});
  const auto [first, second] = life->run_both(life->flows.finalize(one.finalize_request(), ""),
                                              life->flows.finalize(two.finalize_request(), ""));
  EXPECT_EQ(first.has_value() + second.has_value(), 1);
  EXPECT_EQ(john().redeemed_on_day, Points{200});
  const auto& refused = first ? second : first;
  EXPECT_EQ(refused.error().code, Errc::redemption_limit);
}

TEST_F(Redeeming, UnsettledSalesCountUntilPdiHasBookedThem) {
  start(limits_of(10'000, 10'000));
  priced(0);
  out();
  ASSERT_TRUE(redeemed(4000));
  outside.time.wall += days{1};
  EXPECT_EQ(refused(1001), Errc::redemption_limit) << "of 5000, 4000 wait";
  ASSERT_TRUE(redeemed(1000));
  back();
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(john().unsettled, Points{0});
  EXPECT_EQ(john().points, Points{900}) << "PDI's: 5000 - 5000 + twice 450";
}

TEST_F(Redeeming, ASaleThatIsGivenUpLeavesItsPointsToTheMember) {
  start(limits_of(10'000, 10'000));
  priced(0);
  out();
  const Till till = priced(5000);
  ASSERT_TRUE(life->finalize(till));
  back();
  outside.pdi.next(PdiCall::finalize, {.reject = ProviderFault{"CARD_EXPIRED", "the card has expired"}});
  ASSERT_TRUE(life->settle());
  ASSERT_EQ(life->stored(till.session).status, Status::review);
  out();
  EXPECT_EQ(refused(1), Errc::redemption_limit) << "nobody has decided";
  ASSERT_TRUE(life->run(life->queue.discard(till.session, "card expired", "alice")));
  EXPECT_TRUE(redeemed(1));
}

}  // namespace
}  // namespace perkline::edge::session
