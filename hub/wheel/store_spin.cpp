#include "hub/wheel/store_spin.hpp"

#include <algorithm>
#include <array>

#include "hub/points/card_owners.hpp"
#include "hub/wheel/one_time.hpp"
#include "hub/wheel/reservations.hpp"
#include "hub/wheel/seeds.hpp"
#include "hub/wheel/tables.hpp"
#include "hub/wheel/told_prize.hpp"

namespace perkline::hub::wheel {
namespace {

Result<Digest> digest_in(const std::string& hex, std::string_view what) {
  const auto bytes = from_hex(hex);
  Digest digest{};
  if (!bytes || bytes->size() != digest.size())
    return fail(Errc::validation_failed, std::string(what) + " is no SHA-256");
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

std::unexpected<Error> refused(std::string why) {
  return fail(Errc::validation_failed, std::move(why));
}

/// Whether it is booked. Errors: validation_failed (as another one).
Result<bool> is_booked(db::Transaction& transaction, const StoreSpin& told) {
  auto rows = transaction.query("SELECT store_id, session_id, prize_id, nonce FROM spin WHERE id = $1",
                                {told.id.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return false;
  const db::Row& row = rows->front();
  const bool same = row.optional_text(0) == told.drawn.store.str() &&
                    row.optional_text(1) == told.till.session.str() && row.text(2) == told.drawn.prize &&
                    row.integer(3) == told.drawn.draw.nonce;
  if (!same) return refused("the spin is booked as another one");
  return true;
}

/// What the store has told is held against what its prize has ever been. Errors: as prize_as_told.
Result<ToldPrize> check_told(db::Transaction& transaction, const StoreDraw& drawn, const Prize& now) {
  auto told = prize_as_told(transaction, now, drawn.terms);
  if (!told) return told;
  const auto& slots = drawn.table.slots;
  const auto slot = std::ranges::find(slots, drawn.prize, &loyalty::PrizeTable::Slot::prize);
  Result<bool> fits = slot != slots.end();
  if (*fits && drawn.terms) fits = slot->tickets == told->prize.tickets;
  if (*fits && !drawn.terms) fits = had_tickets(transaction, now, slot->tickets);
  if (!fits) return failure(fits);
  if (!*fits) return refused("the prize was drawn with other tickets than it had");
  return told;
}

/// Marks a one-time prize as the member's. One that was not when it was drawn is theirs whether or not they
/// have it, and nobody draws it for them again. Errors: validation_failed.
Result<void> settle_one_time(db::Transaction& transaction, const StoreSpin& told, const ToldPrize& prize,
                             bool is_one_time_now, WallTime now) {
  const std::string spin = told.id.str();
  const std::string& id = prize.prize.id;
  const bool counts = prize.prize.one_time || is_one_time_now;
  if (counts) {
    auto winners = winners_of(transaction, told.till.card);
    if (!winners) return failure(winners);
    const auto marked = mark_one_time(transaction, id, std::move(*winners), spin, now);
    if (!marked) return std::unexpected(marked.error());
    if (!*marked && prize.prize.one_time) return refused("the member has this one-time prize already");
  }
  return unmark_one_time(transaction, spin, counts ? id : std::string());
}

/// Takes the prize out of what there is for this spin. Whether that was a unit of its stock. Errors:
/// validation_failed.
Result<bool> settle(db::Transaction& transaction, const StoreSpin& told, const ToldPrize& prize,
                    bool is_one_time_now, WallTime now) {
  const StoreId& store = told.drawn.store;
  if (auto ended = end_reservation(transaction, store, told.id, now); !ended) return failure(ended);
  auto once = settle_one_time(transaction, told, prize, is_one_time_now, now);
  if (!once) return failure(once);
  if (told.till.unit) return award_leased(transaction, store, prize.prize.id, *told.till.unit);
  if (prize.stocked) return refused("a stocked prize without a lease");
  if (!prize.prize.stock) return false;
  const auto taken = take_unit(transaction, prize.prize.id);
  if (taken && !*taken)
    return refused(
        "nothing is free of the prize, which had no stock when it was drawn: raise its stock, and retry");
  return taken;
}

/// All ids derive from the spin's own.
SpinCause cause_of(const StoreSpin& told, WallTime now) {
  const auto id = [&](std::uint64_t number) { return points::derived_id(told.id, number); };
  const auto points_cause = [&](std::uint64_t number) {
    return points::Cause{.id = id(number), .at = now, .traceparent = told.traceparent};
  };
  return {.spin = told.id,
          .at = now,
          .traceparent = told.traceparent,
          .spend = points_cause(1),
          .award = points_cause(2),
          .executed = id(3),
          .awarded = id(4)};
}

Result<std::optional<UserId>> owner_of(db::Transaction& transaction, const CustomerId& card) {
  const auto owners = points::owners_of_cards(transaction, std::array{card});
  if (!owners) return std::unexpected(owners.error());
  const auto owner = owners->find(card);
  if (owner == owners->end()) return std::nullopt;
  return owner->second;
}

}  // namespace

Result<void> verify_store_spin(db::Transaction& transaction, const StoreDraw& told) {
  const auto commitment = digest_in(told.commitment, "the seed's commitment");
  if (!commitment) return std::unexpected(commitment.error());
  const auto version = digest_in(told.version, "the table's version");
  if (!version) return std::unexpected(version.error());
  const auto seed = find_seed(transaction, told.store, told.commitment);
  if (!seed) return std::unexpected(seed.error());
  if (!*seed) return fail(Errc::validation_failed, "the seed is none of this store's");
  return loyalty::verify((*seed)->seed, {.draw = told.draw,
                                         .table = told.table,
                                         .version = *version,
                                         .commitment = *commitment,
                                         .prize = told.prize});
}

Result<bool> book_store_spin(db::Transaction& transaction, const Terms& terms, const StoreSpin& told,
                             WallTime now) {
  const auto booked = is_booked(transaction, told);
  if (!booked) return std::unexpected(booked.error());
  if (*booked) return false;
  if (auto hash = digest_in(told.drawn.draw.member, "the member"); !hash) return failure(hash);
  if (auto verified = verify_store_spin(transaction, told.drawn); !verified) return failure(verified);
  const auto prize = find_prize(transaction, told.drawn.prize);
  if (!prize) return std::unexpected(prize.error());
  if (!*prize) return refused("no such prize");
  const auto seed = find_seed(transaction, told.drawn.store, told.drawn.commitment);
  if (!seed) return std::unexpected(seed.error());
  const auto user = owner_of(transaction, told.till.card);
  if (!user) return std::unexpected(user.error());
  const auto as_told = check_told(transaction, told.drawn, **prize);
  if (!as_told) return std::unexpected(as_told.error());
  const auto took_unit = settle(transaction, told, *as_told, (*prize)->one_time, now);
  if (!took_unit) return std::unexpected(took_unit.error());
  const auto table = keep_table(transaction, told.drawn.table);
  if (!table) return std::unexpected(table.error());
  const SpinCause cause = cause_of(told, now);
  Booking booking{.spin = spin_of(terms, cause, as_told->prize, told.drawn.draw.client_seed),
                  .user = *user,
                  .draw = told.drawn.draw,
                  .seed = (*seed)->id,
                  .table = *table,
                  .took_unit = *took_unit,
                  .till = told.till};
  if (told.is_forgotten) booking.draw.member = forgotten_member(told.id.str());
  booking.spin.cost = 0;
  booking.spin.store = told.drawn.store;
  auto done = book_spin(transaction, terms, cause, booking);
  if (!done && done.error().code == Errc::already_exists)
    return refused("its sale has had its spin, or its nonce or unit was used");
  if (!done) return failure(done);
  return true;
}

}  // namespace perkline::hub::wheel
