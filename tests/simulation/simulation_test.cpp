#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "tests/simulation/shrink.hpp"

namespace perkline::simulation {
namespace {

using pdi::sandbox::endpoint_count;

std::string told(const Outcome& outcome) {
  std::string text;
  for (const Violation& violation : outcome.violations)
    text.append(violation.invariant).append(": ").append(violation.detail).append("\n");
  return text;
}

/// Nothing goes wrong but what a test adds.
Scenario quiet_scenario(std::uint64_t seed) {
  Cut cut;
  cut.without.set();
  Scenario scenario = cut_down(draw_scenario(seed), cut);
  scenario.standin = true;
  return scenario;
}

TEST(Simulation, TheSameSeedRunsTheSame) {
  const Outcome first = run(draw_scenario(5), true);
  const Outcome again = run(draw_scenario(5));
  EXPECT_EQ(first.hash, again.hash) << "keeping lines changes nothing";
  EXPECT_NE(first.hash, run(draw_scenario(6)).hash);
}

TEST(Simulation, WithoutTroublesEverySaleIsFinalizedAtOnce) {
  const Outcome outcome = run(quiet_scenario(7));
  EXPECT_TRUE(outcome.violations.empty()) << told(outcome);
  EXPECT_GT(outcome.figures.acknowledged, 10u);
  EXPECT_EQ(outcome.figures.pending, 0u);
  EXPECT_EQ(outcome.figures.reviews, 0u);
}

/// What comes of `trouble` in a few chains that have no other: where in a chain's course it falls is drawn.
Figures with(const std::function<void(Scenario&)>& trouble) {
  Figures figures;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Scenario scenario = quiet_scenario(seed);
    scenario.sales = 40;
    trouble(scenario);
    const Outcome outcome = run(scenario);
    EXPECT_TRUE(outcome.violations.empty()) << "seed " << seed << ": " << told(outcome);
    figures += outcome.figures;
  }
  return figures;
}

TEST(Simulation, AStoreFromAnOldBackupGoesOnInANewEpoch) {
  const Figures figures = with([](Scenario& scenario) { scenario.restores = 1; });
  EXPECT_EQ(figures.restores, 8u);
  EXPECT_GT(figures.epochs, 0u);
  EXPECT_GT(figures.forgotten, 0u);
  EXPECT_GT(figures.acknowledged, figures.forgotten);
}

TEST(Simulation, AStoreWhoseCloneHasSoldGoesOnInANewEpoch) {
  const Figures figures = with([](Scenario& scenario) { scenario.clones = 1; });
  EXPECT_EQ(figures.clones, 8u);
  EXPECT_GT(figures.epochs, 0u);
  EXPECT_GT(figures.acknowledged, figures.forgotten);
}

/// One of PDI's misbehaviours alone, met by every other call of one endpoint.
class OneMisbehaviour : public testing::TestWithParam<std::size_t> {};

TEST_P(OneMisbehaviour, LosesAndDoublesNothingOnAnyEndpoint) {
  for (std::size_t endpoint = 0; endpoint < endpoint_count; ++endpoint) {
    Scenario scenario = quiet_scenario(100 + endpoint);
    scenario.sales = 24;
    scenario.habits[endpoint].rate = 0.5;
    scenario.habits[endpoint].which.reset().set(GetParam());
    const Outcome outcome = run(scenario);
    EXPECT_TRUE(outcome.violations.empty()) << "endpoint " << endpoint << ": " << told(outcome);
    EXPECT_GT(outcome.figures.booked, 0u) << "endpoint " << endpoint;
  }
}

INSTANTIATE_TEST_SUITE_P(Simulation, OneMisbehaviour, testing::Range(std::size_t{0}, misbehaviour_count),
                         [](const auto& parameter) {
                           std::string name(name_of(static_cast<Misbehaviour>(parameter.param)));
                           std::ranges::replace(name, ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace perkline::simulation
