#include "hub/metrics.hpp"

#include <algorithm>

namespace perkline::hub {

HubMetrics::HubMetrics(ops::Metrics& metrics)
    : metrics_(metrics),
      refused_keys_(metrics.counter("perkline_hub_sync_refused_keys_total",
                                    "Handshakes and frames under a key that does not let that store in")) {}

void HubMetrics::answered(const net::Answered& answered) {
  // The pattern, not the path: labels must not be of the callers' making.
  const std::string route(answered.route.empty() ? "none" : answered.route);
  const std::string method(name_of(answered.method));
  metrics_
      .counter("perkline_hub_http_requests_total", "HTTP requests answered",
               {{"method", method}, {"route", route}, {"status", std::to_string(answered.status)}})
      .add();
  metrics_
      .histogram("perkline_hub_http_request_duration_seconds",
                 "From a request's head to its answer's last byte", ops::duration_bounds(),
                 {{"method", method}, {"route", route}})
      .observe(std::chrono::duration<double>(answered.duration).count());
}

void HubMetrics::sent_down(std::string_view kind) {
  metrics_
      .counter("perkline_hub_down_frames_total", "Frames sent down to stores, by what they hold",
               {{"kind", std::string(kind)}})
      .add();
}

ingest::IngestObserver HubMetrics::ingest_observer() {
  return {.on_frame =
              [this](std::string_view verdict) {
                metrics_
                    .counter("perkline_hub_sync_frames_total", "Frames of stores, by what became of them",
                             {{"verdict", std::string(verdict)}})
                    .add();
              },
          .on_event =
              [this](std::string_view type) {
                metrics_
                    .counter("perkline_hub_sync_events_total", "Events of stores taken in, by type",
                             {{"type", std::string(type)}})
                    .add();
              },
          .on_lag =
              [this](const StoreId& store, std::uint64_t lag) {
                metrics_
                    .gauge("perkline_hub_store_lag_records", "Events a store holds that the hub has not",
                           {{"store", store.str()}})
                    .set(static_cast<double>(lag));
              },
          .on_fork =
              [this](const StoreId& store, bool forked) {
                metrics_
                    .gauge("perkline_hub_store_forked", "1: the store's history is not taken in",
                           {{"store", store.str()}})
                    .set(forked ? 1 : 0);
                const std::scoped_lock lock(mutex_);
                if (forked) {
                  forked_.insert(store);
                } else {
                  forked_.erase(store);
                }
              }};
}

jobs::Watch HubMetrics::jobs_watch() {
  return {.on_run =
              [this](std::string_view job, bool succeeded) {
                metrics_
                    .counter("perkline_hub_job_runs_total", "Runs of this process' regular jobs",
                             {{"job", std::string(job)}, {"result", succeeded ? "success" : "failed"}})
                    .add();
              },
          .on_last_success =
              [this](std::string_view job, WallTime began) {
                metrics_
                    .gauge("perkline_hub_job_last_success_timestamp_seconds",
                           "When the last run began that succeeded, on any replica",
                           {{"job", std::string(job)}})
                    .set(std::chrono::duration<double>(began.time_since_epoch()).count());
              }};
}

std::function<void(std::string_view)> HubMetrics::spin_watch() {
  return [this](std::string_view prize_type) {
    metrics_.counter("perkline_hub_spins_total", "Spins of members on the web").add();
    // Of type none there is nothing to be had.
    if (prize_type == "none") return;
    metrics_
        .counter("perkline_hub_prizes_awarded_total", "Prizes that members have won on the web, by type",
                 {{"type", std::string(prize_type)}})
        .add();
  };
}

void HubMetrics::awaited(std::size_t stores, bool word_on_web_draws) {
  metrics_
      .gauge("perkline_hub_stores_awaited",
             "Stores that a restored hub has yet to hear from before it gives scarce or one-time prizes away")
      .set(static_cast<double>(stores));
  metrics_
      .gauge(
          "perkline_hub_web_draws_forgotten",
          "1: what was drawn on the web before this hub was restored is lost, and scarce and one-time prizes "
          "wait for staff's word")
      .set(word_on_web_draws ? 1 : 0);
}

void HubMetrics::leased(std::int64_t units) {
  metrics_
      .counter("perkline_hub_leased_units_total",
               "Units of stocked prizes that this process leased to stores")
      .add(static_cast<double>(units));
}

void HubMetrics::dead_letters(const ingest::OpenLetters& open) {
  for (auto& [store, count] : open_letters_) count = 0;
  for (const auto& [store, count] : open) open_letters_[store] = count;
  for (const auto& [store, count] : open_letters_) {
    metrics_
        .gauge("perkline_hub_dead_letters", "A store's events that could not be applied and await a person",
               {{"store", store.str()}})
        .set(static_cast<double>(count));
  }
}

void HubMetrics::stranded(const wheel::StrandedUnits& units) {
  for (auto& [store, count] : stranded_) count = 0;
  for (const auto& [store, count] : units) stranded_[store] = count;
  for (const auto& [store, count] : stranded_) {
    metrics_
        .gauge(
            "perkline_hub_stranded_lease_units",
            "Units of prizes leased to a store that nobody draws from: perkline-hub store write-off-leases",
            {{"store", store.str()}})
        .set(static_cast<double>(count));
  }
}

events::DispatcherWatch HubMetrics::events_watch() {
  return {.on_lag = [this](std::string_view consumer, std::int64_t events) {
    metrics_
        .gauge("perkline_hub_event_lag", "Domain events that a consumer of them has not taken yet",
               {{"consumer", std::string(consumer)}})
        .set(static_cast<double>(events));
  }};
}

void HubMetrics::event_dead_letters(const events::OpenLetters& open) {
  for (auto& [consumer, count] : open_event_letters_) count = 0;
  for (const auto& [consumer, count] : open) open_event_letters_[consumer] = count;
  for (const auto& [consumer, count] : open_event_letters_) {
    metrics_
        .gauge("perkline_hub_event_dead_letters",
               "Domain events that a consumer could not take and that await a person",
               {{"consumer", consumer}})
        .set(static_cast<double>(count));
  }
}

void HubMetrics::deliveries(const webhooks::DeliveryCounts& counts) {
  const auto set = [this](const char* state, std::int64_t count) {
    metrics_
        .gauge("perkline_hub_webhook_deliveries", "Deliveries to webhooks that wait, or have failed for good",
               {{"state", state}})
        .set(static_cast<double>(count));
  };
  set("pending", counts.pending);
  set("failed", counts.failed);
}

void HubMetrics::mail_tried(notifications::MailFate fate) {
  metrics_
      .counter("perkline_hub_mail_attempts_total",
               "Mails this process handed to the server, by its word on them",
               {{"fate", std::string(name_of(fate))}})
      .add();
}

void HubMetrics::notifications(const notifications::Counts& counts) {
  metrics_.gauge("perkline_hub_notifications", "Notifications in the app ever made, by all replicas")
      .set(static_cast<double>(counts.notifications));
  const auto mails = [this](const char* state, std::int64_t count) {
    metrics_
        .gauge("perkline_hub_mails", "Mails of all replicas that are not sent, by state", {{"state", state}})
        .set(static_cast<double>(count));
  };
  mails("waiting", counts.mails_waiting);
  mails("dead", counts.mails_dead);
}

void HubMetrics::clock_in_doubt(bool is) {
  metrics_
      .gauge("perkline_hub_clock_in_doubt",
             "1: the clock is off what is known of the time, nothing lapses and nothing is forgotten")
      .set(is ? 1 : 0);
}

void HubMetrics::payments(const billing::Pending& pending, WallTime now) {
  metrics_.gauge("perkline_hub_payments_pending", "Payments of all replicas that are not decided yet")
      .set(static_cast<double>(pending.count));
  metrics_.gauge("perkline_hub_refunds_due", "Payments of all replicas that are to be given back")
      .set(static_cast<double>(pending.refunds));
  // A clock that was put back would make the oldest one's age negative.
  const Millis age = pending.oldest ? std::max(Millis{0}, now - *pending.oldest) : Millis{0};
  metrics_
      .gauge("perkline_hub_payments_oldest_pending_age_seconds", "How long ago the oldest of them was begun")
      .set(std::chrono::duration<double>(age).count());
}

void HubMetrics::payment_to_give_back() {
  metrics_
      .counter("perkline_hub_payments_to_give_back_total",
               "Top-ups that could not be booked, and that their provider refuses to give back")
      .add();
}

void HubMetrics::sockets_open(std::size_t count) {
  metrics_.gauge("perkline_hub_notification_sockets", "Members' sockets open at this process")
      .set(static_cast<double>(count));
}

std::size_t HubMetrics::forked_stores() const {
  const std::scoped_lock lock(mutex_);
  return forked_.size();
}

}  // namespace perkline::hub
