#include "hub/ingest/ingest.hpp"

#include <map>

#include <gtest/gtest.h>

#include "hub/ledger/history.hpp"
#include "hub/stores/stores.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/hub/hub_database.hpp"
#include "tests/unit/hub/store_history.hpp"

namespace perkline::hub::ingest {
namespace {

using test::StoreHistory;

const StoreId store{"store-1"};
const StoreId other_store{"store-2"};
const CustomerId customer{"CUST-00001"};

/// A database that fails once, before or after its commit: what a crash between database and answer looks
/// like to the store.
class FailingDatabase final : public db::Database {
 public:
  enum class Fault : std::uint8_t { none, before_commit, after_commit };

  explicit FailingDatabase(test::HubDatabase& hub) : hub_(hub) {}
  db::Engine engine() const override { return hub_.port().engine(); }
  Task<Result<void>> read(std::function<Result<void>(db::Transaction&)> work) override {
    return hub_.port().read(std::move(work));
  }
  Task<Result<void>> write(std::function<Result<void>(db::Transaction&)> work) override {
    const Fault fault = std::exchange(next, Fault::none);
    auto done = co_await hub_.port().write([&](db::Transaction& transaction) -> Result<void> {
      auto worked = work(transaction);
      if (fault == Fault::before_commit) return fail(Errc::database_unavailable);
      return worked;
    });
    if (fault == Fault::after_commit) co_return fail(Errc::database_unavailable);
    co_return done;
  }

  Fault next = Fault::none;

 private:
  test::HubDatabase& hub_;
};

class Ingesting : public testing::Test {
 protected:
  Ingesting() {
    for (const StoreId& id : {store, other_store}) {
      EXPECT_TRUE(hub_.write([&](db::Transaction& t) {
        return stores::add(t, id, std::string(64, id.str().back()), hub_.clock.wall);
      }));
    }
    boot();
  }
  void boot() {
    ingest_.emplace(
        database_, hub_.clock, hub_.rng, wheel::Terms{},
        IngestObserver{.on_frame = [this](std::string_view verdict) { ++frames_[std::string(verdict)]; },
                       .on_event = [this](std::string_view type) { ++events_[std::string(type)]; },
                       .on_lag = [this](const StoreId&, std::uint64_t lag) { lag_ = lag; }});
  }

  std::optional<sync::Frame> send_bytes(std::string bytes, const StoreId& from = store) {
    auto answer = test::run_task(hub_.world(), ingest_->handle(from, std::move(bytes)));
    if (!answer) return std::nullopt;
    return sync::decode_frame(*answer).value();
  }
  std::optional<sync::Frame> send(const sync::Frame& frame, const StoreId& from = store) {
    return send_bytes(sync::encode(frame), from);
  }
  std::optional<sync::Frame> send_all() { return send(history_.batch(1, history_.tail())); }

  void expect_ack(const std::optional<sync::Frame>& frame, std::uint64_t through) {
    ASSERT_TRUE(frame && std::holds_alternative<sync::Ack>(*frame));
    EXPECT_EQ(std::get<sync::Ack>(*frame).through, through);
    EXPECT_EQ(std::get<sync::Ack>(*frame).hash, history_.hash_at(through));
    EXPECT_EQ(hub_.number("SELECT cursor_sequence FROM store WHERE id = 'store-1'"),
              static_cast<std::int64_t>(through));
  }
  void expect_fork(const std::optional<sync::Frame>& frame, sync::ForkReason reason) {
    ASSERT_TRUE(frame && std::holds_alternative<sync::Fork>(*frame));
    EXPECT_EQ(std::get<sync::Fork>(*frame).reason, reason);
  }
  std::int64_t sales() { return hub_.number("SELECT COUNT(*) FROM sale"); }
  std::int64_t dead_letters() { return hub_.number("SELECT COUNT(*) FROM dead_letter"); }
  std::int64_t rewards(const CustomerId& of = customer) {
    std::int64_t balance = 0;
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      balance = ledger::balance_of(t, ledger::rewards_of(of)).value();
      return {};
    }));
    return balance;
  }
  void expect_sound() {
    EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
      const auto verification = ledger::verify(t).value();
      EXPECT_TRUE(verification.ok()) << verification.mismatches.front();
      return {};
    }));
  }

  test::TempDir dir_;
  test::HubDatabase hub_{dir_.file("hub.db")};
  FailingDatabase database_{hub_};
  StoreHistory history_{store, hub_.uuids, hub_.clock};
  std::optional<Ingest> ingest_;
  std::map<std::string, int> frames_;
  std::map<std::string, int> events_;
  std::optional<std::uint64_t> lag_;
};

TEST_F(Ingesting, BooksASaleAndAcknowledgesIt) {
  const auto sale = history_.sale(450, 100);
  history_.add(sale);
  expect_ack(send_all(), 1);
  EXPECT_EQ(rewards(), 350);
  const auto booked =
      hub_.rows("SELECT session_id, store_id, customer_id, amount, earned, redeemed FROM sale");
  ASSERT_EQ(booked.size(), 1u);
  EXPECT_EQ(booked[0].text(0), sale.session.str());
  EXPECT_EQ(booked[0].text(1), store.str());
  EXPECT_EQ(booked[0].text(2), customer.str());
  EXPECT_EQ(booked[0].integer(3), 1500);
  EXPECT_EQ(booked[0].integer(4), 450);
  EXPECT_EQ(booked[0].integer(5), 100);
  EXPECT_EQ(hub_.number("SELECT pdi_balance FROM member"), 5450);
  EXPECT_EQ(events_, (std::map<std::string, int>{{"SaleFinalized", 1}}));
  expect_sound();
}

TEST_F(Ingesting, TellsOfASaleInTheTransactionThatBooksIt) {
  history_.add(history_.sale(450));
  expect_ack(send_all(), 1);
  const auto told = hub_.rows("SELECT type, version, occurred_at, traceparent, data FROM event_outbox");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].text(0), "SALE_FINALIZED");
  EXPECT_EQ(told[0].integer(1), 1);
  EXPECT_EQ(told[0].integer(2), hub_.clock.wall.time_since_epoch().count());
  EXPECT_EQ(told[0].text(3), "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01");
  EXPECT_NE(told[0].text(4).find(R"("amount":"15.00","currency":"USD","earnedPoints":450)"),
            std::string::npos);
}

TEST_F(Ingesting, TakesABatchInOnceHoweverOftenItComes) {
  for (int i = 1; i <= 5; ++i) history_.add(history_.sale(i));
  for (int i = 0; i < 3; ++i) expect_ack(send(history_.batch(1, 3)), 3);
  expect_ack(send(history_.batch(2, 5)), 5);  // overlaps what is known
  expect_ack(send(history_.batch(1, 2)), 5);  // wholly known: the cursor is what counts
  EXPECT_EQ(rewards(), 15);
  EXPECT_EQ(sales(), 5);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM event_outbox"), 5);
  EXPECT_EQ(frames_, (std::map<std::string, int>{{"applied", 2}, {"repeated", 3}}));
  expect_sound();
}

TEST_F(Ingesting, AFullBatchComesToTheSumOfItsSales) {
  std::map<std::string, std::int64_t> expected;
  std::int64_t earned = 0;
  std::int64_t redeemed = 0;
  for (std::int64_t i = 0; i < 512; ++i) {
    const std::string card = "CUST-" + std::to_string(i * i % 97);
    const std::int64_t takes = i % 5 == 0 ? i : 0;
    history_.add(history_.sale(i, takes, card));
    expected[card] += i - takes;
    earned += i;
    redeemed += takes;
  }
  expect_ack(send_all(), 512);
  for (const auto& [card, balance] : expected) EXPECT_EQ(rewards(CustomerId(card)), balance) << card;
  EXPECT_TRUE(hub_.read([&](db::Transaction& t) -> Result<void> {
    const auto turnover = stores::turnover(t).value();
    EXPECT_EQ(turnover.at(0).sales, 512);
    EXPECT_EQ(turnover.at(0).amount_minor, 512 * 1500);
    EXPECT_EQ(turnover.at(0).earned, earned);
    EXPECT_EQ(turnover.at(0).redeemed, redeemed);
    EXPECT_EQ(turnover.at(1).sales, 0);
    return {};
  }));
  expect_sound();
}

TEST_F(Ingesting, AsksForWhatIsMissing) {
  for (int i = 1; i <= 4; ++i) history_.add(history_.sale(i));
  const auto answer = send(history_.batch(3, 4));
  ASSERT_TRUE(answer && std::holds_alternative<sync::Nack>(*answer));
  EXPECT_EQ(std::get<sync::Nack>(*answer).expected, 1u);
  EXPECT_EQ(sales(), 0);
}

TEST_F(Ingesting, AnotherHistoryIsAForkAndBooksNothing) {
  history_.add(history_.sale(1));
  expect_ack(send_all(), 1);
  history_.clear();
  history_.add(history_.sale(2));
  history_.add(history_.sale(3));
  expect_fork(send_all(), sync::ForkReason::hash_differs);
  expect_fork(send(history_.batch(2, 2)), sync::ForkReason::hash_differs);
  EXPECT_EQ(sales(), 1);
}

TEST_F(Ingesting, AnotherEpochIsAForkAndBooksNothing) {
  history_.epoch = 2;
  history_.add(history_.sale(1));
  expect_fork(send_all(), sync::ForkReason::epoch_unknown);
  expect_fork(send(history_.hello()), sync::ForkReason::epoch_unknown);
  hub_.execute("UPDATE store SET epoch = 3 WHERE id = 'store-1'");
  expect_fork(send_all(), sync::ForkReason::superseded);
  EXPECT_EQ(sales(), 0);
}

TEST_F(Ingesting, ABatchWhoseChainDoesNotHoldIsDropped) {
  history_.add(history_.sale(1));
  auto forged = history_.batch(1, 1);
  forged.events[0].back() = static_cast<char>(forged.events[0].back() ^ 1);
  EXPECT_FALSE(send(forged));
  EXPECT_FALSE(send_bytes("no frame"));
  EXPECT_FALSE(send(sync::Ack{.epoch = 1, .through = 1, .hash = {}}));
  EXPECT_EQ(hub_.number("SELECT cursor_sequence FROM store WHERE id = 'store-1'"), 0);
  EXPECT_EQ(frames_, (std::map<std::string, int>{{"malformed", 2}, {"unexpected", 1}}));
}

TEST_F(Ingesting, AForkThatTheStoreSawIsCountedAsOne) {
  EXPECT_FALSE(send(sync::Fork{.epoch = 1, .reason = sync::ForkReason::hash_differs}));
  EXPECT_EQ(frames_, (std::map<std::string, int>{{"fork", 1}}));
}

TEST_F(Ingesting, ABadEventIsBuriedWithItsReasonAndBlocksNothing) {
  auto twice = history_.sale(10);
  history_.add(twice);
  twice.earned = Points{99};  // the same session with other figures
  history_.add(twice);
  history_.add_bytes("not an event");
  history_.add(history_.sale(1), [](sync::Event& event) { event.store = other_store; });
  history_.add(history_.sale(1), [](sync::Event& event) { event.sequence = 77; });
  history_.add(history_.sale(20));
  expect_ack(send_all(), 6);
  EXPECT_EQ(rewards(), 30);
  EXPECT_EQ(sales(), 2);
  const auto buried = hub_.rows("SELECT sequence, type, reason, event FROM dead_letter ORDER BY sequence");
  ASSERT_EQ(buried.size(), 4u);
  for (std::size_t i = 0; i < buried.size(); ++i) {
    EXPECT_EQ(buried[i].integer(0), static_cast<std::int64_t>(i + 2));
    EXPECT_FALSE(buried[i].text(2).empty());
  }
  EXPECT_EQ(buried[0].text(1), "SaleFinalized");
  EXPECT_EQ(buried[1].text(1), "Unreadable");
  EXPECT_EQ(buried[1].text(3), to_hex("not an event"));
  EXPECT_EQ(events_, (std::map<std::string, int>{{"SaleFinalized", 2}, {"dead_letter", 4}}));
  expect_sound();
  // Again: the cursor is past them.
  expect_ack(send_all(), 6);
  EXPECT_EQ(dead_letters(), 4);
}

TEST_F(Ingesting, ABuriedSaleLeavesNothingHalfBooked) {
  // Its transfer is there with other content, which shows only after sale and member were written.
  auto sale = history_.sale(10, 0, "CUST-NEW");
  EXPECT_TRUE(hub_.write([&](db::Transaction& t) {
    return ledger::post(t, {.id = hub_.uuids.next(),
                            .external_id = "sale:" + sale.session.str(),
                            .debit = ledger::issued_by(store),
                            .credit = ledger::rewards_of(customer),
                            .amount = 3,
                            .code = "sale.earned",
                            .created_at = hub_.clock.wall});
  }));
  history_.add(history_.sale(1));
  history_.add(sale);
  history_.add(history_.sale(2));
  expect_ack(send_all(), 3);
  EXPECT_EQ(dead_letters(), 1);
  EXPECT_EQ(sales(), 2);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM member WHERE customer_id = 'CUST-NEW'"), 0);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM event_outbox"), 2);
  EXPECT_EQ(rewards(), 6);
  expect_sound();
}

TEST_F(Ingesting, ASessionToldTwiceAlikeIsBookedOnce) {
  const auto sale = history_.sale(10);
  history_.add(sale);
  history_.add(sale);
  expect_ack(send_all(), 2);
  history_.add(sale);
  expect_ack(send(history_.batch(3, 3)), 3);
  EXPECT_EQ(rewards(), 10);
  EXPECT_EQ(dead_letters(), 0);
  expect_sound();
}

TEST_F(Ingesting, PdisNewestWordOnAMemberWinsWhateverTheOrder) {
  auto newer = history_.sale(1);
  newer.finalized_at += hours{1};
  newer.new_balance = Points{700};
  newer.tier = "Platinum";
  auto older = history_.sale(1);
  older.new_balance = Points{600};
  history_.add(newer);
  history_.add(older);
  expect_ack(send_all(), 2);
  EXPECT_EQ(hub_.number("SELECT pdi_balance FROM member"), 700);
  history_.add(older);
  history_.add(history_.sale(1));
  expect_ack(send(history_.batch(3, 4)), 4);
  EXPECT_EQ(hub_.number("SELECT pdi_balance FROM member"), 700);
  EXPECT_EQ(hub_.rows("SELECT tier FROM member")[0].text(0), "Platinum");
}

TEST_F(Ingesting, AFailureBeforeTheCommitIsNotAnsweredAndLeavesNothing) {
  history_.add(history_.sale(10));
  database_.next = FailingDatabase::Fault::before_commit;
  EXPECT_FALSE(send_all());
  EXPECT_EQ(sales(), 0);
  EXPECT_EQ(frames_["failed"], 1);
  expect_ack(send_all(), 1);
  EXPECT_EQ(rewards(), 10);
}

TEST_F(Ingesting, AnAnswerLostAfterTheCommitCostsNothing) {
  history_.add(history_.sale(10));
  database_.next = FailingDatabase::Fault::after_commit;
  EXPECT_FALSE(send_all());
  // The hub goes down here; the store finds it again, with its effect, and sends as it had.
  hub_.reopen();
  boot();
  const auto welcome = send(history_.hello());
  ASSERT_TRUE(welcome && std::holds_alternative<sync::Welcome>(*welcome));
  EXPECT_EQ(std::get<sync::Welcome>(*welcome).cursor, 1u);
  expect_ack(send_all(), 1);
  EXPECT_EQ(rewards(), 10);
  EXPECT_EQ(sales(), 1);
  expect_sound();
}

TEST_F(Ingesting, WelcomesAStoreWithWhereItStands) {
  history_.add(history_.sale(1));
  history_.add(history_.sale(2));
  expect_ack(send(history_.batch(1, 1)), 1);
  EXPECT_EQ(lag_, std::nullopt);
  const auto answer = send(history_.hello());
  ASSERT_TRUE(answer && std::holds_alternative<sync::Welcome>(*answer));
  EXPECT_EQ(std::get<sync::Welcome>(*answer).cursor, 1u);
  EXPECT_EQ(std::get<sync::Welcome>(*answer).cursor_hash, history_.hash_at(1));
  EXPECT_EQ(lag_, 1u);
  expect_ack(send_all(), 2);
  EXPECT_EQ(lag_, 0u);
  history_.clear();
  const auto behind = send(history_.hello());
  ASSERT_TRUE(behind && std::holds_alternative<sync::Welcome>(*behind)) << "the store sees the fork";
}

TEST_F(Ingesting, AFrameInAnotherStoresNameIsDropped) {
  EXPECT_FALSE(send(history_.hello(), other_store));
  EXPECT_EQ(frames_["foreign"], 1);
  EXPECT_EQ(hub_.number("SELECT COUNT(*) FROM store WHERE hello_epoch IS NOT NULL"), 0);
}

TEST_F(Ingesting, ARetiredStoreIsNotAnswered) {
  EXPECT_TRUE(hub_.write([&](db::Transaction& t) { return stores::retire(t, store, hub_.clock.wall); }));
  history_.add(history_.sale(1));
  EXPECT_FALSE(send(history_.hello()));
  EXPECT_FALSE(send_all());
  EXPECT_EQ(sales(), 0);
}

TEST_F(Ingesting, AStatusIsKeptAndNotAnswered) {
  EXPECT_FALSE(send(sync::Status{.tail = 9, .breaker = "OPEN", .queue_depth = 4, .version = "0.2.0"}));
  const auto told =
      hub_.rows("SELECT tail, breaker, queue_depth, version, last_seen FROM store WHERE id = 'store-1'");
  EXPECT_EQ(told[0].integer(0), 9);
  EXPECT_EQ(told[0].text(1), "OPEN");
  EXPECT_EQ(told[0].integer(2), 4);
  EXPECT_EQ(told[0].text(3), "0.2.0");
  EXPECT_EQ(told[0].integer(4), hub_.clock.wall.time_since_epoch().count());
  EXPECT_EQ(frames_["status"], 1);
}

}  // namespace
}  // namespace perkline::hub::ingest
