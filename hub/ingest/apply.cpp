#include "hub/ingest/apply.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/identity/erasures.hpp"
#include "hub/ingest/erased.hpp"
#include "hub/ingest/pending.hpp"
#include "hub/ingest/programme.hpp"
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

Result<void> note_voids(db::Transaction& transaction, std::span<const Told<sync::SessionVoided>> voids,
                        WallTime now) {
  static const db::BulkStatement insert(
      "INSERT INTO session_void (session_id, store_id, transaction_id, customer_id, channel_id, reason,"
      " voided_at, received_at) VALUES ",
      "(?, ?, ?, ?, ?, ?, ?, ?)", " ON CONFLICT (session_id) DO NOTHING");
  std::vector<db::Value> values;
  for (const auto& [event, voided, ids, bytes] : voids) {
    db::append_row(values, voided->session.str(), event->store.str(), voided->transaction.str(),
                   voided->customer.str(), voided->channel.str(), voided->reason, stamp(voided->voided_at),
                   stamp(now));
  }
  auto noted = insert.run(transaction, std::move(values));
  if (!noted) return failure(noted);
  return {};
}

Result<void> note_differences(db::Transaction& transaction,
                              std::span<const Told<sync::ReconcileDifference>> differences, WallTime now) {
  static const db::BulkStatement insert(
      "INSERT INTO reconcile_difference (id, store_id, session_id, transaction_id, customer_id, ours, pdi,"
      " found_at, received_at) VALUES ",
      "(?, ?, ?, ?, ?, ?, ?, ?, ?)", " ON CONFLICT (id) DO NOTHING");
  std::vector<db::Value> values;
  for (const auto& [event, difference, ids, bytes] : differences) {
    db::append_row(values, event->id.str(), event->store.str(), difference->session.str(),
                   difference->transaction.str(), difference->customer.str(), difference->ours,
                   difference->pdi, stamp(difference->found_at), stamp(now));
  }
  auto noted = insert.run(transaction, std::move(values));
  if (!noted) return failure(noted);
  return {};
}

/// Whose card the event is about; nullptr: it does not say.
const CustomerId* card_of(const sync::EventPayload& payload) {
  return std::visit(
      [](const auto& told) -> const CustomerId* {
        using Payload = std::decay_t<decltype(told)>;
        if constexpr (std::is_same_v<Payload, sync::SaleSettled>) return &told.sale.customer;
        if constexpr (requires { told.customer; }) return &told.customer;
        return nullptr;
      },
      payload);
}

/// The tier that a sale tells of its card, which it makes if need be; nullptr: it is no sale.
const std::string* tier_of(const sync::EventPayload& payload) {
  if (const auto* finalized = std::get_if<sync::SaleFinalized>(&payload)) return &finalized->tier;
  if (const auto* pending = std::get_if<sync::SalePending>(&payload)) return &pending->tier;
  if (const auto* settled = std::get_if<sync::SaleSettled>(&payload)) return &settled->sale.tier;
  return nullptr;
}

/// Cards that are not there yet.
enum class NewCards : std::uint8_t {
  made,    ///< Where a sale among the events makes them.
  passed,  ///< By: nobody's row is locked for them.
};

/// Locks all cards of the events with one statement, in rising order. What is to be made is made by it, too:
/// between two statements somebody else could make it, hold it, and wait for what the first has locked.
Result<void> hold_cards(db::Transaction& transaction, std::span<const ToldEvent> events, WallTime now,
                        NewCards fresh) {
  static const db::BulkStatement hold(
      "INSERT INTO member (customer_id, tier, first_seen) VALUES ", "(?, ?, ?)",
      " ON CONFLICT (customer_id) DO UPDATE SET tier = member.tier WHERE FALSE RETURNING customer_id");
  static const db::BulkStatement drop("DELETE FROM member WHERE customer_id IN (", "?", ")");
  // By card the tier that its sale tells; nullptr: none does.
  std::map<std::string_view, const std::string*> cards;
  for (const ToldEvent& told : events) {
    const CustomerId* card = card_of(told.event->payload);
    if (card == nullptr || card->empty()) continue;
    const std::string*& tier = cards[card->str()];
    if (tier == nullptr) tier = tier_of(told.event->payload);
  }
  std::vector<db::Value> values;
  for (const auto& [card, tier] : cards)
    db::append_row(values, std::string(card), tier != nullptr ? *tier : "", stamp(now));
  auto made = hold.run(transaction, std::move(values));
  if (!made) return failure(made);
  std::vector<db::Value> unwanted;
  for (const db::Row& row : *made) {
    if (fresh == NewCards::passed || cards.at(row.text(0)) == nullptr) unwanted.emplace_back(row.text(0));
  }
  auto dropped = drop.run(transaction, std::move(unwanted));
  if (!dropped) return failure(dropped);
  return {};
}

/// Events of one kind, in order.
class Applier {
 public:
  Applier(db::Transaction& transaction, std::span<const ToldEvent> events, WallTime now,
          const wheel::Terms& terms)
      : transaction_(transaction), events_(events), now_(now), terms_(terms) {}

  Result<void> operator()(const sync::SaleFinalized&) {
    return apply_sales(transaction_, all_of<sync::SaleFinalized>(events_), Figures::finalized, now_,
                       terms_.programme);
  }
  Result<void> operator()(const sync::SalePending&) {
    return apply_pending(transaction_, all_of<sync::SalePending>(events_), now_, terms_.programme);
  }
  Result<void> operator()(const sync::SaleSettled&) {
    return apply_sales(transaction_, sales_in(events_), Figures::settled, now_, terms_.programme);
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
    return note_voids(transaction_, all_of<sync::SessionVoided>(events_), now_);
  }
  Result<void> operator()(const sync::ReconcileDifference&) {
    return note_differences(transaction_, all_of<sync::ReconcileDifference>(events_), now_);
  }
  Result<void> operator()(const sync::MemberErased&) {
    return each<sync::MemberErased>([this](const Told<sync::MemberErased>& told) {
      return identity::note_erased_at_store(transaction_, UserId(told.payload->erasure.str()),
                                            told.event->store, now_);
    });
  }
  Result<void> operator()(const sync::SpinDrawn&) {
    return each<sync::SpinDrawn>(
        [this](const Told<sync::SpinDrawn>& told) { return apply_drawn(transaction_, told, now_, terms_); });
  }
  Result<void> operator()(const sync::SpinDropped&) {
    return each<sync::SpinDropped>(
        [this](const Told<sync::SpinDropped>& told) { return apply_dropped(transaction_, told, now_); });
  }
  Result<void> operator()(const sync::LeaseReturned&) {
    return each<sync::LeaseReturned>([this](const Told<sync::LeaseReturned>& told) {
      return apply_lease_returned(transaction_, told, now_);
    });
  }
  Result<void> operator()(const sync::PromotionClaimed&) {
    return each<sync::PromotionClaimed>(
        [this](const Told<sync::PromotionClaimed>& told) { return apply_claimed(transaction_, told, now_); });
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
  const wheel::Terms& terms_;
};

/// The order in which kinds are taken where the events' own does not matter: what a sale waits for comes
/// before what follows it. What is not named here is taken in its own place, by itself.
struct RankOf {
  static constexpr std::size_t by_itself = 11;
  std::size_t operator()(const sync::SalePending&) const { return 0; }
  std::size_t operator()(const sync::SaleFinalized&) const { return 1; }
  std::size_t operator()(const sync::SaleSettled&) const { return 2; }
  std::size_t operator()(const sync::SaleRejected&) const { return 3; }
  std::size_t operator()(const sync::SaleReturned&) const { return 4; }
  std::size_t operator()(const sync::SessionVoided&) const { return 5; }
  std::size_t operator()(const sync::ReconcileDifference&) const { return 6; }
  std::size_t operator()(const sync::SpinDrawn&) const { return 7; }
  std::size_t operator()(const sync::SpinDropped&) const { return 8; }
  std::size_t operator()(const sync::LeaseReturned&) const { return 9; }
  std::size_t operator()(const sync::PromotionClaimed&) const { return 10; }
  template <class Other>
  std::size_t operator()(const Other&) const {
    return by_itself;
  }
};

struct SessionOf {
  std::string_view operator()(const sync::SaleSettled& settled) const { return settled.sale.session.str(); }
  template <class Payload>
  std::string_view operator()(const Payload& told) const {
    if constexpr (requires { told.session.str(); }) return told.session.str();
    return {};
  }
};

/// Events that may be taken kind by kind: those of different sessions never depend on one another's order,
/// and those of one session stand in the kinds' order.
class Stretch {
 public:
  /// False: what is here is to be applied before it.
  bool add(const ToldEvent& told) {
    const std::size_t rank = std::visit(RankOf{}, told.event->payload);
    if (is_closed_ || (rank == RankOf::by_itself && size_ > 0)) return false;
    // Empty: of none, or of another store's.
    const std::string_view session = std::visit(SessionOf{}, told.event->payload);
    if (!session.empty()) {
      std::size_t& last = last_ranks_.try_emplace(session, rank).first->second;
      if (last > rank) return false;
      last = rank;
    }
    is_closed_ = rank == RankOf::by_itself;
    kinds_.at(rank).push_back(told);
    ++size_;
    return true;
  }

  /// Empty afterwards.
  Result<void> apply(db::Transaction& transaction, WallTime now, const wheel::Terms& terms) {
    for (std::vector<ToldEvent>& events : kinds_) {
      if (events.empty()) continue;
      auto done = std::visit(Applier(transaction, events, now, terms), events.front().event->payload);
      if (!done) return done;
      events.clear();
    }
    last_ranks_.clear();
    size_ = 0;
    is_closed_ = false;
    return {};
  }

 private:
  std::array<std::vector<ToldEvent>, RankOf::by_itself + 1> kinds_;
  std::unordered_map<std::string_view, std::size_t> last_ranks_;
  std::size_t size_ = 0;
  bool is_closed_ = false;
};

/// Sales alone lock their cards by one statement that is like hold_cards(), and late.
bool are_sales(std::span<const ToldEvent> events) {
  return std::ranges::all_of(events, [](const ToldEvent& told) {
    return std::holds_alternative<sync::SaleFinalized>(told.event->payload);
  });
}

}  // namespace

std::optional<std::string> unfit(const Result<sync::Event>& event, const Place& place) {
  if (!event) return event.error().detail;
  if (event->store != place.store || event->epoch != place.epoch || event->sequence != place.sequence)
    return "the event claims another place in another history";
  if (const auto* unknown = std::get_if<sync::UnknownEvent>(&event->payload))
    return "type " + std::to_string(unknown->type) + " is unknown to this version";
  return std::nullopt;
}

Result<void> hold_known_cards(db::Transaction& transaction, std::span<const ToldEvent> events) {
  if (transaction.for_update().empty()) return {};
  return hold_cards(transaction, events, {}, NewCards::passed);
}

Result<void> apply(db::Transaction& transaction, std::span<const ToldEvent> events, WallTime now,
                   const wheel::Terms& terms, Millis clock_off) {
  const auto without = without_erased(transaction, events, clock_off);
  if (!without) return std::unexpected(without.error());
  if (*without) events = (*without)->told;
  if (!transaction.for_update().empty() && events.size() > 1 && !are_sales(events)) {
    if (auto held = hold_cards(transaction, events, now, NewCards::made); !held) return held;
  }
  Stretch stretch;
  for (const ToldEvent& told : events) {
    if (stretch.add(told)) continue;
    if (auto done = stretch.apply(transaction, now, terms); !done) return done;
    stretch.add(told);
  }
  return stretch.apply(transaction, now, terms);
}

bool is_fault_of_event(const Error& error) {
  return error.code == Errc::malformed_answer || error.code == Errc::already_exists ||
         error.code == Errc::validation_failed || error.code == Errc::insufficient_points ||
         error.code == Errc::session_state || error.code == Errc::balance_limit ||
         error.code == Errc::return_exceeds_sale || error.code == Errc::not_found;
}

}  // namespace perkline::hub::ingest
