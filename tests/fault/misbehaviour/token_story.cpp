#include <gtest/gtest.h>

#include "tests/fault/misbehaviour/stories.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

/// The edge tells of its breakers every 250 ms: what it tells after twice as long is true of now.
void let_it_tell() {
  const auto due = std::chrono::steady_clock::now() + Millis{500};
  (void)eventually([&] { return std::chrono::steady_clock::now() > due; });
}

}  // namespace

/// Whether the breaker, which opens at two failures and at one when it is half open, is in that state now.
void TokenStory::expect_breaker_counted(const std::string& what, const char* state_if_ignored) {
  const std::string state = what == "failure" ? "OPEN" : what == "success" ? "CLOSED" : state_if_ignored;
  // To one that was ignored it would come by itself.
  const bool stays = what == "ignored";
  EXPECT_TRUE(stays ? subject().token_breaker_is(state) : eventually([&] {
    return subject().token_breaker_is(state);
  })) << "to be "
      << state << " after " << what;
}

void TokenStory::tell_open_and_half_open() {
  OddSale waiting{.transaction = "WAITING"};
  OddSale sale{.transaction = "OPEN"};
  {
    const Turn turn;
    subject().pdi().misbehave(Misbehaviour::status_500, Call::token);
    EXPECT_EQ(told(waiting, step(waiting, Call::identify)), "200 standin");
    finish(waiting, Call::identify);
    ASSERT_TRUE(eventually([&] { return subject().token_breaker_is("OPEN"); }));
    subject().pdi().behave();
    misbehave();
    tell_open(sale);
  }
  tell_half_open(waiting);
  subject().pdi().behave();
  for (OddSale* each : {&waiting, &sale}) expect_end(*each, cell(BreakerIs::half_open).end);
}

void TokenStory::tell_open(OddSale& sale) {
  const Cell& expected = cell(BreakerIs::open);
  tries_when_open_ = subject().tries(Call::token);
  seen_when_open_ = subject().seen(Call::token);
  const auto answer = step(sale, Call::identify);
  EXPECT_EQ(told(sale, answer), expected.till) << answer.body;
  finish(sale, Call::identify);
  EXPECT_EQ(subject().queued_as(sale.session), expected.queue);
  EXPECT_EQ(subject().tries(Call::token) - tries_when_open_, expected.tries);
  EXPECT_EQ(subject().seen(Call::token) - seen_when_open_, expected.seen);
  EXPECT_EQ(subject().seen(Call::identify), 0u) << "without a token PDI is not called";
}

/// The refresh that settlement needs is the probe.
void TokenStory::tell_half_open(const OddSale& waiting) {
  const Cell& expected = cell(BreakerIs::half_open);
  EXPECT_TRUE(eventually([&] { return subject().tries(Call::token) > tries_when_open_; }));
  if (expected.breaker == "failure") {
    EXPECT_EQ(subject().tries(Call::token) - tries_when_open_, expected.tries);
    EXPECT_EQ(subject().seen(Call::token) - seen_when_open_, expected.seen);
  }
  OddSale meanwhile{.transaction = "MEANWHILE"};
  const auto answer = step(meanwhile, Call::identify);
  EXPECT_EQ(told(meanwhile, answer), expected.till) << answer.body;
  let_it_tell();
  expect_breaker_counted(expected.breaker, "HALF_OPEN");
  expect_queued_as(waiting, expected.queue);
  if (expected.token == "none" && kind_ != Misbehaviour::foreign_session)
    EXPECT_EQ(subject().seen(Call::identify), 0u);
}

void TokenStory::tell_closed() {
  const Cell& expected = cell(BreakerIs::closed);
  misbehave();
  mark_refreshes();
  OddSale first{.transaction = "FIRST"};
  OddSale second{.transaction = "SECOND"};
  for (OddSale* sale : {&first, &second}) {
    const auto answer = step(*sale, Call::identify);
    EXPECT_EQ(told(*sale, answer), expected.till) << answer.body;
  }
  EXPECT_TRUE(eventually([&] { return subject().tries(Call::token) >= expected.tries; }));
  EXPECT_GE(subject().seen(Call::token), expected.seen);
  expect_refreshes_apart();
  for (OddSale* sale : {&first, &second}) finish(*sale, Call::identify);
  expect_queued_as(first, expected.queue);
  // Settlement asks for a token again and again.
  const std::size_t more = expected.token == "new" ? 1 : 2;
  EXPECT_TRUE(eventually([&] { return subject().tries(Call::token) >= more; }));
  let_it_tell();
  expect_breaker_counted(expected.breaker, "CLOSED");
  expect_refreshes_apart();
  if (expected.seen == 0) EXPECT_EQ(subject().seen(Call::token), 0u);
  if (expected.token == "none" && kind_ != Misbehaviour::foreign_session)
    EXPECT_EQ(subject().seen(Call::identify), 0u) << "without a token PDI is not called";
  // What is wrong with a token is none of PDI's failures, unless PDI itself says so.
  if (kind_ != Misbehaviour::foreign_session) EXPECT_TRUE(subject().breaker_changes().empty());

  subject().pdi().behave();
  for (OddSale* sale : {&first, &second}) expect_end(*sale, expected.end);
}

}  // namespace perkline::test
