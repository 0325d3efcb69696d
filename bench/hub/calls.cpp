#include <optional>

#include <fmt/format.h>

#include "bench/hub/ceilings.hpp"
#include "bench/hub/member_calls.hpp"
#include "bench/hub/scenarios.hpp"
#include "bench/measure/process.hpp"

namespace perkline::bench {
namespace {

using hub::db::Engine;

constexpr double spin_goal = 15'000;
constexpr double claim_goal = 15'000;
constexpr double balance_goal = 50'000;

/// More than can be claimed in a second.
constexpr std::size_t claims_a_second = 20'000;

Report report_of(std::string_view scenario, Engine engine, const std::vector<Member>& members,
                 const std::string& cores) {
  Report report{.scenario = scenario_name(scenario, engine),
                .settings = {{"database", std::string(name_of(engine))},
                             {"cores", cores},
                             {"connections", std::to_string(member_connections)},
                             {"members", std::to_string(members.size())}}};
  if (engine == Engine::postgresql) report.notes.emplace_back(postgres_cpu_note);
  return report;
}

/// The calls' turns, and their ceiling's where there is one, into the report. The goal is SQLite's.
Result<Report> measure(Report report, const Contestant& calls, std::optional<Contestant> ceiling,
                       const MeasureOptions& options, Engine engine, double goal) {
  std::vector<Contestant> contestants{calls};
  if (ceiling) contestants.push_back(std::move(*ceiling));
  auto series = take_turns(
      contestants,
      {.title = report.scenario, .rounds = options.rounds, .turn = options.turn(), .stop = options.stop});
  if (!series) return failure(series);
  report.series = std::move(*series);
  if (report.series.size() > 1)
    report.ratios = {ratio_of(report.series[0], report.series[1]),
                     cpu_ratio_of(report.series[0], report.series[1])};
  // Bare rows tell a commit's time and have no histogram.
  if (report.series.size() > 1 && report.series[1].times().count() == 0)
    report.notes.emplace_back(batch_times_note);
  if (engine == Engine::sqlite && options.rate <= 0)
    report.at_least(calls.name + "/s", report.series.front().per_second(), goal);
  return report;
}

/// SQLite's by SQLite alone; on PostgreSQL pgbench is hub-wallet's.
std::optional<Contestant> rows_alone(const MeasureOptions& options, Engine engine, const std::string& rows) {
  return engine == Engine::sqlite ? std::optional(bare_sqlite(options, rows)) : std::nullopt;
}

}  // namespace

Result<Report> run_spin(const MeasureOptions& options, Engine engine) {
  auto databases = Databases::open(options, engine);
  if (!databases) return failure(databases);
  auto rig = HubRig::start(options, "hub", *databases);
  if (!rig) return failure(rig);
  auto members = make_members(rig->database_url(), {.points = 1'000'000});
  if (!members) return failure(members);
  auto calls = MemberCalls<SpinScript>::connect(*rig, *members);
  if (!calls) return failure(calls);
  return measure(report_of("hub-spin", engine, *members, shared_cores),
                 (*calls)->contestant("spins", options), rows_alone(options, engine, "spins"), options,
                 engine, spin_goal);
}

Result<Report> run_claim(const MeasureOptions& options, Engine engine) {
  auto databases = Databases::open(options, engine);
  if (!databases) return failure(databases);
  auto rig = HubRig::start(options, "hub", *databases);
  if (!rig) return failure(rig);
  auto members = make_members(rig->database_url(), {});
  if (!members) return failure(members);
  auto calls = MemberCalls<ClaimScript>::connect(*rig, *members);
  if (!calls) return failure(calls);

  const auto turn = [&](const TurnProgress& progress) -> Result<Figures> {
    const auto wanted = static_cast<std::size_t>(options.turn().count()) * claims_a_second / 1000;
    ClaimScript& script = (*calls)->script;
    if (auto going_on = options.unless_stopped(); !going_on) return failure(going_on);
    if (script.left() < wanted) {
      const std::size_t promotions = (wanted - script.left()) / members->size() + 1;
      auto more = assign_promotions(rig->database_url(), *members, promotions);
      if (!more) return failure(more);
      script.add(std::move(*more));
    }
    return (*calls)->run(options, progress);
  };
  return measure(report_of("hub-claim", engine, *members, shared_cores), {.name = "claims", .turn = turn},
                 rows_alone(options, engine, "claims"), options, engine, claim_goal);
}

Result<Report> run_balance(const MeasureOptions& options, Engine engine) {
  auto databases = Databases::open(options, engine);
  if (!databases) return failure(databases);
  // PostgreSQL would run anywhere: then nothing is pinned.
  const Cores cores = engine == Engine::sqlite ? choose_cores() : Cores{};
  auto rig = HubRig::start(options, "hub", *databases, cores.server);
  if (!rig) return failure(rig);
  auto members = make_members(rig->database_url(), {.money = 1'000});
  if (!members) return failure(members);
  const OnCore on(cores.load);
  auto calls = MemberCalls<ReadScript>::connect(*rig, *members, "/api/v1/wallet");
  if (!calls) return failure(calls);
  Report report = report_of("hub-balance", engine, *members,
                            engine == Engine::sqlite ? cores.text() : std::string(shared_cores));
  auto bare = bare_http(options, *members, cores.server);
  if (!bare) return failure(bare);
  return measure(std::move(report), (*calls)->contestant("balances", options), std::move(*bare), options,
                 engine, balance_goal);
}

}  // namespace perkline::bench
