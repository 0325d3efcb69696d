#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "tests/support/sim_store.hpp"

namespace perkline::edge::session {
namespace {

using test::PdiCall;
using test::PdiFault;

/// Runs `life` handler by handler, moving time when none is ready. False when it came to rest before `steps`.
bool run_steps(Life& life, test::VirtualTime& time, std::size_t steps, const bool& done) {
  for (std::size_t i = 0; i < steps; ++i) {
    life.world->io().restart();
    while (life.world->io().poll_one() == 0) {
      const auto due = life.world->next_due();
      if (done || !due) return false;
      if (*due > time.mono) {
        time.wall += std::chrono::duration_cast<Millis>(*due - time.mono);
        time.mono = *due;
      }
      life.world->wake_due();
      life.world->io().restart();
    }
    if (done) return false;
  }
  return true;
}

Task<void> sell(Life& life, Till till, bool& done) {
  (void)co_await life.flows.finalize(till.finalize_request(), till.traceparent);
  done = true;
}

struct Outcome {
  bool crashed = false;
  std::size_t bookings = 0;
  std::size_t events = 0;   ///< That tell it as booked.
  std::size_t pending = 0;  ///< That tell it as pending.
};

/// A sale that meets `fault`, crashed after `steps` handlers of finalize; then a new life, in which the till
/// asks until it has its answer.
Outcome crash_after(std::size_t steps, const PdiFault& fault, std::uint64_t seed) {
  Outside outside;
  outside.disk.sync_time = Millis{1};
  Till till;
  Outcome outcome;
  {
    Life life(outside);
    till.session = life.identify(till);
    EXPECT_TRUE(life.calculate(till));
    outside.pdi.next(PdiCall::finalize, fault);
    bool done = false;
    life.world->spawn(sell(life, till, done));
    outcome.crashed = run_steps(life, outside.time, steps, done);
    life.crash(seed);
  }

  Life life(outside);
  Result<Answer> answer = life.finalize(till);
  for (int tries = 0; (!answer || answer->status == 202) && tries < 100; ++tries) {
    EXPECT_TRUE(answer || answer.error().code == Errc::pdi_unavailable ||
                answer.error().code == Errc::session_busy);
    life.run([](net::AsyncClock& clock) -> Task<bool> {
      co_await clock.sleep(seconds{2});
      co_return true;
    }(life.world->clock()));
    answer = life.finalize(till);
  }
  EXPECT_TRUE(answer && answer->status == 200) << "after " << steps << " steps";
  EXPECT_TRUE(life.settle());
  life.world->run_until([] { return false; }, minutes{5});  // whatever was still on its way arrives
  outside.pdi.run_until(outside.time.mono);
  EXPECT_EQ(life.finalize(till)->body, answer->body) << "a 200 never changes";
  EXPECT_EQ(life.stored(till.session).status, Status::finalized);
  outcome.bookings = outside.pdi.ledger().size();
  for (const sync::Event& event : life.events()) {
    const std::string_view type = type_name(event.payload);
    outcome.events += type == "SaleFinalized" || type == "SaleSettled" ? 1 : 0;
    outcome.pending += type == "SalePending" ? 1 : 0;
  }
  return outcome;
}

class CrashedFinalize : public ::testing::TestWithParam<PdiFault> {};

TEST_P(CrashedFinalize, BooksOnceAndTellsTheHubOnceWhereverItCrashes) {
  std::size_t steps = 0;
  for (bool crashed = true; crashed; ++steps) {
    ASSERT_LT(steps, 1000u);
    // Two seeds that differ in whether the batch being written survives.
    for (const std::uint64_t seed : {1U, 3U}) {
      const Outcome outcome = crash_after(steps, GetParam(), seed);
      ASSERT_EQ(outcome.bookings, 1u) << "after " << steps << " steps";
      ASSERT_EQ(outcome.events, 1u) << "after " << steps << " steps";
      ASSERT_LE(outcome.pending, 1u) << "after " << steps << " steps";
      crashed = outcome.crashed;
    }
  }
  EXPECT_GE(steps, 6u) << "not started, intent, sent, answered, outcome, done";
}

INSTANTIATE_TEST_SUITE_P(
    Faults, CrashedFinalize,
    ::testing::Values(PdiFault{}, PdiFault{.lose_request = true}, PdiFault{.lose_answer = true},
                      PdiFault{.there = seconds{12}}, PdiFault{.back = seconds{12}},
                      PdiFault{.refuse_to_send = test::pdi_not_sent(pdi::Outcome::not_tried)}));

}  // namespace
}  // namespace perkline::edge::session
