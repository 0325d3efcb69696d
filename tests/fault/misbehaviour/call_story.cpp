#include <gtest/gtest.h>

#include "tests/fault/misbehaviour/stories.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

using Changes = std::vector<std::string>;

/// How the breaker goes on from OPEN when its probe counts `what`.
Changes changes_by_probe(const std::string& what) {
  if (what == "failure") return {"OPEN>HALF_OPEN", "HALF_OPEN>OPEN"};
  if (what == "success") return {"OPEN>HALF_OPEN", "HALF_OPEN>CLOSED"};
  return {"OPEN>HALF_OPEN"};
}

bool begins_with(const Changes& changes, std::size_t from, const Changes& wanted) {
  if (changes.size() < from + wanted.size()) return false;
  return std::equal(wanted.begin(), wanted.end(), changes.begin() + static_cast<std::ptrdiff_t>(from));
}

}  // namespace

CallStory::Counts CallStory::counts() {
  return {.tries = subject().tries(endpoint_),
          .seen = subject().seen(endpoint_),
          .tokens = subject().seen(Call::token)};
}

CallStory::Counts CallStory::counted() {
  const Counts now = counts();
  return {.tries = now.tries - before_.tries,
          .seen = now.seen - before_.seen,
          .tokens = now.tokens - before_.tokens};
}

std::size_t CallStory::seen_anywhere() {
  std::size_t sum = 0;
  for (const Call call : {Call::identify, Call::calculate, Call::finalize, Call::status, Call::token})
    sum += subject().seen(call);
  return sum;
}

/// Of getSessionStatus: to a finalize that PDI has booked and never answers. PDI is not asked of it until the
/// breaker is held open no longer.
void CallStory::bring_to_endpoint(OddSale& sale) {
  bring(sale, till_call());
  if (endpoint_ != Call::status) return;
  const auto answer = step(sale, Call::finalize);
  EXPECT_EQ(told(sale, answer), "202 standin") << answer.body;
  subject().hold_breaker_open();
  expect_queued_as(sale, "in_doubt");
}

/// By other sales' failures. A sale in doubt is asked for as soon as the breaker is closed, and is to stay
/// so.
void CallStory::open_breaker() {
  for (const Call call : {Call::identify, Call::status})
    subject().pdi().misbehave(Misbehaviour::status_503, call);
  subject().close_breaker();
  for (int i = 0; i < 4 && subject().breaker() == "CLOSED"; ++i) {
    OddSale another{.transaction = "ANOTHER-" + std::to_string(i)};
    EXPECT_EQ(told(another, step(another, Call::identify)), "200 standin");
  }
  EXPECT_EQ(subject().breaker(), "OPEN");
  EXPECT_TRUE(eventually([&] { return subject().tries(Call::status) == subject().seen(Call::status); }));
  subject().pdi().behave();
}

void CallStory::tell_open_and_half_open() {
  OddSale sale{.transaction = "OPEN"};
  if (endpoint_ == Call::status)
    subject().pdi().misbehave(Misbehaviour::committed_unanswered, Call::finalize);
  bring_to_endpoint(sale);
  {
    const Turn turn;
    open_breaker();
    mark_steps();
    if (cell(BreakerIs::half_open).breaker == "success") subject().books().hold(endpoint_);
    misbehave();
    tell_open(sale);
  }
  tell_half_open();
  subject().pdi().behave();
  expect_end(sale, cell(BreakerIs::half_open).end);
}

void CallStory::tell_open(OddSale& sale) {
  const Cell& expected = cell(BreakerIs::open);
  changes_when_open_ = subject().breaker_changes().size();
  const std::size_t seen = seen_anywhere();
  begin_counting();
  const auto answer = step(sale, till_call());
  EXPECT_EQ(told(sale, answer), expected.till) << answer.body;
  finish(sale, till_call());
  EXPECT_EQ(subject().queued_as(sale.session), expected.queue);
  EXPECT_EQ(counted().tries, expected.tries);
  EXPECT_EQ(seen_anywhere() - seen, expected.seen) << "PDI is not called";
  EXPECT_EQ(subject().breaker_changes().size(), changes_when_open_) << "it was to be open all the while";
}

void CallStory::tell_half_open() {
  const Cell& expected = cell(BreakerIs::half_open);
  const Changes wanted = changes_by_probe(expected.breaker);
  if (expected.breaker == "success") {
    EXPECT_TRUE(eventually([&] { return counted().seen > 0; }));
    EXPECT_EQ(subject().breaker(), "HALF_OPEN") << "while the probe is out";
    expect_till_stood_in();
    subject().books().let_go(endpoint_);
  }
  // What the breaker ignores is followed, once PDI may be called again, by another probe, which closes it.
  const seconds at_most =
      expected.breaker == "success" ? OddProvider::asked_for_patience - seconds{2} : seconds{30};
  EXPECT_TRUE(eventually([&] { return begins_with(subject().breaker_changes(), changes_when_open_, wanted); },
                         at_most))
      << ::testing::PrintToString(subject().breaker_changes());
  if (expected.breaker == "failure") {
    EXPECT_EQ(counted().tries, expected.tries);
    EXPECT_EQ(counted().seen, expected.seen);
    expect_till_stood_in();
  } else {
    EXPECT_TRUE(eventually([&] { return counted().tries >= expected.tries; }));
    EXPECT_GE(counted().seen, expected.seen);
  }
  if (expected.breaker == "ignored") {
    // Nothing more is asked of PDI for seconds.
    EXPECT_EQ(subject().breaker(), "HALF_OPEN");
    EXPECT_EQ(counted().seen, expected.seen);
    expect_till_stood_in();
  }
  expect_stepped_to(expected.queue, cell(BreakerIs::open).queue);
  const std::size_t refreshed = expected.token == "refreshed" ? 1 : 0;
  EXPECT_TRUE(eventually([&] { return counted().tokens >= refreshed; }));
  EXPECT_EQ(counted().tokens, refreshed) << "refreshes of the token";
}

/// Nothing of a till's reaches PDI.
void CallStory::expect_till_stood_in() {
  OddSale meanwhile{.transaction = "MEANWHILE"};
  const auto answer = step(meanwhile, Call::identify);
  EXPECT_EQ(told(meanwhile, answer), cell(BreakerIs::half_open).till) << answer.body;
  EXPECT_EQ(subject().books().opened(meanwhile.transaction), 0u);
}

void CallStory::tell_closed() {
  const Cell& expected = cell(BreakerIs::closed);
  if (kind_ == Misbehaviour::status_401 || kind_ == Misbehaviour::status_403) {
    // A token that was refreshed for a 403 is not refreshed for another.
    mark_refreshes();
    subject().restart();
    subject().books().forget_counts();
    OddSale before{.transaction = "BEFORE"};
    EXPECT_EQ(told(before, step(before, Call::identify)), "200 online");
  }
  OddSale first{.transaction = "FIRST"};
  OddSale second{.transaction = "SECOND"};
  const bool in_turn = endpoint_ == Call::identify || endpoint_ == Call::calculate;
  std::vector<OddSale*> sales{&first};
  if (in_turn) sales.push_back(&second);
  subject().close_breaker();
  if (endpoint_ == Call::status)
    subject().pdi().misbehave(Misbehaviour::committed_unanswered, Call::finalize);
  subject().let_token_age();
  for (OddSale* sale : sales) bring_to_endpoint(*sale);
  std::size_t changes = subject().breaker_changes().size();
  mark_steps();
  begin_counting();
  misbehave();
  if (endpoint_ == Call::status) {
    subject().close_breaker();
    changes += 1;
  }
  in_turn ? meet_in_turn(first, second) : meet_once(first);
  expect_counted(expected, changes);
  if (expected.till.starts_with("20")) {
    for (OddSale* sale : sales) finish(*sale, till_call());
  }
  expect_stepped_to(expected.queue, endpoint_ == Call::status ? "in_doubt" : "");

  subject().pdi().behave();
  for (OddSale* sale : sales) expect_end(*sale, expected.end);
}

void CallStory::meet_in_turn(OddSale& first, OddSale& second) {
  const Cell& expected = cell(BreakerIs::closed);
  const std::size_t changes = subject().breaker_changes().size();
  const auto answer = step(first, till_call());
  EXPECT_EQ(told(first, answer), expected.till) << answer.body;
  EXPECT_TRUE(eventually([&] { return counted().tries >= expected.tries; }));
  const Counts once = counted();
  EXPECT_EQ(once.tries, expected.tries);
  EXPECT_EQ(once.seen, expected.seen);
  const std::size_t refreshed = expected.token == "refreshed" ? 1 : 0;
  EXPECT_TRUE(eventually([&] { return counted().tokens >= refreshed; }));
  EXPECT_EQ(counted().tokens, refreshed) << "refreshes of the token";
  const bool opens = expected.breaker == "failure" && expected.tries >= 2;
  EXPECT_EQ(subject().breaker_changes().size(), changes + (opens ? 1 : 0)) << "opens at two failures";
  if (expected.token == "refreshed") subject().let_token_age();
  const auto again = step(second, till_call());
  EXPECT_EQ(told(second, again), expected.till) << again.body;
}

/// Settlement goes to work at once, unless the breaker opens.
void CallStory::meet_once(OddSale& sale) {
  const Cell& expected = cell(BreakerIs::closed);
  if (endpoint_ == Call::finalize) {
    const auto answer = step(sale, till_call());
    EXPECT_EQ(told(sale, answer), expected.till) << answer.body;
  }
  EXPECT_TRUE(eventually([&] { return counted().tries >= expected.tries; }));
  if (expected.breaker == "failure") {
    EXPECT_EQ(counted().tries, expected.tries);
    EXPECT_EQ(counted().seen, expected.seen);
  } else {
    EXPECT_GE(counted().seen, expected.seen);
  }
  if (endpoint_ == Call::status) EXPECT_EQ(told(sale, step(sale, till_call())), expected.till);
}

void CallStory::expect_counted(const Cell& expected, std::size_t changes) {
  if (expected.breaker == "failure") {
    EXPECT_TRUE(
        eventually([&] { return begins_with(subject().breaker_changes(), changes, {"CLOSED>OPEN"}); }));
  } else {
    EXPECT_EQ(subject().breaker(), "CLOSED");
    EXPECT_EQ(subject().breaker_changes().size(), changes);
  }
  const std::size_t refreshed = expected.token == "refreshed" ? 1 : 0;
  EXPECT_TRUE(eventually([&] { return counted().tokens >= refreshed; }));
  if (kind_ != Misbehaviour::status_401) {
    EXPECT_EQ(counted().tokens, refreshed) << "refreshes of the token";
    return;
  }
  // Each call has a refresh of its own.
  expect_refreshes_apart();
}

}  // namespace perkline::test
