// Several hubs on one PostgreSQL: what they do at the same time comes to what it comes to one after the
// other.
#include <array>
#include <deque>
#include <future>
#include <random>

#include <gtest/gtest.h>

#include "hub/db/migrate.hpp"
#include "hub/db/postgres.hpp"
#include "hub/identity/erasures.hpp"
#include "hub/identity/signing_keys.hpp"
#include "hub/ingest/batch.hpp"
#include "hub/ingest/dead_letters.hpp"
#include "hub/ingest/ingest.hpp"
#include "hub/jobs/jobs.hpp"
#include "hub/ledger/history.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/points/joining.hpp"
#include "hub/stores/stores.hpp"
#include "hub/wallet/export.hpp"
#include "hub/wallet/notes.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/random.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/postgres_database.hpp"
#include "tests/support/running_reactor.hpp"
#include "tests/unit/hub/store_history.hpp"

namespace perkline::test {
namespace {

using hub::db::Transaction;
using hub::ledger::Account;
using hub::ledger::Transfer;
using Work = std::function<Result<void>(Transaction&)>;

/// One hub: its own connections and its own reactor.
class Replica {
 public:
  explicit Replica(const std::string& url) {
    reactor_.run([&] {
      database_ = std::move(hub::db::Postgres::open(*reactor_, url).value());
      ingest_ = std::make_unique<hub::ingest::Ingest>(*database_, clock_, rng_);
    });
    const auto migrated = reactor_.await(hub::db::migrate(*database_, clock_, ids_));
    EXPECT_TRUE(migrated) << migrated.error().detail;
  }
  ~Replica() {
    reactor_.run([&] {
      ingest_.reset();
      database_.reset();
    });
  }

  std::future<Result<void>> start(Work work) { return spawn(database_->write(std::move(work))); }
  Result<void> write(Work work) { return start(std::move(work)).get(); }
  Result<void> read(Work work) { return spawn(database_->read(std::move(work))).get(); }
  std::future<std::optional<std::string>> send(const StoreId& store, const sync::Frame& frame) {
    return spawn(ingest_->handle(store, sync::encode(frame)));
  }
  std::int64_t number(const std::string& sql) {
    std::int64_t found = -1;
    EXPECT_TRUE(read([&](Transaction& transaction) -> Result<void> {
      auto rows = transaction.query(sql);
      if (!rows) return failure(rows);
      found = rows->at(0).integer(0);
      return {};
    })) << sql;
    return found;
  }
  template <class T>
  std::future<T> spawn(Task<T> task) {
    auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    reactor_->spawn(fulfil(std::move(task), std::move(promise)));
    return future;
  }
  UuidMaker& ids() { return ids_; }
  const Clock& clock() const { return clock_; }
  hub::db::Database& database() { return *database_; }

 private:
  template <class T>
  static Task<void> fulfil(Task<T> task, std::shared_ptr<std::promise<T>> promise) {
    promise->set_value(co_await std::move(task));
  }

  SystemClock clock_;
  SystemRng rng_;
  UuidMaker ids_{clock_, rng_};
  RunningReactor reactor_;
  std::unique_ptr<hub::db::Postgres> database_;
  std::unique_ptr<hub::ingest::Ingest> ingest_;
};

class Replicas : public testing::Test {
 protected:
  void add_stores(int count) {
    for (int i = 1; i <= count; ++i) {
      stores_.emplace_back("store-" + std::to_string(i));
      histories_.emplace_back(stores_.back(), one_.ids(), one_.clock());
      ASSERT_TRUE(one_.write([&](Transaction& t) {
        return hub::stores::add(t, stores_.back(), std::string(63, '0') + std::to_string(i), WallTime{});
      }));
    }
  }
  /// All of the store's history beyond `sent`, until the hub has it.
  void take_in(Replica& at, std::size_t store, std::uint64_t sent = 0) {
    const StoreHistory& history = histories_[store];
    const auto answer = at.send(stores_[store], history.batch(sent + 1, history.tail())).get();
    ASSERT_TRUE(answer);
    ASSERT_TRUE(std::holds_alternative<sync::Ack>(sync::decode_frame(*answer).value()));
  }
  void expect_sound() {
    EXPECT_TRUE(one_.read([&](Transaction& t) -> Result<void> {
      const auto verified = hub::ledger::verify(t).value();
      EXPECT_TRUE(verified.ok()) << verified.mismatches.front();
      return {};
    }));
  }
  /// What PostgreSQL counts is all there once the connections of those that told have ended.
  void expect_no_deadlock() {
    ASSERT_TRUE(eventually([&] {
      return one_.number(
                 "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
                 " AND application_name = 'telling'") == 0;
    }));
    EXPECT_EQ(one_.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), 0);
  }
  std::int64_t balance(const Account& account) {
    std::int64_t found = 0;
    EXPECT_TRUE(one_.read([&](Transaction& t) -> Result<void> {
      found = hub::ledger::balance_of(t, account).value();
      return {};
    }));
    return found;
  }
  Work posting(std::string external_id, Account debit, Account credit, std::int64_t amount) {
    return [transfer = Transfer{.id = one_.ids().next(),
                                .external_id = std::move(external_id),
                                .debit = std::move(debit),
                                .credit = std::move(credit),
                                .amount = amount,
                                .code = "test",
                                .created_at = WallTime{}}](Transaction& t) {
      return hub::ledger::post(t, transfer);
    };
  }
  /// Some on either replica, all at once; how many succeeded.
  int succeed(const std::vector<Work>& works, Errc refusal) {
    std::vector<std::future<Result<void>>> running;
    for (const Work& work : works) running.push_back((running.size() % 2 == 0 ? one_ : other_).start(work));
    int succeeded = 0;
    for (auto& each : running) {
      const auto done = each.get();
      if (done) ++succeeded;
      if (!done) EXPECT_EQ(done.error().code, refusal) << done.error().detail;
    }
    return succeeded;
  }
  static Account purse(const std::string& owner) {
    return {.owner_kind = "member", .owner_id = owner, .code = "purse", .unit = "money:USD"};
  }
  static Account source() {
    return {.owner_kind = "hub",
            .owner_id = "hub",
            .code = "source",
            .unit = "money:USD",
            .keeps_balance = false,
            .may_be_negative = true};
  }

  PostgresDatabase database_;
  Replica one_{database_.url()};
  Replica other_{database_.url()};
  std::vector<StoreId> stores_;
  std::deque<StoreHistory> histories_;
};

TEST_F(Replicas, TakeInStoresThatSendToBothAndAgainEachEventOnce) {
  constexpr std::uint64_t sales = 160;
  constexpr std::uint64_t piece = 8;
  add_stores(4);
  std::int64_t earned = 0;
  for (StoreHistory& history : histories_) {
    for (std::uint64_t i = 0; i < sales; ++i) {
      // Few cards, so that all stores change the same accounts.
      history.add(history.sale(static_cast<std::int64_t>(i + 1), 0, "CUST-0000" + std::to_string(i % 5)));
      earned += static_cast<std::int64_t>(i + 1);
    }
  }
  const auto tell = [&](std::size_t store, unsigned seed) {
    std::minstd_rand random(seed);
    std::uint64_t through = 0;
    while (through < sales) {
      // Both may be asked for the same, and what was answered is sent again now and then.
      const std::uint64_t first = through >= piece && random() % 4 == 0 ? through - piece + 1 : through + 1;
      const auto batch = histories_[store].batch(first, std::min(sales, first + piece - 1));
      auto here = one_.send(stores_[store], batch);
      auto there = other_.send(stores_[store], batch);
      for (auto* sent : {&here, &there}) {
        const auto answer = sent->get();
        ASSERT_TRUE(answer);
        const auto frame = sync::decode_frame(*answer).value();
        if (const auto* ack = std::get_if<sync::Ack>(&frame)) through = std::max(through, ack->through);
      }
    }
  };
  std::vector<std::future<void>> telling;
  for (std::size_t store = 0; store < stores_.size(); ++store)
    telling.push_back(std::async(std::launch::async, tell, store, static_cast<unsigned>(store + 1)));
  for (auto& each : telling) each.get();

  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM sale"), static_cast<std::int64_t>(4 * sales));
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM dead_letter"), 0);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM event_outbox"), static_cast<std::int64_t>(4 * sales));
  EXPECT_EQ(one_.number("SELECT MIN(cursor_sequence) FROM store"), static_cast<std::int64_t>(sales));
  EXPECT_EQ(one_.number("SELECT CAST(SUM(balance) AS BIGINT) FROM account"), earned);
  expect_sound();
}

/// Settled at one store, sold at the other, and the other way round: kinds are applied one after the other,
/// so each batch would come last to the cards with which the other begins.
TEST_F(Replicas, TwoStoresWithMuchToTellOfTheSameCardsNeverStopOneAnother) {
  constexpr int cards = 60;
  constexpr int rounds = 6;
  const auto card = [](int half, int i) { return "CUST-" + std::to_string(half) + std::to_string(100 + i); };
  add_stores(2);
  {
    std::deque<Replica> hubs;
    for (int i = 0; i < 2; ++i) hubs.emplace_back(database_.url() + "?application_name=telling");
    std::array<std::uint64_t, 2> sent{};
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::future<std::optional<std::string>>> telling;
      for (std::size_t store = 0; store < hubs.size(); ++store) {
        StoreHistory& history = histories_[store];
        std::vector<sync::SaleFinalized> waiting;
        for (int i = 0; i < cards; ++i) {
          waiting.push_back(history.sale(10, 0, card(store == 0 ? 1 : 2, i)));
          const auto& sale = waiting.back();
          history.add(sync::SalePending{.session = sale.session,
                                        .transaction = sale.transaction,
                                        .customer = sale.customer,
                                        .channel = sale.channel,
                                        .amount = sale.amount,
                                        .earned = sale.earned,
                                        .redeemed = {},
                                        .tier = {},
                                        .receipt = sale.receipt,
                                        .rules_version = {},
                                        .pending_at = sale.finalized_at});
        }
        take_in(hubs[store], store, sent[store]);
        sent[store] = history.tail();
        for (auto& sale : waiting) history.add(sync::SaleSettled{std::move(sale)});
        for (int i = 0; i < cards; ++i) history.add(history.sale(10, 0, card(store == 0 ? 2 : 1, i)));
      }
      for (std::size_t store = 0; store < hubs.size(); ++store) {
        const StoreHistory& history = histories_[store];
        telling.push_back(hubs[store].send(stores_[store], history.batch(sent[store] + 1, history.tail())));
        sent[store] = history.tail();
      }
      for (auto& each : telling) {
        const auto answer = each.get();
        ASSERT_TRUE(answer);
        EXPECT_TRUE(std::holds_alternative<sync::Ack>(sync::decode_frame(*answer).value()));
      }
    }
  }
  expect_no_deadlock();
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM sale WHERE state = 'finalized'"), 4 * cards * rounds);
  expect_sound();
}

/// In each round a third of the cards is new to all, in one order here and in another there; of the stores
/// some tell of sales alone and others of what locks cards before.
TEST_F(Replicas, StoresThatBringTheSameNewCardsNeverStopOneAnother) {
  constexpr int stores = 4;
  constexpr int cards = 90;
  constexpr int rounds = 12;
  add_stores(stores);
  const auto card = [](int number) { return "CUST-" + std::to_string(10'000 + number * 7'919 % 10'000); };
  {
    std::deque<Replica> hubs;
    for (int i = 0; i < 2; ++i) hubs.emplace_back(database_.url() + "?application_name=telling");
    std::uint64_t sent = 0;
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::future<std::optional<std::string>>> telling;
      for (std::size_t store = 0; store < stores; ++store) {
        StoreHistory& history = histories_[store];
        for (int i = 0; i < cards; ++i) {
          const int place = store % 2 == 0 ? i : cards - 1 - i;
          auto sale = history.sale(10, 0, card(round * cards / 3 + place));
          if (store >= 2 && i % 3 == 0) {
            history.add(sync::SaleSettled{std::move(sale)});
          } else {
            history.add(std::move(sale));
          }
        }
      }
      for (std::size_t store = 0; store < stores; ++store) {
        telling.push_back(
            hubs[store % 2].send(stores_[store], histories_[store].batch(sent + 1, sent + cards)));
      }
      sent += cards;
      for (auto& each : telling) {
        const auto answer = each.get();
        ASSERT_TRUE(answer);
        EXPECT_TRUE(std::holds_alternative<sync::Ack>(sync::decode_frame(*answer).value()));
      }
    }
  }
  expect_no_deadlock();
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM member"), (rounds + 2) * cards / 3);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM sale WHERE state = 'finalized'"), stores * cards * rounds);
  expect_sound();
}

/// What is held for events of a card that no sale makes is nobody's card.
TEST_F(Replicas, ACardThatIsOnlyToldOfIsNotMade) {
  add_stores(1);
  StoreHistory& history = histories_[0];
  const auto left = history.sale(10, 0, "CUST-2");
  history.add(history.sale(10, 0, "CUST-1"));
  history.add(sync::SessionVoided{.session = left.session,
                                  .transaction = left.transaction,
                                  .customer = left.customer,
                                  .channel = left.channel,
                                  .reason = "left",
                                  .voided_at = WallTime{}});
  take_in(one_, 0);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM session_void"), 1);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM member WHERE customer_id = 'CUST-1'"), 1);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM member"), 1);
}

TEST_F(Replicas, AReturnAndItsSaleThatComeInAtOnceFindOneAnother) {
  constexpr int rounds = 30;
  add_stores(2);
  for (int i = 0; i < rounds; ++i) {
    auto sale = histories_[0].sale(450);
    histories_[0].add(sale);
    histories_[1].add(sync::SaleReturned{.id = one_.ids().next_return_id(),
                                         .transaction = TransactionId("R-" + std::to_string(i)),
                                         .original_transaction = sale.transaction,
                                         .original_store = stores_[0],
                                         .session = {},
                                         .customer = {},
                                         .amount = sale.amount,
                                         .figures = std::nullopt,
                                         .returned_at = WallTime{}});
    const auto batch = [&](std::size_t store) {
      return histories_[store].batch(histories_[store].tail(), histories_[store].tail());
    };
    auto sold = one_.send(stores_[0], batch(0));
    auto returned = other_.send(stores_[1], batch(1));
    ASSERT_TRUE(sold.get());
    ASSERT_TRUE(returned.get());
  }
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM sale_return WHERE state = 'booked'"), rounds);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM dead_letter"), 0);
  EXPECT_EQ(balance(hub::ledger::rewards_of(CustomerId("CUST-00001"))), 0);
  expect_sound();
}

TEST_F(Replicas, ReturnsOfOneSaleAtManyStoresNeverComeToMoreThanTheSale) {
  add_stores(9);
  auto sale = histories_[0].sale(400);
  histories_[0].add(sale);
  take_in(one_, 0);
  std::vector<std::future<std::optional<std::string>>> sent;
  for (std::size_t store = 1; store < stores_.size(); ++store) {
    histories_[store].add(sync::SaleReturned{.id = one_.ids().next_return_id(),
                                             .transaction = TransactionId("R-1"),
                                             .original_transaction = sale.transaction,
                                             .original_store = stores_[0],
                                             .session = {},
                                             .customer = {},
                                             .amount = Money{sale.amount.minor / 4, sale.amount.currency},
                                             .figures = std::nullopt,
                                             .returned_at = WallTime{}});
    sent.push_back((store % 2 == 0 ? one_ : other_).send(stores_[store], histories_[store].batch(1, 1)));
  }
  for (auto& each : sent) EXPECT_TRUE(each.get());
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM sale_return WHERE state = 'booked'"), 4);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM dead_letter"), 4);
  EXPECT_EQ(one_.number("SELECT amount - returned FROM sale"), 0);
  EXPECT_EQ(balance(hub::ledger::rewards_of(CustomerId("CUST-00001"))), 0);
  expect_sound();
}

TEST_F(Replicas, ADeadLetterIsDecidedOnce) {
  add_stores(1);
  histories_[0].add_bytes("no event");
  take_in(one_, 0);
  const std::vector<Work> discards(8, [](Transaction& t) -> Result<void> {
    auto decided = hub::ingest::discard_dead_letter(t, "store-1:1:1", WallTime{});
    if (!decided) return failure(decided);
    return {};
  });
  EXPECT_EQ(succeed(discards, Errc::session_state), 1);
}

TEST_F(Replicas, TransfersAmongTenMembersLeaveTheSumAsItWas) {
  constexpr int members = 10;
  const auto name = [](int member) { return "member-" + std::to_string(member); };
  for (int i = 0; i < members; ++i)
    ASSERT_TRUE(one_.write(posting("seed:" + name(i), source(), purse(name(i)), 1'000)));
  std::vector<Work> works;
  std::minstd_rand random(7);
  for (int i = 0; i < 200; ++i) {
    const int from = static_cast<int>(random() % members);
    const int to = (from + 1 + static_cast<int>(random() % (members - 1))) % members;
    works.push_back(posting("transfer:" + std::to_string(i), purse(name(from)), purse(name(to)), 3));
  }
  EXPECT_EQ(succeed(works, Errc::insufficient_funds), 200);
  EXPECT_EQ(one_.number("SELECT CAST(SUM(balance) AS BIGINT) FROM account"), 1'000 * members);
  expect_sound();
}

TEST_F(Replicas, AWalletThatCoversThirtyDebitsGivesThirty) {
  ASSERT_TRUE(one_.write(posting("seed", source(), purse("ann"), 300)));
  std::vector<Work> works;
  for (int i = 0; i < 100; ++i)
    works.push_back(posting("debit:" + std::to_string(i), purse("ann"), source(), 10));
  EXPECT_EQ(succeed(works, Errc::insufficient_funds), 30);
  EXPECT_EQ(balance(purse("ann")), 0);
  expect_sound();
}

TEST_F(Replicas, OneExternalIdIsBookedOnceHoweverManyBringIt) {
  std::vector<Work> works;
  for (int i = 0; i < 200; ++i) works.push_back(posting("credit", source(), purse("ann"), 10));
  EXPECT_EQ(succeed(works, Errc::internal), 200);
  EXPECT_EQ(balance(purse("ann")), 10);
  expect_sound();
}

TEST_F(Replicas, AHotAccountFailsNobody) {
  std::vector<Work> works;
  for (int i = 0; i < 640; ++i) {
    // Half of them give, half of them take, each with an account of its own, new to the ledger.
    const Account own = purse("member-" + std::to_string(i));
    Account hot = purse("hot");
    hot.may_be_negative = true;
    works.push_back(i % 2 == 0 ? posting("t:" + std::to_string(i), source(), hot, 7)
                               : posting("t:" + std::to_string(i), hot, own, 7));
  }
  EXPECT_EQ(succeed(works, Errc::internal), 640);
  EXPECT_EQ(one_.number("SELECT balance FROM account WHERE owner_id = 'hot'"), 0);
  expect_sound();
}

TEST_F(Replicas, ACardThatIsTakenOverWhileGoodsComeBackGivesNoPointsForThem) {
  add_stores(1);
  const hub::wheel::Terms terms{.programme = {.currency = find_currency("USD").value(),
                                              .tiers = {},
                                              .purchase_rule = {{.from = 100, .points = 30}}}};
  const auto received = [&](std::uint64_t sequence) {
    hub::ingest::ReceivedBatch batch{.store = stores_[0],
                                     .batch = histories_[0].batch(sequence, sequence),
                                     .events = {},
                                     .ids = {{one_.ids().next(), one_.ids().next()}},
                                     .now = one_.clock().wall_now(),
                                     .terms = &terms};
    batch.events.push_back(sync::decode_event(batch.batch.events.front()));
    return batch;
  };
  const auto take_in = [](hub::ingest::ReceivedBatch batch) -> Work {
    return [batch = std::make_shared<hub::ingest::ReceivedBatch>(std::move(batch))](
               Transaction& t) -> Result<void> {
      const auto outcome = hub::ingest::take_in_batch(t, *batch);
      if (!outcome) return std::unexpected(outcome.error());
      return {};
    };
  };
  auto sale = histories_[0].sale(300);  // of 15.00
  histories_[0].add(sale);
  ASSERT_TRUE(one_.write(take_in(received(1))));
  histories_[0].add(sync::SaleReturned{.id = one_.ids().next_return_id(),
                                       .transaction = TransactionId("R-1"),
                                       .original_transaction = sale.transaction,
                                       .original_store = stores_[0],
                                       .session = sale.session,
                                       .customer = sale.customer,
                                       .amount = Money{500, sale.amount.currency},
                                       .figures = std::nullopt,
                                       .returned_at = WallTime{}});
  std::promise<void> let_go;
  std::promise<void> taken;
  auto returning = one_.start([&, take = take_in(received(2)),
                               may_end = let_go.get_future().share()](Transaction& t) -> Result<void> {
    auto done = take(t);
    taken.set_value();
    may_end.wait();
    return done;
  });
  taken.get_future().wait();
  const UserId ann("ann");
  const hub::points::Cause cause{.id = other_.ids().next(), .at = other_.clock().wall_now()};
  auto claiming = other_.start([&](Transaction& t) -> Result<void> {
    auto claimed = t.execute(
        "INSERT INTO users (id, email, email_key, name, role, active, password_hash, loyalty_id,"
        " loyalty_verified, created_at) VALUES ('ann', 'a', 'a', 'a', 'member', 1, '', $1, 1, 0)",
        {sale.customer.str()});
    if (!claimed) return failure(claimed);
    return hub::points::on_card_verified(t, terms.programme, cause, {ann, sale.customer});
  });
  EXPECT_TRUE(eventually([&] {
    return claiming.wait_for(Millis(0)) == std::future_status::ready ||
           one_.number(
               "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
               " AND datname = current_database()") > 0;
  }));
  let_go.set_value();
  ASSERT_TRUE(returning.get());
  ASSERT_TRUE(claiming.get());
  EXPECT_EQ(balance(hub::ledger::points_of(ann)), 20) << "a third of the goods came back";
  expect_sound();
}

TEST_F(Replicas, WhatSomebodyWritesWhileTheyAreErasedGoesWithThem) {
  const UserId ann(one_.ids().next().str());
  ASSERT_TRUE(one_.write([&](Transaction& t) -> Result<void> {
    auto added = t.execute(
        "INSERT INTO users (id, email, email_key, name, role, active, password_hash, created_at)"
        " VALUES ($1, 'a@b', 'a@b', 'Ann', 'member', 1, '', 0)",
        {ann.str()});
    if (!added) return failure(added);
    return {};
  }));
  std::promise<void> let_go;
  std::promise<void> written;
  auto writing = one_.start([&, may_end = let_go.get_future().share()](Transaction& t) -> Result<void> {
    auto kept = hub::wallet::keep_note(t, {.transfer = "transfer-1", .user = ann, .text = "for the rent"});
    written.set_value();
    may_end.wait();
    return kept;
  });
  written.get_future().wait();
  hub::identity::UserHooks hooks;
  hub::wallet::add_hooks(hooks, other_.ids(), find_currency("USD").value());
  SystemRng rng;
  hub::identity::Erasures erasures({.database = other_.database(),
                                    .hooks = hooks,
                                    .clock = other_.clock(),
                                    .rng = rng,
                                    .uuids = other_.ids()});
  auto erasing = other_.spawn(erasures.erase(ann, "test", ""));
  EXPECT_TRUE(eventually([&] {
    return erasing.wait_for(Millis(0)) == std::future_status::ready ||
           one_.number(
               "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
               " AND datname = current_database()") > 0;
  }));
  let_go.set_value();
  ASSERT_TRUE(writing.get());
  ASSERT_TRUE(erasing.get());
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM wallet_note"), 0);
  const auto late = one_.write([&](Transaction& t) {
    return hub::wallet::keep_note(t, {.transfer = "transfer-2", .user = ann, .text = "too late"});
  });
  EXPECT_EQ(late.error().code, Errc::not_found);
}

TEST_F(Replicas, ACheckpointPassesNoEntryByThatIsStillOnItsWay) {
  ASSERT_TRUE(one_.write(posting("first", source(), purse("ann"), 1)));
  std::promise<void> let_go;
  std::promise<void> drawn;
  auto late = one_.start([&, post = posting("late", source(), purse("ann"), 10),
                          may_end = let_go.get_future().share()](Transaction& t) -> Result<void> {
    auto done = post(t);
    drawn.set_value();
    may_end.wait();
    return done;
  });
  drawn.get_future().wait();
  ASSERT_TRUE(other_.write(posting("quick", source(), purse("bob"), 100)));
  // A clock that is far ahead: all that is there looks old.
  ManualClock clock;
  clock.wall = other_.clock().wall_now() + days{1};
  const hub::points::Terms terms;
  SystemRng rng;
  const hub::clock::ClockGuard guard(clock);
  const hub::jobs::Parts parts{.database = other_.database(),
                               .clock = clock,
                               .uuids = other_.ids(),
                               .rng = rng,
                               .guard = guard,
                               .access_ttl = seconds{600},
                               .keys_in_file = false,
                               .terms = terms};
  auto checkpoint = other_.spawn(hub::jobs::find_job("checkpoint")->run(parts, "test"));
  // It waits for what was begun before it, or has ended: either way what comes now is behind it.
  EXPECT_TRUE(eventually([&] {
    return checkpoint.wait_for(Millis(0)) == std::future_status::ready ||
           one_.number(
               "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
               " AND datname = current_database()") > 0;
  }));
  let_go.set_value();
  ASSERT_TRUE(late.get());
  ASSERT_TRUE(checkpoint.get());
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM ledger_checkpoint"), 1);
  EXPECT_EQ(balance(source()), -111);
  expect_sound();
}

TEST_F(Replicas, ThatStartTogetherMakeOneSigningKey) {
  std::vector<std::string> ids(2);
  const auto load = [](std::string& id) -> Work {
    return [&id](Transaction& t) -> Result<void> {
      auto keys = hub::identity::load_or_make_signing_keys(t, WallTime{});
      if (!keys) return failure(keys);
      id = keys->front().key.id();
      return {};
    };
  };
  auto here = one_.start(load(ids[0]));
  auto there = other_.start(load(ids[1]));
  EXPECT_TRUE(here.get());
  EXPECT_TRUE(there.get());
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(one_.number("SELECT COUNT(*) FROM signing_keys"), 1);
}

}  // namespace
}  // namespace perkline::test
