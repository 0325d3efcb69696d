#pragma once

#include <functional>
#include <mutex>
#include <unordered_set>

#include "hub/billing/payments.hpp"
#include "hub/events/dispatcher.hpp"
#include "hub/ingest/dead_letters.hpp"
#include "hub/ingest/ingest.hpp"
#include "hub/jobs/jobs.hpp"
#include "hub/notifications/mail.hpp"
#include "hub/notifications/mail_queue.hpp"
#include "hub/webhooks/deliveries.hpp"
#include "hub/wheel/leases.hpp"
#include "shared/net/http_server.hpp"
#include "shared/ops/metrics.hpp"

namespace perkline::hub {

/// What the hub counts. Thread-safe.
class HubMetrics {
 public:
  /// `metrics` must outlive this.
  explicit HubMetrics(ops::Metrics& metrics);

  void answered(const net::Answered& answered);
  /// A key that is no store's or was revoked, or a frame in the name of a store that the key is not.
  void store_refused() { refused_keys_.add(); }
  /// A frame went down to a store.
  void sent_down(std::string_view kind);
  /// Must not outlive this.
  ingest::IngestObserver ingest_observer();
  /// Must not outlive this.
  jobs::Watch jobs_watch();
  /// Must not outlive this.
  std::function<void(std::string_view prize_type)> spin_watch();
  /// Those of a store that is not in it are over.
  void dead_letters(const ingest::OpenLetters& open);
  /// Those of a store that is not in it are over.
  void stranded(const wheel::StrandedUnits& units);
  /// Must not outlive this.
  events::DispatcherWatch events_watch();
  /// Those of a consumer that is not in it are over.
  void event_dead_letters(const events::OpenLetters& open);
  void deliveries(const webhooks::DeliveryCounts& counts);
  /// The server's word on a mail.
  void mail_tried(notifications::MailFate fate);
  void notifications(const notifications::Counts& counts);
  void payments(const billing::Pending& pending, WallTime now);
  /// A top-up that its provider has settled has failed here.
  void payment_to_give_back();
  /// How many stores a restored hub waits for, and whether for staff's word too (stores/awaited.hpp).
  void awaited(std::size_t stores, bool word_on_web_draws);
  /// Units of stocked prizes that this process has leased to stores.
  void leased(std::int64_t units);
  /// What cannot be undone waits at this process.
  void clock_in_doubt(bool is);
  /// Of this process.
  void sockets_open(std::size_t count);
  /// Stores whose history is not taken in, as told since the start.
  std::size_t forked_stores() const;

 private:
  ops::Metrics& metrics_;
  ops::Counter refused_keys_;
  mutable std::mutex mutex_;  ///< For what follows.
  std::unordered_set<StoreId> forked_;
  // As last told; the caller's thread.
  ingest::OpenLetters open_letters_;
  wheel::StrandedUnits stranded_;
  events::OpenLetters open_event_letters_;
};

}  // namespace perkline::hub
