#include <gtest/gtest.h>

#include "hub/ingest/boots.hpp"
#include "hub/ingest/ingest.hpp"
#include "hub/stores/stores.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"
#include "tests/unit/hub/store_history.hpp"

namespace perkline::hub::ingest {
namespace {

using test::StoreHistory;

const StoreId store{"store-1"};

class Epochs : public testing::Test {
 protected:
  Epochs() {
    for (const char* id : {"store-1", "store-2"}) {
      EXPECT_TRUE(hub_.write([&](db::Transaction& t) {
        return stores::add(t, StoreId(id), std::string(64, id[6]), hub_.clock.wall);
      }));
    }
    ingest_.emplace(hub_.port(), hub_.clock, hub_.rng, wheel::Terms{},
                    IngestObserver{.on_fork = [this](const StoreId&, bool forked) { forked_ = forked; }});
  }
  std::optional<sync::Frame> send(const sync::Frame& frame, const StoreId& from = store) {
    auto answer = test::run_task(hub_.world(), ingest_->handle(from, sync::encode(frame)));
    if (!answer) return std::nullopt;
    return sync::decode_frame(*answer).value();
  }
  template <class Kind>
  Kind answer_to(const sync::Frame& frame) {
    const auto answer = send(frame);
    EXPECT_TRUE(answer && std::holds_alternative<Kind>(*answer));
    return answer && std::holds_alternative<Kind>(*answer) ? std::get<Kind>(*answer) : Kind{};
  }
  void sell(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) history_.add(history_.sale(10));
  }
  stores::Store found() {
    std::optional<stores::Store> one;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      one = stores::find(t, store).value();
      return {};
    }));
    return one.value();
  }
  Result<void> begin_epoch() {
    return hub_.write([&](db::Transaction& t) -> Result<void> {
      auto begun =
          stores::begin_epoch(t, store, {.by = "cli:ops", .reason = "a clone", .now = hub_.clock.wall});
      if (!begun) return failure(begun);
      return {};
    });
  }
  Result<void> accept_gap() {
    return hub_.write([&](db::Transaction& t) -> Result<void> {
      const auto gap = stores::accept_gap(t, store);
      if (!gap) return std::unexpected(gap.error());
      return {};
    });
  }
  sync::Hello hello_of(const char* boot) {
    sync::Hello hello = history_.hello();
    hello.boot_id = parse_uuid(boot).value();
    return hello;
  }

  test::TempDir dir_;
  test::HubDatabase hub_{dir_.file("hub.db")};
  StoreHistory history_{store, hub_.uuids, hub_.clock};
  std::optional<Ingest> ingest_;
  std::optional<bool> forked_;
};

TEST_F(Epochs, ANewEpochIsOneMoreThanEitherSideHasUsedAndCarriesWhatIsApplied) {
  sell(3);
  answer_to<sync::Ack>(history_.batch(1, 3));
  history_.epoch = 5;  // the store had adopted it before the hub was restored
  EXPECT_EQ(answer_to<sync::Fork>(history_.hello()).reason, sync::ForkReason::epoch_unknown);
  ASSERT_TRUE(begin_epoch());
  const stores::Store now = found();
  EXPECT_EQ(now.cursor, sync::first_cursor(store, 6));
  EXPECT_EQ(now.grant->by, "cli:ops");
  EXPECT_EQ(now.grant->reason, "a clone");

  history_.epoch = 1;
  const sync::Applied applied{.epoch = 1, .through = 3, .hash = history_.hash_at(3)};
  EXPECT_EQ(now.applied, applied);
  for (const sync::Frame& frame : {sync::Frame(history_.hello()), sync::Frame(history_.batch(1, 3))}) {
    EXPECT_EQ(answer_to<sync::Fork>(frame),
              (sync::Fork{.epoch = 6, .reason = sync::ForkReason::superseded, .applied = applied}));
  }
}

TEST_F(Epochs, ASecondGrantBeforeTheFirstWasAdoptedStillTellsWhatIsApplied) {
  sell(2);
  answer_to<sync::Ack>(history_.batch(1, 2));
  ASSERT_TRUE(begin_epoch());
  ASSERT_TRUE(begin_epoch());
  EXPECT_EQ(found().cursor.epoch, 3u);
  EXPECT_EQ(found().applied, (sync::Applied{.epoch = 1, .through = 2, .hash = history_.hash_at(2)}));
}

TEST_F(Epochs, EventsThatComeAgainInANewEpochHaveNoEffectTwice) {
  sell(4);
  answer_to<sync::Ack>(history_.batch(1, 4));
  ASSERT_TRUE(begin_epoch());
  StoreHistory renumbered(store, hub_.uuids, hub_.clock);
  renumbered.epoch = 2;
  for (std::uint64_t i = 3; i <= 4; ++i)
    renumbered.add_bytes(sync::renumbered(history_.batch(i, i).events.front(), 2, i - 2).value());
  renumbered.add(renumbered.sale(10));
  EXPECT_EQ(answer_to<sync::Ack>(renumbered.batch(1, 3)).through, 3u);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM sale"), 5);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM transfer"), 5);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM dead_letter"), 0);
}

TEST_F(Epochs, ARetiredOrUnknownStoreGetsNoEpoch) {
  ASSERT_TRUE(hub_.write([&](db::Transaction& t) { return stores::retire(t, store, hub_.clock.wall); }));
  EXPECT_EQ(begin_epoch().error().code, Errc::session_state);
  EXPECT_FALSE(hub_.write([&](db::Transaction& t) -> Result<void> {
    auto begun = stores::begin_epoch(t, StoreId("nobody"), {});
    if (!begun) return failure(begun);
    return {};
  }));
}

TEST_F(Epochs, AForkIsShownUntilTheStoresHistoryIsTakenInAgainAndNobodyHasToldOfOneLately) {
  sell(2);
  answer_to<sync::Ack>(history_.batch(1, 1));
  (void)send(sync::Fork{.epoch = 1, .reason = sync::ForkReason::beyond_tail});
  EXPECT_EQ(forked_, true);
  ASSERT_TRUE(found().fork);
  EXPECT_EQ(found().fork->reason, "beyond_tail");
  const WallTime since = found().fork->since;
  hub_.clock.wall += seconds{30};
  (void)send(sync::Fork{.epoch = 1, .reason = sync::ForkReason::beyond_tail});
  EXPECT_EQ(found().fork->since, since);
  // The right one goes on while the clone still speaks.
  answer_to<sync::Ack>(history_.batch(2, 2));
  EXPECT_TRUE(found().fork);
  hub_.clock.wall += minutes{2};
  answer_to<sync::Welcome>(history_.hello());
  answer_to<sync::Welcome>(history_.hello());
  EXPECT_FALSE(found().fork);
  EXPECT_EQ(forked_, false);
}

TEST_F(Epochs, AForkIsOverWithTheFirstBatchOfTheEpochThatWasGrantedForIt) {
  sell(2);
  answer_to<sync::Ack>(history_.batch(1, 2));
  (void)send(sync::Fork{.epoch = 1, .reason = sync::ForkReason::beyond_tail});
  ASSERT_TRUE(begin_epoch());
  answer_to<sync::Fork>(history_.hello());
  EXPECT_EQ(found().fork->reason, "superseded");
  StoreHistory adopted(store, hub_.uuids, hub_.clock);
  adopted.epoch = 2;
  adopted.add(adopted.sale(10));
  answer_to<sync::Welcome>(adopted.hello());
  EXPECT_TRUE(found().fork) << "it has yet to show that its history goes on";
  answer_to<sync::Ack>(adopted.batch(1, 1));
  EXPECT_FALSE(found().fork);
  EXPECT_EQ(forked_, false);
  // A clone that never adopted brings it up again, and the right one's next sales do not hide it.
  answer_to<sync::Fork>(history_.hello());
  adopted.add(adopted.sale(10));
  answer_to<sync::Ack>(adopted.batch(2, 2));
  EXPECT_EQ(found().fork->reason, "superseded");
  EXPECT_EQ(forked_, true);
}

TEST_F(Epochs, AForkIsOverAsSoonAsTheGrantedEpochIsAdoptedWithNothingToSend) {
  (void)send(sync::Fork{.epoch = 1, .reason = sync::ForkReason::beyond_tail});
  ASSERT_TRUE(begin_epoch());
  history_.epoch = 2;
  answer_to<sync::Welcome>(history_.hello());
  EXPECT_FALSE(found().fork);
  EXPECT_EQ(forked_, false);
}

TEST_F(Epochs, LostHistoryWaitsForAPersonAndThenGoesOnBehindTheGap) {
  sell(6);
  answer_to<sync::Ack>(history_.batch(1, 2));
  EXPECT_EQ(accept_gap().error().code, Errc::session_state);
  // Of another epoch it is late.
  (void)send(sync::HistoryLost{.epoch = 2, .through = 4, .hash = history_.hash_at(4)});
  EXPECT_FALSE(found().fork);
  (void)send(sync::HistoryLost{.epoch = 1, .through = 4, .hash = history_.hash_at(4)});
  EXPECT_EQ(found().fork->reason, stores::history_lost);
  EXPECT_EQ(answer_to<sync::Nack>(history_.batch(5, 6)).expected, 3u);
  ASSERT_TRUE(accept_gap());
  EXPECT_FALSE(found().fork);
  EXPECT_EQ(answer_to<sync::Welcome>(history_.hello()).cursor, 4u);
  EXPECT_EQ(answer_to<sync::Ack>(history_.batch(5, 6)).through, 6u);
  EXPECT_EQ(accept_gap().error().code, Errc::session_state);
}

TEST_F(Epochs, ANewEpochThatPassesLostHistoryByTellsWhatIsLost) {
  sell(6);
  answer_to<sync::Ack>(history_.batch(1, 2));
  (void)send(sync::HistoryLost{.epoch = 1, .through = 4, .hash = history_.hash_at(4)});
  std::optional<stores::Gap> lost;
  const auto begin = [&] {
    return hub_.write([&](db::Transaction& t) -> Result<void> {
      auto begun = stores::begin_epoch(t, store, {.by = "cli:ops", .reason = "why", .now = hub_.clock.wall});
      if (!begun) return failure(begun);
      lost = begun->lost;
      return {};
    });
  };
  ASSERT_TRUE(begin());
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->from, 2u);
  EXPECT_EQ(lost->through, 4u);
  ASSERT_TRUE(begin());
  EXPECT_FALSE(lost) << "told once";
}

TEST_F(Epochs, WhatAnAdoptionHasPassedByIsAuditedWhenTheStoreTellsOfIt) {
  sell(2);
  answer_to<sync::Ack>(history_.batch(1, 2));
  history_.epoch = 3;
  answer_to<sync::Fork>(history_.hello());
  ASSERT_TRUE(begin_epoch());  // 4
  forked_.reset();
  (void)send(sync::HistoryLost{.epoch = 3, .through = 7, .hash = {}});
  const auto audit =
      hub_.rows("SELECT actor, subject, detail FROM audit WHERE action = 'store.history_lost'");
  ASSERT_EQ(audit.size(), 1u);
  EXPECT_EQ(audit[0].text(0), "store:store-1");
  EXPECT_EQ(audit[0].text(1), "store:store-1");
  EXPECT_EQ(audit[0].text(2), R"({"appliedEpoch":1,"appliedThrough":2,"lostEpoch":3,"lostThrough":7})");
  EXPECT_FALSE(forked_) << "nothing keeps the store's history from being taken in";
  (void)send(sync::HistoryLost{.epoch = 1, .through = 2, .hash = {}});
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM audit"), 1) << "that is applied";
}

TEST_F(Epochs, TwoProcessesThatTakeTurnsUnderOneNameAreACloneAndAreStillServed) {
  const char* a = "0190163d-8694-739b-aea5-966c26f8ad91";
  const char* b = "0190163d-8694-739b-aea5-966c26f8ad92";
  for (const char* boot : {a, a, b, a}) {
    answer_to<sync::Welcome>(hello_of(boot));
    EXPECT_FALSE(found().fork);
  }
  answer_to<sync::Welcome>(hello_of(b));
  ASSERT_TRUE(found().fork);
  EXPECT_EQ(found().fork->reason, stores::cloned);
  EXPECT_EQ(forked_, true);
}

TEST(Boots, ManyStartsOneAfterTheOtherAreNoClone) {
  Boots boots;
  for (std::uint8_t start = 1; start < 50; ++start) {
    Uuid boot;
    boot.bytes[0] = start;
    EXPECT_FALSE(boots.takes_turns(store, boot));
    EXPECT_FALSE(boots.takes_turns(store, boot));
  }
}

TEST_F(Epochs, ASaleQueryIsAnsweredInWhateverEpochAndOnlyAboutTheStoresOwn) {
  const auto finalized = history_.sale(450, 100);
  history_.add(finalized);
  const auto pending_sale = history_.sale(7, 3);
  history_.add(sync::SalePending{.session = pending_sale.session,
                                 .transaction = pending_sale.transaction,
                                 .customer = pending_sale.customer,
                                 .channel = pending_sale.channel,
                                 .amount = pending_sale.amount,
                                 .earned = Points{7},
                                 .redeemed = Points{3},
                                 .tier = "Gold",
                                 .receipt = ReceiptId("STORE-1-1"),
                                 .rules_version = "r",
                                 .pending_at = hub_.clock.wall});
  answer_to<sync::Ack>(history_.batch(1, 2));
  ASSERT_TRUE(begin_epoch());
  const SessionId nobody = hub_.uuids.next_session_id();
  const sync::SaleQuery query{{finalized.session, nobody, pending_sale.session}};
  const auto answer = answer_to<sync::SaleAnswer>(query);
  ASSERT_EQ(answer.known.size(), 2u);
  EXPECT_EQ(answer.known[0], (sync::KnownSale{.session = finalized.session,
                                              .state = sync::SaleState::finalized,
                                              .amount = finalized.amount,
                                              .earned = Points{450},
                                              .redeemed = Points{100},
                                              .new_balance = finalized.new_balance,
                                              .tier = "Gold",
                                              .receipt = finalized.receipt,
                                              .at = finalized.finalized_at}));
  EXPECT_EQ(answer.known[1].state, sync::SaleState::pending);
  EXPECT_EQ(answer.known[1].receipt, ReceiptId("STORE-1-1"));
  EXPECT_EQ(answer.known[1].at, hub_.clock.wall);
  EXPECT_EQ(answer.unknown, std::vector<SessionId>{nobody});

  const auto foreign = send(query, StoreId("store-2"));
  ASSERT_TRUE(foreign && std::holds_alternative<sync::SaleAnswer>(*foreign));
  EXPECT_TRUE(std::get<sync::SaleAnswer>(*foreign).known.empty());
}

}  // namespace
}  // namespace perkline::hub::ingest
