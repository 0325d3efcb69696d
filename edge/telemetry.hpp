#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/journal/outbox.hpp"
#include "edge/journal/space.hpp"
#include "edge/programme/parts.hpp"
#include "edge/session/session_store.hpp"
#include "pdi_client/breaker.hpp"
#include "shared/net/async_clock.hpp"
#include "shared/net/http_server.hpp"
#include "shared/ops/health.hpp"
#include "shared/ops/metrics.hpp"

namespace perkline::edge {

/// How long the last piece of work took that somebody did. Any thread.
class Latency {
 public:
  void set(std::chrono::nanoseconds took) { ns_.store(took.count(), std::memory_order_relaxed); }
  /// nullopt before the first.
  std::optional<double> ms() const {
    const std::int64_t ns = ns_.load(std::memory_order_relaxed);
    return ns == none ? std::nullopt : std::optional(static_cast<double>(ns) / 1e6);
  }

 private:
  static constexpr std::int64_t none = -1;
  std::atomic<std::int64_t> ns_{none};
};

/// When a part of the daemon last showed that it works. Any thread.
class Pulse {
 public:
  /// `latency`: how long its latest piece of work took; nullopt: it lives, but there was none.
  void beat(MonoTime now, std::optional<std::chrono::nanoseconds> latency = std::nullopt);
  MonoTime last() const;
  /// up, or down when it has been silent for longer than `silence_max`.
  ops::CheckResult check(MonoTime now, Millis silence_max) const;
  /// In milliseconds; nullopt before the first piece of work.
  std::optional<double> latency_ms() const { return latency_.ms(); }

 private:
  std::atomic<MonoTime::rep> last_{0};
  Latency latency_;
};

struct HubCheck {
  ops::CheckStatus status = ops::CheckStatus::down;
  std::optional<std::chrono::nanoseconds> round_trip = {};  ///< nullopt: the hub has answered nothing yet.
  std::uint64_t catalogue = 0;                              ///< The version held; 0: none.
  std::size_t erasures = 0;                                 ///< People yet to be forgotten.
};

/// What the daemon tells of itself: metrics by Prometheus' conventions, and the checks behind /health.
/// Reactor's thread, except where said.
class Telemetry {
 public:
  /// All must outlive it.
  Telemetry(ops::Metrics& metrics, ops::Health& health, net::AsyncClock& clock);

  /// A write and sync of the journal. The journal's thread.
  void on_sync(std::chrono::nanoseconds took);
  void on_answer(const net::Answered& answered);
  void on_step(session::Status to);
  /// `outcome` is pdi::Outcome's name, `ok` or `malformed`.
  void on_pdi_call(std::string_view endpoint, std::string_view outcome, std::chrono::nanoseconds took);
  void on_token_refresh(std::string_view result);
  /// A run of a job has ended: success, failed, interrupted.
  void on_job(std::string_view job, std::string_view result, std::chrono::nanoseconds took);
  /// nullopt: never.
  void on_job_success(std::string_view job, std::optional<WallTime> last);
  /// A difference between our books and PDI's was found; each is told once.
  void on_difference(std::string_view ours, std::string_view pdi);
  /// `kind`: read, write, mark. Any thread.
  void on_storage_error(std::string_view kind);
  /// Adds a circuit breaker to the gauges; the one named `pdi` is told with PDI's check. `state` is asked on
  /// the reactor's thread. Before run().
  void watch_breaker(std::string name, std::function<pdi::BreakerState()> state) {
    breakers_.emplace_back(std::move(name), std::move(state));
  }
  /// Adds the hub to the checks, degraded where it does not take this store's history in; `standing` is asked
  /// on the reactor's thread. Before run().
  void watch_hub(std::function<HubCheck()> standing);
  /// What the programme is to tell of spins, claims and leases.
  programme::Watch watch_programme();

  /// The journal waits for room on the disk: it writes nothing, but is not wedged. The journal's thread.
  void on_hold();
  /// Adds the disk to the checks and gauges. Before run().
  void watch_storage(const journal::Space& space);

  /// Feeds the checks and gauges for as long as the daemon lives; keeps an idle journal at work, so that one
  /// that does not write any more is noticed before a sale needs it.
  Task<void> run(journal::Journal& journal, const journal::Outbox& outbox,
                 const session::SessionStore& store);

 private:
  Task<void> probe(journal::Journal& journal);
  ops::Counter refreshes(std::string_view result);
  ops::Counter storage_errors(std::string_view kind);
  void beat();
  void tell_queue(const session::SessionStore& store);
  void tell_breakers();

  ops::Metrics& metrics_;
  ops::Health& health_;
  net::AsyncClock& clock_;
  Pulse reactor_;
  Pulse journal_;
  bool probing_ = false;
  std::atomic<ops::CheckStatus> pdi_{ops::CheckStatus::up};
  Latency pdi_latency_;
  std::vector<std::pair<std::string, std::function<pdi::BreakerState()>>> breakers_;
  std::atomic<pdi::BreakerState> breaker_{pdi::BreakerState::closed};
  std::function<HubCheck()> hub_standing_;
  std::atomic<ops::CheckStatus> hub_{ops::CheckStatus::down};
  Latency hub_latency_;
  const journal::Space* space_ = nullptr;
  ops::Gauge storage_free_;
  ops::Histogram sale_ack_;
  ops::Histogram journal_sync_;
  ops::Gauge queue_records_;
  ops::Gauge queue_oldest_age_;
  ops::Gauge uplink_forked_;
  ops::Gauge outbox_lag_;
  ops::Gauge catalogue_version_;
  ops::Gauge erasures_waiting_;
  std::map<session::Status, ops::Gauge> sessions_;  ///< Of every status that is no end.
  std::map<session::Status, ops::Counter> steps_;
  std::map<std::pair<std::string, int>, ops::Counter, std::less<>> answers_;
  std::map<std::pair<std::string, std::string>, ops::Counter, std::less<>>
      pdi_calls_;  ///< By endpoint and outcome.
};

}  // namespace perkline::edge
