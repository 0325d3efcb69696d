#include "hub/ingest/ingest.hpp"

#include <gtest/gtest.h>

#include "hub/db/migrate.hpp"
#include "hub/db/sqlite_inline.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/stores/stores.hpp"
#include "shared/sync/event.hpp"
#include "shared/sync/hash_chain.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/sim_world.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::hub::ingest {
namespace {

const StoreId store{"store-1"};
const CustomerId customer{"CUST-00001"};

/// One store's history and the hub that takes it in.
class Ingesting : public ::testing::Test {
 protected:
  Ingesting() {
    database_ = std::move(db::SqliteInline::open(folder_.file("hub.db")).value());
    EXPECT_TRUE(test::run_task(world_, db::migrate(*database_, clock_, uuids_)));
    EXPECT_TRUE(database_->write_now(
        [&](db::Transaction& t) { return stores::add(t, store, std::string(64, 'a'), clock_.wall); }));
    ingest_.emplace(*database_, clock_, rng_);
  }

  sync::SaleFinalized sale(std::int64_t earned, std::int64_t redeemed = 0) {
    return {.session = uuids_.next_session_id(),
            .transaction = TransactionId("T-" + std::to_string(earned)),
            .customer = customer,
            .channel = ChannelId("POS-1"),
            .amount = Money{1500, find_currency("USD").value()},
            .earned = Points{earned},
            .redeemed = Points{redeemed},
            .new_balance = Points{5000 + earned},
            .tier = "Gold",
            .receipt = ReceiptId("RCP-1"),
            .rules_version = "",
            .finalized_at = clock_.wall};
  }

  /// The next event's bytes in the store's history.
  void happen(sync::EventPayload payload) {
    history_.push_back(sync::encode(sync::Event{.store = store,
                                                .epoch = 1,
                                                .sequence = history_.size() + 1,
                                                .id = uuids_.next(),
                                                .time = clock_.wall,
                                                .traceparent = "",
                                                .payload = std::move(payload)}));
  }

  sync::Batch batch(std::size_t first, std::size_t last) const {
    Digest hash = sync::chain_start(store, 1);
    for (std::size_t i = 1; i < first; ++i) hash = sync::chain_next(hash, history_[i - 1]);
    sync::Batch made{.epoch = 1, .first_sequence = first, .previous_hash = hash, .hash = {}, .events = {}};
    for (std::size_t i = first; i <= last; ++i) {
      hash = sync::chain_next(hash, history_[i - 1]);
      made.events.push_back(history_[i - 1]);
    }
    made.hash = hash;
    return made;
  }

  std::optional<sync::Frame> send(const sync::Frame& frame, const StoreId& from = store) {
    auto answer = test::run_task(world_, ingest_->handle(from, sync::encode(frame)));
    if (!answer) return std::nullopt;
    return sync::decode_frame(*answer).value();
  }

  void expect_ack(const std::optional<sync::Frame>& frame, std::uint64_t through) {
    ASSERT_TRUE(frame && std::holds_alternative<sync::Ack>(*frame));
    EXPECT_EQ(std::get<sync::Ack>(*frame).through, through);
  }

  std::int64_t number(const std::string& sql) {
    std::int64_t value = -1;
    EXPECT_TRUE(database_->read_now([&](db::Transaction& t) -> Result<void> {
      auto rows = t.query(sql);
      if (!rows) return failure(rows);
      value = rows->front().integer(0);
      return {};
    }));
    return value;
  }
  std::int64_t rewards() {
    std::int64_t balance = 0;
    EXPECT_TRUE(database_->read_now([&](db::Transaction& t) -> Result<void> {
      balance = ledger::balance_of(t, ledger::rewards_of(customer)).value();
      return {};
    }));
    return balance;
  }
  void expect_sound() {
    EXPECT_TRUE(database_->read_now([&](db::Transaction& t) -> Result<void> {
      const auto verification = ledger::verify(t).value();
      EXPECT_TRUE(verification.ok()) << verification.mismatches.front();
      return {};
    }));
  }

  test::TempDir folder_;
  test::ManualClock clock_;
  SeededRng rng_{1};
  UuidMaker uuids_{clock_, rng_};
  test::VirtualTime time_;
  test::SimWorld world_{time_};
  std::unique_ptr<db::SqliteInline> database_;
  std::optional<Ingest> ingest_;
  std::vector<std::string> history_;
};

TEST_F(Ingesting, BooksASaleAndAcknowledgesIt) {
  happen(sale(450, 100));
  expect_ack(send(batch(1, 1)), 1);
  EXPECT_EQ(rewards(), 350);
  EXPECT_EQ(number("SELECT COUNT(*) FROM sale"), 1);
  EXPECT_EQ(number("SELECT pdi_balance FROM member"), 5450);
  EXPECT_EQ(number("SELECT COUNT(*) FROM event_outbox WHERE type = 'SALE_FINALIZED'"), 1);
  expect_sound();
}

TEST_F(Ingesting, TakesABatchInOnceHoweverOftenItComes) {
  for (int i = 1; i <= 5; ++i) happen(sale(i));
  for (int i = 0; i < 3; ++i) expect_ack(send(batch(1, 3)), 3);
  expect_ack(send(batch(2, 5)), 5);  // overlaps what is known
  expect_ack(send(batch(1, 2)), 5);  // wholly known: the cursor is what counts
  EXPECT_EQ(rewards(), 15);
  EXPECT_EQ(number("SELECT COUNT(*) FROM sale"), 5);
  expect_sound();
}

TEST_F(Ingesting, AsksForWhatIsMissing) {
  for (int i = 1; i <= 4; ++i) happen(sale(i));
  const auto answer = send(batch(3, 4));
  ASSERT_TRUE(answer && std::holds_alternative<sync::Nack>(*answer));
  EXPECT_EQ(std::get<sync::Nack>(*answer).expected, 1u);
  EXPECT_EQ(number("SELECT COUNT(*) FROM sale"), 0);
}

TEST_F(Ingesting, AnotherHistoryIsAForkAndBooksNothing) {
  happen(sale(1));
  expect_ack(send(batch(1, 1)), 1);
  history_.clear();
  happen(sale(2));
  happen(sale(3));
  const auto answer = send(batch(1, 2));
  ASSERT_TRUE(answer && std::holds_alternative<sync::Fork>(*answer));
  EXPECT_EQ(std::get<sync::Fork>(*answer).reason, sync::ForkReason::hash_differs);
  EXPECT_EQ(number("SELECT COUNT(*) FROM sale"), 1);
}

TEST_F(Ingesting, ABatchWhoseChainDoesNotHoldIsDropped) {
  happen(sale(1));
  auto forged = batch(1, 1);
  forged.events[0].back() = static_cast<char>(forged.events[0].back() ^ 1);
  EXPECT_FALSE(send(forged));
  EXPECT_EQ(number("SELECT cursor_sequence FROM store"), 0);
}

TEST_F(Ingesting, ABadEventIsBuriedAndBlocksNothing) {
  auto first = sale(10);
  happen(first);
  first.earned = Points{99};  // the same session with other figures
  happen(first);
  history_.push_back("not an event");
  happen(sale(20));
  expect_ack(send(batch(1, 4)), 4);
  EXPECT_EQ(rewards(), 30);
  EXPECT_EQ(number("SELECT COUNT(*) FROM dead_letter"), 2);
  expect_sound();
}

TEST_F(Ingesting, WelcomesAStoreWithWhereItStands) {
  happen(sale(1));
  expect_ack(send(batch(1, 1)), 1);
  const auto hello = [&](std::uint64_t tail) {
    return sync::Hello{
        .store = store, .epoch = 1, .boot_id = {}, .tail = tail, .tail_hash = batch(1, 1).hash, .status = {}};
  };
  const auto answer = send(hello(1));
  ASSERT_TRUE(answer && std::holds_alternative<sync::Welcome>(*answer));
  EXPECT_EQ(std::get<sync::Welcome>(*answer).cursor, 1u);
  EXPECT_EQ(std::get<sync::Welcome>(*answer).cursor_hash, batch(1, 1).hash);
  const auto behind = send(hello(0));
  ASSERT_TRUE(behind && std::holds_alternative<sync::Fork>(*behind));
  EXPECT_FALSE(send(hello(1), StoreId("store-2")));  // claims to be another than its key says
}

TEST_F(Ingesting, VerifyFindsAPlantedMismatch) {
  happen(sale(5));
  expect_ack(send(batch(1, 1)), 1);
  expect_sound();
  EXPECT_TRUE(database_->write_now([](db::Transaction& t) -> Result<void> {
    auto planted = t.execute("UPDATE account SET balance = balance + 1 WHERE keeps_balance = 1");
    if (!planted) return failure(planted);
    return {};
  }));
  EXPECT_TRUE(database_->read_now([](db::Transaction& t) -> Result<void> {
    EXPECT_FALSE(ledger::verify(t).value().ok());
    return {};
  }));
}

}  // namespace
}  // namespace perkline::hub::ingest
