#include "bench/demo/summary.hpp"

#include <iterator>

#include <fmt/format.h>

#include "shared/json/writer.hpp"

namespace perkline::bench {
namespace {

double millis(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::string latency_line(const char* call, const Histogram& times) {
  return fmt::format("  {:<18} {:>9} calls   p50 {:>8.2f} ms   p99 {:>8.2f} ms   max {:>8.2f} ms\n", call,
                     times.count(), millis(times.quantile(0.5)), millis(times.quantile(0.99)),
                     millis(times.quantile(1)));
}

void latency_json(json::Writer& out, const char* call, const Histogram& times) {
  out.key(call).begin_object().field("count", times.count()).field("p50Ms", millis(times.quantile(0.5)));
  out.field("p99Ms", millis(times.quantile(0.99))).field("maxMs", millis(times.quantile(1))).end_object();
}

void counts_json(json::Writer& out, const char* name, const std::map<std::string, std::size_t>& counts) {
  out.key(name).begin_object();
  for (const auto& [reason, count] : counts) out.field(reason, count);
  out.end_object();
}

}  // namespace

std::string to_text(const JourneyFile& file) {
  std::string text = fmt::format("{} of {} baskets and {} of {} lines can be sold\n", file.baskets.size(),
                                 file.baskets_read, file.lines_used, file.lines_read);
  for (const auto& [reason, count] : file.lines_skipped)
    text += fmt::format("  left out: {} lines, {}\n", count, reason);
  for (const auto& [reason, count] : file.baskets_skipped)
    text += fmt::format("  left out: {} baskets, {}\n", count, reason);
  return text;
}

std::string to_text(const ReplaySummary& summary) {
  std::string text = fmt::format(
      "{} sales acknowledged ({} of them pending) in {:.1f} s: {:.0f} sales/s, {} calls made again\n",
      summary.sold.size(), summary.pending, std::chrono::duration<double>(summary.duration).count(),
      summary.sales_per_second(), summary.times.repeats);
  text += latency_line("identify", summary.times.identify);
  text += latency_line("calculateRewards", summary.times.calculate);
  text += latency_line("finalize", summary.times.finalize);
  if (summary.times.give_back.count() > 0) text += latency_line("return", summary.times.give_back);
  for (const auto& [reason, count] : summary.failed) text += fmt::format("  FAILED: {}, {}\n", count, reason);
  return text;
}

std::string to_json(const JourneyFile& file, const ReplaySummary& summary, const ReplayOptions& options) {
  std::vector<std::int64_t> sales(options.edges.size());
  std::vector<std::int64_t> earned(options.edges.size());
  std::vector<std::int64_t> minor(options.edges.size());
  for (const SoldBasket& sale : summary.sold) {
    ++sales[sale.edge];
    earned[sale.edge] += sale.earned.count;
    minor[sale.edge] += sale.amount.minor;
  }
  json::Writer out;
  out.begin_object();
  out.field("basketsRead", file.baskets_read)
      .field("basketsUsed", file.baskets.size())
      .field("linesRead", file.lines_read)
      .field("linesUsed", file.lines_used);
  counts_json(out, "linesSkipped", file.lines_skipped);
  counts_json(out, "basketsSkipped", file.baskets_skipped);
  out.field("salesAcknowledged", summary.sold.size())
      .field("salesPending", summary.pending)
      .field("callsRepeated", summary.times.repeats);
  counts_json(out, "salesFailed", summary.failed);
  out.field("seconds", std::chrono::duration<double>(summary.duration).count())
      .field("salesPerSecond", summary.sales_per_second());
  out.key("edges").begin_array();
  for (std::size_t i = 0; i < options.edges.size(); ++i) {
    out.begin_object()
        .field("url", options.edges[i].url)
        .field("sales", sales[i])
        .field("earnedPoints", earned[i]);
    out.field("amount", format_amount({minor[i], find_currency("USD").value()})).end_object();
  }
  out.end_array().key("latency").begin_object();
  latency_json(out, "identify", summary.times.identify);
  latency_json(out, "calculateRewards", summary.times.calculate);
  latency_json(out, "finalize", summary.times.finalize);
  return out.end_object().end_object().take();
}

void add(ReplaySummary& total, ReplaySummary more) {
  std::ranges::move(more.sold, std::back_inserter(total.sold));
  total.pending += more.pending;
  for (const auto& [reason, count] : more.failed) total.failed[reason] += count;
  total.times.identify.merge(more.times.identify);
  total.times.calculate.merge(more.times.calculate);
  total.times.finalize.merge(more.times.finalize);
  total.times.give_back.merge(more.times.give_back);
  total.times.repeats += more.times.repeats;
  total.duration += more.duration;
}

}  // namespace perkline::bench
