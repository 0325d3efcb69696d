#include <algorithm>
#include <deque>

#include <gtest/gtest.h>

#include "hub/ingest/server.hpp"
#include "hub/stores/stores.hpp"
#include "shared/net/signal.hpp"
#include "tests/unit/hub/hub_database.hpp"
#include "tests/unit/hub/store_history.hpp"

namespace perkline::hub::ingest {
namespace {

using test::StoreHistory;

/// The stores' end as the test drives it.
class FakeLink final : public net::StoreServer {
 public:
  Result<void> start() override { return {}; }
  std::string endpoint() const override { return "fake"; }
  Task<Result<Incoming>> receive() override {
    while (incoming.empty()) {
      if (stopped) co_return fail(Errc::cancelled);
      co_await arrived.wait();
    }
    Incoming next = std::move(incoming.front());
    incoming.pop_front();
    co_return next;
  }
  void send(StoreId store, std::string frame) override {
    sent.push_back({std::move(store), std::move(frame)});
  }
  std::uint64_t refused() const override { return 0; }

  void arrive(const StoreId& store, const sync::Frame& frame) {
    incoming.push_back({store, sync::encode(frame)});
    arrived.notify();
  }

  std::deque<Incoming> incoming;
  std::vector<Incoming> sent;
  net::Signal arrived;
  bool stopped = false;
};

/// A database that takes its time with each write.
class SlowDatabase final : public db::Database {
 public:
  SlowDatabase(db::Database& database, net::AsyncClock& clock) : database_(database), clock_(clock) {}
  db::Engine engine() const override { return database_.engine(); }
  Task<Result<void>> read(std::function<Result<void>(db::Transaction&)> work) override {
    return database_.read(std::move(work));
  }
  Task<Result<void>> write(std::function<Result<void>(db::Transaction&)> work) override {
    co_await clock_.sleep(next_takes);
    co_return co_await database_.write(std::move(work));
  }

  Millis next_takes{10};

 private:
  db::Database& database_;
  net::AsyncClock& clock_;
};

class Serving : public testing::Test {
 protected:
  Serving() {
    for (const StoreId& id : {a_, b_}) {
      EXPECT_TRUE(hub_.write([&](db::Transaction& t) {
        return stores::add(t, id, std::string(64, id.str().back()), hub_.clock.wall);
      }));
    }
    hub_.world().spawn(server_.run());
  }
  void run_until_sent(std::size_t count) {
    ASSERT_TRUE(hub_.world().run_until([&] { return link_.sent.size() >= count; }));
  }
  std::uint64_t acked(std::size_t index) {
    const auto frame = sync::decode_frame(link_.sent.at(index).frame).value();
    return std::get<sync::Ack>(frame).through;
  }

  const StoreId a_{"store-a"};
  const StoreId b_{"store-b"};
  test::HubDatabase hub_;
  SlowDatabase database_{hub_.port(), hub_.world().clock()};
  FakeLink link_;
  int overruns_ = 0;
  Ingest ingest_{database_, hub_.clock, hub_.rng, {}, {.on_frame = [this](std::string_view verdict) {
                   if (verdict == "overrun") ++overruns_;
                 }}};
  Server server_{link_, ingest_};
};

TEST_F(Serving, AnswersOneStoreInOrder) {
  StoreHistory history(a_, hub_.uuids, hub_.clock);
  for (int i = 1; i <= 6; ++i) history.add(history.sale(i));
  for (std::uint64_t i = 1; i <= 6; ++i) {
    link_.arrive(a_, history.batch(i, i));
    // Later ones would overtake earlier ones, were they let.
    database_.next_takes = Millis{100 - 10 * static_cast<int>(i)};
  }
  run_until_sent(6);
  for (std::uint64_t i = 1; i <= 6; ++i) EXPECT_EQ(acked(i - 1), i);
}

TEST_F(Serving, OneStoreDoesNotWaitForAnother) {
  StoreHistory slow(a_, hub_.uuids, hub_.clock);
  StoreHistory quick(b_, hub_.uuids, hub_.clock);
  slow.add(slow.sale(1));
  quick.add(quick.sale(1));
  database_.next_takes = Millis{1000};
  link_.arrive(a_, slow.batch(1, 1));
  while (hub_.world().run_ready()) {
  }
  database_.next_takes = Millis{10};
  link_.arrive(b_, quick.batch(1, 1));
  run_until_sent(2);
  EXPECT_EQ(link_.sent[0].store, b_);
  EXPECT_EQ(link_.sent[1].store, a_);
}

TEST_F(Serving, WhatATillWaitsForGoesBesideItsStoresBatches) {
  StoreHistory history(a_, hub_.uuids, hub_.clock);
  history.add(history.sale(1));
  database_.next_takes = Millis{1000};
  link_.arrive(a_, history.batch(1, 1));
  while (hub_.world().run_ready()) {
  }
  database_.next_takes = Millis{10};
  const Uuid spin = hub_.uuids.next();
  link_.arrive(a_, sync::SpinReserve{.spin = spin, .customer = CustomerId("CUST-00001")});
  run_until_sent(2);
  const auto answer = sync::decode_frame(link_.sent[0].frame).value();
  ASSERT_TRUE(std::holds_alternative<sync::SpinReserved>(answer));
  EXPECT_EQ(std::get<sync::SpinReserved>(answer).spin, spin);
  EXPECT_EQ(acked(1), 1u);
}

TEST_F(Serving, NoMoreTillsOfAStoreAreWaitedForThanThereAreAtOnce) {
  database_.next_takes = Millis{1000};
  for (int i = 0; i < 70; ++i)
    link_.arrive(a_, sync::SpinReserve{.spin = hub_.uuids.next(), .customer = CustomerId("CUST-00001")});
  link_.arrive(b_, sync::SpinReserve{.spin = hub_.uuids.next(), .customer = CustomerId("CUST-00002")});
  run_until_sent(65);
  EXPECT_EQ(overruns_, 6);
  EXPECT_EQ(std::ranges::count(link_.sent, b_, &net::StoreServer::Incoming::store), 1)
      << "another store's is answered";
  link_.arrive(a_, sync::SpinReserve{.spin = hub_.uuids.next(), .customer = CustomerId("CUST-00001")});
  run_until_sent(66);
  EXPECT_EQ(overruns_, 6);
}

TEST_F(Serving, WhatAStoreSendsBeyondItsCreditIsDroppedAndCounted) {
  StoreHistory history(a_, hub_.uuids, hub_.clock);
  for (int i = 1; i <= 40; ++i) history.add(history.sale(i));
  for (std::uint64_t i = 1; i <= 40; ++i) link_.arrive(a_, history.batch(i, i));
  run_until_sent(16);
  while (hub_.world().run_until([] { return false; })) {
  }
  EXPECT_GT(overruns_, 0);
  EXPECT_EQ(link_.sent.size() + static_cast<std::size_t>(overruns_), 40u);
  EXPECT_EQ(hub_.number("SELECT cursor_sequence FROM store WHERE id = 'store-a'"),
            static_cast<std::int64_t>(link_.sent.size()));
  // And it is served as before.
  link_.arrive(a_, history.batch(1, 40));
  const std::size_t before = link_.sent.size();
  run_until_sent(before + 1);
  EXPECT_EQ(acked(before), 40u);
}

}  // namespace
}  // namespace perkline::hub::ingest
