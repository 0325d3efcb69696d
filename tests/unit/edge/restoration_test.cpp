#include "edge/pdi_queue/restoration.hpp"

#include <gtest/gtest.h>

#include "tests/support/sim_store.hpp"

namespace perkline::edge::session {
namespace {

using sync::KnownSale;
using sync::SaleState;
using test::PdiCall;

const WallTime noon = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1} + hours{12};

Session open_session(Status status, bool at_pdi, WallTime next_attempt = noon) {
  Session session{.id = SessionId("sess_1"), .currency = usd()};
  session.status = status;
  if (at_pdi) session.provider_session = ProviderSessionId("P-1");
  session.next_attempt_at = next_attempt;
  return session;
}

KnownSale known_as(SaleState state) {
  KnownSale sale{.session = SessionId("sess_1"), .state = state};
  if (state != SaleState::voided) sale.amount = Money{15000, usd()};
  return sale;
}

TEST(FateOf, WhatTheHubHasNotHeardOfFollowsTheTable) {
  struct Row {
    Session session;
    Fate fate;
  };
  for (const auto& [session, fate] : {
           Row{open_session(Status::finalizing, true), Fate::doubt},
           Row{open_session(Status::in_doubt, true), Fate::doubt},
           Row{open_session(Status::queued, true), Fate::doubt},
           Row{open_session(Status::queued, false), Fate::review},
           // Queued by a clock that was put back since.
           Row{open_session(Status::queued, false, noon + hours{80'000}), Fate::review},
           Row{open_session(Status::active, true), Fate::ask_pdi},
           Row{open_session(Status::calculated, true), Fate::ask_pdi},
           Row{open_session(Status::active, false), Fate::expire},
           Row{open_session(Status::calculated, false), Fate::expire},
           Row{open_session(Status::review, true), Fate::keep},
           Row{open_session(Status::finalized, true), Fate::keep},
       }) {
    EXPECT_EQ(fate_of(session, nullptr), fate)
        << name_of(session.status) << ' ' << session.provider_session.str();
  }
}

TEST(FateOf, WhatTheHubKnowsTheEndOfIsAdopted) {
  for (const Status status : {Status::active, Status::calculated, Status::finalizing, Status::in_doubt,
                              Status::queued, Status::review}) {
    const auto finalized = known_as(SaleState::finalized);
    const auto rejected = known_as(SaleState::rejected);
    EXPECT_EQ(fate_of(open_session(status, true), &finalized), Fate::adopt) << name_of(status);
    EXPECT_EQ(fate_of(open_session(status, true), &rejected), Fate::reject) << name_of(status);
  }
  const auto voided = known_as(SaleState::voided);
  EXPECT_EQ(fate_of(open_session(Status::calculated, true), &voided), Fate::abandon);
  const auto finalized = known_as(SaleState::finalized);
  EXPECT_EQ(fate_of(open_session(Status::finalized, true), &finalized), Fate::keep);
}

TEST(FateOf, ASaleTheHubKnowsAsPendingIsNeverExpired) {
  const auto pending = known_as(SaleState::pending);
  EXPECT_EQ(fate_of(open_session(Status::calculated, true), &pending), Fate::doubt);
  EXPECT_EQ(fate_of(open_session(Status::active, false), &pending), Fate::review);
}

/// A store whose disk is put back to an earlier day while PDI went on.
class Restoring : public ::testing::Test {
 protected:
  void boot() {
    life.reset();
    LifeOptions options{.standin = {.enabled = true}};
    if (with_hub) {
      options.ask_hub = [this](std::vector<SessionId> ids, MonoTime) { return answer(std::move(ids)); };
    }
    life = std::make_unique<Life>(outside, std::move(options));
  }
  Task<std::optional<sync::SaleAnswer>> answer(std::vector<SessionId> ids) {
    ++asked;
    if (!hub_answers || std::ranges::find(ids, unanswerable) != ids.end()) co_return std::nullopt;
    sync::SaleAnswer told;
    for (SessionId& id : ids) {
      const auto found = at_hub.find(id);
      if (found == at_hub.end()) {
        told.unknown.push_back(std::move(id));
      } else {
        told.known.push_back(found->second);
      }
    }
    co_return told;
  }
  void back_up() {
    life.reset();
    backup = outside.disk;
    backed_up_at = outside.time.wall;
    boot();
  }
  static Task<bool> mark(journal::Journal& journal, journal::Restored mark) {
    journal::Batch batch;
    journal::put(batch, mark);
    co_await journal.commit(std::move(batch));
    co_return true;
  }
  void restore() {
    life.reset();
    outside.time.wall += hours{1};
    outside.time.mono += hours{1};
    outside.disk = backup;
    {
      test::SimWorld world(outside.time);
      journal::JournalMemory journal(outside.disk, world.clock());
      test::run_task(world, mark(journal, {.backed_up_at = backed_up_at, .restored_at = outside.time.wall}));
    }
    boot();
  }
  bool until(const std::function<bool()>& so, Millis time_max = minutes{30}) {
    return life->world->run_until(so, time_max);
  }
  bool all_known() {
    return until([&] { return !journal::read_restored(life->journal).value(); });
  }
  Till sale(const std::string& transaction) {
    Till till;
    till.transaction = TransactionId(transaction);
    till.session = life->identify(till);
    return till;
  }
  Till priced(const std::string& transaction) {
    Till till = sale(transaction);
    EXPECT_TRUE(life->calculate(till));
    return till;
  }
  KnownSale finalized_at_hub(const Till& till) {
    const Session session = life->stored(till.session);
    return {.session = till.session,
            .state = SaleState::finalized,
            .amount = session.sale->final_amount,
            .earned = session.earned,
            .redeemed = session.redeemed,
            .new_balance = session.new_balance,
            .tier = session.tier,
            .receipt = session.receipt,
            .at = *session.finalized_at};
  }
  Status status_of(const Till& till) { return life->stored(till.session).status; }
  std::size_t booked(const Till& till) {
    return static_cast<std::size_t>(
        std::ranges::count(outside.pdi.ledger(), till.transaction, &test::SimBooking::transaction));
  }

  Outside outside;
  std::map<SessionId, KnownSale> at_hub;
  bool with_hub = true;
  bool hub_answers = true;
  SessionId unanswerable;
  int asked = 0;
  journal::MemoryDisk backup;
  WallTime backed_up_at;
  std::unique_ptr<Life> life;
};

TEST_F(Restoring, ASaleSettledSinceTheBackupIsAdoptedAndNotSentAgain) {
  boot();
  const Till till = priced("T-1");
  back_up();
  ASSERT_EQ(life->finalize(till).value().status, 200);
  at_hub.emplace(till.session, finalized_at_hub(till));
  restore();
  ASSERT_TRUE(all_known());
  const Session now = life->stored(till.session);
  EXPECT_EQ(now.status, Status::finalized);
  EXPECT_EQ(now.earned, Points{450});
  EXPECT_EQ(now.receipt, ReceiptId("RCP-1"));
  EXPECT_EQ(life->finalize(till).value().status, 200) << "told again, not sold again";
  EXPECT_EQ(booked(till), 1u);
}

TEST_F(Restoring, WithoutTheHubsWordPdiIsAskedAboutWhatTheBackupHadNotSold) {
  boot();
  const Till sold = priced("T-1");
  const Till left = priced("T-2");
  const Till opened = sale("T-3");
  back_up();
  ASSERT_EQ(life->finalize(sold).value().status, 200);  // the hub never hears of it
  restore();
  ASSERT_TRUE(all_known());
  EXPECT_EQ(status_of(sold), Status::finalized);
  EXPECT_EQ(status_of(left), Status::expired);
  EXPECT_EQ(status_of(opened), Status::expired);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(booked(sold), 1u);
  EXPECT_EQ(booked(left), 0u);
  EXPECT_EQ(type_name(life->events().back().payload), "SaleFinalized") << "the hub hears of it now";
}

TEST_F(Restoring, AnOpenSessionIsHeldUntilItsFateIsKnownWhileNewOnesAreServed) {
  boot();
  const Till old = priced("T-1");
  back_up();
  ASSERT_EQ(life->finalize(old).value().status, 200);
  at_hub.emplace(old.session, finalized_at_hub(old));
  hub_answers = false;
  restore();
  EXPECT_TRUE(life->restoration.holds_settlement());
  const auto refused = life->finalize(old);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::session_busy);
  const Till fresh = priced("T-2");
  EXPECT_EQ(life->finalize(fresh).value().status, 200);
  (void)until([] { return false; }, minutes{5});
  EXPECT_TRUE(life->restoration.holds_settlement());
  EXPECT_GT(asked, 2);
  hub_answers = true;
  ASSERT_TRUE(all_known());
  EXPECT_FALSE(life->restoration.holds_settlement());
  EXPECT_EQ(life->finalize(old).value().status, 200);
  EXPECT_EQ(booked(old), 1u);
  EXPECT_EQ(booked(fresh), 1u);
}

TEST_F(Restoring, ALostFinalizeIsNotSentAgainBeforePdiWasAsked) {
  boot();
  const Till till = priced("T-1");
  outside.pdi.next(PdiCall::finalize, {.lose_answer = true});
  ASSERT_EQ(life->finalize(till).value().status, 202);
  back_up();
  ASSERT_TRUE(life->settle());
  restore();
  ASSERT_TRUE(all_known());
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(status_of(till), Status::finalized);
  EXPECT_EQ(booked(till), 1u);
}

TEST_F(Restoring, AQueuedSaleThatPdiWasNeverSeenToKnowGoesToAPerson) {
  boot();
  for (int i = 0; i < 1; ++i)
    outside.pdi.next(PdiCall::identify, {.refuse_to_send = test::pdi_not_sent(pdi::Outcome::not_tried)});
  Till till = priced("T-1");
  outside.pdi.otherwise(
      [](PdiCall) { return test::PdiFault{.refuse_to_send = test::pdi_not_sent(pdi::Outcome::not_tried)}; });
  ASSERT_EQ(life->finalize(till).value().status, 202);
  back_up();
  outside.pdi.otherwise({});
  ASSERT_TRUE(life->settle());
  ASSERT_EQ(booked(till), 1u);
  restore();  // the hub was away: it has heard of nothing
  ASSERT_TRUE(all_known());
  EXPECT_EQ(status_of(till), Status::review);
  (void)until([] { return false; }, hours{1});
  EXPECT_EQ(booked(till), 1u);
}

TEST_F(Restoring, WithoutAHubEveryAnswerCountsAsUnknown) {
  with_hub = false;
  boot();
  const Till till = priced("T-1");
  back_up();
  ASSERT_EQ(life->finalize(till).value().status, 200);
  restore();
  ASSERT_TRUE(all_known());
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(status_of(till), Status::finalized);
  EXPECT_EQ(booked(till), 1u);
}

TEST_F(Restoring, ASaleTheHubKnowsAsPendingIsSettledAndToldAsSettled) {
  boot();
  const Till till = priced("T-1");
  back_up();
  restore();
  // What the lost journal had told the hub: the till was given 202.
  at_hub.emplace(till.session, KnownSale{.session = till.session,
                                         .state = SaleState::pending,
                                         .amount = Money{15000, usd()},
                                         .earned = Points{450},
                                         .tier = "Gold",
                                         .receipt = ReceiptId("STORE-1"),
                                         .at = outside.time.wall});
  boot();
  ASSERT_TRUE(all_known());
  EXPECT_EQ(status_of(till), Status::in_doubt);
  ASSERT_TRUE(life->settle());
  EXPECT_EQ(status_of(till), Status::finalized);
  EXPECT_EQ(booked(till), 1u);
  EXPECT_EQ(type_name(life->events().back().payload), "SaleSettled");
}

TEST_F(Restoring, ASessionOfWhichPdiNeverSpeaksHoldsNoOtherUp) {
  with_hub = false;
  boot();
  const Till mute = priced("T-1");
  const Till sold = priced("T-2");
  back_up();
  ASSERT_EQ(life->finalize(sold).value().status, 200);
  int calls = 0;
  bool well = false;
  outside.pdi.otherwise([&](PdiCall call) {
    const bool fails = call == PdiCall::status && ++calls != 2 && !well;
    return test::PdiFault{.lose_answer = fails};
  });
  restore();
  ASSERT_TRUE(until([&] { return status_of(sold) == Status::finalized; }, minutes{1}));
  EXPECT_FALSE(until([&] { return status_of(mute) == Status::expired; }, minutes{5}));
  EXPECT_LT(calls, 15) << "it is not asked about without end";
  EXPECT_GT(calls, 5);
  well = true;
  ASSERT_TRUE(all_known());
  EXPECT_EQ(status_of(mute), Status::expired);
  outside.pdi.otherwise({});
}

TEST_F(Restoring, ASessionThatCannotBeReadHoldsNoOtherAndNoSettlementUp) {
  boot();
  const Till broken = priced("T-1");
  const Till sold = priced("T-2");
  back_up();
  ASSERT_EQ(life->finalize(sold).value().status, 200);
  at_hub.emplace(sold.session, finalized_at_hub(sold));
  hub_answers = false;
  restore();
  const std::string record = *life->journal.get(journal::Family::sessions, broken.session.str()).value();
  const auto put = [&](const std::string& value) {
    journal::Batch batch;
    batch.put(journal::Family::sessions, broken.session.str(), value);
    return life->run([](journal::Journal& journal, journal::Batch change) -> Task<bool> {
      co_await journal.commit(std::move(change));
      co_return true;
    }(life->journal, std::move(batch)));
  };
  ASSERT_TRUE(put("no session"));
  hub_answers = true;
  ASSERT_TRUE(until([&] { return status_of(sold) == Status::finalized; }, minutes{3}));
  ASSERT_TRUE(until([&] { return !life->restoration.holds_settlement(); }, minutes{3}));
  EXPECT_TRUE(life->restoration.holds(broken.session));
  EXPECT_FALSE(until([&] { return !journal::read_restored(life->journal).value(); }, minutes{5}));
  ASSERT_TRUE(put(record));
  ASSERT_TRUE(all_known());
  EXPECT_EQ(status_of(broken), Status::expired);
}

TEST_F(Restoring, ASessionThatTheHubCannotAnswerForHoldsNoOtherUp) {
  boot();
  std::vector<Till> tills;
  for (int i = 0; i < 5; ++i) tills.push_back(priced("T-" + std::to_string(i)));
  back_up();
  unanswerable = tills[1].session;
  restore();
  const auto left = [&] {
    return std::ranges::count_if(tills, [&](const Till& till) { return status_of(till) != Status::expired; });
  };
  ASSERT_TRUE(until([&] { return left() == 1; }, minutes{10}));
  EXPECT_NE(status_of(tills[1]), Status::expired);
  unanswerable = {};
  ASSERT_TRUE(all_known());
  EXPECT_EQ(left(), 0);
}

TEST_F(Restoring, ACrashAtAnyMomentForgetsNoSessionAndSellsNothingTwice) {
  boot();
  std::vector<Till> tills;
  for (int i = 0; i < 6; ++i) tills.push_back(priced("T-" + std::to_string(i)));
  back_up();
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(life->finalize(tills[static_cast<std::size_t>(i)]).value().status, 200);
    if (i % 2 == 0) {
      const Till& till = tills[static_cast<std::size_t>(i)];
      at_hub.emplace(till.session, finalized_at_hub(till));
    }
  }
  outside.disk.sync_time = Millis{2};
  backup.sync_time = Millis{2};
  restore();
  for (std::uint64_t cut = 1; cut < 40; ++cut) {
    const std::uint64_t syncs = outside.disk.syncs;
    (void)until([&] { return outside.disk.syncs > syncs; }, seconds{5});
    life->crash(cut);
    boot();
  }
  ASSERT_TRUE(all_known());
  ASSERT_TRUE(life->settle());
  for (std::size_t i = 0; i < tills.size(); ++i) {
    EXPECT_EQ(status_of(tills[i]), i < 4 ? Status::finalized : Status::expired) << i;
    EXPECT_EQ(booked(tills[i]), i < 4 ? 1u : 0u) << i;
  }
}

}  // namespace
}  // namespace perkline::edge::session
