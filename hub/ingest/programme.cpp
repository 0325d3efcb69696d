#include "hub/ingest/programme.hpp"

#include <algorithm>

#include "hub/points/cause.hpp"
#include "hub/promotions/till_claim.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/one_time.hpp"
#include "hub/wheel/reservations.hpp"
#include "hub/wheel/seeds.hpp"
#include "hub/wheel/store_spin.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::hub::ingest {
namespace {

Result<void> check_sale(db::Transaction& transaction, const Told<sync::SpinDrawn>& told) {
  auto sales = transaction.query("SELECT store_id, customer_id, rejected_at FROM sale WHERE session_id = $1",
                                 {told.payload->session.str()});
  if (!sales) return failure(sales);
  if (sales->empty() || sales->front().text(0) != told.event->store.str() ||
      sales->front().text(1) != told.payload->customer.str()) {
    return fail(Errc::validation_failed, "the spin is of no sale of that member's at this store");
  }
  const auto rejected_at = sales->front().optional_integer(2);
  if (rejected_at && *rejected_at < stamp(told.payload->drawn_at))
    return fail(Errc::validation_failed, "the spin's sale was rejected before it");
  return {};
}

/// Who it was drawn for: as the till read the card, also where its holder is forgotten by now.
CustomerId card_read(const Told<sync::SpinDrawn>& told) {
  auto journalled = sync::decode_event(told.bytes);
  const auto* drawn = journalled ? std::get_if<sync::SpinDrawn>(&journalled->payload) : nullptr;
  return drawn != nullptr ? drawn->customer : told.payload->customer;
}

wheel::StoreSpin spin_of(const Told<sync::SpinDrawn>& told, const wheel::MemberKeys& keys) {
  const sync::SpinDrawn& drawn = *told.payload;
  const CustomerId card = card_read(told);
  std::string commitment = to_hex(drawn.commitment);
  std::string member = loyalty::till_member(keys.of(commitment), card);
  loyalty::PrizeTable table;
  for (const auto& [prize, tickets] : drawn.slots)
    table.slots.push_back({.prize = prize, .tickets = tickets});
  std::string version = to_hex(loyalty::version_of(table));
  wheel::AtTill till{.session = drawn.session, .card = drawn.customer};
  if (!drawn.lease.empty()) till.unit = {.lease = drawn.lease, .ordinal = std::int64_t{drawn.ordinal}};
  return {
      .id = drawn.spin,
      .drawn = {.store = told.event->store,
                .draw = {.member = std::move(member), .client_seed = drawn.client_seed, .nonce = drawn.nonce},
                .commitment = std::move(commitment),
                .table = std::move(table),
                .version = std::move(version),
                .prize = drawn.prize,
                .terms = drawn.terms},
      .till = std::move(till),
      .traceparent = told.event->traceparent,
      .is_forgotten = card != drawn.customer};
}

}  // namespace

Result<void> apply_drawn(db::Transaction& transaction, const Told<sync::SpinDrawn>& told, WallTime now,
                         const wheel::Terms& terms) {
  if (auto checked = check_sale(transaction, told); !checked) return checked;
  const auto keys = wheel::MemberKeys::load(transaction);
  if (!keys) return std::unexpected(keys.error());
  auto booked = wheel::book_store_spin(transaction, terms, spin_of(told, *keys), now);
  if (!booked) return failure(booked);
  const CustomerId read = card_read(told);
  if (read == told.payload->customer) return {};
  // Kept for it when the till had asked with the card: whoever has that from here on may win it.
  return wheel::forget_one_time(transaction, wheel::winner_name(read), told.payload->spin.str());
}

Result<void> apply_dropped(db::Transaction& transaction, const Told<sync::SpinDropped>& told, WallTime now) {
  return wheel::drop_spin(transaction, told.event->store, told.payload->spin, now);
}

Result<void> apply_claimed(db::Transaction& transaction, const Told<sync::PromotionClaimed>& told,
                           WallTime now) {
  const sync::PromotionClaimed& claimed = *told.payload;
  const auto id = [&](std::uint64_t number) { return points::derived_id(told.ids->front(), number); };
  const wallet::Cause cause{.id = id(1),
                            .at = now,
                            .traceparent = told.event->traceparent,
                            .actor = {},
                            .audit = id(2),
                            .opened = {id(3), id(4)},
                            .moved = {id(5), id(6)}};
  return promotions::take_in_till_claim(transaction, cause, id(7),
                                        {.id = claimed.claim,
                                         .store = told.event->store,
                                         .transaction = claimed.transaction,
                                         .card = claimed.customer,
                                         .promotion = claimed.promotion,
                                         .claimed_at = std::min(claimed.claimed_at, now),
                                         .terms = claimed.terms});
}

Result<void> apply_lease_returned(db::Transaction& transaction, const Told<sync::LeaseReturned>& told,
                                  WallTime now) {
  return wheel::return_lease(transaction, told.event->store, told.payload->lease,
                             std::int64_t{told.payload->returned}, now);
}

}  // namespace perkline::hub::ingest
