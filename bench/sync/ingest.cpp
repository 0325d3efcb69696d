#include "bench/sync/ingest.hpp"

#include <thread>

#include <fmt/format.h>

#include "bench/hub/rig.hpp"
#include "bench/measure/ceiling.hpp"
#include "bench/measure/drive.hpp"
#include "bench/measure/process.hpp"
#include "bench/measure/turns.hpp"
#include "bench/sync/store_load.hpp"
#include "hub/db/open.hpp"
#include "hub/stores/stores.hpp"
#include "shared/core/limits.hpp"
#include "shared/net/link.hpp"

namespace perkline::bench {
namespace {

using hub::db::Engine;
using hub::db::Transaction;

constexpr std::uint64_t cards = 20'000;
/// As edges that lie behind send them; in a turn of a moment such a batch would not end.
constexpr std::size_t full_batch = limits::sync_batch_events_max;
constexpr std::size_t quick_batch = 32;
std::size_t batch_of(const MeasureOptions& options) {
  return options.quick ? quick_batch : full_batch;
}
/// Enough that the hub never waits for a store; few enough that their end is not long in coming.
constexpr std::size_t lanes = 10;
/// A hub knows a new key after half a second at most.
constexpr std::chrono::milliseconds keys_known{700};

constexpr double sqlite_goal = 0.6;
constexpr double postgres_goal = 0.8;
constexpr double many_stores_goal = 0.8;

Result<std::vector<SimulatedStore>> add_stores(const std::string& database_url, std::size_t count) {
  auto database = hub::db::open_for_tool(database_url, hub::db::IfMissing::fail);
  if (!database) return failure(database);
  std::vector<SimulatedStore> stores;
  std::vector<std::string> public_keys;
  for (std::size_t i = 0; i < count; ++i) {
    net::CurveKeys keys = net::make_curve_keys();
    stores.push_back({StoreId(fmt::format("store-{}", i + 1)), std::move(keys.secret_key)});
    public_keys.push_back(std::move(keys.public_key));
  }
  const WallTime now = SystemClock().wall_now();
  auto added = (*database)->write_now([&](Transaction& transaction) -> Result<void> {
    for (std::size_t i = 0; i < count; ++i) {
      if (auto done = hub::stores::add(transaction, stores[i].id, public_keys[i], now); !done) return done;
    }
    return {};
  });
  if (!added) return failure(added);
  return stores;
}

/// What was acknowledged is there. Errors: io_failed (it is not), the database's.
Result<void> check_sales(const std::string& database_url, std::uint64_t acknowledged) {
  auto database = hub::db::open_for_tool(database_url, hub::db::IfMissing::fail);
  if (!database) return failure(database);
  return (*database)->read_now([&](Transaction& transaction) -> Result<void> {
    auto rows = transaction.query("SELECT COUNT(*) FROM sale WHERE state = 'finalized'");
    if (!rows) return failure(rows);
    const std::int64_t there = rows->front().integer(0);
    if (there == static_cast<std::int64_t>(acknowledged)) return {};
    return fail(Errc::io_failed,
                fmt::format("{} sales were acknowledged, {} are there", acknowledged, there));
  });
}

Result<Figures> stream(const MeasureOptions& options, Databases& databases, std::size_t count,
                       const TurnProgress& progress) {
  auto rig = HubRig::start(options, "hub", databases);
  if (!rig) return failure(rig);
  const auto stores = add_stores(rig->database_url(), count);
  if (!stores) return std::unexpected(stores.error());
  std::this_thread::sleep_for(keys_known);
  auto load = StoreLoad::connect({.endpoint = fmt::format("tcp://127.0.0.1:{}", rig->fleet().sync_port()),
                                  .hub_public_key = rig->fleet().hub_public_key(),
                                  .cards = cards,
                                  .batch = batch_of(options),
                                  .lanes = lanes,
                                  .window = limits::sync_window_batches},
                                 *stores);
  if (!load) return failure(load);
  auto figures = drive(**load, {.warm_up = options.warm_up,
                                .time = options.time,
                                .server = rig->pid(),
                                .database = rig->database_pid(),
                                .stop = options.stop,
                                .progress = progress});
  if (!figures) return failure(figures);
  if (auto checked = check_sales(rig->database_url(), (*load)->acknowledged()); !checked)
    return failure(checked);
  return figures;
}

Contestant stores_contestant(const MeasureOptions& options, Databases& databases, std::size_t count) {
  return {.name = fmt::format("{} stores", count),
          .turn = [&options, &databases, count](const TurnProgress& progress) {
            return stream(options, databases, count, progress);
          }};
}

Contestant bare(const MeasureOptions& options, Databases& databases) {
  const bool sqlite = databases.engine() == Engine::sqlite;
  const std::string name = sqlite ? "ceiling-sqlite" : "ceiling-postgres";
  return {.name = name, .turn = [&options, &databases, sqlite, name](const TurnProgress&) -> Result<Figures> {
            const auto seconds = [](std::chrono::milliseconds time) {
              return fmt::format("{:.2f}", std::chrono::duration<double>(time).count());
            };
            return run_ceiling(
                {.bin_dir = options.bin_dir,
                 .name = name,
                 .arguments = {"--batch", std::to_string(batch_of(options)), "--cards", std::to_string(cards),
                               "--seconds", seconds(options.time), "--warm-up", seconds(options.warm_up),
                               sqlite ? "--folder" : "--url",
                               sqlite ? options.state_dir.string() : databases.fresh_url()}});
          }};
}

/// What the line carries with nobody behind it.
Contestant line_alone(const MeasureOptions& options) {
  return {.name = "ceiling-zmq", .turn = [&options](const TurnProgress&) {
            const double seconds_long = std::chrono::duration<double>(options.time).count();
            return run_ceiling(
                {.bin_dir = options.bin_dir,
                 .name = "ceiling-zmq",
                 .arguments = {"--batch", std::to_string(batch_of(options)), "--dealers",
                               std::to_string(lanes), "--seconds", fmt::format("{:.2f}", seconds_long)}});
          }};
}

}  // namespace

Result<Report> run_ingest(const MeasureOptions& options, Engine engine, std::optional<std::size_t> stores) {
  auto databases = Databases::open(options, engine);
  if (!databases) return failure(databases);
  std::vector<std::size_t> counts{10, 1'000};
  if (stores) counts = {*stores};
  std::vector<Contestant> contestants;
  for (const std::size_t count : counts) contestants.push_back(stores_contestant(options, *databases, count));
  contestants.push_back(bare(options, *databases));
  contestants.push_back(line_alone(options));

  Report report{.scenario = scenario_name("sync-ingest", engine)};
  report.settings = {{"database", std::string(name_of(engine))},
                     {"cores", shared_cores},
                     {"sales a batch", std::to_string(batch_of(options))},
                     {"batches on their way", std::to_string(lanes)},
                     {"cards", std::to_string(cards)}};
  report.notes = {
      "Latency is a batch's, behind those that were on their way before it; the ceiling's a batch's alone, "
      "not corrected for coordinated omission."};
  if (engine == Engine::postgresql)
    report.notes.emplace_back(
        "CPU-ms are the hub's, and the ceiling's client's; DB-ms, which the ceiling does not tell, those of "
        "PostgreSQL's own processes.");
  auto series = take_turns(
      contestants,
      {.title = report.scenario, .rounds = options.rounds, .turn = options.turn(), .stop = options.stop});
  if (!series) return failure(series);
  report.series = std::move(*series);
  const Series& bare_rows = report.series[counts.size()];
  const Ratio of_bare = ratio_of(report.series.front(), bare_rows);
  report.ratios.push_back(of_bare);
  // On PostgreSQL most of it is the server's.
  if (engine == Engine::sqlite) report.ratios.push_back(cpu_ratio_of(report.series.front(), bare_rows));
  report.ratios.push_back(ratio_of(report.series.front(), report.series.back()));
  report.at_least(of_bare.name, of_bare.median(), engine == Engine::sqlite ? sqlite_goal : postgres_goal);
  if (counts.size() > 1) {
    const Ratio many = ratio_of(report.series[1], report.series[0]);
    report.ratios.push_back(many);
    report.at_least(many.name, many.median(), many_stores_goal);
  }
  return report;
}

}  // namespace perkline::bench
