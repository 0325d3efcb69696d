#include "edge/telemetry.hpp"

#include <algorithm>
#include <array>

#include "pdi_client/pdi.hpp"
#include "shared/core/bytes.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::edge {
namespace {

ops::CheckStatus status_of(journal::Room room) {
  switch (room) {
    case journal::Room::ample:
      return ops::CheckStatus::up;
    case journal::Room::low:
      return ops::CheckStatus::degraded;
    case journal::Room::none:
      return ops::CheckStatus::down;
  }
  return ops::CheckStatus::down;
}

constexpr Millis beat_every{250};
/// A reactor that has not come round for so long is wedged: nothing on it may block.
constexpr Millis reactor_silence_max{5000};
/// An idle journal is made to write this often; one silent for longer than the second is wedged.
constexpr Millis journal_probe_every{5000};
constexpr Millis journal_silence_max{20'000};
constexpr std::string_view probe_key = "probe";
constexpr std::string_view pdi_breaker = "pdi";
/// As Telemetry and those who tell it name them; each is there from the start, so that no alert waits for the
/// first of its kind.
constexpr std::array refresh_results{"ok", "failed", "invalid_client"};
constexpr std::array storage_kinds{"read", "write", "mark"};
constexpr std::array spin_reserves{"none", "kept", "late", "away"};
constexpr std::array claim_results{"claimed", "pending", "refused"};

/// From what an idle store's jobs take to a slow night's reconciling.
std::vector<double> job_duration_bounds() {
  return {0.01, 0.1, 1, 10, 60, 600, 3600};
}

ops::CheckResult result_of(const std::atomic<ops::CheckStatus>& status, const Latency& latency) {
  return {.status = status.load(std::memory_order_relaxed), .latency_ms = latency.ms()};
}

/// What a call's outcome says of PDI itself.
ops::CheckStatus pdi_status(std::string_view outcome) {
  if (outcome == "ok" || outcome == name_of(pdi::Outcome::rejected)) return ops::CheckStatus::up;
  const bool answers =
      outcome == name_of(pdi::Outcome::rate_limited) || outcome == name_of(pdi::Outcome::forbidden);
  return answers ? ops::CheckStatus::degraded : ops::CheckStatus::down;
}

}  // namespace

void Pulse::beat(MonoTime now, std::optional<std::chrono::nanoseconds> latency) {
  last_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  if (latency) latency_.set(*latency);
}

MonoTime Pulse::last() const {
  return MonoTime(MonoTime::duration(last_.load(std::memory_order_relaxed)));
}

ops::CheckResult Pulse::check(MonoTime now, Millis silence_max) const {
  const bool silent = now - last() > silence_max;
  return {.status = silent ? ops::CheckStatus::down : ops::CheckStatus::up, .latency_ms = latency_ms()};
}

Telemetry::Telemetry(ops::Metrics& metrics, ops::Health& health, net::AsyncClock& clock)
    : metrics_(metrics),
      health_(health),
      clock_(clock),
      storage_free_(
          metrics.gauge("perkline_edge_storage_free_bytes", "What is free on the file system of data_dir.")),
      sale_ack_(metrics.histogram("perkline_edge_sale_ack_duration_seconds",
                                  "From a finalize's request to its 200 or 202.", ops::duration_bounds())),
      journal_sync_(metrics.histogram("perkline_edge_journal_sync_duration_seconds",
                                      "Writing and syncing one group of batches.", ops::duration_bounds())),
      queue_records_(metrics.gauge("perkline_edge_queue_records", "Sales that await PDI.")),
      queue_oldest_age_(metrics.gauge("perkline_edge_queue_oldest_age_seconds",
                                      "How long ago the oldest of them was asked for by its till.")),
      uplink_forked_(
          metrics.gauge("perkline_edge_uplink_forked",
                        "1: the hub does not take this store's history in; a person has to decide.")),
      outbox_lag_(metrics.gauge("perkline_edge_outbox_lag_records", "Events the hub has not acknowledged.")),
      catalogue_version_(metrics.gauge("perkline_edge_catalogue_version",
                                       "The version of the hub's catalogue that is held; 0: none.")),
      erasures_waiting_(metrics.gauge("perkline_edge_erasures_waiting",
                                      "People to be forgotten whose sales here are not settled yet.")) {
  for (std::uint8_t value = 1; value <= session::status_count; ++value) {
    const auto status = static_cast<session::Status>(value);
    const ops::Labels state{{"state", std::string(name_of(status))}};
    steps_.emplace(status, metrics.counter("perkline_edge_session_steps_total",
                                           "Steps of sessions, by where they led.", state));
    if (session::is_end(status)) continue;
    sessions_.emplace(status, metrics.gauge("perkline_edge_sessions",
                                            "Sessions that are not at their end, by their state.", state));
  }
  for (const char* result : refresh_results) refreshes(result);
  for (const char* kind : storage_kinds) storage_errors(kind);
  beat();
  health.add("reactor", ops::CheckRole::required,
             [this, &clock] { return reactor_.check(clock.mono_now(), reactor_silence_max); });
  health.add("journal", ops::CheckRole::required,
             [this, &clock] { return journal_.check(clock.mono_now(), journal_silence_max); });
  health.add("pdi", ops::CheckRole::told, [this] {
    ops::CheckResult result = result_of(pdi_, pdi_latency_);
    const pdi::BreakerState breaker = breaker_.load(std::memory_order_relaxed);
    result.circuit_breaker = name_of(breaker);
    // Nobody asks PDI, however well it was: one that was forced open and forgotten has to be seen.
    if (breaker == pdi::BreakerState::forced_open && result.status == ops::CheckStatus::up)
      result.status = ops::CheckStatus::degraded;
    return result;
  });
}

void Telemetry::on_sync(std::chrono::nanoseconds took) {
  journal_.beat(clock_.mono_now(), took);
  journal_sync_.observe(std::chrono::duration<double>(took).count());
}

void Telemetry::on_hold() {
  journal_.beat(clock_.mono_now());
}

void Telemetry::watch_storage(const journal::Space& space) {
  space_ = &space;
  storage_free_.set(static_cast<double>(space.free_bytes()));
  health_.add("storage", ops::CheckRole::awaited, [this, &space] {
    return ops::CheckResult{.status = status_of(space.room()), .latency_ms = journal_.latency_ms()};
  });
}

void Telemetry::on_answer(const net::Answered& answered) {
  const double took = std::chrono::duration<double>(answered.duration).count();
  const bool acknowledged = answered.status == 200 || answered.status == 202;
  if (answered.route == "/v1/finalize" && acknowledged) sale_ack_.observe(took);
  const std::pair<std::string, int> key(answered.route, answered.status);
  auto found = answers_.find(key);
  if (found == answers_.end()) {
    found =
        answers_
            .emplace(key, metrics_.counter("perkline_edge_http_answers_total", "Answers to tills, by route.",
                                           {{"route", key.first}, {"status", std::to_string(key.second)}}))
            .first;
  }
  found->second.add();
}

void Telemetry::on_pdi_call(std::string_view endpoint, std::string_view outcome,
                            std::chrono::nanoseconds took) {
  const std::pair<std::string, std::string> key(endpoint, outcome);
  auto found = pdi_calls_.find(key);
  if (found == pdi_calls_.end()) {
    found = pdi_calls_
                .emplace(key, metrics_.counter("perkline_edge_pdi_requests_total",
                                               "Calls to PDI, by how they ended.",
                                               {{"endpoint", key.first}, {"outcome", key.second}}))
                .first;
  }
  found->second.add();
  // Neither says anything of PDI.
  if (outcome == name_of(pdi::Outcome::not_tried) || outcome == name_of(pdi::Outcome::cancelled)) return;
  pdi_.store(pdi_status(outcome), std::memory_order_relaxed);
  // Without a token nothing was sent.
  if (outcome != name_of(pdi::Outcome::no_token)) pdi_latency_.set(took);
}

ops::Counter Telemetry::refreshes(std::string_view result) {
  return metrics_.counter("perkline_edge_oauth_refresh_total", "Refreshes of PDI's token.",
                          {{"result", std::string(result)}});
}

ops::Counter Telemetry::storage_errors(std::string_view kind) {
  return metrics_.counter("perkline_edge_storage_errors_total",
                          "What the disk or the journal on it failed at.", {{"kind", std::string(kind)}});
}

void Telemetry::on_token_refresh(std::string_view result) {
  refreshes(result).add();
}

void Telemetry::on_storage_error(std::string_view kind) {
  storage_errors(kind).add();
}

void Telemetry::on_job(std::string_view job, std::string_view result, std::chrono::nanoseconds took) {
  metrics_
      .counter("perkline_edge_job_runs_total", "Runs of the regular jobs, by how they ended.",
               {{"job", std::string(job)}, {"result", std::string(result)}})
      .add();
  metrics_
      .histogram("perkline_edge_job_duration_seconds", "How long the runs took.", job_duration_bounds(),
                 {{"job", std::string(job)}})
      .observe(std::chrono::duration<double>(took).count());
}

void Telemetry::on_job_success(std::string_view job, std::optional<WallTime> last) {
  const std::chrono::duration<double> since_1970 = last.value_or(WallTime{}).time_since_epoch();
  metrics_
      .gauge("perkline_edge_job_last_success_timestamp_seconds",
             "When the job's last run that succeeded began, also before a restart; 0: never.",
             {{"job", std::string(job)}})
      .set(since_1970.count());
}

void Telemetry::on_difference(std::string_view ours, std::string_view pdi) {
  metrics_
      .counter("perkline_edge_reconcile_differences_total",
               "Sessions that are booked here and not at PDI, or there and not here.",
               {{"ours", std::string(ours)}, {"pdi", std::string(pdi)}})
      .add();
}

void Telemetry::on_step(session::Status to) {
  steps_.at(to).add();
}

/// Whatever took long before this is no silence.
void Telemetry::beat() {
  reactor_.beat(clock_.mono_now());
  journal_.beat(clock_.mono_now());
}

void Telemetry::watch_hub(std::function<HubCheck()> standing) {
  hub_standing_ = std::move(standing);
  health_.add("hub", ops::CheckRole::told, [this] { return result_of(hub_, hub_latency_); });
}

programme::Watch Telemetry::watch_programme() {
  const auto spins = [this](std::string_view result, std::string_view reserve) {
    return metrics_.counter("perkline_edge_spins_total", "Spins drawn, by what came of them.",
                            {{"result", std::string(result)}, {"reserve", std::string(reserve)}});
  };
  const auto claims = [this](std::string_view result) {
    return metrics_.counter("perkline_edge_claims_total", "Claims of promotions, by how they ended.",
                            {{"result", std::string(result)}});
  };
  const ops::Gauge units =
      metrics_.gauge("perkline_edge_lease_units", "Units of stocked prizes that may be given away here.");
  const ops::Gauge seeds =
      metrics_.gauge("perkline_edge_wheel_seeds", "Days that there is a seed for to draw sales' spins with.");
  for (const char* reserve : spin_reserves) spins("won", reserve);
  for (const char* result : claim_results) claims(result);
  return {
      .on_spin = [spins](std::string_view result, std::string_view reserve) { spins(result, reserve).add(); },
      .on_claim = [claims](std::string_view result) { claims(result).add(); },
      .on_units = [units](std::int64_t left) mutable { units.set(static_cast<double>(left)); },
      .on_seeds = [seeds](std::int64_t left) mutable { seeds.set(static_cast<double>(left)); }};
}

Task<void> Telemetry::run(journal::Journal& journal, const journal::Outbox& outbox,
                          const session::SessionStore& store) {
  beat();
  while (true) {
    const MonoTime due = clock_.mono_now() + beat_every;
    co_await clock_.sleep_until(due);
    const MonoTime now = clock_.mono_now();
    reactor_.beat(now, now - due);
    if (hub_standing_) {
      const HubCheck is = hub_standing_();
      hub_.store(is.status, std::memory_order_relaxed);
      if (is.round_trip) hub_latency_.set(*is.round_trip);
      uplink_forked_.set(is.status == ops::CheckStatus::degraded ? 1 : 0);
      catalogue_version_.set(static_cast<double>(is.catalogue));
      erasures_waiting_.set(static_cast<double>(is.erasures));
    }
    outbox_lag_.set(static_cast<double>(outbox.tail() - outbox.acked()));
    if (space_ != nullptr) storage_free_.set(static_cast<double>(space_->free_bytes()));
    tell_queue(store);
    tell_breakers();
    if (!probing_ && now - journal_.last() > journal_probe_every) {
      probing_ = true;
      co_await net::spawn_child(probe(journal));
    }
  }
}

void Telemetry::tell_breakers() {
  for (const auto& [name, ask] : breakers_) {
    const pdi::BreakerState is = ask();
    if (name == pdi_breaker) breaker_.store(is, std::memory_order_relaxed);
    for (const auto state : {pdi::BreakerState::closed, pdi::BreakerState::open, pdi::BreakerState::half_open,
                             pdi::BreakerState::forced_open}) {
      metrics_
          .gauge("perkline_edge_breaker_state", "1 for the state the circuit breaker is in.",
                 {{"name", name}, {"state", std::string(name_of(state))}})
          .set(state == is ? 1 : 0);
    }
  }
}

void Telemetry::tell_queue(const session::SessionStore& store) {
  queue_records_.set(static_cast<double>(store.waiting_count()));
  for (const auto& [status, gauge] : sessions_) gauge.set(static_cast<double>(store.open_count(status)));
  const auto since = store.waiting_since();
  if (!since) return;
  const auto age = *since ? std::max(Millis{0}, clock_.wall_now() - **since) : Millis{0};
  queue_oldest_age_.set(std::chrono::duration<double>(age).count());
}

Task<void> Telemetry::probe(journal::Journal& journal) {
  std::string time;
  append_u64(time, static_cast<std::uint64_t>(clock_.wall_now().time_since_epoch().count()));
  journal::Batch batch;
  batch.put(journal::Family::meta, std::string(probe_key), std::move(time));
  const MonoTime began = clock_.mono_now();
  co_await journal.commit(std::move(batch));
  journal_.beat(clock_.mono_now(), clock_.mono_now() - began);
  probing_ = false;
}

}  // namespace perkline::edge
