#include "tests/unit/edge/spins_fixture.hpp"

namespace perkline::edge::programme {
namespace {

using journal::Room;

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
