#include "shared/sync/cursor.hpp"

#include <gtest/gtest.h>

#include "shared/core/limits.hpp"
#include "tests/unit/sync/samples.hpp"

namespace perkline::sync {
namespace {

const StoreId store("store-1");

/// A store's history, of which any part can be sent.
class History {
 public:
  explicit History(std::uint64_t epoch, std::size_t count, const std::string& text = "event ")
      : epoch_(epoch) {
    hashes_.push_back(chain_start(store, epoch));
    for (std::size_t i = 1; i <= count; ++i) {
      events_.push_back(text + std::to_string(i));
      hashes_.push_back(chain_next(hashes_.back(), events_.back()));
    }
  }
  Cursor at(std::size_t sequence) const {
    return {.epoch = epoch_, .sequence = sequence, .hash = hashes_[sequence]};
  }
  Batch batch(std::size_t first, std::size_t last) const {
    return {.epoch = epoch_,
            .first_sequence = first,
            .previous_hash = hashes_[first - 1],
            .hash = hashes_[last],
            .events = {events_.begin() + static_cast<std::ptrdiff_t>(first - 1),
                       events_.begin() + static_cast<std::ptrdiff_t>(last)}};
  }
  Hello hello(std::size_t tail) const {
    Hello made = samples::hello();
    made.epoch = epoch_;
    made.tail = tail;
    made.tail_hash = hashes_[tail];
    return made;
  }

 private:
  std::uint64_t epoch_;
  std::vector<std::string> events_;
  std::vector<Digest> hashes_;
};

void expect_apply(const BatchVerdict& verdict, std::size_t skip, const Cursor& after) {
  const auto* apply = std::get_if<Apply>(&verdict);
  ASSERT_NE(apply, nullptr);
  EXPECT_EQ(apply->skip, skip);
  EXPECT_EQ(apply->after, after);
}

void expect_fork(const BatchVerdict& verdict, std::uint64_t epoch, ForkReason reason) {
  const auto* fork = std::get_if<Fork>(&verdict);
  ASSERT_NE(fork, nullptr);
  EXPECT_EQ(*fork, (Fork{.epoch = epoch, .reason = reason}));
}

TEST(JudgeBatch, FirstBatchOfAStoreIsApplied) {
  const History history(1, 9);
  expect_apply(judge_batch(first_cursor(store, 1), history.batch(1, 9)), 0, history.at(9));
}

TEST(JudgeBatch, WhatFollowsTheCursorIsApplied) {
  const History history(1, 9);
  expect_apply(judge_batch(history.at(4), history.batch(5, 7)), 0, history.at(7));
}

TEST(JudgeBatch, WhatOverlapsTheCursorIsAppliedBehindIt) {
  const History history(1, 9);
  expect_apply(judge_batch(history.at(4), history.batch(2, 7)), 3, history.at(7));
  expect_apply(judge_batch(history.at(4), history.batch(4, 5)), 1, history.at(5));
}

TEST(JudgeBatch, WhatIsWhollyUnderTheCursorChangesNothing) {
  const History history(1, 9);
  expect_apply(judge_batch(history.at(6), history.batch(1, 3)), 3, history.at(6));
  expect_apply(judge_batch(history.at(6), history.batch(5, 6)), 2, history.at(6));
}

TEST(JudgeBatch, AGapIsToldWithTheSequenceExpected) {
  const History history(1, 9);
  const auto verdict = judge_batch(history.at(4), history.batch(6, 9));
  ASSERT_TRUE(std::holds_alternative<Nack>(verdict));
  EXPECT_EQ(std::get<Nack>(verdict), (Nack{.epoch = 1, .expected = 5}));
}

TEST(JudgeBatch, AnotherChainAtTheCursorIsAFork) {
  const History known(1, 9);
  const History other(1, 9, "another event ");
  expect_fork(judge_batch(known.at(4), other.batch(5, 7)), 1, ForkReason::hash_differs);
  expect_fork(judge_batch(known.at(4), other.batch(2, 7)), 1, ForkReason::hash_differs);
  expect_fork(judge_batch(known.at(4), other.batch(2, 4)), 1, ForkReason::hash_differs);
}

TEST(JudgeBatch, AChainThatDoesNotReachItsHashIsMalformed) {
  const History history(1, 9);
  Batch altered = history.batch(5, 7);
  altered.events[1] += '!';
  EXPECT_TRUE(std::holds_alternative<Malformed>(judge_batch(history.at(4), altered)));
  Batch shortened = history.batch(5, 7);
  shortened.events.pop_back();
  EXPECT_TRUE(std::holds_alternative<Malformed>(judge_batch(history.at(4), shortened)));
}

TEST(JudgeBatch, AnEmptyBatchIsMalformed) {
  const History history(1, 9);
  Batch empty = history.batch(5, 7);
  empty.events.clear();
  EXPECT_TRUE(std::holds_alternative<Malformed>(judge_batch(history.at(4), empty)));
}

TEST(JudgeBatch, AnOlderEpochIsSuperseded) {
  expect_fork(judge_batch(first_cursor(store, 2), History(1, 9).batch(1, 9)), 2, ForkReason::superseded);
}

TEST(JudgeBatch, AHigherEpochThanGrantedIsUnknown) {
  expect_fork(judge_batch(first_cursor(store, 2), History(3, 9).batch(1, 9)), 2, ForkReason::epoch_unknown);
}

HelloVerdict judge(const Cursor& cursor, const Hello& hello) {
  return judge_hello(cursor, samples::uuid(), hello);
}

void expect_fork(const HelloVerdict& verdict, std::uint64_t epoch, ForkReason reason) {
  const auto* fork = std::get_if<Fork>(&verdict);
  ASSERT_NE(fork, nullptr);
  EXPECT_EQ(*fork, (Fork{.epoch = epoch, .reason = reason}));
}

TEST(JudgeHello, AStoreIsToldHowFarTheHubIs) {
  const History history(1, 9);
  for (const std::size_t tail : {4u, 9u}) {
    const auto verdict = judge(history.at(4), history.hello(tail));
    ASSERT_TRUE(std::holds_alternative<Welcome>(verdict));
    EXPECT_EQ(std::get<Welcome>(verdict), (Welcome{.hub_incarnation = samples::uuid(),
                                                   .epoch = 1,
                                                   .cursor = 4,
                                                   .cursor_hash = history.at(4).hash,
                                                   .credit = limits::sync_window_batches,
                                                   .protocol = protocol_newest}));
  }
}

TEST(JudgeHello, AProtocolOutsideTheTwoSpokenIsRefused) {
  const History history(1, 9);
  for (const std::uint32_t protocol : {protocol_oldest - 1, protocol_newest + 1}) {
    Hello hello = history.hello(9);
    hello.protocol = protocol;
    const auto verdict = judge(history.at(4), hello);
    ASSERT_TRUE(std::holds_alternative<ProtocolRefused>(verdict));
    EXPECT_EQ(std::get<ProtocolRefused>(verdict),
              (ProtocolRefused{.oldest = protocol_oldest, .newest = protocol_newest}));
  }
  for (std::uint32_t protocol = protocol_oldest; protocol <= protocol_newest; ++protocol) {
    Hello hello = history.hello(9);
    hello.protocol = protocol;
    const auto verdict = judge(history.at(4), hello);
    ASSERT_TRUE(std::holds_alternative<Welcome>(verdict));
    EXPECT_EQ(std::get<Welcome>(verdict).protocol, protocol);
  }
}

TEST(JudgeHello, OtherEpochsAreForks) {
  expect_fork(judge(first_cursor(store, 2), History(1, 9).hello(9)), 2, ForkReason::superseded);
  expect_fork(judge(first_cursor(store, 2), History(3, 9).hello(9)), 2, ForkReason::epoch_unknown);
}

TEST(JudgeHello, AHelloThatBatchesHaveOvertakenIsWelcome) {
  const History history(1, 9);
  const auto verdict = judge(history.at(5), history.hello(4));
  ASSERT_TRUE(std::holds_alternative<Welcome>(verdict));
  EXPECT_EQ(std::get<Welcome>(verdict).cursor, 5u) << "the store sees by it whether it has lost events";
}

TEST(JudgeHello, AnotherChainAtTheCursorIsAFork) {
  expect_fork(judge(History(1, 9).at(4), History(1, 9, "another event ").hello(4)), 1,
              ForkReason::hash_differs);
}

}  // namespace
}  // namespace perkline::sync
