#include "shared/sync/send_window.hpp"

#include <gtest/gtest.h>

namespace perkline::sync {
namespace {

using Move = SendWindow::Move;

Welcome welcome(std::uint64_t cursor, std::uint32_t credit = 8) {
  return {.hub_incarnation = {},
          .epoch = 1,
          .cursor = cursor,
          .cursor_hash = {},
          .credit = credit,
          .protocol = protocol_newest};
}

class Window : public ::testing::Test {
 protected:
  Move move() const { return window.next_move(tail, now); }
  void greet(std::uint64_t cursor, std::uint32_t credit = 8) {
    window.said_hello(now);
    window.welcomed(welcome(cursor, credit), now);
  }
  /// Sends a batch up to `last`.
  void send(std::uint64_t last) {
    ASSERT_EQ(move(), Move::batch);
    window.sent_batch(last, now);
  }
  /// Moves time to where the window wants to be woken.
  void sleep() {
    ASSERT_EQ(move(), Move::wait);
    ASSERT_GT(window.wake_at(), now) << "it would spin";
    now = window.wake_at();
  }

  MonoTime now{hours{1}};
  std::uint64_t tail = 0;
  SendWindow window{now};
};

TEST_F(Window, SaysHelloBeforeAnythingElse) {
  tail = 10;
  EXPECT_EQ(move(), Move::hello);
  window.said_hello(now);
  EXPECT_EQ(move(), Move::wait);
}

TEST_F(Window, StartsBehindTheHubsCursor) {
  tail = 10;
  greet(4);
  EXPECT_EQ(move(), Move::batch);
  EXPECT_EQ(window.next(), 5u);
}

TEST_F(Window, SendsNoMoreThanTheCreditAndGoesOnWithEachAck) {
  tail = 100;
  greet(0, 2);
  send(10);
  send(20);
  EXPECT_EQ(move(), Move::wait);
  EXPECT_TRUE(window.acked(10, now));
  EXPECT_EQ(move(), Move::batch);
  EXPECT_EQ(window.next(), 21u);
}

TEST_F(Window, KnowsHowLongTheHubTookForItsLastAnswer) {
  tail = 100;
  EXPECT_FALSE(window.round_trip());
  window.said_hello(now);
  EXPECT_FALSE(window.round_trip()) << "nobody has answered";
  now += Millis{30};
  window.welcomed(welcome(0), now);
  EXPECT_EQ(window.round_trip(), Millis{30});
  send(10);
  now += Millis{1};
  send(20);
  now += Millis{6};
  window.acked(10, now);
  EXPECT_EQ(window.round_trip(), Millis{7});
  now += Millis{5};
  window.welcomed(welcome(10), now);
  EXPECT_EQ(window.round_trip(), Millis{7}) << "late: it answers no Hello that is still open";
  window.acked(20, now);
  EXPECT_EQ(window.round_trip(), Millis{11});
}

TEST_F(Window, TakesNoMoreCreditThanItsOwnWindow) {
  tail = 100;
  greet(0, 64);
  for (std::uint64_t last = 1; last <= limits::sync_window_batches; ++last) send(last);
  EXPECT_EQ(move(), Move::wait);
}

TEST_F(Window, HasNothingToSendAtTheTail) {
  tail = 4;
  greet(4);
  EXPECT_EQ(move(), Move::wait);
  tail = 5;
  EXPECT_EQ(move(), Move::batch);
}

TEST_F(Window, AnAckToldAgainIsNoNews) {
  tail = 30;
  greet(0);
  send(10);
  send(20);
  EXPECT_TRUE(window.acked(20, now));
  EXPECT_FALSE(window.acked(20, now));
  EXPECT_FALSE(window.acked(10, now));
  EXPECT_EQ(window.acknowledged(), 20u);
  EXPECT_EQ(window.next(), 21u);
}

TEST_F(Window, AGapGoesBackOnceHoweverManyBatchesTellIt) {
  tail = 100;
  greet(0);
  for (const std::uint64_t last : {10u, 20u, 30u}) send(last);
  window.nacked(1, now);
  EXPECT_EQ(window.next(), 1u);
  send(10);
  window.nacked(1, now);
  EXPECT_EQ(window.next(), 11u);
}

TEST_F(Window, ALaterGapGoesBackToo) {
  tail = 100;
  greet(0);
  send(10);
  send(20);
  window.nacked(1, now);
  send(10);
  send(20);
  EXPECT_TRUE(window.acked(10, now));
  window.nacked(11, now);
  EXPECT_EQ(window.next(), 11u);
}

TEST_F(Window, AGapUnderWhatIsAcknowledgedIsLateNews) {
  tail = 100;
  greet(0);
  send(10);
  EXPECT_TRUE(window.acked(10, now));
  send(20);
  window.nacked(5, now);
  EXPECT_EQ(window.next(), 21u);
}

TEST_F(Window, AnUnansweredHelloIsSaidAgain) {
  window.said_hello(now);
  sleep();
  EXPECT_EQ(move(), Move::hello);
  EXPECT_EQ(now, MonoTime{hours{1}} + SendWindow::answer_max);
}

TEST_F(Window, WithoutProgressItAsksWhereTheHubIsAndSendsFromThere) {
  tail = 30;
  greet(0);
  send(10);
  send(20);
  send(30);
  EXPECT_TRUE(window.acked(10, now));
  sleep();
  EXPECT_EQ(move(), Move::hello);
  window.said_hello(now);
  EXPECT_EQ(window.phase(), SendWindow::Phase::greeting);
  EXPECT_EQ(move(), Move::wait);
  window.welcomed(welcome(10), now);
  EXPECT_EQ(move(), Move::batch);
  EXPECT_EQ(window.next(), 11u);
}

TEST_F(Window, ProgressPutsTheQuestionOff) {
  tail = 30;
  greet(0);
  send(10);
  send(20);
  now += SendWindow::answer_max - Millis{1};
  EXPECT_TRUE(window.acked(10, now));
  now += SendWindow::answer_max - Millis{1};
  EXPECT_NE(move(), Move::hello);
}

TEST_F(Window, FifteenSecondsOfSilenceSendItToTheNextEndpointAndThenItGreets) {
  tail = 10;
  greet(0);
  send(10);
  const MonoTime sent = now;
  while (move() != Move::reconnect) {
    if (move() == Move::hello) window.said_hello(now);
    sleep();
  }
  EXPECT_EQ(now, sent + limits::sync_silence_max);
  window.reconnected(now);
  EXPECT_EQ(move(), Move::hello);
}

TEST_F(Window, SilenceWhileNothingIsOwedIsNoSilence) {
  tail = 10;
  greet(10);
  now += minutes{5};
  EXPECT_NE(move(), Move::reconnect);
  tail = 11;
  send(11);
  EXPECT_EQ(move(), Move::status) << "it has been a while";
  window.said_status(now);
  sleep();
}

TEST_F(Window, AQuietHubIsAskedWhetherItIsThereInsteadOfTold) {
  greet(0);
  sleep();
  EXPECT_EQ(now, MonoTime{hours{1}} + limits::sync_status_every);
  EXPECT_EQ(move(), Move::hello);
  window.said_hello(now);
  EXPECT_EQ(window.phase(), SendWindow::Phase::streaming);
}

TEST_F(Window, ABusyHubIsToldTheStatusEveryTenSeconds) {
  tail = 100;
  greet(0);
  std::uint64_t last = 0;
  while (now < MonoTime{hours{1}} + limits::sync_status_every) {
    send(++last);
    now += seconds{1};
    EXPECT_TRUE(window.acked(last, now));
  }
  send(++last);
  window.sent_batch(tail, now);
  EXPECT_EQ(move(), Move::status);
  window.said_status(now);
  EXPECT_EQ(move(), Move::wait);
}

TEST_F(Window, AskingAQuietHubHoldsNothingUp) {
  greet(0);
  sleep();
  window.said_hello(now);
  tail = 10;
  send(10);
  window.welcomed(welcome(0), now);
  EXPECT_EQ(window.next(), 11u) << "the answer is older than the batch";
  EXPECT_TRUE(window.acked(10, now));
}

TEST_F(Window, AQuietHubThatIsGoneIsLeft) {
  greet(0);
  sleep();
  const MonoTime asked = now;
  window.said_hello(now);
  while (move() != Move::reconnect) {
    if (move() == Move::hello) window.said_hello(now);
    sleep();
  }
  EXPECT_EQ(now, asked + limits::sync_silence_max);
}

TEST_F(Window, AHubRestoredFromABackupIsSentEverythingAgain) {
  tail = 50;
  greet(50);
  sleep();
  window.said_hello(now);
  window.welcomed(welcome(20), now);
  EXPECT_EQ(move(), Move::batch);
  EXPECT_EQ(window.next(), 21u);
}

TEST_F(Window, TheCursorOfAWelcomeCountsAsAnAck) {
  tail = 50;
  greet(0);
  send(10);
  window.welcomed(welcome(10), now);
  EXPECT_EQ(window.acknowledged(), 10u);
  EXPECT_FALSE(window.acked(10, now));
}

TEST_F(Window, StoppedItSendsNothingButAsksNowAndThen) {
  tail = 50;
  greet(0);
  send(10);
  window.stop(now);
  EXPECT_FALSE(window.acked(10, now));
  const MonoTime stopped = now;
  sleep();
  EXPECT_EQ(now, stopped + SendWindow::stopped_retry);
  EXPECT_EQ(move(), Move::hello);
  window.said_hello(now);
  window.welcomed(welcome(5), now);
  EXPECT_EQ(move(), Move::batch);
  EXPECT_EQ(window.next(), 6u);
}

}  // namespace
}  // namespace perkline::sync
