#include "bench/measure/report.hpp"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "bench/fleet/child.hpp"
#include "bench/measure/page.hpp"
#include "bench/measure/process.hpp"
#include "shared/core/clock.hpp"
#include "shared/json/writer.hpp"

namespace perkline::bench {
namespace {

namespace fs = std::filesystem;

/// Of the working tree that this is run from, with `+` if it has changes; `unknown` elsewhere.
std::string commit_here() {
  const auto commit = run_command("git", {"rev-parse", "--short=12", "HEAD"});
  if (!commit || commit->status != 0) return "unknown";
  const auto changes = run_command("git", {"status", "--porcelain", "--untracked-files=no"});
  return commit->out + (changes && !changes->out.empty() ? "+" : "");
}

/// `-`: not looked at.
std::string in_millis(double micros) {
  return micros > 0 ? fmt::format("{:.3f}", micros / 1000) : "-";
}

constexpr std::size_t name_width_min = 40;

/// Of the column that all tables begin with.
std::size_t name_width(const Report& report) {
  std::size_t width = name_width_min;
  for (const Series& series : report.series) width = std::max(width, series.name.size());
  for (const Ratio& ratio : report.ratios) width = std::max(width, ratio.name.size());
  for (const Target& target : report.targets) width = std::max(width, target.name.size());
  return width;
}

/// Where there are no rates.
std::string times_table(const Report& report, std::size_t width) {
  std::string text =
      fmt::format("\n{:<{}} {:>10} {:>9} {:>8}\n", "medians of all turns", width, "ms", "CPU-ms", "RSS MiB");
  for (const Series& series : report.series)
    text += fmt::format("{:<{}} {:>10} {:>9.1f} {:>8.1f}\n", series.name, width, in_millis(series.p50_us()),
                        series.cpu_ms_per_operation(), series.rss_mib());
  return text;
}

/// `-`: not looked at.
std::string unless_none(double value, std::string_view format) {
  return value > 0 ? fmt::format(fmt::runtime(format), value) : "-";
}

bool has_database(const Report& report) {
  return std::ranges::any_of(report.series,
                             [](const Series& one) { return one.database_cpu_ms_per_operation() > 0; });
}

std::string figures_head(std::size_t width, bool database) {
  return fmt::format("\n{:<{}} {:>10} {:>10} {:>10} {:>10} {:>9}{} {:>6} {:>8}\n", "medians of all turns",
                     width, "per second", "p50 ms", "p99 ms", "p99.9 ms", "CPU-ms",
                     database ? "    DB-ms" : "", "load", "RSS MiB");
}

std::string series_line(const Series& series, std::size_t width, bool database) {
  const std::string of_database =
      database ? fmt::format(" {:>8}", unless_none(series.database_cpu_ms_per_operation(), "{:.4f}")) : "";
  return fmt::format("{:<{}} {:>10.0f} {:>10} {:>10} {:>10} {:>9}{} {:>6} {:>8}\n", series.name, width,
                     series.per_second(), in_millis(series.p50_us()), in_millis(series.p99_us()),
                     in_millis(series.p999_us()), unless_none(series.cpu_ms_per_operation(), "{:.4f}"),
                     of_database, unless_none(100 * series.load_share(), "{:.0f} %"),
                     unless_none(series.rss_mib(), "{:.1f}"));
}

void percentiles_json(json::Writer& out, const Histogram& times) {
  out.field("p50Us", micros(times.quantile(0.5))).field("p99Us", micros(times.quantile(0.99)));
  out.field("p999Us", micros(times.quantile(0.999))).field("maxUs", micros(times.longest()));
}

void turn_json(json::Writer& out, const Figures& turn) {
  out.begin_object().field("operations", turn.operations).field("late", turn.late);
  out.field("seconds", turn.seconds).field("perSecond", turn.per_second());
  out.field("p50Us", turn.p50_us).field("p99Us", turn.p99_us).field("p999Us", turn.p999_us);
  out.field("maxUs", turn.max_us).field("cpuMsPerOperation", turn.cpu_ms_per_operation());
  out.field("databaseCpuMsPerOperation", turn.database_cpu_ms_per_operation());
  out.field("loadShare", turn.load_share());
  out.field("rssMiB", turn.rss_mib).key("kinds").begin_array();
  for (const Figures::Kind& kind : turn.kinds) {
    out.begin_object().field("name", kind.name).field("count", kind.times.count());
    percentiles_json(out, kind.times);
    out.end_object();
  }
  out.end_array().end_object();
}

void series_json(json::Writer& out, const Series& series) {
  out.begin_object().field("name", series.name).field("perSecond", series.per_second());
  out.field("p50Us", series.p50_us()).field("p99Us", series.p99_us()).field("p999Us", series.p999_us());
  out.field("cpuMsPerOperation", series.cpu_ms_per_operation());
  out.field("databaseCpuMsPerOperation", series.database_cpu_ms_per_operation());
  out.field("loadShare", series.load_share()).field("rssMiB", series.rss_mib());
  out.key("turns").begin_array();
  for (const Figures& turn : series.turns) turn_json(out, turn);
  out.end_array().key("histogram").begin_array();
  for (const Histogram::Bucket& bucket : series.times().buckets())
    out.begin_array().value(bucket.upper.count()).value(bucket.count).end_array();
  out.end_array().end_object();
}

std::string measured_text(const Measuring& measuring) {
  std::string text = fmt::format("{} {}", measuring.rounds, measuring.rounds == 1 ? "round" : "rounds");
  if (measuring.seconds > 0)
    text +=
        fmt::format(" of {:g} s, {:g} s warm-up before each", measuring.seconds, measuring.warm_up_seconds);
  if (measuring.rate > 0) text += fmt::format(", open loop at {:g} calls a second", measuring.rate);
  return text;
}

void measuring_json(json::Writer& out, const Measuring& measuring) {
  out.key("measuring").begin_object().field("rounds", std::uint64_t{measuring.rounds});
  out.field("seconds", measuring.seconds).field("warmUpSeconds", measuring.warm_up_seconds);
  out.field("rate", measuring.rate)
      .field("quick", measuring.quick)
      .field("text", measured_text(measuring))
      .end_object();
}

/// `quick`: none.
std::string_view verdict_of(const Target& target, bool quick) {
  if (quick) return "";
  return target.met() ? "  met" : "  MISSED";
}

void machine_json(json::Writer& out) {
  const Machine machine = this_machine();
  out.key("machine").begin_object().field("cpu", machine.cpu).field("cores", machine.cores);
  out.field("memoryGiB", machine.memory_gib).field("kernel", machine.kernel).end_object();
}

}  // namespace

Target& Report::at_least(std::string name, double is, double bound) {
  return targets.emplace_back(
      Target{.name = std::move(name), .is = is, .bound = bound, .kind = Target::Bound::at_least});
}
Target& Report::at_most(std::string name, double is, double bound) {
  return targets.emplace_back(
      Target{.name = std::move(name), .is = is, .bound = bound, .kind = Target::Bound::at_most});
}

std::string to_text(const Report& report) {
  const std::size_t width = name_width(report);
  std::string text = report.scenario + "\n";
  if (report.measuring.quick)
    text +=
        "  QUICK: for function only, nothing of it is to be believed; PostgreSQL's commits are not on disk\n";
  text += fmt::format("  measured: {}\n", measured_text(report.measuring));
  for (const auto& [name, value] : report.settings) text += fmt::format("  {}: {}\n", name, value);
  for (const std::string& note : report.notes) text += "  " + note + "\n";
  if (!report.rates) {
    text += times_table(report, width);
  } else if (!report.series.empty()) {
    const bool database = has_database(report);
    text += figures_head(width, database);
    for (const Series& series : report.series) text += series_line(series, width, database);
  }
  if (!report.ratios.empty())
    text += fmt::format("\n{:<{}} {:>8} {:>8} {:>8}\n", "ratio, median of rounds, with 95 %", width, "is",
                        "from", "to");
  for (const Ratio& ratio : report.ratios)
    text += fmt::format("{:<{}} {:>8.3f} {:>8.3f} {:>8.3f}\n", ratio.name, width, ratio.median(), ratio.low(),
                        ratio.high());
  if (!report.targets.empty()) text += fmt::format("\n{:<{}} {:>10} {:>13}\n", "goal", width, "is", "");
  for (const Target& target : report.targets) {
    const char* const sign = target.kind == Target::Bound::at_least ? ">=" : "<=";
    text += fmt::format("{:<{}} {:>10} {:>2} {:>10.6g}{}\n", target.name, width, shown(target.is), sign,
                        target.bound, verdict_of(target, report.measuring.quick));
  }
  return text + "\n";
}

std::string to_json(const Report& report) {
  json::Writer out;
  out.begin_object().field("scenario", report.scenario).field("date", format_time(SystemClock().wall_now()));
  out.field("commit", commit_here());
  machine_json(out);
  measuring_json(out, report.measuring);
  out.field("rates", report.rates);
  out.key("settings").begin_object();
  for (const auto& [name, value] : report.settings) out.field(name, value);
  out.end_object().key("notes").begin_array();
  for (const std::string& note : report.notes) out.value(note);
  out.end_array().key("series").begin_array();
  for (const Series& series : report.series) series_json(out, series);
  out.end_array().key("ratios").begin_array();
  for (const Ratio& ratio : report.ratios) {
    out.begin_object().field("name", ratio.name).field("median", ratio.median()).field("low", ratio.low());
    out.field("high", ratio.high()).end_object();
  }
  out.end_array().key("goals").begin_array();
  for (const Target& target : report.targets) {
    out.begin_object().field("name", target.name).field("is", target.is).field("bound", target.bound);
    out.field("direction", target.kind == Target::Bound::at_least ? "atLeast" : "atMost");
    if (!report.measuring.quick) out.field("met", target.met());
    out.end_object();
  }
  return out.end_array().end_object().take();
}

Result<void> publish(const Report& report, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  const fs::path path = folder / (report.scenario + ".json");
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << to_json(report) << '\n';
  file.close();
  if (error || !file) return fail(Errc::io_failed, path.string() + " cannot be written");
  return write_page(folder);
}

}  // namespace perkline::bench
