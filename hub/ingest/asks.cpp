#include "hub/ingest/asks.hpp"

#include "hub/downlink/members.hpp"
#include "hub/promotions/till_claim.hpp"
#include "hub/stores/stores.hpp"
#include "hub/wheel/reservations.hpp"
#include "shared/core/down_limits.hpp"

namespace perkline::hub::ingest {
namespace {

/// Before anything else, as who applies a store's events does.
Result<void> hold_card(db::Transaction& transaction, const CustomerId& card) {
  if (transaction.for_update().empty()) return {};
  auto held = transaction.query(
      "SELECT customer_id FROM member WHERE customer_id = $1" + std::string(transaction.for_update()),
      {card.str()});
  if (!held) return failure(held);
  return {};
}

sync::ClaimAnswer::Credit credit_of(const promotions::Claim& claim) {
  return {.user = claim.user,
          .amount = claim.booked.amount,
          .available = claim.booked.balance.available,
          .held = claim.booked.balance.held,
          .claimed_at = claim.claimed_at,
          .transaction = parse_uuid(claim.booked.id).value_or(Uuid{}),
          .description = claim.description.substr(0, limits::claim_text_bytes_max),
          .created_at = claim.booked.at};
}

}  // namespace

Result<sync::SpinReserved> reserve(db::Transaction& transaction, const StoreId& store,
                                   const sync::SpinReserve& asked, WallTime now) {
  if (auto held = hold_card(transaction, asked.customer); !held) return failure(held);
  auto prizes =
      wheel::reserve_for(transaction, {.id = asked.spin, .store = store, .card = asked.customer}, now);
  if (!prizes) return failure(prizes);
  return sync::SpinReserved{.spin = asked.spin, .prizes = std::move(*prizes)};
}

Result<sync::ClaimAnswer> claim(db::Transaction& transaction, const StoreId& store,
                                const sync::ClaimRequest& asked, const ClaimCause& cause) {
  if (auto held = hold_card(transaction, asked.customer); !held) return failure(held);
  promotions::TillClaim order{.id = asked.claim,
                              .store = store,
                              .transaction = asked.transaction,
                              .card = asked.customer,
                              .promotion = asked.promotion,
                              .claimed_at = cause.wallet.at,
                              .terms = asked.terms};
  auto answer = promotions::claim_at_till(transaction, cause.wallet, cause.event, order);
  if (!answer && answer.error().code == Errc::validation_failed) {
    // The till is told what it comes to: as it is now, where the hub does not know what the store holds.
    order.terms = std::nullopt;
    answer = promotions::claim_at_till(transaction, cause.wallet, cause.event, order);
  }
  if (!answer) return failure(answer);
  sync::ClaimAnswer told{.claim = asked.claim, .outcome = answer->outcome};
  if (answer->claim) told.credit = credit_of(*answer->claim);
  return told;
}

Result<sync::MemberAnswer> tell_of(db::Transaction& transaction, const StoreId& store,
                                   const sync::MemberRequest& asked, WallTime now) {
  const auto from = stores::find(transaction, store);
  if (!from) return std::unexpected(from.error());
  auto member = downlink::member_of(transaction, asked.customer, now);
  if (!member) return failure(member);
  return sync::MemberAnswer{.id = asked.id,
                            .applied_epoch = from->cursor.epoch,
                            .applied_through = from->cursor.sequence,
                            .member = std::move(*member)};
}

}  // namespace perkline::hub::ingest
