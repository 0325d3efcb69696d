#include <thread>

#include <fmt/format.h>

#include "bench/edge/lone_store.hpp"
#include "bench/edge/pdi_alone.hpp"
#include "bench/edge/scenarios.hpp"
#include "bench/edge/till_turn.hpp"
#include "bench/measure/progress.hpp"

namespace perkline::bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr double calls_of_sale = 3;
constexpr double ready_goal_s = 5;
constexpr double rss_goal_mib = 256;
/// A drain is to be as fast as PDI answers, within this much.
constexpr double share_goal = 0.9;
/// What settlement may have of PDI by the edge's own configuration, and so what PDI's client alone has.
constexpr std::size_t calls_at_once = 4;
constexpr std::size_t tills = 128;
constexpr std::chrono::milliseconds look_every{200};

struct Sizes {
  std::uint64_t backlog;  ///< Pending sales that the edge starts over.
  std::uint64_t drained;  ///< Those that are settled to the last.
  std::chrono::seconds watched;
};

double in_seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// So many sales that PDI has not seen, sold by tills with the breaker forced open. The edge ends after.
Result<void> sell_pending(LoneStore& store, std::uint64_t sales, const MeasureOptions& options) {
  if (auto started = store.start_edge(); !started) return failure(started);
  if (auto forced = store.force_open(); !forced) return forced;
  MeasureOptions without_end = options;
  without_end.warm_up = {};
  without_end.time = std::chrono::hours(1);
  const auto calls = static_cast<std::uint64_t>(static_cast<double>(sales) * calls_of_sale);
  Progress bar("selling with PDI away", calls);
  auto sold = run_turn({.port = store.port(),
                        .server = store.edge_pid(),
                        .connections = tills,
                        .script = {.key = store.key(), .finalized = 202, .standin = true},
                        .calls = calls,
                        .counted = [&](std::uint64_t done) { bar.show(done); }},
                       without_end, {});
  if (!sold) return failure(sold);
  return store.stop_edge();
}

/// The backlog's data, made if it is not there: it takes minutes, and is the same every time.
Result<void> provide_backlog(LoneStore& store, const fs::path& kept, std::uint64_t sales,
                             const MeasureOptions& options) {
  const fs::path whole = kept / "whole";
  std::error_code error;
  if (!fs::exists(whole)) {
    fs::remove_all(kept, error);
    if (auto sold = sell_pending(store, sales, options); !sold) return sold;
    fs::create_directories(kept, error);
    fs::copy(store.data(), kept / "data", fs::copy_options::recursive, error);
    if (!error) fs::create_directory(whole, error);
  } else {
    if (auto going_on = options.unless_stopped(); !going_on) return going_on;
    fs::copy(kept / "data", store.data(), fs::copy_options::recursive, error);
  }
  if (error) return fail(Errc::io_failed, "the backlog cannot be copied: " + error.message());
  return {};
}

/// Settles `sales` until none waits, or `most` has passed. What was settled, as figures.
Result<Figures> watch_drain(const LoneStore& store, std::uint64_t sales, steady_clock::duration most,
                            const std::atomic<bool>* stop) {
  const auto begin = steady_clock::now();
  const auto load_before = load_cpu(store.sandbox_pid());
  std::uint64_t waiting = sales;
  Progress bar("settling", sales);
  while (waiting > 0 && steady_clock::now() - begin < most) {
    if (stop != nullptr && *stop) return fail(Errc::cancelled, "stopped");
    std::this_thread::sleep_for(look_every);
    const auto pending = store.pending();
    if (!pending) return std::unexpected(pending.error());
    waiting = *pending;
    bar.show(sales - waiting);
  }
  const auto use = use_of(store.edge_pid());
  if (!use) return std::unexpected(use.error());
  return Figures{.operations = sales - waiting,
                 .seconds = in_seconds(steady_clock::now() - begin),
                 .cpu_seconds = in_seconds(use->cpu),
                 .load_cpu_seconds = in_seconds(load_cpu(store.sandbox_pid()) - load_before),
                 .rss_mib = use->rss_peak_mib};
}

/// A start over the whole backlog with PDI back; what is watched of the drain counts for memory.
Result<void> measure_start(Report& report, LoneStore& store, const Sizes& sizes,
                           const MeasureOptions& options) {
  auto took = store.start_edge();
  if (!took) return failure(took);
  auto figures = watch_drain(store, sizes.backlog, sizes.watched, options.stop);
  if (!figures) return failure(figures);
  const std::string of = fmt::format("{} sales pending", sizes.backlog);
  report.at_most("ready with " + of + ", s", in_seconds(*took), ready_goal_s);
  report.at_most("resident with " + of + ", MiB", figures->rss_mib, rss_goal_mib);
  report.series.push_back({.name = "settled with " + of, .turns = {std::move(*figures)}});
  return store.stop_edge();
}

Result<void> measure_drain(Report& report, const Sizes& sizes, const MeasureOptions& options,
                           LoneStore::Options of_store) {
  of_store.folder = options.state_dir / "small";
  auto store = LoneStore::prepare(std::move(of_store));
  if (!store) return failure(store);
  if (auto sold = sell_pending(*store, sizes.drained, options); !sold) return sold;
  if (auto started = store->start_sandbox(); !started) return started;
  auto before = run_pdi_alone(*store, calls_at_once, options);
  if (!before) return failure(before);
  if (auto started = store->start_edge(); !started) return failure(started);
  auto figures = watch_drain(*store, sizes.drained, std::chrono::minutes(10), options.stop);
  if (!figures) return failure(figures);
  if (figures->operations < sizes.drained)
    return fail(Errc::io_failed,
                fmt::format("after ten minutes only {} sales are settled", figures->operations));
  report.notes.push_back(
      fmt::format("{} sales were settled in {:.1f} s. One start and one drain: one sample each; memory with "
                  "the whole backlog is "
                  "looked at for the first {} s.",
                  figures->operations, figures->seconds, sizes.watched.count()));
  if (auto stopped = store->stop_edge(); !stopped) return stopped;
  auto after = run_pdi_alone(*store, calls_at_once, options);
  if (!after) return failure(after);
  const Series settled{.name = fmt::format("settled, {} sales to the last", sizes.drained),
                       .turns = {*figures, *figures}};
  const Series alone{.name = "PDI's client alone, before and after", .turns = {*before, *after}};
  report.ratios = {ratio_of(settled, alone)};
  report.at_least("of what PDI's client alone does", report.ratios.front().median(), share_goal);
  report.series.push_back({.name = settled.name, .turns = {std::move(*figures)}});
  report.series.push_back(alone);
  return {};
}

}  // namespace

Result<Report> run_drain(const MeasureOptions& options) {
  const Cores cores = choose_cores();
  const OnCore on(cores.load);
  const Sizes sizes = options.quick ? Sizes{300, 100, std::chrono::seconds(1)}
                                    : Sizes{1'000'000, 50'000, std::chrono::seconds(10)};
  const fs::path kept = options.state_dir.parent_path() / "backlog" / fmt::format("{}", sizes.backlog);
  const LoneStore::Options of_store{.bin_dir = options.bin_dir, .folder = options.state_dir, .cores = cores};
  auto store = LoneStore::prepare(of_store);
  if (!store) return failure(store);
  Report report{.scenario = "edge-drain",
                .measuring = {.rounds = 1},
                .settings = {{"cores", cores.text() + "; the sandbox on the load's"}}};
  if (auto provided = provide_backlog(*store, kept, sizes.backlog, options); !provided)
    return failure(provided);
  if (auto started = store->start_sandbox(); !started) return failure(started);
  if (auto measured = measure_start(report, *store, sizes, options); !measured) return failure(measured);
  if (auto measured = measure_drain(report, sizes, options, of_store); !measured) return failure(measured);
  return report;
}

}  // namespace perkline::bench
