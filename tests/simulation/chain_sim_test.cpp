#include "tests/simulation/chain_sim.hpp"

#include <gtest/gtest.h>

namespace perkline::simulation {
namespace {

void expect_invariants(const ChainOptions& options) {
  SCOPED_TRACE("seed " + std::to_string(options.seed));
  const ChainOutcome outcome = run_chain(options);
  EXPECT_TRUE(outcome.finished) << outcome.last_obstacle;
  EXPECT_EQ(outcome.acknowledged, options.sales);
  EXPECT_EQ(outcome.changed_answers, 0u);
  EXPECT_EQ(outcome.booked_at_pdi.size(), options.sales);
  for (const auto& [transaction, times] : outcome.booked_at_pdi) EXPECT_EQ(times, 1u) << transaction;
  EXPECT_EQ(outcome.sales_at_hub, static_cast<std::int64_t>(options.sales));
  EXPECT_EQ(outcome.earned_at_hub, outcome.earned_at_pdi);
  EXPECT_TRUE(outcome.ledger_sound);
  EXPECT_EQ(outcome.dead_letters, 0);
  EXPECT_EQ(outcome.crashes, options.crashes);
}

TEST(ChainSimulation, AHundredSalesSurviveALossyLineAndACrash) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) expect_invariants({.seed = seed});
}

TEST(ChainSimulation, WithoutAStandInTooNothingIsLostOrDoubled) {
  for (std::uint64_t seed = 50; seed <= 60; ++seed)
    expect_invariants({.seed = seed, .crashes = 3, .standin = false, .pdi_loss = 0.1});
}

TEST(ChainSimulation, ManyCrashesLoseAndDoubleNothing) {
  for (std::uint64_t seed = 100; seed <= 110; ++seed)
    expect_invariants({.seed = seed, .crashes = 6, .pdi_loss = 0.1});
}

TEST(ChainSimulation, AQuietLineNeedsNoRepetition) {
  expect_invariants({.seed = 7, .crashes = 0, .pdi_loss = 0, .line = {}});
}

TEST(ChainSimulation, TheSameSeedRunsTheSame) {
  EXPECT_EQ(run_chain({.seed = 5}).trace_hash, run_chain({.seed = 5}).trace_hash);
  EXPECT_NE(run_chain({.seed = 5}).trace_hash, run_chain({.seed = 6}).trace_hash);
}

}  // namespace
}  // namespace perkline::simulation
