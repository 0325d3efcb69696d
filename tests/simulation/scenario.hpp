#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pdi_client/sandbox/faults.hpp"
#include "shared/core/clock.hpp"
#include "tests/simulation/misbehaviour.hpp"
#include "tests/simulation/plant.hpp"

/// What a seed stands for. Pure.
namespace perkline::simulation {

/// What goes wrong until the faults stop; each kind can be left out to see what a failure needs.
enum class Trouble : std::uint8_t {
  pdi,          ///< Its misbehaviours, call by call.
  token,        ///< Those of the token endpoint.
  outage,       ///< PDI is dark for a while.
  line,         ///< Frames between store and hub are lost, doubled, delayed, overtaken.
  partition,    ///< A store and the hub do not reach one another for a while.
  store_crash,  ///< A store's daemon dies, before or after a call of one of its ports, or at any time.
  hub_crash,
  clock,      ///< A process's wall clock jumps by up to ten years.
  till_line,  ///< Tills' calls and answers are lost.
  operators,  ///< Somebody turns the breaker.
  full_disk,  ///< A store's disk has no room for a while.
  restore,    ///< A store's disk is lost, and a backup takes its place.
  clone,      ///< A copy of a store's machine runs beside it.
};
inline constexpr std::size_t trouble_count = 13;
std::string_view name_of(Trouble trouble);
std::optional<Trouble> trouble_named(std::string_view name);
using Troubles = std::bitset<trouble_count>;

/// How one of PDI's endpoints misbehaves: which misbehaviours a call may meet, and how often it meets one.
struct Habit {
  double rate = 0;
  std::bitset<misbehaviour_count> which = {};
};

struct Scenario {
  std::uint64_t seed = 1;
  std::size_t stores = 1;
  std::size_t tills = 1;    ///< At each store.
  std::size_t sales = 20;   ///< Of all stores.
  std::size_t members = 4;  ///< Shared by the stores.
  Millis fault_time{};      ///< Faults stop then; sales are spread over it.

  // Of the stores' configuration.
  Millis ttl = hours{24};
  Millis quiet{20'000};
  Millis sync_time{2};
  bool standin = true;
  Millis standin_deadline{2000};
  std::int64_t member_day = 0;
  std::int64_t store_day = 0;
  std::size_t max_in_flight = 64;
  std::size_t queue_known_max = 10'000;

  std::array<Habit, pdi::sandbox::endpoint_count> habits = {};
  double line_lost = 0;
  double line_doubled = 0;
  Millis line_delay{20};
  double till_lost = 0;
  double store_deaths = 0;  ///< To be expected, of each store.
  double hub_deaths = 0;
  std::size_t outages = 0;
  std::size_t partitions = 0;
  std::size_t clock_jumps = 0;
  std::size_t breaker_turns = 0;
  std::size_t full_disks = 0;
  std::size_t restores = 0;  ///< With them nothing is taken back: what a store has forgotten it refuses.
  std::size_t clones = 0;

  // What the hub gives members. Where stores are cloned nobody spins: a clone draws from the leases that it
  // took along, as does the store itself, until somebody sees that there are two.
  std::size_t promotions = 0;     ///< 0: there is no programme.
  std::int64_t scarce_units = 0;  ///< Of a prize that anybody may win.
  std::int64_t rare_units = 0;    ///< Of one that each may win once.
  std::size_t web_calls = 0;      ///< Spins and claims of members at the hub itself.

  Plant plant = Plant::none;
};

/// The same for the same seed. Most seeds are small, so that many can be run; one in a hundred keeps its
/// sessions for days.
Scenario draw_scenario(std::uint64_t seed);

/// What is left of a scenario to find the least that still fails.
struct Cut {
  std::size_t stores_max = SIZE_MAX;
  std::size_t tills_max = SIZE_MAX;
  std::size_t sales_max = SIZE_MAX;
  Troubles without;
};
Scenario cut_down(Scenario scenario, const Cut& cut);

/// A seed for the randomness of one part, so that a change in one part's draws leaves the others alone.
std::uint64_t derived_seed(std::uint64_t seed, std::string_view part, std::uint64_t number = 0);

}  // namespace perkline::simulation
