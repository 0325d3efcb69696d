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
  EXPECT_EQ(outcome.crashes, options.crashes);
}

TEST(ChainSimulation, AQuietLineNeedsNoRepetition) {
  expect_invariants({.seed = 7, .crashes = 0, .pdi_loss = 0, .line = {}});
}

TEST(ChainSimulation, TheSameSeedRunsTheSame) {
  const auto hash = [](std::uint64_t seed) {
    return run_chain({.seed = seed, .crashes = 0, .pdi_loss = 0, .line = {}}).trace_hash;
  };
  EXPECT_EQ(hash(5), hash(5));
  EXPECT_NE(hash(5), hash(6));
}

}  // namespace
}  // namespace perkline::simulation
