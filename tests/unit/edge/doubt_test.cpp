#include "edge/pdi_queue/doubt.hpp"

#include <gtest/gtest.h>

namespace perkline::edge::pdi_queue {
namespace {

using pdi::Outcome;
using pdi::Reply;
using Verdict = Doubt::Verdict;

constexpr MonoTime sent{hours{5}};
constexpr Millis quiet{20'000};

Reply<pdi::SessionStatus> open() {
  return pdi::SessionStatus{.status = "calculated", .finalized = std::nullopt};
}
Reply<pdi::SessionStatus> settled() {
  return pdi::SessionStatus{.status = "finalized", .finalized = pdi::Finalized{}};
}
Reply<pdi::SessionStatus> no_answer(Outcome outcome, std::optional<Millis> retry_after = std::nullopt) {
  return std::unexpected(
      pdi::Failure{.outcome = outcome,
                   .error = {.code = Errc::pdi_unavailable, .detail = "", .retry_after = retry_after}});
}

/// Seconds after the last byte at which the first asks happen when each gets `answer`.
std::vector<double> asks(Doubt& doubt, const Reply<pdi::SessionStatus>& answer, std::size_t count) {
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) {
    const MonoTime now = doubt.next_ask();
    times.push_back(std::chrono::duration<double>(now - sent).count());
    doubt.judge(answer, now, 0);
  }
  return times;
}

TEST(Doubt, AsksQuicklyAtFirstThenAtTheQuietTimesEndThenEverMoreSlowly) {
  Doubt doubt(sent, quiet);
  EXPECT_EQ(asks(doubt, no_answer(Outcome::unavailable), 11),
            (std::vector<double>{1, 2, 4, 8, 20, 25, 35, 55, 95, 155, 215}));
}

TEST(Doubt, WithAShortQuietTimeNoEarlyAskComesAfterItsEnd) {
  Doubt doubt(sent, Millis{3000});
  EXPECT_EQ(asks(doubt, no_answer(Outcome::unavailable), 4), (std::vector<double>{1, 2, 3, 8}));
}

TEST(Doubt, AdoptsWhatPdiHasBookedAtAnyTime) {
  Doubt doubt(sent, quiet);
  EXPECT_EQ(doubt.judge(settled(), sent + seconds{1}, 0), Verdict::adopt);
  EXPECT_EQ(doubt.judge(settled(), sent + hours{1}, 5), Verdict::adopt);
}

TEST(Doubt, NeverSendsAgainWithinTheQuietTime) {
  Doubt doubt(sent, quiet);
  for (Millis at{1000}; at < quiet; at += Millis{500})
    EXPECT_EQ(doubt.judge(open(), sent + at, 0), Verdict::wait);
}

TEST(Doubt, SendsAgainOnlyWhenOpenAtTheQuietTimesEndAndStillOpenFiveSecondsLater) {
  Doubt doubt(sent, quiet);
  EXPECT_EQ(doubt.judge(open(), sent + quiet, 0), Verdict::wait);
  EXPECT_EQ(doubt.judge(open(), sent + quiet + Millis{4999}, 0), Verdict::wait);
  EXPECT_EQ(doubt.judge(open(), sent + quiet + Millis{5000}, 0), Verdict::send_again);
}

TEST(Doubt, AnAskThatFailsInBetweenDoesNotCountAsOpen) {
  Doubt doubt(sent, quiet);
  doubt.judge(no_answer(Outcome::unavailable), sent + quiet, 0);
  EXPECT_EQ(doubt.judge(open(), sent + seconds{25}, 0), Verdict::wait);
  EXPECT_EQ(doubt.judge(open(), sent + seconds{30}, 0), Verdict::send_again);
}

TEST(Doubt, SendsAgainAtMostFiveTimes) {
  Doubt doubt(sent, quiet);
  doubt.judge(open(), sent + quiet, 4);
  EXPECT_EQ(doubt.judge(open(), sent + seconds{25}, 4), Verdict::send_again);
  EXPECT_EQ(doubt.judge(open(), sent + seconds{35}, 5), Verdict::exhausted);
}

TEST(Doubt, BeginsAnewAfterSendingAgain) {
  Doubt doubt(sent, quiet);
  doubt.judge(open(), sent + quiet, 0);
  ASSERT_EQ(doubt.judge(open(), sent + seconds{25}, 0), Verdict::send_again);
  const MonoTime again = sent + seconds{26};
  doubt.sent_again(again);
  EXPECT_EQ(doubt.next_ask(), again + seconds{1});
  EXPECT_EQ(doubt.judge(open(), again + seconds{19}, 1), Verdict::wait);
  EXPECT_EQ(doubt.judge(open(), again + seconds{20}, 1), Verdict::wait);
  EXPECT_EQ(doubt.judge(open(), again + seconds{25}, 1), Verdict::send_again);
}

TEST(Doubt, ASessionPdiDeniesIsAContradiction) {
  Doubt doubt(sent, quiet);
  EXPECT_EQ(doubt.judge(no_answer(Outcome::rejected), sent + seconds{1}, 0), Verdict::contradiction);
}

TEST(Doubt, AfterADayWithoutAWordItIsForAPersonAlsoWhenItWasSentAgainMeanwhile) {
  Doubt doubt(sent, quiet);
  EXPECT_EQ(doubt.judge(no_answer(Outcome::unavailable), sent + hours{24} - seconds{1}, 0), Verdict::wait);
  doubt.sent_again(sent + hours{23});
  EXPECT_EQ(doubt.judge(no_answer(Outcome::unavailable), sent + hours{24}, 0), Verdict::too_old);
}

TEST(Doubt, AStatusThatCannotBeIsAContradiction) {
  Doubt doubt(sent, quiet);
  EXPECT_EQ(
      doubt.judge(pdi::SessionStatus{.status = "voided", .finalized = std::nullopt}, sent + seconds{1}, 0),
      Verdict::contradiction);
}

TEST(Doubt, WaitsAsLongAsPdiAsks) {
  Doubt doubt(sent, quiet);
  doubt.judge(no_answer(Outcome::rate_limited, seconds{90}), sent + seconds{1}, 0);
  EXPECT_EQ(doubt.next_ask(), sent + seconds{91});
}

}  // namespace
}  // namespace perkline::edge::pdi_queue
