#include <gtest/gtest.h>

#include "edge/journal/space.hpp"
#include "edge/storage_keeper.hpp"
#include "shared/core/limits.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::edge {
namespace {

using journal::Room;
using journal::Space;
using limits::mib;

// ---- how much room there is

class SpaceTest : public ::testing::Test {
 protected:
  Room with(std::uint64_t free_mib) {
    free = free_mib * mib;
    return space.look();
  }
  std::uint64_t free = 1000 * mib;
  Space space{{.folder = "/", .reserve_bytes = 256 * mib, .ask = [this] { return free; }}};
};

TEST_F(SpaceTest, IsAmpleDownToTheReserveThenLowThenNone) {
  EXPECT_EQ(space.room(), Room::ample) << "it looks when it is made";
  EXPECT_EQ(with(256), Room::ample);
  EXPECT_EQ(with(255), Room::low);
  EXPECT_EQ(with(16), Room::low);
  EXPECT_EQ(with(15), Room::none);
  EXPECT_EQ(with(0), Room::none);
  EXPECT_EQ(space.room(), Room::none);
  EXPECT_EQ(space.free_bytes(), 0u);
  EXPECT_EQ(with(256), Room::ample) << "there is no memory of worse days";
}

TEST(Space, OfASmallReserveAQuarterIsKeptToTheLast) {
  std::uint64_t free = 1 * mib - 1;
  const Space space({.folder = "/", .reserve_bytes = 4 * mib, .ask = [&] { return free; }});
  EXPECT_EQ(space.room(), Room::none);
  free = 1 * mib;
  const Space fuller({.folder = "/", .reserve_bytes = 4 * mib, .ask = [&] { return free; }});
  EXPECT_EQ(fuller.room(), Room::low);
}

TEST(Space, WithoutAReserveThereIsAlwaysRoom) {
  const Space space({.folder = "/", .ask = [] { return std::uint64_t{0}; }});
  EXPECT_EQ(space.room(), Room::ample);
}

TEST(Space, AsksTheFileSystemItself) {
  const Space space({.folder = "/", .reserve_bytes = 1});
  EXPECT_GT(space.free_bytes(), 0u);
  EXPECT_EQ(space.room(), Room::ample);
  const Space nowhere({.folder = "/no/such/folder", .reserve_bytes = 1});
  EXPECT_EQ(nowhere.free_bytes(), 0u);
  EXPECT_EQ(nowhere.room(), Room::ample) << "who cannot say does not stop the sale";
}

// ---- what tills are told

class FullDisk : public ::testing::Test {
 protected:
  static void expect_full(const Result<session::Answer>& answer) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::storage_full);
    EXPECT_TRUE(answer.error().retry_after);
  }
  Result<session::Answer> give_back() {
    return life.run(life.flows.return_goods({.original_transaction = till.transaction,
                                             .transaction = TransactionId("RET-1"),
                                             .amount = Money{100, session::usd()}},
                                            till.traceparent));
  }
  session::Outside outside;
  session::Life life{outside};
  session::Till till;
};

TEST_F(FullDisk, NoSaleBeginsAndPdiIsNotAsked) {
  outside.room = Room::low;
  expect_full(life.run(life.flows.identify(till.identify_request())));
  EXPECT_EQ(outside.pdi.sent(test::PdiCall::identify), 0u);
  outside.room = Room::ample;
  EXPECT_TRUE(life.run(life.flows.identify(till.identify_request())));
}

TEST_F(FullDisk, ASaleThatHasBegunIsEnded) {
  till.session = life.identify(till);
  outside.room = Room::low;
  EXPECT_TRUE(life.calculate(till));
  const auto sold = life.finalize(till);
  ASSERT_TRUE(sold);
  EXPECT_EQ(sold->status, 200);
  expect_full(give_back());
  outside.room = Room::ample;
  EXPECT_TRUE(give_back());
}

TEST_F(FullDisk, ASaleThatHasBegunIsGivenUp) {
  till.session = life.identify(till);
  outside.room = Room::low;
  EXPECT_TRUE(life.run(life.flows.void_session({.session = till.session, .reason = "changed his mind"})));
}

TEST_F(FullDisk, WhatWasToldIsToldAgain) {
  till.session = life.identify(till);
  ASSERT_TRUE(life.calculate(till));
  ASSERT_TRUE(life.finalize(till));
  ASSERT_TRUE(give_back());
  outside.room = Room::low;
  EXPECT_TRUE(life.run(life.flows.identify(till.identify_request()))->replayed);
  EXPECT_TRUE(life.calculate(till)->replayed);
  EXPECT_TRUE(life.finalize(till)->replayed);
  EXPECT_TRUE(give_back()->replayed);
}

TEST_F(FullDisk, WithoutAnyRoomNothingIsTakenOnAndTheStatusIsStillTold) {
  till.session = life.identify(till);
  ASSERT_TRUE(life.calculate(till));
  outside.room = Room::none;
  expect_full(life.finalize(till));
  expect_full(life.run(life.flows.void_session({.session = till.session, .reason = "gone"})));
  EXPECT_TRUE(life.run(life.flows.status(till.session)));
  EXPECT_EQ(outside.pdi.sent(test::PdiCall::finalize), 0u);
  outside.room = Room::ample;
  EXPECT_TRUE(life.finalize(till));
}

TEST_F(FullDisk, WhatPdiOwesIsSettledMeanwhile) {
  till.session = life.identify(till);
  ASSERT_TRUE(life.calculate(till));
  outside.pdi.next(test::PdiCall::finalize, {.lose_answer = true});
  (void)life.finalize(till);
  outside.room = Room::low;
  EXPECT_TRUE(life.settle());
  EXPECT_EQ(life.stored(till.session).status, session::Status::finalized);
}

// ---- room is made

class StorageKeeperTest : public ::testing::Test {
 protected:
  StorageKeeperTest() {
    for (int i = 0; i < 5; ++i) {
      session::Till till;
      till.transaction = TransactionId("T-" + std::to_string(i));
      till.session = life.identify(till);
      EXPECT_TRUE(life.calculate(till));
      EXPECT_TRUE(life.finalize(till));
    }
    life.world->spawn(keeper.run());
  }
  void pass(Millis time) {
    struct Wait {
      static Task<bool> wait(net::AsyncClock& clock, Millis time) {
        co_await clock.sleep(time);
        co_return true;
      }
    };
    (void)life.run(Wait::wait(life.world->clock(), time));
  }
  void ack(std::uint64_t sequence) {
    struct Ack {
      static Task<bool> ack(journal::Outbox& outbox, std::uint64_t sequence) {
        co_await outbox.set_acked(sequence);
        co_return true;
      }
    };
    (void)life.run(Ack::ack(*life.outbox, sequence));
  }
  std::vector<std::uint64_t> kept() {
    std::vector<std::uint64_t> sequences;
    const auto records = life.outbox->read(1, 100, mib);
    for (const auto& record : records.value()) sequences.push_back(record.sequence);
    return sequences;
  }

  std::uint64_t free = 1000 * mib;
  Space space{{.folder = "/", .reserve_bytes = 256 * mib, .ask = [this] { return free; }}};
  session::Outside outside;
  session::Life life{outside};
  int compactions = 0;
  StorageKeeper keeper{space, *life.outbox, life.world->clock(), [this] { ++compactions; }};
};

using Sequences = std::vector<std::uint64_t>;

TEST_F(StorageKeeperTest, RemovesWhatTheHubHasBeforeTillsAreRefusedAndNothingElse) {
  ack(3);
  free = 400 * mib;
  space.look();
  pass(seconds{5});
  EXPECT_EQ(kept(), (Sequences{1, 2, 3, 4, 5})) << "the disk is not full";

  free = 300 * mib;
  EXPECT_EQ(space.look(), Room::ample);
  pass(seconds{5});
  EXPECT_EQ(kept(), (Sequences{4, 5}));
  EXPECT_EQ(compactions, 1);

  pass(seconds{30});
  EXPECT_EQ(compactions, 1) << "nothing more to give back";
  ack(5);
  pass(seconds{30});
  EXPECT_EQ(kept(), (Sequences{5})) << "the chain hangs on the last one";
}

TEST_F(StorageKeeperTest, WritesNothingWhereNothingCanBeWritten) {
  ack(3);
  free = 0;
  space.look();
  const auto syncs = outside.disk.syncs;
  pass(seconds{30});
  EXPECT_EQ(outside.disk.syncs, syncs);
  EXPECT_EQ(kept().size(), 5u);
}

}  // namespace
}  // namespace perkline::edge
