#include "bench/outage/outage.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <signal.h>
#include <stdlib.h>
#include <thread>

#include <fmt/format.h>

#include "bench/fleet/fleet.hpp"
#include "bench/fleet/web.hpp"
#include "bench/load/sample.hpp"
#include "bench/measure/progress.hpp"

namespace perkline::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// Calls that may reach PDI while it is dark, beyond those that fill its places: the breaker's probes.
constexpr std::size_t probes_goal = 20;
constexpr double lost_share = 0.3;
/// The breaker's changes are logged to the millisecond: a call that begins within it may be on either side.
constexpr milliseconds log_grain{2};
constexpr milliseconds poll_every{250};
constexpr seconds hub_patience{60};

double load_now() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : 0;
}

double as_seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}
double as_millis(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// The sum of a metric's lines whose labels count.
double metric(const std::string& metrics, std::string_view name,
              const std::function<bool(std::string_view labels)>& counts) {
  double sum = 0;
  for (std::size_t begin = 0; begin < metrics.size();) {
    const std::size_t end = std::min(metrics.find('\n', begin), metrics.size());
    const std::string line = metrics.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t space = line.rfind(' ');
    if (!line.starts_with(name) || space == std::string::npos) continue;
    const std::string labels = line.substr(name.size(), space - name.size());
    if ((labels.empty() || labels.starts_with('{')) && counts(labels))
      sum += std::strtod(line.c_str() + space + 1, nullptr);
  }
  return sum;
}

class Outage {
 public:
  Outage(Fleet fleet, const OutageOptions& options, const std::atomic<bool>& stop)
      : fleet_(std::move(fleet)), options_(options), stop_(stop) {}

  Result<OutageReport> run() {
    report_.load_before = load_now();
    if (auto sold = sell(); !sold) return failure(sold);
    if (stop_) return fail(Errc::cancelled, "stopped");
    report_.load_after = load_now();
    const auto open = breaker_spells(fleet_.log_of("edge-1"));
    if (!open) return std::unexpected(open.error());
    report_.breaker_openings = open->size();
    sort_waits(*open);
    if (auto reconciled = reconcile_all(); !reconciled) return failure(reconciled);
    set_goals();
    return std::move(report_);
  }

 private:
  /// Tills sell; beside them PDI goes down and up again.
  Result<void> sell() {
    const auto time = options_.before + options_.trouble + options_.after;
    const auto baskets = sample_baskets(
        {.baskets = static_cast<std::size_t>(std::lround(options_.rate * as_seconds(time))), .stores = 1},
        "OUT-");
    const ReplayOptions replay_options{.edges = {{fleet_.edge_url(0), fleet_.terminal_key(0)}},
                                       .concurrency = options_.tills,
                                       .rate = options_.rate,
                                       .on_call = [this](const CallTime& call) { calls_.add(call); }};
    Progress progress("sales", baskets.size());
    std::jthread playing([&] {
      report_.sales = replay(baskets, replay_options, stop_, [&](std::size_t done) { progress.show(done); });
      sold_out_ = true;
    });
    return trouble();
  }

  Result<void> trouble() {
    wait(options_.before);
    const double unanswered_before = unanswered();
    if (auto begun = begin_trouble(); !begun) return begun;
    trouble_.from = steady_clock::now();
    wait(options_.trouble);
    if (auto ended = end_trouble(); !ended) return ended;
    trouble_.to = steady_clock::now();
    wait_until_settled();
    swallowed_ = unanswered() - unanswered_before;
    return {};
  }
  void wait(seconds time) const {
    const auto end = steady_clock::now() + time;
    while (!stop_ && steady_clock::now() < end) std::this_thread::sleep_for(milliseconds(20));
  }

  Result<void> begin_trouble() {
    switch (options_.kind) {
      case OutageKind::blackhole:
        return fleet_.set_fault(R"({"endpoint":"*","mode":"hang"})");
      case OutageKind::commit_timeouts:
        return fleet_.set_fault(fmt::format(
            R"({{"endpoint":"finalize","mode":"timeout_after_commit","probability":{}}})", lost_share));
      case OutageKind::frozen:
        break;
    }
    return signal_sandbox(SIGSTOP);
  }
  Result<void> end_trouble() {
    if (options_.kind == OutageKind::frozen) return signal_sandbox(SIGCONT);
    return fleet_.set_fault(R"({"endpoint":"*","mode":"ok"})");
  }
  Result<void> signal_sandbox(int number) {
    if (::kill(fleet_.sandbox().pid(), number) != 0) return fail(Errc::io_failed, "the sandbox is gone");
    return {};
  }

  std::string metrics() const {
    const auto answer = call({.origin = fleet_.edge_ops_url(0), .path = "/metrics"});
    return answer ? answer->body : std::string();
  }
  /// Calls that PDI has left without an answer so far: while it is dark those are all that reach it.
  double unanswered() const {
    return metric(metrics(), "perkline_edge_pdi_requests_total", [](std::string_view labels) {
      return labels.find("unavailable") != std::string_view::npos;
    });
  }
  double waiting() const {
    return metric(metrics(), "perkline_edge_queue_records", [](std::string_view) { return true; });
  }

  /// Finds the last time anything was seen to wait, until tills have stopped selling too.
  void wait_until_settled() {
    auto last_waiting = trouble_.to;
    while (!stop_) {
      std::this_thread::sleep_for(poll_every);
      const auto now = steady_clock::now();
      if (waiting() > 0) last_waiting = now;
      // The edge tells its queue's length now and then: once is not enough.
      const bool quiet = sold_out_ && now - last_waiting > 4 * poll_every;
      if (quiet || now - trouble_.to > options_.after + 2 * options_.settle_goal) break;
    }
    settled_after_ = last_waiting - trouble_.to;
  }

  void sort_waits(const std::vector<Spell>& open) {
    Waits well{.spell = "PDI is well, breaker closed"};
    Waits dark{.spell = "PDI in trouble, breaker closed"};
    Waits guarded{.spell = "breaker not closed"};
    Waits all{.spell = "all along"};
    for (const CallTime& call : calls_.take()) {
      all.add(call);
      const bool is_open = std::ranges::any_of(open, [&](const Spell& spell) {
        return spell.holds(call.due) && call.due - spell.from >= log_grain;
      });
      (is_open ? guarded : trouble_.holds(call.due) ? dark : well).add(call);
    }
    longest_ = all.times.longest();
    longest_guarded_ = guarded.times.longest();
    report_.waits = {std::move(well), std::move(dark), std::move(guarded), std::move(all)};
  }

  /// The hub may lag behind for a while.
  Result<void> reconcile_all() {
    const auto give_up = steady_clock::now() + hub_patience;
    while (true) {
      learn_outcomes(fleet_, report_.sales.sold);
      auto all = reconcile(fleet_, report_.sales.sold);
      if (!all) return failure(all);
      report_.reconciliation = std::move(*all);
      if (report_.reconciliation.agree() || stop_ || steady_clock::now() > give_up) return {};
      std::this_thread::sleep_for(poll_every);
    }
  }

  void set_goals() {
    const auto goal = [this](std::string name, double is, double most) {
      report_.goals.push_back({std::move(name), is, most});
    };
    std::size_t failed = 0;
    for (const auto& [reason, count] : report_.sales.failed) failed += count;
    goal("sales that failed at tills", static_cast<double>(failed), 0);
    goal("calls that tills had to repeat", static_cast<double>(report_.sales.times.repeats), 0);
    if (options_.kind != OutageKind::commit_timeouts) {
      goal("longest wait, ms", as_millis(longest_),
           as_millis(options_.standin_deadline + options_.late_goal));
      goal("longest wait while the breaker is not closed, ms", as_millis(longest_guarded_),
           as_millis(options_.breaker_open_goal));
      goal("calls that reach PDI while it is dark", swallowed_,
           static_cast<double>(options_.pdi_in_flight_max + probes_goal));
    }
    goal("settled after PDI's return, s", as_seconds(settled_after_), as_seconds(options_.settle_goal));
    goal("sales in review",
         metric(metrics(), "perkline_edge_sessions",
                [](std::string_view labels) { return labels.find("review") != std::string_view::npos; }),
         0);
    const Reconciliation& all = report_.reconciliation;
    goal("transactions booked twice at PDI", static_cast<double>(all.doubled_at_pdi), 0);
    goal("transactions at PDI that no till knows", static_cast<double>(all.unknown_to_tills), 0);
    const auto differ = std::ranges::count_if(all.stores, [](const auto& store) { return !store.agree(); });
    goal("stores where tills, PDI and hub differ", static_cast<double>(differ), 0);
  }

  Fleet fleet_;
  const OutageOptions& options_;
  const std::atomic<bool>& stop_;
  CallBook calls_;
  std::atomic<bool> sold_out_{false};
  Spell trouble_{};
  double swallowed_ = 0;
  steady_clock::duration settled_after_{};
  std::chrono::nanoseconds longest_{};
  std::chrono::nanoseconds longest_guarded_{};
  OutageReport report_;
};

std::string edge_yaml(const OutageOptions& options) {
  std::string yaml = fmt::format("standin: {{ deadline_ms: {} }}\n", options.standin_deadline.count());
  if (options.short_timeouts) yaml += "breaker: { open_base_ms: 500, open_max_ms: 2000 }\n";
  return yaml;
}

std::string pdi_yaml(const OutageOptions& options) {
  std::string yaml = fmt::format("max_in_flight: {}", options.pdi_in_flight_max);
  if (options.short_timeouts)
    yaml += ", timeouts_ms: { identify: 1500, calculate: 1500, finalize: 1500, status: 500 }";
  return yaml;
}

}  // namespace

OutageOptions outage_options(OutageKind kind, bool quick) {
  const bool lossy = kind == OutageKind::commit_timeouts;
  OutageOptions options{.kind = kind};
  options.rate = lossy ? 50 : 200;
  options.trouble = lossy ? seconds(300) : seconds(60);
  if (!quick) return options;
  options.rate = 60;
  options.before = seconds(1);
  options.trouble = seconds(5);
  options.after = seconds(1);
  options.tills = 64;
  options.settle_goal = seconds(60);
  options.standin_deadline = milliseconds(1000);
  options.late_goal = milliseconds(2000);
  options.breaker_open_goal = milliseconds(800);  // Still less than waiting for PDI would take.
  options.pdi_in_flight_max = 16;
  options.short_timeouts = true;
  return options;
}

bool OutageReport::ok() const {
  return std::ranges::all_of(goals, &Goal::met);
}

Result<OutageReport> run_outage(const OutageOptions& options, const std::atomic<bool>& stop) {
  constexpr int quiet_ms = 20'000;
  constexpr int short_quiet_ms = 1000;
  auto fleet = Fleet::start({.bin_dir = options.bin_dir,
                             .state_dir = options.state_dir,
                             .edges = 1,
                             .pdi_quiet_ms = options.short_timeouts ? short_quiet_ms : quiet_ms,
                             .edge_yaml = {edge_yaml(options)},
                             .pdi_yaml = pdi_yaml(options)});
  if (!fleet) return failure(fleet);
  return Outage(std::move(*fleet), options, stop).run();
}

}  // namespace perkline::bench
