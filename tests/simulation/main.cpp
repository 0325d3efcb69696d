// perkline-sim: runs seeds of the simulation, or one of them line by line.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <signal.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>

#include "tests/simulation/shrink.hpp"

namespace perkline::simulation {
namespace {

constexpr int exit_violation = 1;
constexpr std::size_t reports_max = 3;  ///< Of one process; each takes some time to shrink.

struct Options {
  std::uint64_t seeds = 2000;
  std::uint64_t from = 1;
  std::size_t jobs = 1;
  std::uint64_t trace = 0;
  Cut cut;
};

/// What one process tells the one that started it.
struct Told {
  std::uint64_t seeds = 0;
  std::uint64_t violations = 0;
  Figures figures;
};

/// Every `jobs`th seed from the `job`th on.
Told run_share(const Options& options, std::size_t job) {
  Told told;
  for (std::uint64_t i = job; i < options.seeds; i += options.jobs) {
    const Scenario scenario = draw_scenario(options.from + i);
    const Outcome outcome = run(scenario);
    ++told.seeds;
    told.figures += outcome.figures;
    if (outcome.violations.empty()) continue;
    if (++told.violations <= reports_max) {
      std::fputs(report(scenario, shrink(scenario)).c_str(), stdout);
      std::fflush(stdout);
    } else {
      std::printf("seed %llu breaks: %s\n", static_cast<unsigned long long>(scenario.seed),
                  outcome.violations.front().invariant.c_str());
    }
  }
  return told;
}

/// In a process of its own, which ends with this one. The read end of what it tells.
int start_share(const Options& options, std::size_t job) {
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    const Told told = run_share(options, job);
    std::fflush(stdout);
    const bool said = ::write(ends[1], &told, sizeof told) == static_cast<ssize_t>(sizeof told);
    ::_exit(said ? 0 : 1);
  }
  ::close(ends[1]);
  return ends[0];
}

int run_all(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  std::vector<int> shares;
  for (std::size_t job = 0; job < options.jobs; ++job) shares.push_back(start_share(options, job));
  Told all;
  bool whole = true;
  for (const int share : shares) {
    Told told;
    whole = ::read(share, &told, sizeof told) == static_cast<ssize_t>(sizeof told) && whole;
    ::close(share);
    all.seeds += told.seeds;
    all.violations += told.violations;
    all.figures += told.figures;
  }
  while (::wait(nullptr) > 0) {
  }
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const Figures& figures = all.figures;
  std::printf(
      "%llu seeds from %llu in %.1f s (%.1f seeds/s, %zu processes): %llu violations\n"
      "  %zu sales acknowledged (%zu pending first), %zu booked, %zu refused, %zu expired, %zu voided, %zu "
      "returns\n"
      "  %zu left to a person, %zu of them closed; %zu crashes of stores, %zu of the hub; %.1f virtual "
      "days\n"
      "  %zu backups restored, %zu clones, %zu epochs granted; %zu sales forgotten by their store\n"
      "  %zu spins at tills, %zu of them with a unit of a lease, and %zu on the web; %zu leases given back\n"
      "  %zu promotions credited; %zu of those that tills took without the hub were refused\n",
      static_cast<unsigned long long>(all.seeds), static_cast<unsigned long long>(options.from), took,
      static_cast<double>(all.seeds) / took, options.jobs, static_cast<unsigned long long>(all.violations),
      figures.acknowledged, figures.pending, figures.booked, figures.refused, figures.expired, figures.voided,
      figures.returns, figures.reviews, figures.discarded, figures.store_crashes, figures.hub_crashes,
      std::chrono::duration<double, std::ratio<86'400>>(figures.virtual_time).count(), figures.restores,
      figures.clones, figures.epochs, figures.forgotten, figures.spins, figures.leased, figures.web_spins,
      figures.leases_returned, figures.claims, figures.refused_claims);
  if (!whole) std::printf("a process ended before its time\n");
  return all.violations == 0 && whole ? 0 : exit_violation;
}

int run_one(const Options& options) {
  const Outcome outcome = run(cut_down(draw_scenario(options.trace), options.cut), true);
  for (const std::string& line : outcome.lines) std::printf("%s\n", line.c_str());
  for (const Violation& violation : outcome.violations)
    std::printf("breaks: %s: %s\n", violation.invariant.c_str(), violation.detail.c_str());
  std::printf("trace hash %016llx\n", static_cast<unsigned long long>(outcome.hash));
  return outcome.violations.empty() ? 0 : exit_violation;
}

}  // namespace
}  // namespace perkline::simulation

int main(int argc, char** argv) {
  using namespace perkline::simulation;
  Options options;
  std::vector<std::string> without;
  bool log = false;
  CLI::App app("Runs the chain of stores, hub and PDI in virtual time, a seed at a time", "perkline-sim");
  app.add_option("--seeds", options.seeds, "how many");
  app.add_option("--from", options.from, "the first one");
  app.add_option("--jobs", options.jobs, "processes at a time")->check(CLI::Range(1, 256));
  app.add_option("--trace", options.trace, "one seed, told line by line; with it:");
  app.add_option("--stores", options.cut.stores_max, "no more stores than that");
  app.add_option("--tills", options.cut.tills_max, "no more tills a store");
  app.add_option("--sales", options.cut.sales_max, "no more sales");
  app.add_option("--without", without, "a trouble to leave out");
  app.add_flag("--log", log, "let the daemons' parts log their errors");
  CLI11_PARSE(app, argc, argv);
  for (const std::string& name : without) {
    const auto trouble = trouble_named(name);
    if (!trouble) {
      std::fprintf(stderr, "no such trouble: %s\n", name.c_str());
      return 2;
    }
    options.cut.without.set(static_cast<std::size_t>(*trouble));
  }
  // What the daemons' parts log of the troubles is not what is looked for here.
  if (!log && std::freopen("/dev/null", "w", stderr) == nullptr) return 2;
  return options.trace != 0 ? run_one(options) : run_all(options);
}
