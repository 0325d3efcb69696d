#include "tests/simulation/scenario.hpp"

#include <algorithm>

#include "shared/core/random.hpp"

namespace perkline::simulation {
namespace {

constexpr std::string_view trouble_names[trouble_count] = {
    "pdi",   "token",     "outage",    "line",      "partition", "store_crash", "hub_crash",
    "clock", "till_line", "operators", "full_disk", "restore",   "clone"};

/// Uniform in [low, high].
std::size_t between(Rng& rng, std::size_t low, std::size_t high) {
  return low + rng.below(high - low + 1);
}
Millis millis_between(Rng& rng, Millis low, Millis high) {
  return low +
         Millis{static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>((high - low).count()) + 1))};
}
bool chance(Rng& rng, double probability) {
  return rng.unit() < probability;
}

/// Now everything that can go wrong, now a few things only: what hides in the crowd shows alone.
Habit draw_habit(Rng& rng) {
  constexpr std::array rates{0.0, 0.05, 0.2, 0.5};
  Habit habit{.rate = rates[rng.below(rates.size())], .which = {}};
  if (chance(rng, 0.5)) {
    habit.which.set();
  } else {
    for (std::size_t kinds = between(rng, 1, 3); kinds > 0; --kinds)
      habit.which.set(rng.below(misbehaviour_count));
  }
  return habit;
}

void draw_size(Scenario& scenario, Rng& rng) {
  scenario.stores = between(rng, 1, 4);
  scenario.tills = between(rng, 1, 4);
  scenario.sales = chance(rng, 0.9) ? between(rng, 20, 50) : between(rng, 50, 200);
  scenario.members = between(rng, 1, 8);
  scenario.fault_time = millis_between(rng, minutes{2}, minutes{20});
}

void draw_configuration(Scenario& scenario, Rng& rng) {
  scenario.ttl = chance(rng, 0.01) ? Millis(hours{24}) : millis_between(rng, minutes{10}, minutes{60});
  scenario.quiet = chance(rng, 0.5) ? Millis{20'000} : Millis{3000};
  scenario.sync_time = Millis{static_cast<std::int64_t>(between(rng, 0, 20))};
  scenario.standin = chance(rng, 0.85);
  scenario.standin_deadline = chance(rng, 0.5) ? Millis{2000} : Millis{300};
  scenario.member_day = chance(rng, 0.7) ? static_cast<std::int64_t>(between(rng, 0, 400)) : 0;
  scenario.store_day = scenario.member_day == 0 ? 0 : static_cast<std::int64_t>(between(rng, 0, 1500));
  scenario.max_in_flight = chance(rng, 0.7) ? 64 : between(rng, 1, 4);
  scenario.queue_known_max = chance(rng, 0.7) ? 10'000 : between(rng, 2, 6);
}

/// By randomness of its own, so that all else is as without.
void draw_programme(Scenario& scenario) {
  SeededRng rng(derived_seed(scenario.seed, "programme"));
  if (chance(rng, 0.4)) return;
  scenario.promotions = between(rng, 1, 3);
  scenario.scarce_units = static_cast<std::int64_t>(between(rng, 1, 12));
  scenario.rare_units = static_cast<std::int64_t>(between(rng, 1, 3));
  scenario.web_calls = between(rng, 0, 20);
}

}  // namespace

std::string_view name_of(Trouble trouble) {
  return trouble_names[static_cast<std::size_t>(trouble)];
}

std::optional<Trouble> trouble_named(std::string_view name) {
  const auto* found = std::ranges::find(trouble_names, name);
  if (found == std::end(trouble_names)) return std::nullopt;
  return static_cast<Trouble>(found - std::begin(trouble_names));
}

Scenario draw_scenario(std::uint64_t seed) {
  SeededRng rng(derived_seed(seed, "scenario"));
  Scenario scenario{.seed = seed};
  draw_size(scenario, rng);
  draw_configuration(scenario, rng);
  for (Habit& habit : scenario.habits) habit = draw_habit(rng);
  constexpr std::array losses{0.0, 0.02, 0.1, 0.3};
  scenario.line_lost = losses[rng.below(losses.size())];
  scenario.line_doubled = losses[rng.below(losses.size())];
  scenario.line_delay = chance(rng, 0.5) ? Millis{20} : millis_between(rng, Millis{20}, Millis{3000});
  scenario.till_lost = losses[rng.below(3)];
  scenario.store_deaths = chance(rng, 0.6) ? 4 * rng.unit() : 0;
  scenario.hub_deaths = chance(rng, 0.5) ? 4 * rng.unit() : 0;
  scenario.outages = chance(rng, 0.4) ? between(rng, 1, 3) : 0;
  scenario.partitions = chance(rng, 0.4) ? between(rng, 1, 3) : 0;
  scenario.clock_jumps = chance(rng, 0.4) ? between(rng, 1, 4) : 0;
  scenario.breaker_turns = chance(rng, 0.1) ? 1 : 0;
  scenario.full_disks = chance(rng, 0.2) ? between(rng, 1, 2) : 0;
  scenario.restores = chance(rng, 0.2) ? between(rng, 1, 2) : 0;
  scenario.clones = chance(rng, 0.15) ? 1 : 0;
  draw_programme(scenario);
  return scenario;
}

Scenario cut_down(Scenario scenario, const Cut& cut) {
  scenario.stores = std::min(scenario.stores, cut.stores_max);
  scenario.tills = std::min(scenario.tills, cut.tills_max);
  scenario.sales = std::min(scenario.sales, cut.sales_max);
  const auto without = [&cut](Trouble trouble) {
    return cut.without.test(static_cast<std::size_t>(trouble));
  };
  using pdi::sandbox::Endpoint;
  for (std::size_t i = 0; i < scenario.habits.size(); ++i) {
    const bool token = static_cast<Endpoint>(i) == Endpoint::token;
    if (without(token ? Trouble::token : Trouble::pdi)) scenario.habits[i].rate = 0;
  }
  if (without(Trouble::outage)) scenario.outages = 0;
  if (without(Trouble::line)) {
    scenario.line_lost = scenario.line_doubled = 0;
    scenario.line_delay = Millis{20};
  }
  if (without(Trouble::partition)) scenario.partitions = 0;
  if (without(Trouble::store_crash)) scenario.store_deaths = 0;
  if (without(Trouble::hub_crash)) scenario.hub_deaths = 0;
  if (without(Trouble::clock)) scenario.clock_jumps = 0;
  if (without(Trouble::till_line)) scenario.till_lost = 0;
  if (without(Trouble::operators)) scenario.breaker_turns = 0;
  if (without(Trouble::full_disk)) scenario.full_disks = 0;
  if (without(Trouble::restore)) scenario.restores = 0;
  if (without(Trouble::clone)) scenario.clones = 0;
  return scenario;
}

std::uint64_t derived_seed(std::uint64_t seed, std::string_view part, std::uint64_t number) {
  std::uint64_t hash = 14695981039346656037ULL;
  const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 1099511628211ULL; };
  for (const char c : part) mix(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
  for (int shift = 0; shift < 64; shift += 8) {
    mix(seed >> shift & 0xff);
    mix(number >> shift & 0xff);
  }
  return hash;
}

}  // namespace perkline::simulation
