#include <fmt/format.h>

#include "bench/demo/summary.hpp"
#include "bench/outage/outage.hpp"
#include "shared/json/writer.hpp"

namespace perkline::bench {
namespace {

double millis(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double quantile(const Waits& waits, double share) {
  return millis(waits.times.quantile(share));
}

}  // namespace

std::string to_text(const OutageReport& report) {
  std::string text = to_text(report.sales);
  text +=
      fmt::format("the breaker opened {} times; the machine's load was {:.1f} before and {:.1f} after\n\n",
                  report.breaker_openings, report.load_before, report.load_after);
  text += fmt::format("{:<34} {:>8} {:>10} {:>10} {:>10} {:>12}\n", "tills' waits, ms", "calls", "p50", "p99",
                      "max", "sent late");
  for (const Waits& waits : report.waits) {
    text += fmt::format("{:<34} {:>8} {:>10.2f} {:>10.2f} {:>10.2f} {:>12.2f}\n", waits.spell,
                        waits.times.count(), quantile(waits, 0.5), quantile(waits, 0.99),
                        millis(waits.times.longest()), millis(waits.latest));
  }
  text +=
      fmt::format("\n{}\n{:<50} {:>10} {:>10}\n", to_table(report.reconciliation), "goal", "is", "at most");
  for (const Goal& goal : report.goals) {
    text += fmt::format("{:<50} {:>10.6g} {:>10.6g}  {}\n", goal.name, goal.is, goal.most,
                        goal.met() ? "met" : "MISSED");
  }
  return text;
}

std::string to_json(const OutageReport& report) {
  json::Writer out;
  out.begin_object();
  out.field("ok", report.ok()).field("salesAcknowledged", report.sales.sold.size());
  out.field("salesPending", report.sales.pending).field("salesPerSecond", report.sales.sales_per_second());
  out.field("breakerOpenings", report.breaker_openings);
  out.field("loadBefore", report.load_before).field("loadAfter", report.load_after);
  out.key("waits").begin_array();
  for (const Waits& waits : report.waits) {
    out.begin_object().field("spell", waits.spell).field("calls", waits.times.count());
    out.field("p50Ms", quantile(waits, 0.5)).field("p99Ms", quantile(waits, 0.99));
    out.field("maxMs", millis(waits.times.longest())).field("sentLateMs", millis(waits.latest)).end_object();
  }
  out.end_array().key("goals").begin_array();
  for (const Goal& goal : report.goals) {
    out.begin_object().field("name", goal.name).field("is", goal.is).field("atMost", goal.most);
    out.field("met", goal.met()).end_object();
  }
  return out.end_array().end_object().take();
}

}  // namespace perkline::bench
