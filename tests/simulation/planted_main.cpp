// perkline-sim-planted: plants one bug after another and sees whether the simulation finds it. The one binary
// that is compiled with PERKLINE_PLANTED_BUGS.
#include <cstdio>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "shared/core/planted.hpp"
#include "tests/simulation/chain.hpp"

namespace perkline {

bool planted(PlantedBug bug) {
  using simulation::Plant;
  const Plant plant = simulation::plant_under_way();
  switch (bug) {
    case PlantedBug::lost_permit:
      return plant == Plant::lost_permit;
    case PlantedBug::wall_clock_expiry:
      return plant == Plant::wall_clock_expiry;
    case PlantedBug::refresh_stampede:
      return plant == Plant::refresh_stampede;
  }
  return false;
}

namespace simulation {
namespace {

/// Seeds from `from` on until one finds it. True: one did.
bool look_for(Plant plant, std::uint64_t seeds, std::uint64_t from) {
  for (std::uint64_t i = 0; i < seeds; ++i) {
    Scenario scenario = draw_scenario(from + i);
    scenario.plant = plant;
    const Outcome outcome = run(scenario);
    if (outcome.violations.empty()) continue;
    std::printf("%-24s found by seed %llu, the %llu.: %s\n", std::string(name_of(plant)).c_str(),
                static_cast<unsigned long long>(from + i), static_cast<unsigned long long>(i + 1),
                outcome.violations.front().invariant.c_str());
    std::fflush(stdout);
    return true;
  }
  std::printf("%-24s NOT FOUND in %llu seeds\n", std::string(name_of(plant)).c_str(),
              static_cast<unsigned long long>(seeds));
  std::fflush(stdout);
  return false;
}

/// In a process of its own: what a bug breaks may be more than an invariant, and a process that does not
/// survive its bug has found it too.
bool look_apart(Plant plant, std::uint64_t seeds, std::uint64_t from) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(look_for(plant, seeds, from) ? 0 : 1);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return false;
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status) == 0;
  std::printf("%-24s found by an assertion of its own\n", std::string(name_of(plant)).c_str());
  return true;
}

}  // namespace
}  // namespace simulation
}  // namespace perkline

int main(int argc, char** argv) {
  using namespace perkline::simulation;
  std::uint64_t seeds = 2000;
  std::uint64_t from = 1;
  std::string only;
  CLI::App app("Plants bugs in the simulated chain; exit 1 when one is not found", "perkline-sim-planted");
  app.add_option("--seeds", seeds, "how many to look through for each");
  app.add_option("--from", from, "the first one");
  app.add_option("--bug", only, "that one alone");
  CLI11_PARSE(app, argc, argv);
  if (std::freopen("/dev/null", "w", stderr) == nullptr) return 2;
  bool known = false;
  bool found = true;
  for (std::size_t i = 1; i < plant_names.size(); ++i) {
    if (!only.empty() && only != plant_names[i]) continue;
    known = true;
    found = look_apart(static_cast<Plant>(i), seeds, from) && found;
  }
  if (!known) std::printf("no such bug: %s\n", only.c_str());
  return known && found ? 0 : 1;
}
