#include <fmt/format.h>

#include "bench/hub/ceilings.hpp"
#include "bench/hub/member_calls.hpp"
#include "bench/hub/pgbench.hpp"
#include "bench/hub/scenarios.hpp"
#include "bench/measure/process.hpp"

namespace perkline::bench {
namespace {

using hub::db::Engine;

/// What each member has: more than all that may be sent in a run.
constexpr std::int64_t money = 100'000'000;

constexpr double embedded_goal = 20'000;
constexpr double hot_goal = 0.5;
constexpr double postgres_goal = 0.6;

constexpr int pgbench_scale = 50;
constexpr int pgbench_scale_quick = 1;

double seconds_of(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

Contestant pgbench(const MeasureOptions& options, const Databases& databases, int clients) {
  return {.name = fmt::format("pgbench, {} clients", clients),
          .turn = [&options, &databases, clients](const TurnProgress&) -> Result<Figures> {
            const auto before = family_cpu(databases.pid());
            auto figures = run_pgbench(databases.scratch_url(), clients, seconds_of(options.time));
            const auto after = family_cpu(databases.pid());
            if (figures && before && after)
              figures->database_cpu_seconds = std::chrono::duration<double>(*after - *before).count();
            return figures;
          }};
}

void set_goals(Report& report, Engine engine) {
  const Series& random = report.series[0];
  const Ratio hot = ratio_of(report.series[1], random);
  if (engine == Engine::sqlite) {
    report.ratios = {ratio_of(random, report.series[2]), cpu_ratio_of(random, report.series[2]), hot};
    report.at_least("random members, transfers/s", random.per_second(), embedded_goal);
    report.at_least(hot.name, hot.median(), hot_goal);
    report.notes.push_back(
        fmt::format("ceiling-sqlite writes a transfer's own rows (2 entries, 2 balances, 2 events, the kept "
                    "answer), {} a "
                    "commit, as so many members wait; not what the hub makes of the events afterwards.",
                    member_connections));
    report.notes.emplace_back(batch_times_note);
    return;
  }
  report.notes.emplace_back(postgres_cpu_note);
  // By pgbench with as many clients as do more.
  const bool more_at_32 = report.series[3].per_second() > report.series[2].per_second();
  const Ratio of_pgbench = ratio_of(random, report.series[more_at_32 ? 3 : 2]);
  report.ratios = {of_pgbench, hot};
  report.at_least(of_pgbench.name, of_pgbench.median(), postgres_goal);
}

}  // namespace

Result<Report> run_wallet(const MeasureOptions& options, Engine engine) {
  auto databases = Databases::open(options, engine);
  if (!databases) return failure(databases);
  auto rig = HubRig::start(options, "hub", *databases);
  if (!rig) return failure(rig);
  auto members = make_members(rig->database_url(), {.money = money});
  if (!members) return failure(members);
  auto random = MemberCalls<TransferScript>::connect(*rig, *members, false);
  if (!random) return failure(random);
  auto hot = MemberCalls<TransferScript>::connect(*rig, *members, true);
  if (!hot) return failure(hot);

  std::vector<Contestant> contestants{(*random)->contestant("random members", options),
                                      (*hot)->contestant("one hot member", options)};
  if (engine == Engine::sqlite) {
    contestants.push_back(bare_sqlite(options, "transfers"));
  } else {
    const std::string url = databases->scratch_url();
    if (auto going_on = options.unless_stopped(); !going_on) return failure(going_on);
    if (auto made = prepare_pgbench(url, options.quick ? pgbench_scale_quick : pgbench_scale); !made)
      return failure(made);
    for (const int clients : {8, 32}) contestants.push_back(pgbench(options, *databases, clients));
  }
  Report report{.scenario = scenario_name("hub-wallet", engine)};
  report.settings = {{"database", std::string(name_of(engine))},
                     {"cores", shared_cores},
                     {"connections", std::to_string(member_connections)},
                     {"members", std::to_string(members->size())}};
  auto series = take_turns(
      contestants,
      {.title = report.scenario, .rounds = options.rounds, .turn = options.turn(), .stop = options.stop});
  if (!series) return failure(series);
  report.series = std::move(*series);
  set_goals(report, engine);
  if (options.rate > 0) report.targets.clear();  // They are of what goes at most.
  return report;
}

}  // namespace perkline::bench
