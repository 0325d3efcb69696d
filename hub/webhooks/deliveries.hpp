#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/events/consumer.hpp"
#include "hub/events/outbox.hpp"
#include "hub/webhooks/webhook.hpp"
#include "shared/core/random.hpp"

/// One row for each event that a webhook is to hear of.
///
///     (event) ──▶ pending ──▶ delivered
///                  ▲  ▲ ╲          │
///                  │  └──╲ later   │
///                  │      ▼        │
///                  │    failed     │
///                  └──── retry ────┘
namespace perkline::hub::webhooks {

struct Delivery {
  std::int64_t id = 0;
  std::string event_id;
  std::string event_type;
  std::string state;          ///< pending, delivered, failed.
  std::int64_t attempts = 0;  ///< Since it was made, or last put back.
  std::optional<WallTime> next_attempt_at;
  std::optional<WallTime> last_attempt_at;
  std::optional<std::int64_t> last_status;  ///< nullopt: it has not answered.
  std::optional<std::string> last_error;    ///< In words of ours; nullopt: it was delivered, or not tried.
  WallTime created_at;
  std::optional<WallTime> finished_at;
};

/// Makes deliveries of events, in the transaction of the outbox's offset; `clock` must outlive it.
events::Consumer consumer(const Clock& clock);

/// Whose an event is, member or else card or else store, as one of lanes_max numbers: a webhook is sent those
/// of one number in their order, and of several at a time. It names nobody, so that an erasure need not find
/// it. Pure.
std::int64_t lane_of(const events::DomainEvent& event);
inline constexpr std::int64_t lanes_max = 1024;

/// A delivery whose time has come.
struct DueDelivery {
  std::int64_t id = 0;
  std::int64_t attempts = 0;
  std::optional<events::PositionedEvent> event;  ///< nullopt: it is not kept any more.
};
/// Of up to `lanes` lanes of a webhook up to `of_each` deliveries, each lane's in their order, the lane that
/// has waited longest first. Errors: the database's.
Result<std::vector<std::vector<DueDelivery>>> due_deliveries(db::Transaction& transaction,
                                                             const std::string& webhook, WallTime now,
                                                             std::int64_t lanes, std::int64_t of_each);

/// Which of a webhook's deliveries are asked for.
struct DeliveryFilter {
  std::string state = {};  ///< Empty: any.
  /// Only older ones than this; nullopt: from the newest on.
  std::optional<std::int64_t> before = std::nullopt;
  std::int64_t limit = 50;
};
/// The newest first. Errors: the database's.
Result<std::vector<Delivery>> list_deliveries(db::Transaction& transaction, const Uuid& webhook,
                                              const DeliveryFilter& filter);

/// Has it sent again, at once, with all attempts before it, whatever became of it. Errors: not_found.
Result<Delivery> retry_delivery(db::Transaction& transaction, const Uuid& webhook, std::int64_t id,
                                WallTime now);

/// How often a delivery is tried, and how long after a failed attempt the next one follows: 5 s, 15 s, 45 s …
/// up to an hour, each a fifth more or less: 28 attempts within 22 hours. `attempts` have failed so far.
inline constexpr std::int64_t delivery_attempts_max = 28;
Millis pause_after(std::int64_t attempts, Rng& rng);
/// No such pause is longer.
inline constexpr minutes delivery_pause_max{72};

/// What came of an attempt.
struct Attempt {
  WallTime at;
  std::optional<int> status = std::nullopt;         ///< nullopt: no answer.
  std::optional<std::string> error = std::nullopt;  ///< nullopt: it was delivered.
  Millis pause{0};                                  ///< Before the next one, where there is one.
};
/// Notes it, unless the delivery has been put back meanwhile: `attempts` as it was before the attempt.
Result<void> note_attempt(db::Transaction& transaction, std::int64_t id, std::int64_t attempts,
                          const Attempt& attempt);

/// How many deliveries are pending, and how many have failed, of webhooks that are there.
struct DeliveryCounts {
  std::int64_t pending = 0;
  std::int64_t failed = 0;
};
Result<DeliveryCounts> count_deliveries(db::Transaction& transaction);

/// Drops what has been over for events::keep_events, in steps of a transaction each: ended deliveries and
/// removed webhooks; deliveries of removed webhooks at once. Gives how many. Errors: the database's.
Task<Result<std::int64_t>> purge_all(db::Database& database, WallTime now);

}  // namespace perkline::hub::webhooks
