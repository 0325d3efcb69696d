#include "hub/ingest/apply.hpp"

#include <vector>

#include "hub/ingest/erased.hpp"
#include "hub/ingest/pending.hpp"
#include "hub/ingest/returns.hpp"
#include "hub/ingest/sales.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::ingest {
namespace {

template <class Payload>
std::vector<Told<Payload>> all_of(std::span<const ToldEvent> events) {
  std::vector<Told<Payload>> told;
  told.reserve(events.size());
  for (const ToldEvent& each : events)
    told.push_back({each.event, &std::get<Payload>(each.event->payload), each.ids, each.bytes});
  return told;
}

std::vector<ToldSale> sales_in(std::span<const ToldEvent> settled) {
  std::vector<ToldSale> told;
  told.reserve(settled.size());
  for (const ToldEvent& each : settled)
    told.push_back(
        {each.event, &std::get<sync::SaleSettled>(each.event->payload).sale, each.ids, each.bytes});
  return told;
}

Result<void> note_void(db::Transaction& transaction, const sync::Event& event,
                       const sync::SessionVoided& voided, WallTime now) {
  auto noted = transaction.execute(
      "INSERT INTO session_void (session_id, store_id, transaction_id, customer_id, channel_id, reason,"
      " voided_at, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (session_id) DO NOTHING",
      {voided.session.str(), event.store.str(), voided.transaction.str(), voided.customer.str(),
       voided.channel.str(), voided.reason, stamp(voided.voided_at), stamp(now)});
  if (!noted) return failure(noted);
  return {};
}

Result<void> note_difference(db::Transaction& transaction, const sync::Event& event,
                             const sync::ReconcileDifference& difference, WallTime now) {
  auto noted = transaction.execute(
      "INSERT INTO reconcile_difference (id, store_id, session_id, transaction_id, customer_id, ours, pdi,"
      " found_at, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
      {event.id.str(), event.store.str(), difference.session.str(), difference.transaction.str(),
       difference.customer.str(), difference.ours, difference.pdi, stamp(difference.found_at), stamp(now)});
  if (!noted) return failure(noted);
  return {};
}

/// Events of one kind, in order.
class Applier {
 public:
  Applier(db::Transaction& transaction, std::span<const ToldEvent> events, WallTime now,
          const points::Terms& terms)
      : transaction_(transaction), events_(events), now_(now), terms_(terms) {}

  Result<void> operator()(const sync::SaleFinalized&) {
    return apply_sales(transaction_, all_of<sync::SaleFinalized>(events_), Figures::finalized, now_, terms_);
  }
  Result<void> operator()(const sync::SalePending&) {
    return apply_pending(transaction_, all_of<sync::SalePending>(events_), now_, terms_);
  }
  Result<void> operator()(const sync::SaleSettled&) {
    return apply_sales(transaction_, sales_in(events_), Figures::settled, now_, terms_);
  }
  Result<void> operator()(const sync::SaleRejected&) {
    return each<sync::SaleRejected>(
        [this](const ToldRejected& told) { return apply_rejected(transaction_, told, now_); });
  }
  Result<void> operator()(const sync::SaleReturned&) {
    return each<sync::SaleReturned>(
        [this](const ToldReturn& told) { return apply_returned(transaction_, told, now_); });
  }
  Result<void> operator()(const sync::SessionVoided&) {
    return each<sync::SessionVoided>([this](const Told<sync::SessionVoided>& told) {
      return note_void(transaction_, *told.event, *told.payload, now_);
    });
  }
  Result<void> operator()(const sync::ReconcileDifference&) {
    return each<sync::ReconcileDifference>([this](const Told<sync::ReconcileDifference>& told) {
      return note_difference(transaction_, *told.event, *told.payload, now_);
    });
  }
  Result<void> operator()(const sync::UnknownEvent&) {
    PERKLINE_ASSERT(false);
    return {};
  }

 private:
  template <class Payload, class Apply>
  Result<void> each(Apply apply_one) {
    for (const Told<Payload>& told : all_of<Payload>(events_)) {
      if (auto done = apply_one(told); !done) return done;
    }
    return {};
  }

  db::Transaction& transaction_;
  std::span<const ToldEvent> events_;
  WallTime now_;
  const points::Terms& terms_;
};

}  // namespace

std::optional<std::string> unfit(const Result<sync::Event>& event, const Place& place) {
  if (!event) return event.error().detail;
  if (event->store != place.store || event->epoch != place.epoch || event->sequence != place.sequence)
    return "the event claims another place in another history";
  if (const auto* unknown = std::get_if<sync::UnknownEvent>(&event->payload))
    return "type " + std::to_string(unknown->type) + " is unknown to this version";
  return std::nullopt;
}

Result<void> apply(db::Transaction& transaction, std::span<const ToldEvent> events, WallTime now,
                   const points::Terms& terms) {
  const auto without = without_erased(transaction, events);
  if (!without) return std::unexpected(without.error());
  if (*without) events = (*without)->told;
  while (!events.empty()) {
    const sync::EventPayload& first = events.front().event->payload;
    std::size_t run = 1;
    while (run < events.size() && events[run].event->payload.index() == first.index()) ++run;
    if (auto done = std::visit(Applier(transaction, events.first(run), now, terms), first); !done)
      return done;
    events = events.subspan(run);
  }
  return {};
}

bool is_fault_of_event(const Error& error) {
  return error.code == Errc::malformed_answer || error.code == Errc::already_exists ||
         error.code == Errc::validation_failed || error.code == Errc::insufficient_points ||
         error.code == Errc::return_exceeds_sale || error.code == Errc::not_found;
}

}  // namespace perkline::hub::ingest
