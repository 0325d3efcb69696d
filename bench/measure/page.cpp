#include "bench/measure/page.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/measure/figures.hpp"
#include "bench/measure/plot.hpp"
#include "shared/core/html.hpp"
#include "shared/json/value.hpp"

namespace perkline::bench {
namespace {

namespace fs = std::filesystem;
using Kind = json::Value::Kind;

constexpr std::string_view page_head = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Perkline, measured</title><style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem; color: #1f2937 }
table { border-collapse: collapse; margin: .8rem 0 } td, th { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #e5e7eb }
td:first-child, th:first-child, #goals :nth-child(2) { text-align: left } .met { color: #059669 } .missed { color: #dc2626; font-weight: 600 }
p.plain { max-width: 60rem } svg { font: 11px system-ui, sans-serif; margin-right: 1rem; max-width: 100% } svg .g { stroke: #e5e7eb } .small { color: #6b7280; font-size: 13px }
</style></head><body><h1>Perkline, measured</h1>
)";

constexpr std::string_view page_intro =
    R"(<p class=plain>Perkline keeps a chain's loyalty programme going: an edge in each store,
which tills call, and a hub for all. Here its parts are held against ceilings: bare programs that do no more than what cannot be
left out (the answer, the commit). Server and ceiling take short turns on the same machine, and a goal is mostly a ratio of the
two, as figures by themselves differ from machine to machine; whether it is met is told in green or red. A put is one record
written to the edge's store; a stretch is what would be more than the goal. CPU-ms is the server's CPU time for each operation, the
database's that of its own processes beside it; load is what asking takes of a core: near 100 % it is not the server that ends the figure.
Plots: throughput by turn, and latency by percentile, corrected for coordinated omission where not noted otherwise.</p>
)";

std::string text_of(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr ? std::string() : std::string(value->text());
}
double number_of(const json::Value& value) {
  return value.is(Kind::number) ? std::strtod(std::string(value.text()).c_str(), nullptr) : 0;
}
double number_of(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr ? 0 : number_of(*value);
}
std::span<const json::Value> items_of(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr ? std::span<const json::Value>() : value->items();
}

std::string cell(const std::string& text) {
  return "<td>" + html_escaped(text) + "</td>";
}
std::string row(std::string_view tag, const std::vector<std::string>& cells) {
  std::string text = "<tr>";
  for (const std::string& one : cells) text += fmt::format("<{0}>{1}</{0}>", tag, html_escaped(one));
  return text + "</tr>\n";
}
std::string millis(const json::Value& object, std::string_view name) {
  const double micros = number_of(object, name);
  return micros > 0 ? fmt::format("{:.3f}", micros / 1000) : "-";
}

std::string goal_cells(const json::Value& goal) {
  const bool at_least = text_of(goal, "direction") == "atLeast";
  std::string text = cell(text_of(goal, "name")) + cell(shown(number_of(goal, "is")));
  text += cell(fmt::format("{} {:.6g}", at_least ? "≥" : "≤", number_of(goal, "bound")));
  const json::Value* met = goal.find("met");
  if (met == nullptr) return text + "<td></td>";  // measured for function only
  return text + (met->boolean() ? "<td class=met>met</td>" : "<td class=missed>missed</td>");
}

/// Of all reports, with the way to each.
std::string overview_of(const std::vector<json::Document>& reports) {
  std::string text = "<table id=goals>" + row("th", {"scenario", "goal", "is", "", ""});
  for (const json::Document& report : reports) {
    const std::string scenario = html_escaped(text_of(report.root(), "scenario"));
    const std::string way = fmt::format("<td><a href=\"#{0}\">{0}</a></td>", scenario);
    const auto goals = items_of(report.root(), "goals");
    if (goals.empty()) text += "<tr>" + way + "<td colspan=4>no goal</td></tr>\n";
    for (const json::Value& goal : goals) text += "<tr>" + way + goal_cells(goal) + "</tr>\n";
  }
  return text + "</table>\n";
}

std::string goals_of(const json::Value& report) {
  const auto goals = items_of(report, "goals");
  if (goals.empty()) return {};
  std::string text = "<table>" + row("th", {"goal", "is", "", ""});
  for (const json::Value& goal : goals) text += "<tr>" + goal_cells(goal) + "</tr>\n";
  return text + "</table>";
}

/// Of a report whose turns are one operation each, as starts are: it has no rates.
bool has_rates(const json::Value& report) {
  const json::Value* rates = report.find("rates");
  return rates == nullptr || rates->boolean();
}

std::string times_of(const json::Value& report) {
  std::string text = "<table>" + row("th", {"medians of all turns", "ms", "CPU-ms", "RSS MiB, the most"});
  for (const json::Value& series : items_of(report, "series"))
    text += row("td", {text_of(series, "name"), millis(series, "p50Us"),
                       fmt::format("{:.1f}", number_of(series, "cpuMsPerOperation")),
                       fmt::format("{:.1f}", number_of(series, "rssMiB"))});
  return text + "</table>";
}

std::string figures_of(const json::Value& report) {
  const auto all = items_of(report, "series");
  if (all.empty()) return {};
  if (!has_rates(report)) return times_of(report);
  const auto share = [](const json::Value& series) {
    const double load = number_of(series, "loadShare");
    return load > 0 ? fmt::format("{:.0f} %", 100 * load) : "-";
  };
  const auto database = [](const json::Value& series) {
    const double cpu = number_of(series, "databaseCpuMsPerOperation");
    return cpu > 0 ? fmt::format("{:.4f}", cpu) : "-";
  };
  std::string text = "<table>" + row("th", {"medians of all turns", "per second", "p50 ms", "p99 ms",
                                            "p99.9 ms", "CPU-ms each", "the database's", "load", "RSS MiB"});
  for (const json::Value& series : all) {
    text += row("td", {text_of(series, "name"), fmt::format("{:.0f}", number_of(series, "perSecond")),
                       millis(series, "p50Us"), millis(series, "p99Us"), millis(series, "p999Us"),
                       fmt::format("{:.4f}", number_of(series, "cpuMsPerOperation")), database(series),
                       share(series), fmt::format("{:.1f}", number_of(series, "rssMiB"))});
  }
  return text + "</table>";
}

std::string ratios_of(const json::Value& report) {
  const auto ratios = items_of(report, "ratios");
  if (ratios.empty()) return {};
  std::string text = "<table>" + row("th", {"ratio, median of rounds, with 95 %", "is", "from", "to"});
  for (const json::Value& ratio : ratios) {
    text += row("td", {text_of(ratio, "name"), fmt::format("{:.3f}", number_of(ratio, "median")),
                       fmt::format("{:.3f}", number_of(ratio, "low")),
                       fmt::format("{:.3f}", number_of(ratio, "high"))});
  }
  return text + "</table>";
}

/// A point where the curve has moved on by a pixel or so.
Curve curve_of(const json::Value& series) {
  constexpr double step = 0.01;
  Curve curve{.name = text_of(series, "name"), .points = {}};
  const auto buckets = items_of(series, "histogram");
  double total = 0;
  for (const json::Value& bucket : buckets) total += number_of(bucket.items()[1]);
  double seen = 0;
  double last = 0;
  for (const json::Value& bucket : buckets) {
    const double before = seen / total;
    seen += number_of(bucket.items()[1]);
    const double ms = number_of(bucket.items()[0]) / 1e6;
    if (!curve.points.empty() && seen < total && ms < last * (1 + step)) continue;
    last = ms;
    curve.points.emplace_back(before, ms);
  }
  // So few calls tell nothing of what one of still more would have taken.
  if (total > 0) curve.points.emplace_back(std::max(curve.points.back().first, 1 - 1 / total), last);
  return curve;
}

std::string plots_of(const json::Value& report) {
  if (!has_rates(report)) return {};
  std::vector<Curve> curves;
  std::vector<Bars> bars;
  bool several_turns = false;
  for (const json::Value& series : items_of(report, "series")) {
    if (Curve curve = curve_of(series); !curve.points.empty()) curves.push_back(std::move(curve));
    Bars& turns = bars.emplace_back(Bars{.name = text_of(series, "name"), .values = {}});
    for (const json::Value& turn : items_of(series, "turns"))
      turns.values.push_back(number_of(turn, "perSecond"));
    several_turns = several_turns || !turns.values.empty();
  }
  std::string text = "<div>";
  if (several_turns) text += turn_plot(bars);
  if (!curves.empty()) text += percentile_plot(curves);
  return text + "</div>";
}

bool is_quick(const json::Value& report) {
  const json::Value* measuring = report.find("measuring");
  const json::Value* quick = measuring == nullptr ? nullptr : measuring->find("quick");
  return quick != nullptr && quick->boolean();
}

std::string section_of(const json::Value& report) {
  std::string text = fmt::format("<h2 id=\"{0}\">{0}</h2>\n", html_escaped(text_of(report, "scenario")));
  if (is_quick(report))
    text += "<p class=missed>QUICK: for function only, nothing of it is to be believed.</p>\n";
  text += "<p class=small>";
  text += html_escaped(fmt::format("{}, commit {}", text_of(report, "date"), text_of(report, "commit")));
  if (const json::Value* machine = report.find("machine"); machine != nullptr)
    text += html_escaped(fmt::format("; {}, {} cores, {}", text_of(*machine, "cpu"),
                                     text_of(*machine, "cores"), text_of(*machine, "kernel")));
  if (const json::Value* measuring = report.find("measuring"); measuring != nullptr)
    text += "<br>measured: " + html_escaped(text_of(*measuring, "text"));
  if (const json::Value* settings = report.find("settings"); settings != nullptr) {
    for (const json::Member& one : settings->members())
      text += "<br>" + html_escaped(fmt::format("{}: {}", one.name, one.value.text()));
  }
  for (const json::Value& note : items_of(report, "notes")) text += "<br>" + html_escaped(note.text());
  return text + "</p>\n" + goals_of(report) + ratios_of(report) + figures_of(report) + plots_of(report);
}

}  // namespace

Result<void> write_page(const fs::path& folder) {
  std::set<fs::path> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".json") paths.insert(entry.path());
  }
  std::string text(page_head);
  text += page_intro;
  std::vector<json::Document> reports;
  for (const fs::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    auto report = json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
    if (report && report->root().find("series") != nullptr) reports.push_back(std::move(*report));
  }
  text += overview_of(reports);
  for (const json::Document& report : reports) text += section_of(report.root());
  const fs::path page = folder / "index.html";
  std::ofstream file(page, std::ios::binary | std::ios::trunc);
  file << text << "</body></html>\n";
  file.close();
  if (error || !file) return fail(Errc::io_failed, page.string() + " cannot be written");
  return {};
}

}  // namespace perkline::bench
