#include <map>
#include <set>

#include "edge/journal/restored.hpp"
#include "edge/session/erased.hpp"
#include "tests/unit/edge/programme_subject.hpp"

namespace perkline::edge::programme {
namespace {

using journal::Room;

class SpinsTest : public ProgrammeTest {
 protected:
  void SetUp() override {
    ProgrammeTest::SetUp();
    catalogue.prize("prize-a");
    catalogue.prize("prize-b", {.tickets = 30'000, .type = "none"});
    seeds();
    offer();
  }
  void only_stocked(int units) {
    catalogue.gone(sync::ItemKind::prize, "prize-a");
    catalogue.gone(sync::ItemKind::prize, "prize-b");
    catalogue.prize("prize-s", {.stocked = true});
    lease("lease-1", "prize-s", units);
  }
  /// What the event says is what the seed makes of it.
  void expect_proven(const sync::SpinDrawn& event, std::chrono::sys_days day) {
    loyalty::PrizeTable table;
    for (const auto& slot : event.slots) table.slots.push_back({slot.prize, slot.tickets});
    const auto verified = loyalty::verify(
        Catalogue::secret_of(day),
        {.draw = {.member = loyalty::till_member(Catalogue::member_key_of(day), event.customer),
                  .client_seed = event.client_seed,
                  .nonce = event.nonce},
         .table = table,
         .version = loyalty::version_of(table),
         .commitment = event.commitment,
         .prize = event.prize});
    EXPECT_TRUE(verified) << verified.error().detail;
  }
  /// No unit of a lease is ever given twice, and none that there is not.
  void expect_units_once(const std::map<std::string, int>& units) {
    std::set<std::pair<std::string, std::uint32_t>> seen;
    for (const sync::SpinDrawn& event : drawn()) {
      if (event.lease.empty()) continue;
      EXPECT_TRUE(seen.insert({event.lease, event.ordinal}).second) << event.lease << " " << event.ordinal;
      EXPECT_GE(event.ordinal, 1u);
      EXPECT_LE(static_cast<int>(event.ordinal), units.at(event.lease));
    }
  }
};

TEST_F(SpinsTest, AFinalizedSaleHasItsSpinAndAnybodyCanMakeTheDrawAgain) {
  const Till till = sold("T-1");
  const auto answer = spin(request_of(till, "lucky"));
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->status, 200);
  EXPECT_FALSE(answer->replayed);
  ASSERT_EQ(drawn().size(), 1u);
  const sync::SpinDrawn event = drawn()[0];
  EXPECT_EQ(event.session, till.session);
  EXPECT_EQ(event.transaction, till.transaction);
  EXPECT_EQ(event.customer, till.customer);
  EXPECT_EQ(event.client_seed, "lucky");
  EXPECT_EQ(event.nonce, 1);
  EXPECT_EQ(event.slots.size(), 2u);
  EXPECT_TRUE(event.lease.empty());
  expect_proven(event, today());
  EXPECT_EQ(life->events().back().traceparent, trace) << "the spin is a call of its own";

  EXPECT_EQ(text_in(answer->body, {"spinId"}), event.spin.str());
  EXPECT_EQ(text_in(answer->body, {"prize", "id"}), event.prize);
  EXPECT_EQ(text_in(answer->body, {"prize", "name"}), "Prize " + event.prize);
  EXPECT_EQ(text_in(answer->body, {"proof", "serverSeedHash"}), to_hex(event.commitment));
  EXPECT_EQ(text_in(answer->body, {"proof", "memberId"}),
            loyalty::till_member(Catalogue::member_key_of(today()), till.customer));
  EXPECT_EQ(text_in(answer->body, {"proof", "storeId"}), "store-1");
  EXPECT_EQ(text_in(answer->body, {"proof", "day"}), "2026-03-01");
  EXPECT_EQ(text_in(answer->body, {"proof", "serverSeed"}), "") << "not revealed";
}

TEST_F(SpinsTest, TheSameCallGetsTheSameBytesAndAnotherSeedIsReuse) {
  const Till till = sold("T-1");
  const auto first = spin(request_of(till, "lucky"));
  ASSERT_TRUE(first);
  const auto again = spin(request_of(till, "lucky"));
  EXPECT_EQ(again->body, first->body);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(refused(request_of(till, "other")), Errc::transaction_reused);
  EXPECT_EQ(refused(request_of(till)), Errc::transaction_reused);
  start();
  EXPECT_EQ(spin(request_of(till, "lucky"))->body, first->body) << "also by the next life";
  catalogue.items.clear();
  offer();
  EXPECT_EQ(spin(request_of(till, "lucky"))->body, first->body) << "whatever there is to be won by now";
  EXPECT_EQ(drawn().size(), 1u);
  EXPECT_EQ(life->finalize(till)->status, 200) << "the sale's own answer stays";
}

TEST_F(SpinsTest, APendingSaleHasItsSpinAndStillIsSettled) {
  pdi_is_out();
  const Till till = sold("T-1");
  ASSERT_TRUE(spin(till));
  const auto events = life->events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<sync::SalePending>(events[0].payload));
  EXPECT_TRUE(std::holds_alternative<sync::SpinDrawn>(events[1].payload));
  outside.pdi.otherwise(nullptr);
  ASSERT_TRUE(life->settle());
  const auto session = life->stored(till.session);
  EXPECT_EQ(session.status, session::Status::finalized);
  EXPECT_TRUE(session.spin);
  EXPECT_TRUE(spin(till)->replayed);
}

TEST_F(SpinsTest, OnlyAFinalizedOrPendingSaleOfThatMemberHasASpin) {
  const Till till = sold("T-1");
  EXPECT_EQ(refused({CustomerId("CUST-00002"), till.transaction, ""}), Errc::session_state);
  EXPECT_EQ(refused({till.customer, TransactionId("T-9"), ""}), Errc::session_state);
  ASSERT_TRUE(life->run(life->flows.return_goods({.original_transaction = till.transaction,
                                                  .transaction = TransactionId("RET-1"),
                                                  .amount = Money{100, session::usd()}},
                                                 trace)));
  EXPECT_EQ(refused({till.customer, TransactionId("RET-1"), ""}), Errc::session_state);

  Till open = till_of("T-2");
  open.session = life->identify(open);
  EXPECT_EQ(refused(request_of(open)), Errc::session_state);
  ASSERT_TRUE(life->calculate(open));
  EXPECT_EQ(refused(request_of(open)), Errc::session_state);
  ASSERT_TRUE(life->run(life->flows.void_session({open.session, "gone"}, trace)));
  EXPECT_EQ(refused(request_of(open)), Errc::session_state);
  EXPECT_TRUE(drawn().empty());
  EXPECT_TRUE(spin(till)) << "a return takes no spin away";
}

TEST_F(SpinsTest, ABlockedMemberHasNone) {
  const Till had = sold("T-1");
  ASSERT_TRUE(spin(had));
  const Till till = sold("T-2");
  block();
  EXPECT_EQ(refused(request_of(till)), Errc::pdi_rejected);
  EXPECT_TRUE(spin(had)->replayed);
}

TEST_F(SpinsTest, WithoutWhatADrawNeedsTheTillIsToldWhy) {
  const Till till = sold("T-1");
  has_catalogue = false;
  catalogue.items.clear();
  offer();
  const auto early = spin(till);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Errc::overloaded) << "the hub has not told yet";
  EXPECT_TRUE(early.error().retry_after);
  has_catalogue = true;
  offer();
  EXPECT_EQ(refused(request_of(till)), Errc::no_prize_available) << "there are no prizes";
  catalogue.prize("prize-a");
  offer();
  EXPECT_EQ(refused(request_of(till)), Errc::overloaded) << "and no seed";
  seeds();
  catalogue.prize("prize-a", {.tickets = 0});
  offer();
  EXPECT_EQ(refused(request_of(till)), Errc::no_prize_available) << "nothing that can be won";
  has_hub = false;
  has_catalogue = false;
  catalogue.items.clear();
  start();
  EXPECT_EQ(refused(request_of(till)), Errc::no_prize_available) << "a store without a hub";
  EXPECT_TRUE(drawn().empty());
}

TEST_F(SpinsTest, ItemsThatCannotBeReadAreLeftOut) {
  catalogue.put(sync::ItemKind::prize, "prize-x", R"({"name":"","tickets":-1})");
  catalogue.put(sync::ItemKind::prize, "no good", R"({"name":"n","type":"t","tickets":1})");
  catalogue.put(sync::ItemKind::wheel_seed, format_day(today()), R"({"commitment":"00","seed":"00"})");
  catalogue.put(sync::ItemKind::prize_lease, "lease-x", "{");
  catalogue.put(sync::ItemKind::promotion, "no uuid", "{}");
  offer();
  ASSERT_TRUE(spin(sold("T-1")));
  EXPECT_EQ(drawn()[0].slots.size(), 2u);
  expect_proven(drawn()[0], today() + days{1});
}

TEST_F(SpinsTest, TheDaysSeedIsDrawnWithOrTheNextLaterOne) {
  catalogue.gone(sync::ItemKind::wheel_seed, format_day(today()));
  offer();
  ASSERT_TRUE(spin(sold("T-1")));
  expect_proven(drawn()[0], today() + days{1});
  skip(hours{24} * 2);
  ASSERT_TRUE(spin(sold("T-2")));
  expect_proven(drawn()[1], today());
  outside.time.wall += days{400};
  EXPECT_EQ(refused(request_of(sold("T-3"))), Errc::overloaded) << "by this clock all seeds are of the past";
}

TEST_F(SpinsTest, TheNonceCountsOneMembersDrawsWithOneSeed) {
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(spin(sold("T-" + std::to_string(i))));
  start();
  ASSERT_TRUE(spin(sold("T-4")));
  outside.pdi.add({.id = CustomerId("CUST-00002"), .name = "Jane", .tier = "Silver", .balance = Points{10}});
  Till other = till_of("T-5");
  other.customer = CustomerId("CUST-00002");
  other.session = life->identify(other);
  ASSERT_TRUE(life->calculate(other));
  ASSERT_TRUE(life->finalize(other));
  ASSERT_TRUE(spin(other));
  skip(hours{24});
  ASSERT_TRUE(spin(sold("T-6")));
  std::vector<std::int64_t> nonces;
  for (const auto& event : drawn()) nonces.push_back(event.nonce);
  EXPECT_EQ(nonces, (std::vector<std::int64_t>{1, 2, 3, 4, 1, 1}));
}

// ---- stocked prizes

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

TEST_F(SpinsTest, TheOddsAreThoseOfADrawAsItWouldBeMadeNow) {
  using Odds = std::map<std::string, std::string>;
  catalogue.prize("prize-o", {.tickets = 50'000, .one_time = true});
  catalogue.prize("prize-s", {.stocked = true});
  lease("lease-1", "prize-s", 2);
  const auto odds = [this] {
    Odds found;
    const auto answer = programme->spins().prizes();
    const auto document = answer ? json::parse(answer->body) : json::parse("{}");
    EXPECT_TRUE(document);
    for (const json::Value& item : document->root().find("items")->items())
      found.emplace(item.find("id")->text(), item.find("odds")->text());
    return found;
  };
  hub.reserve = [](const sync::SpinReserve&) { return std::vector<std::string>{"prize-o"}; };
  EXPECT_EQ(odds(), (Odds{{"prize-a", "0.1"}, {"prize-b", "0.3"}, {"prize-o", "0.5"}, {"prize-s", "0.1"}}))
      << "the hub would keep it";
  ASSERT_TRUE(spin(sold("T-1")));
  std::map<std::string, std::int64_t> tickets;
  const auto told = drawn();
  for (const auto& slot : told.at(0).slots) tickets[slot.prize] = slot.tickets;
  EXPECT_EQ(tickets, (std::map<std::string, std::int64_t>{
                         {"prize-a", 10'000}, {"prize-b", 30'000}, {"prize-o", 50'000}, {"prize-s", 10'000}}))
      << "and so it was drawn";
  hub.up = false;
  EXPECT_EQ(odds(), (Odds{{"prize-a", "0.2"}, {"prize-b", "0.6"}, {"prize-o", "0.0"}, {"prize-s", "0.2"}}));
}

TEST_F(SpinsTest, ADiskThatGetsFullBeginsNoSpinButTellsWhatItHasTold) {
  const Till till = sold("T-1");
  const Till other = sold("T-2");
  const auto first = spin(till);
  outside.room = Room::low;
  EXPECT_EQ(refused(request_of(other)), Errc::storage_full);
  EXPECT_EQ(spin(till)->body, first->body);
  outside.room = Room::none;
  EXPECT_EQ(refused(request_of(other)), Errc::storage_full);
  outside.room = Room::ample;
  EXPECT_TRUE(spin(other));
}

TEST_F(SpinsTest, ADiskThatFailsLeavesNothingHalfDone) {
  only_stocked(2);
  const Till till = sold("T-1");
  outside.disk.failing = true;
  life->start(programme->spins().spin(request_of(till), trace));
  EXPECT_TRUE(life->world->run_until([&] { return life->journal.failed(); }, seconds{10}));
  outside.disk.failing = false;
  start();
  EXPECT_TRUE(drawn().empty());
  ASSERT_TRUE(spin(till));
  EXPECT_EQ(drawn().at(0).ordinal, 1u);
  EXPECT_EQ(drawn().at(0).nonce, 1);
}

TEST_F(SpinsTest, ARestoredJournalIsAnotherHolderAndClosesTheDaysSeeds) {
  only_stocked(3);
  catalogue.gone(sync::ItemKind::wheel_seed, format_day(today()));
  offer();
  ASSERT_TRUE(spin(sold("T-1"))) << "with tomorrow's seed";
  const Till earlier = sold("T-0");
  const Uuid before = holder();
  skip(Millis{1});
  journal::Batch mark;
  put(mark, journal::Restored{.backed_up_at = outside.time.wall, .restored_at = outside.time.wall});
  commit(std::move(mark));
  seeds();
  start();
  EXPECT_NE(holder(), before);
  EXPECT_EQ(refused(request_of(earlier)), Errc::session_state) << "it may have had one that was lost";
  EXPECT_TRUE(spin(till_of("T-1"))->replayed);
  const Till till = sold("T-2");
  EXPECT_EQ(refused(request_of(till)), Errc::no_prize_available) << "of the old lease nothing is drawn";
  lease("lease-2", "prize-s", 1);
  ASSERT_TRUE(spin(till));
  expect_proven(drawn().back(), today() + days{2});
  const Uuid now = holder();
  start();
  EXPECT_EQ(holder(), now) << "until the next restore";
  pass(days{8});
  for (const auto& returned : told<sync::LeaseReturned>()) EXPECT_NE(returned.lease, "lease-1");
}

TEST_F(SpinsTest, TwoRestoresOfOneBackupRepeatNoDraw) {
  const journal::MemoryDisk backup = outside.disk;
  const auto restore_and_spin = [&](const std::string& transaction) {
    end();
    outside.disk = backup;
    life = std::make_unique<Life>(outside, LifeOptions{.standin = {.enabled = true}});
    journal::Batch mark;
    put(mark, journal::Restored{.backed_up_at = outside.time.wall, .restored_at = outside.time.wall});
    commit(std::move(mark));
    start();
    skip(seconds{1});
    EXPECT_TRUE(spin(sold(transaction + "-1")));
    EXPECT_TRUE(spin(sold(transaction + "-2")));
    return drawn();
  };
  const auto first = restore_and_spin("T-1");
  const auto again = restore_and_spin("T-2");
  ASSERT_EQ(first.size(), 2u);
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(first[0].commitment, again[0].commitment) << "by the same seed";
  EXPECT_EQ(first[1].nonce, first[0].nonce + 1);
  EXPECT_GT(again[0].nonce, first[1].nonce);
  for (const auto& event : again) expect_proven(event, today() + days{1});
}

TEST_F(SpinsTest, ANewEpochIsAnotherHolderToo) {
  const Uuid before = holder();
  ASSERT_TRUE(life->run(life->outbox->adopt(2)));
  ASSERT_TRUE(life->run(programme->renew_holder()));
  const Uuid renewed = holder();
  EXPECT_NE(renewed, before);
  ASSERT_TRUE(life->run(programme->renew_holder()));
  EXPECT_EQ(holder(), renewed) << "once";
  ASSERT_TRUE(spin(sold("T-1")));
  expect_proven(drawn()[0], today() + days{1});
  // Cut short between the two, it is found at the start.
  ASSERT_TRUE(life->run(life->outbox->adopt(3)));
  start();
  EXPECT_NE(holder(), renewed);
}

TEST_F(SpinsTest, AClockThatWasAheadWhenTheHolderWasMadeClosesNoMoreThanItMust) {
  const WallTime right = outside.time.wall;
  outside.time.wall += days{400};
  ASSERT_TRUE(life->run(life->outbox->adopt(2)));
  ASSERT_TRUE(life->run(programme->renew_holder()));
  const Till till = sold("T-1");
  EXPECT_EQ(refused(request_of(till)), Errc::overloaded);
  start();
  outside.time.wall = right;
  ASSERT_TRUE(spin(till));
  expect_proven(drawn()[0], today() + days{1});

  // Ahead by less than there are seeds: the last of them is closed, and the next one opens the wheel.
  outside.time.wall += days{4};
  ASSERT_TRUE(life->run(life->outbox->adopt(3)));
  ASSERT_TRUE(life->run(programme->renew_holder()));
  const Till next = sold("T-2");
  EXPECT_EQ(refused(request_of(next)), Errc::overloaded);
  outside.time.wall = right;
  catalogue.seed(today() + days{5});
  offer();
  ASSERT_TRUE(spin(next));
  expect_proven(drawn()[1], today() + days{5});
}

TEST_F(SpinsTest, ARestoreByAClockThatIsBehindForgetsNoSpin) {
  const Till before = sold("T-0");
  ASSERT_TRUE(spin(sold("T-1")));
  const WallTime right = outside.time.wall;
  journal::Batch mark;
  outside.time.wall -= days{1'000};
  put(mark, journal::Restored{.backed_up_at = right, .restored_at = outside.time.wall});
  commit(std::move(mark));
  start();
  EXPECT_EQ(refused(request_of(before)), Errc::session_state) << "it may have had one that was lost";
  const Till till = sold("T-2");
  EXPECT_EQ(refused(request_of(till)), Errc::overloaded) << "of which day the lost draws were is not known";
  outside.time.wall = right;
  ASSERT_TRUE(spin(till));
  expect_proven(drawn().back(), today() + days{1});

  outside.time.wall -= days{1'000};
  journal::Batch again;
  put(again, journal::Restored{.backed_up_at = right, .restored_at = outside.time.wall});
  commit(std::move(again));
  start();
  EXPECT_TRUE(spin(till)->replayed);
  const Till late = sold("T-3");
  skip(Programme::clock_wait);
  EXPECT_EQ(refused(request_of(late)), Errc::overloaded) << "all that there was may have been drawn with";
  catalogue.seed(utc_day(right) + days{5});
  offer();
  ASSERT_TRUE(spin(late));
  expect_proven(drawn().back(), utc_day(right) + days{5});
}

TEST_F(SpinsTest, NoncesGoWhenTheirDayIsLongPast) {
  ASSERT_TRUE(spin(sold("T-1")));
  const auto nonces = [this] {
    std::size_t count = 0;
    EXPECT_TRUE(life->journal.scan(journal::Family::prizes_leased, "nonce/",
                                   [&](std::string_view key, std::string_view) {
                                     count += key.starts_with("nonce/") ? 1 : 0;
                                     return true;
                                   }));
    return count;
  };
  EXPECT_EQ(nonces(), 1u);
  pass(days{9});
  EXPECT_EQ(nonces(), 1u) << "while the hub still hands the seed out";
  catalogue.gone(sync::ItemKind::wheel_seed, "2026-03-01");
  offer();
  skip(minutes{2});
  EXPECT_EQ(nonces(), 0u);
}

TEST_F(SpinsTest, OfWhoIsForgottenNeitherCardNorProofIsKept) {
  const Till till = sold("T-1");
  ASSERT_TRUE(spin(till));
  const CustomerId token("erased-00112233445566778899aabbccddeeff");
  const session::Session before = life->stored(till.session);
  const session::Session after = session::without_member(before, token);
  EXPECT_EQ(after.spin->id, before.spin->id);
  EXPECT_TRUE(after.spin->answer.body.empty());
  ASSERT_TRUE(life->run(
      life->writer.forget_member({till.session}, token, [](const session::Kept&) { return true; })));
  EXPECT_EQ(refused(request_of(till)), Errc::session_state) << "nobody's sale any more";
}

}  // namespace
}  // namespace perkline::edge::programme
