#include "shared/sync/programme_payload.hpp"

#include <algorithm>
#include <sync.pb.h>

#include "shared/core/down_limits.hpp"
#include "shared/core/stamp.hpp"
#include "shared/sync/wire.hpp"

namespace perkline::sync {
namespace {

/// A prize's tickets: weights up to 1,000,000 in ten-thousandths.
constexpr std::int64_t tickets_max = 10'000'000'000;

std::unexpected<Error> malformed(std::string what) {
  return fail(Errc::malformed_answer, "event: " + std::move(what));
}

WallTime wall_time(std::int64_t millis) {
  return WallTime{Millis{millis}};
}

/// Errors: malformed_answer.
Result<std::vector<SpinDrawn::Slot>> read_slots(const v1::SpinDrawn& wire) {
  if (wire.slot_size() == 0 || static_cast<std::size_t>(wire.slot_size()) > limits::sync_prizes_max)
    return malformed("slots");
  std::vector<SpinDrawn::Slot> slots;
  for (const v1::Slot& slot : wire.slot()) {
    if (!wire::is_name(slot.prize()) || (!slots.empty() && slots.back().prize >= slot.prize()))
      return malformed("slot's prize");
    if (slot.tickets() < 1 || slot.tickets() > tickets_max) return malformed("slot's tickets");
    slots.push_back({.prize = slot.prize(), .tickets = slot.tickets()});
  }
  return slots;
}

bool has_unit(const v1::SpinDrawn& wire) {
  return wire::is_name(wire.lease()) && wire.ordinal() > 0;
}
bool has_no_unit(const v1::SpinDrawn& wire) {
  return wire.lease().empty() && wire.ordinal() == 0;
}

}  // namespace

void write_programme(const SpinDrawn& drawn, v1::SpinDrawn& wire) {
  wire.set_spin(wire::bytes_of(drawn.spin));
  wire.set_session(drawn.session.str());
  wire.set_transaction(drawn.transaction.str());
  wire.set_customer(drawn.customer.str());
  wire.set_commitment(wire::bytes_of(drawn.commitment));
  wire.set_client_seed(drawn.client_seed);
  wire.set_nonce(drawn.nonce);
  for (const SpinDrawn::Slot& each : drawn.slots) {
    v1::Slot& slot = *wire.add_slot();
    slot.set_prize(each.prize);
    slot.set_tickets(each.tickets);
  }
  wire.set_prize(drawn.prize);
  wire.set_lease(drawn.lease);
  wire.set_ordinal(drawn.ordinal);
  wire.set_drawn_at_ms(stamp(drawn.drawn_at));
  if (drawn.terms) wire.set_terms(wire::bytes_of(*drawn.terms));
}

Result<SpinDrawn> read_programme(const v1::SpinDrawn& wire) {
  SpinDrawn drawn{.spin = {},
                  .session = SessionId(wire.session()),
                  .transaction = TransactionId(wire.transaction()),
                  .customer = CustomerId(wire.customer()),
                  .commitment = {},
                  .client_seed = wire.client_seed(),
                  .nonce = wire.nonce(),
                  .slots = {},
                  .prize = wire.prize(),
                  .lease = wire.lease(),
                  .ordinal = wire.ordinal(),
                  .drawn_at = wall_time(wire.drawn_at_ms())};
  if (!wire::read_fixed(wire.spin(), drawn.spin.bytes)) return malformed("spin");
  if (!is_session_id(wire.session())) return malformed("session");
  if (!wire::is_name(wire.transaction())) return malformed("transaction");
  if (!wire::is_name(wire.customer())) return malformed("customer");
  if (!wire::read_fixed(wire.commitment(), drawn.commitment)) return malformed("commitment");
  if (wire.client_seed().size() > limits::client_seed_bytes_max) return malformed("client seed");
  if (wire.nonce() < 1) return malformed("nonce");
  if (!has_unit(wire) && !has_no_unit(wire)) return malformed("lease's unit");
  if (!wire::is_time(wire.drawn_at_ms())) return malformed("drawn_at");
  if (!wire::read_optional(wire.terms(), drawn.terms)) return malformed("terms");
  auto slots = read_slots(wire);
  if (!slots) return failure(slots);
  drawn.slots = std::move(*slots);
  if (std::ranges::find(drawn.slots, drawn.prize, &SpinDrawn::Slot::prize) == drawn.slots.end())
    return malformed("prize");
  return drawn;
}

void write_programme(const PromotionClaimed& claimed, v1::PromotionClaimed& wire) {
  wire.set_claim(wire::bytes_of(claimed.claim));
  wire.set_customer(claimed.customer.str());
  wire.set_promotion(wire::bytes_of(claimed.promotion));
  wire.set_transaction(claimed.transaction.str());
  wire.set_claimed_at_ms(stamp(claimed.claimed_at));
  if (claimed.terms) wire.set_terms(wire::bytes_of(*claimed.terms));
}

Result<PromotionClaimed> read_programme(const v1::PromotionClaimed& wire) {
  PromotionClaimed claimed{.claim = {},
                           .customer = CustomerId(wire.customer()),
                           .promotion = {},
                           .transaction = TransactionId(wire.transaction()),
                           .claimed_at = wall_time(wire.claimed_at_ms())};
  if (!wire::read_fixed(wire.claim(), claimed.claim.bytes)) return malformed("claim");
  if (!wire::is_name(wire.customer())) return malformed("customer");
  if (!wire::read_fixed(wire.promotion(), claimed.promotion.bytes)) return malformed("promotion");
  if (!wire::is_name(wire.transaction())) return malformed("transaction");
  if (!wire::is_time(wire.claimed_at_ms())) return malformed("claimed_at");
  if (!wire::read_optional(wire.terms(), claimed.terms)) return malformed("terms");
  return claimed;
}

void write_programme(const LeaseReturned& returned, v1::LeaseReturned& wire) {
  wire.set_lease(returned.lease);
  wire.set_returned(returned.returned);
}

Result<LeaseReturned> read_programme(const v1::LeaseReturned& wire) {
  if (!wire::is_name(wire.lease())) return malformed("lease");
  if (wire.returned() == 0) return malformed("returned");
  return LeaseReturned{.lease = wire.lease(), .returned = wire.returned()};
}

void write_programme(const SpinDropped& dropped, v1::SpinDropped& wire) {
  wire.set_spin(wire::bytes_of(dropped.spin));
  wire.set_customer(dropped.customer.str());
}

Result<SpinDropped> read_programme(const v1::SpinDropped& wire) {
  SpinDropped dropped{.spin = {}, .customer = CustomerId(wire.customer())};
  if (!wire::read_fixed(wire.spin(), dropped.spin.bytes)) return malformed("spin");
  if (!wire::is_name(wire.customer())) return malformed("customer");
  return dropped;
}

}  // namespace perkline::sync
