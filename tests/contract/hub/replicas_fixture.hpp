#pragma once

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

}  // namespace perkline::test
