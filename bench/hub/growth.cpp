#include <array>

#include <fmt/format.h>

#include "bench/hub/ceilings.hpp"
#include "bench/hub/member_calls.hpp"
#include "bench/hub/scenarios.hpp"
#include "bench/measure/process.hpp"

namespace perkline::bench {
namespace {

using hub::db::Engine;

/// So few that each one's own history grows too.
constexpr std::size_t members_count = 100;
constexpr std::int64_t money = 1'000;
constexpr std::int64_t points = 1'000'000;

constexpr double reads_goal = 0.8;
constexpr double writes_goal = 0.5;

/// One hub over a ledger of a size.
struct Grown {
  std::int64_t entries;
  std::vector<Member> members;
  std::optional<HubRig> rig;
  std::unique_ptr<MemberCalls<ReadScript>> balance;
  std::unique_ptr<MemberCalls<ReadScript>> history;
  std::unique_ptr<MemberCalls<SpinScript>> spin;
};

/// `place` as a power of ten where it is one.
std::string size_text(std::int64_t entries) {
  std::int64_t rest = entries;
  int power = 0;
  for (; rest % 10 == 0; rest /= 10) ++power;
  return rest == 1 ? fmt::format("10^{}", power) : std::to_string(entries);
}

Result<std::unique_ptr<Grown>> grow(const MeasureOptions& options, Databases& databases, int core,
                                    std::int64_t entries) {
  auto grown = std::make_unique<Grown>();
  grown->entries = entries;
  if (auto going_on = options.unless_stopped(); !going_on) return failure(going_on);
  auto rig = HubRig::start(options, "hub-" + size_text(entries), databases, core);
  if (!rig) return failure(rig);
  grown->rig.emplace(std::move(*rig));
  auto members =
      make_members(grown->rig->database_url(), {.count = members_count, .money = money, .points = points});
  if (!members) return failure(members);
  grown->members = std::move(*members);
  if (auto going_on = options.unless_stopped(); !going_on) return failure(going_on);
  if (auto done = grow_ledger(grown->rig->database_url(), entries / 2, money); !done) return failure(done);

  auto balance = MemberCalls<ReadScript>::connect(*grown->rig, grown->members, "/api/v1/wallet");
  if (!balance) return failure(balance);
  auto history =
      MemberCalls<ReadScript>::connect(*grown->rig, grown->members, "/api/v1/wallet/entries?limit=20");
  if (!history) return failure(history);
  auto spin = MemberCalls<SpinScript>::connect(*grown->rig, grown->members);
  if (!spin) return failure(spin);
  grown->balance = std::move(*balance);
  grown->history = std::move(*history);
  grown->spin = std::move(*spin);
  return grown;
}

constexpr std::array kinds{"balance", "history", "spin"};

std::vector<Contestant> contestants_of(Grown& grown, const MeasureOptions& options) {
  const std::string size = " at " + size_text(grown.entries);
  return {grown.balance->contestant(kinds[0] + size, options),
          grown.history->contestant(kinds[1] + size, options),
          grown.spin->contestant(kinds[2] + size, options)};
}

/// The largest against the smallest.
void set_goals(Report& report) {
  const std::size_t last = report.series.size() - kinds.size();
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    const Ratio ratio = report.ratios.emplace_back(ratio_of(report.series[last + kind], report.series[kind]));
    report.at_least(ratio.name, ratio.median(), kind < 2 ? reads_goal : writes_goal);
  }
}

}  // namespace

Result<Report> run_growth(const MeasureOptions& options, Engine engine, bool full) {
  std::vector<std::int64_t> sizes{10'000, 100'000, 1'000'000};
  if (options.quick) sizes = {1'000, 10'000};
  if (full) sizes.push_back(10'000'000);
  auto databases = Databases::open(options, engine);
  if (!databases) return failure(databases);
  const Cores cores = choose_cores();
  std::vector<std::unique_ptr<Grown>> all;
  std::vector<Contestant> contestants;
  for (const std::int64_t entries : sizes) {
    auto grown = grow(options, *databases, engine == Engine::sqlite ? cores.server : -1, entries);
    if (!grown) return failure(grown);
    std::ranges::move(contestants_of(**grown, options), std::back_inserter(contestants));
    all.push_back(std::move(*grown));
  }
  Report report{.scenario = scenario_name("growth", engine)};
  report.settings = {{"database", std::string(name_of(engine))},
                     {"cores", engine == Engine::sqlite ? cores.text() : std::string(shared_cores)},
                     {"connections", std::to_string(member_connections)},
                     {"members", std::to_string(members_count)}};
  report.notes = {"Sizes are the ledger's entries, in equal parts of the members' histories."};
  if (engine == Engine::postgresql) report.notes.emplace_back(postgres_cpu_note);
  const OnCore on(engine == Engine::sqlite ? cores.load : -1);
  auto series = take_turns(
      contestants,
      {.title = report.scenario, .rounds = options.rounds, .turn = options.turn(), .stop = options.stop});
  if (!series) return failure(series);
  report.series = std::move(*series);
  set_goals(report);
  return report;
}

}  // namespace perkline::bench
