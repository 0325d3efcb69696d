#include "tests/unit/edge/spins_fixture.hpp"

namespace perkline::edge::programme {
namespace {

TEST_F(SpinsTest, ALeaseIsDrawnToItsEndAndNoFurther) {
  only_stocked(3);
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(spin(sold("T-" + std::to_string(i))));
    EXPECT_EQ(drawn().back().lease, "lease-1");
    EXPECT_EQ(drawn().back().ordinal, static_cast<std::uint32_t>(i));
    if (i == 2) start();
  }
  const Till late = sold("T-4");
  EXPECT_EQ(refused(request_of(late)), Errc::no_prize_available);
  lease("lease-2", "prize-s", 1);
  EXPECT_TRUE(spin(late)) << "the refused sale still has its spin";
  EXPECT_EQ(drawn().back().lease, "lease-2");
}

TEST_F(SpinsTest, WhatIsLeasedToAnotherJournalIsNotDrawnFrom) {
  only_stocked(3);
  Uuid other = holder();
  other.bytes[0] ^= 1;
  catalogue.lease("lease-1", "prize-s", 3, other, outside.time.wall + days{7});
  offer();
  EXPECT_EQ(refused(request_of(sold("T-1"))), Errc::no_prize_available);
}

TEST_F(SpinsTest, TwoAtATimeNeverGetTheSameUnit) {
  only_stocked(1);
  const Till one = sold("T-1");
  const Till two = sold("T-2");
  const auto [first, second] = life->run_both(programme->spins().spin(request_of(one), trace),
                                              programme->spins().spin(request_of(two), trace));
  EXPECT_NE(first.has_value(), second.has_value());
  EXPECT_EQ((first ? second : first).error().code, Errc::no_prize_available);
  EXPECT_EQ(drawn().size(), 1u);
}

TEST_F(SpinsTest, TwoCallsForOneSaleAreOneSpin) {
  const Till till = sold("T-1");
  const auto [first, second] = life->run_both(programme->spins().spin(request_of(till), trace),
                                              programme->spins().spin(request_of(till), trace));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->body, second->body);
  EXPECT_NE(first->replayed, second->replayed);
  EXPECT_EQ(drawn().size(), 1u);
}

TEST_F(SpinsTest, WhatIsLeftOfALeaseWhoseTimeIsOverGoesBackOnce) {
  only_stocked(5);
  ASSERT_TRUE(spin(sold("T-1")));
  pass(days{6});
  EXPECT_TRUE(told<sync::LeaseReturned>().empty());
  pass(days{1});
  ASSERT_EQ(told<sync::LeaseReturned>().size(), 1u);
  EXPECT_EQ(told<sync::LeaseReturned>()[0], (sync::LeaseReturned{.lease = "lease-1", .returned = 4}));
  seeds();
  offer();
  EXPECT_EQ(refused(request_of(sold("T-2"))), Errc::no_prize_available);
  start();
  skip(minutes{5});
  EXPECT_EQ(told<sync::LeaseReturned>().size(), 1u);
}

TEST_F(SpinsTest, WhatIsLeftOfALeaseGoesBackAtTheNextLookOnceItsPrizeIsWithdrawn) {
  only_stocked(5);
  ASSERT_TRUE(spin(sold("T-1")));
  skip(minutes{5});
  EXPECT_TRUE(told<sync::LeaseReturned>().empty());
  catalogue.gone(sync::ItemKind::prize, "prize-s");
  offer();
  skip(minutes{2});
  ASSERT_EQ(told<sync::LeaseReturned>().size(), 1u);
  EXPECT_EQ(told<sync::LeaseReturned>()[0], (sync::LeaseReturned{.lease = "lease-1", .returned = 4}));
  only_stocked(5);
  EXPECT_EQ(refused(request_of(sold("T-2"))), Errc::no_prize_available) << "also when it is offered again";
  skip(minutes{5});
  EXPECT_EQ(told<sync::LeaseReturned>().size(), 1u);
  catalogue.prize("prize-s", {.tickets = 0, .stocked = true});
  lease("lease-2", "prize-s", 3);
  skip(minutes{2});
  ASSERT_EQ(told<sync::LeaseReturned>().size(), 2u) << "nor can it be won where it has no tickets";
  EXPECT_EQ(told<sync::LeaseReturned>()[1], (sync::LeaseReturned{.lease = "lease-2", .returned = 3}));
}

TEST_F(SpinsTest, AClockThatIsAheadGivesNoLeaseBackAsSoonAsItComes) {
  outside.time.wall += days{8};
  only_stocked(5);
  catalogue.lease("lease-1", "prize-s", 5, holder(), outside.time.wall - days{7});
  offer();
  skip(minutes{50});
  EXPECT_TRUE(told<sync::LeaseReturned>().empty());
  skip(minutes{15});
  EXPECT_EQ(told<sync::LeaseReturned>().size(), 1u);
}

TEST_F(SpinsTest, NoUnitIsGivenTwiceWhereverThePowerGoes) {
  only_stocked(40);
  outside.disk.sync_time = Millis{4};
  std::map<std::string, std::string> told_before;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const Till till = sold("T-" + std::to_string(seed));
    std::optional<Result<Answer>> heard;
    life->world->spawn([](Task<Result<Answer>> call, std::optional<Result<Answer>>& out) -> Task<void> {
      out = co_await std::move(call);
    }(programme->spins().spin(request_of(till), trace), heard));
    const MonoTime until = outside.time.mono + Millis{static_cast<std::int64_t>(seed % 7)};
    life->world->run_until([&] { return heard || outside.time.mono >= until; }, Millis{10});
    if (heard && *heard) told_before[till.transaction.str()] = (*heard)->body;
    crash(seed);
    const auto again = spin(till);
    ASSERT_TRUE(again) << seed << again.error().detail;
    if (told_before.contains(till.transaction.str()))
      EXPECT_EQ(again->body, told_before[till.transaction.str()]) << "a 200 never changes";
  }
  EXPECT_EQ(drawn().size(), 30u) << "one a sale";
  expect_units_once({{"lease-1", 40}});
  std::set<std::int64_t> nonces;
  for (const auto& event : drawn()) EXPECT_TRUE(nonces.insert(event.nonce).second) << event.nonce;
}

// ---- one-time prizes

TEST_F(SpinsTest, WhileThereMayBeTwoOfTheStoreNothingOfALeaseIsDrawnNorGivenBack) {
  only_stocked(1);
  const Till till = sold("T-1");
  hub.forked = true;
  EXPECT_EQ(refused(request_of(till)), Errc::no_prize_available);
  pass(days{8});
  EXPECT_TRUE(told<sync::LeaseReturned>().empty());
  hub.forked = false;
  seeds();
  lease("lease-2", "prize-s", 1);
  EXPECT_TRUE(spin(till));
}

// ---- the rest

class OneTimeTest : public SpinsTest {
 protected:
  void SetUp() override {
    SpinsTest::SetUp();
    catalogue.prize("prize-o", {.tickets = 1'000'000'000, .one_time = true});
    offer();
    hub.reserve = [](const sync::SpinReserve&) { return std::vector<std::string>{"prize-o"}; };
  }
};

TEST_F(OneTimeTest, TheyAreInTheDrawWhenTheHubKeepsThem) {
  const Till till = sold("T-1");
  const auto answer = spin(till);
  ASSERT_TRUE(answer);
  ASSERT_EQ(hub.reserves.size(), 1u);
  EXPECT_EQ(hub.reserves[0].customer, till.customer);
  EXPECT_EQ(hub.reserves[0].spin, drawn()[0].spin) << "so that the event settles what was kept";
  EXPECT_EQ(hub.reserves[0].traceparent, trace);
  EXPECT_EQ(drawn()[0].slots.size(), 3u);
  EXPECT_EQ(prize_of(answer), "prize-o") << "by its weight nothing else comes out";
  expect_proven(drawn()[0], today());
  hub.reserve = [](const sync::SpinReserve&) { return std::vector<std::string>{}; };
  ASSERT_TRUE(spin(sold("T-2")));
  EXPECT_EQ(drawn()[1].slots.size(), 2u) << "kept by nobody any more";
  EXPECT_TRUE(told<sync::SpinDropped>().empty());
}

TEST_F(OneTimeTest, AHubThatIsLateIsNotWaitedFor) {
  hub.takes = Millis{600};
  const MonoTime before = outside.time.mono;
  const auto answer = spin(sold("T-1"));
  ASSERT_TRUE(answer);
  EXPECT_LT(outside.time.mono - before, Millis{600});
  EXPECT_EQ(drawn()[0].slots.size(), 2u);
  EXPECT_EQ(drawn()[0].spin, hub.reserves.at(0).spin);
  skip(seconds{1});
  EXPECT_EQ(drawn().size(), 1u);
  EXPECT_TRUE(told<sync::SpinDropped>().empty()) << "the draw settles it";
}

TEST_F(OneTimeTest, AHubThatIsAwayIsNotAsked) {
  hub.up = false;
  const MonoTime before = outside.time.mono;
  ASSERT_TRUE(spin(sold("T-1")));
  EXPECT_LT(outside.time.mono - before, Millis{500});
  EXPECT_TRUE(hub.reserves.empty());
  EXPECT_EQ(drawn()[0].slots.size(), 2u);
}

TEST_F(OneTimeTest, WhereThereAreNoneNobodyIsAsked) {
  catalogue.prize("prize-o", {.one_time = true, .stocked = true});
  offer();
  ASSERT_TRUE(spin(sold("T-1")));
  EXPECT_TRUE(hub.reserves.empty()) << "it has no lease";
  lease("lease-1", "prize-o", 1);
  ASSERT_TRUE(spin(sold("T-2")));
  EXPECT_EQ(hub.reserves.size(), 1u);
}

TEST_F(OneTimeTest, ASpinThatACrashCutShortIsDroppedAndMayBeHadAgain) {
  const Till till = sold("T-1");
  life->start(programme->spins().spin(request_of(till), trace));
  ASSERT_TRUE(life->world->run_until([&] { return !hub.reserves.empty(); }));
  const Uuid begun = hub.reserves[0].spin;
  start();
  ASSERT_EQ(told<sync::SpinDropped>().size(), 1u);
  EXPECT_EQ(told<sync::SpinDropped>()[0], (sync::SpinDropped{.spin = begun, .customer = till.customer}));
  ASSERT_TRUE(spin(till));
  EXPECT_NE(drawn().at(0).spin, begun);
  start();
  EXPECT_EQ(told<sync::SpinDropped>().size(), 1u) << "once";
}

TEST_F(OneTimeTest, ASpinThatComesToNothingStaysTheSalesHoweverOftenTheTillTries) {
  catalogue.gone(sync::ItemKind::prize, "prize-a");
  catalogue.gone(sync::ItemKind::prize, "prize-b");
  offer();
  hub.reserve = [](const sync::SpinReserve&) { return std::vector<std::string>{}; };
  const Till till = sold("T-1");
  const std::size_t before = life->events().size();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(refused(request_of(till)), Errc::no_prize_available);
  EXPECT_EQ(life->events().size(), before) << "nothing to tell";
  for (const auto& asked : hub.reserves) EXPECT_EQ(asked.spin, hub.reserves.at(0).spin);
  hub.reserve = [](const sync::SpinReserve&) { return std::vector<std::string>{"prize-o"}; };
  ASSERT_TRUE(spin(till));
  EXPECT_EQ(drawn().at(0).spin, hub.reserves.at(0).spin);
  start();
  EXPECT_TRUE(told<sync::SpinDropped>().empty()) << "it was drawn";
}

TEST_F(OneTimeTest, ASpinThatComesToNothingIsDroppedInTheEnd) {
  catalogue.gone(sync::ItemKind::prize, "prize-a");
  catalogue.gone(sync::ItemKind::prize, "prize-b");
  offer();
  hub.reserve = [](const sync::SpinReserve&) { return std::vector<std::string>{}; };
  const Till till = sold("T-1");
  EXPECT_EQ(refused(request_of(till)), Errc::no_prize_available);
  skip(Programme::refused_spins_kept + minutes{2});
  ASSERT_EQ(told<sync::SpinDropped>().size(), 1u);
  EXPECT_EQ(told<sync::SpinDropped>()[0].spin, hub.reserves.at(0).spin);
  EXPECT_EQ(refused(request_of(till)), Errc::no_prize_available);
  EXPECT_NE(hub.reserves.back().spin, hub.reserves.at(0).spin) << "of one that is over nothing is kept";
  start();
  EXPECT_EQ(told<sync::SpinDropped>().size(), 2u);
}

}  // namespace
}  // namespace perkline::edge::programme
