#include "hub/wheel/spins.hpp"

#include "hub/events/event_log.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/points/purse.hpp"
#include "hub/points/tiers.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::wheel {
namespace {

using db::Value;

Value text_or_null(const std::optional<std::string>& text) {
  return text ? Value(*text) : Value(nullptr);
}

ledger::Transfer points_of_prize(const points::Cause& cause, const std::string& spin, const UserId& user,
                                 std::int64_t amount, WallTime expires_at) {
  return {.id = cause.id,
          .external_id = "prize:" + spin,
          .debit = points::programme_account("prizes"),
          .credit = ledger::points_of(user),
          .amount = amount,
          .code = "prize",
          .created_at = cause.at,
          .expires_at = expires_at};
}

Result<void> award_points(db::Transaction& transaction, const Terms& terms, const points::Cause& cause,
                          const Spin& spin, const UserId& user) {
  if (spin.points == 0) return {};
  const auto fresh = ledger::post_once(
      transaction, points_of_prize(cause, spin.id, user, spin.points, spin.at + terms.programme.expiry));
  if (!fresh) return std::unexpected(fresh.error());
  if (!*fresh) return {};
  return points::note_earned(transaction, terms.programme, cause, {{user, spin.points}});
}

Result<void> write_down(db::Transaction& transaction, const Booking& booking) {
  const Spin& spin = booking.spin;
  const auto user = booking.user ? std::optional(booking.user->str()) : std::nullopt;
  const auto store = spin.store ? std::optional(spin.store->str()) : std::nullopt;
  const auto session = booking.till ? std::optional(booking.till->session.str()) : std::nullopt;
  const auto card = booking.till ? std::optional(booking.till->card.str()) : std::nullopt;
  const bool leased = booking.till && booking.till->unit;
  auto written = transaction.execute(
      "INSERT INTO spin (id, user_id, store_id, session_id, customer_id, member, client_seed, seed_id, nonce,"
      " table_id, prize_id, prize_name, prize_type, cost, points, lease_id, ordinal, created_at,"
      " took_unit)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
      {spin.id, text_or_null(user), text_or_null(store), text_or_null(session), text_or_null(card),
       booking.draw.member, booking.draw.client_seed, booking.seed, booking.draw.nonce, booking.table,
       spin.prize_id, spin.prize_name, std::string(name_of(spin.prize_type)), spin.cost, spin.points,
       leased ? Value(booking.till->unit->lease) : Value(nullptr),
       leased ? Value(booking.till->unit->ordinal) : Value(nullptr), stamp(spin.at),
       std::int64_t{booking.took_unit ? 1 : 0}});
  if (!written) return failure(written);
  return {};
}

json::Writer begin_event(const Booking& booking) {
  const Spin& spin = booking.spin;
  json::Writer data;
  data.begin_object().field("spinId", spin.id).key("userId");
  booking.user ? data.value(booking.user->str()) : data.null();
  data.field("prizeId", spin.prize_id).field("prizeName", spin.prize_name);
  data.field("prizeType", name_of(spin.prize_type));
  return data;
}

std::string end_event(json::Writer data, const Booking& booking) {
  data.field("channel", booking.till ? "till" : "web");
  if (booking.till) data.field("storeId", booking.spin.store->str());
  data.end_object();
  return data.take();
}

Result<void> tell(db::Transaction& transaction, const SpinCause& cause, const Booking& booking) {
  json::Writer executed = begin_event(booking);
  executed.field("cost", booking.spin.cost).field("pointsAwarded", booking.spin.points);
  std::vector<events::DomainEvent> told{{.id = cause.executed,
                                         .type = "SPIN_EXECUTED",
                                         .occurred_at = cause.at,
                                         .traceparent = cause.traceparent,
                                         .data = end_event(std::move(executed), booking)}};
  if (booking.spin.prize_type != PrizeType::none) {
    json::Writer awarded = begin_event(booking);
    awarded.field("points", booking.spin.points);
    told.push_back({.id = cause.awarded,
                    .type = "PRIZE_AWARDED",
                    .occurred_at = cause.at,
                    .traceparent = cause.traceparent,
                    .data = end_event(std::move(awarded), booking)});
  }
  return events::append(transaction, told);
}

/// Then the spin's id, as no two draws may have one name and nonce.
constexpr std::string_view forgotten = "forgotten:";

constexpr std::string_view columns =
    "SELECT id, prize_id, prize_name, prize_type, cost, points, store_id, client_seed, created_at FROM spin";

Result<std::vector<Spin>> find(db::Transaction& transaction, const std::string& condition,
                               std::vector<Value> parameters) {
  auto rows = transaction.query(std::string(columns) + condition, std::move(parameters));
  if (!rows) return failure(rows);
  std::vector<Spin> spins;
  for (const db::Row& row : *rows) {
    const auto type = find_prize_type(row.text(3));
    if (!type) return fail(Errc::corrupt, "a spin's prize has a type that is none");
    Spin spin{.id = row.text(0),
              .prize_id = row.text(1),
              .prize_name = row.text(2),
              .prize_type = *type,
              .cost = row.integer(4),
              .points = row.integer(5),
              .store = std::nullopt,
              .client_seed = row.text(7),
              .at = WallTime{Millis{row.integer(8)}}};
    if (const auto store = row.optional_text(6)) spin.store = StoreId(*store);
    spins.push_back(std::move(spin));
  }
  return spins;
}

}  // namespace

Spin spin_of(const Terms& terms, const SpinCause& cause, const Prize& prize, const std::string& client_seed) {
  return {.id = cause.spin.str(),
          .prize_id = prize.id,
          .prize_name = prize.name,
          .prize_type = prize.type,
          .cost = terms.cost,
          .points = points_for(terms, prize),
          .store = std::nullopt,
          .client_seed = client_seed,
          .at = cause.at};
}

Result<void> book_spin(db::Transaction& transaction, const Terms& terms, const SpinCause& cause,
                       const Booking& booking) {
  if (auto written = write_down(transaction, booking); !written) return written;
  if (booking.user) {
    auto given = award_points(transaction, terms, cause.award, booking.spin, *booking.user);
    if (!given) return given;
  }
  return tell(transaction, cause, booking);
}

std::string forgotten_member(const std::string& spin) {
  return std::string(forgotten) + spin;
}

bool is_forgotten_member(std::string_view member) {
  return member.starts_with(forgotten);
}

Result<void> claim_spins(db::Transaction& transaction, const Terms& terms, const points::Cause& cause,
                         const UserId& user, const CustomerId& card) {
  const auto unclaimed =
      find(transaction, " WHERE customer_id = $1 AND user_id IS NULL ORDER BY id", {card.str()});
  if (!unclaimed) return std::unexpected(unclaimed.error());
  if (unclaimed->empty()) return {};
  auto claimed = transaction.execute(
      "UPDATE spin SET user_id = $2 WHERE customer_id = $1 AND user_id IS NULL", {card.str(), user.str()});
  if (!claimed) return failure(claimed);
  for (std::size_t i = 0; i < unclaimed->size(); ++i) {
    const Spin& spin = (*unclaimed)[i];
    if (spin.at + terms.programme.expiry <= cause.at) {
      auto lapsed = transaction.execute("UPDATE spin SET lapsed = 1 WHERE id = $1", {spin.id});
      if (!lapsed) return failure(lapsed);
      continue;
    }
    points::Cause own = cause;
    own.id = points::derived_id(cause.id, i);
    if (auto given = award_points(transaction, terms, own, spin, user); !given) return given;
  }
  return {};
}

Result<void> erase_card_of_spins(db::Transaction& transaction, const CustomerId& card,
                                 const CustomerId& token) {
  auto erased = transaction.execute(
      "UPDATE spin SET customer_id = $2, member = 'forgotten:' || id WHERE customer_id = $1",
      {card.str(), token.str()});
  if (!erased) return failure(erased);
  return {};
}

Result<std::vector<Spin>> spins_of(db::Transaction& transaction, const UserId& user, std::int64_t count,
                                   const std::string& before) {
  const std::string behind_all = "~";  // Greater than any id.
  return find(transaction, " WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
              {user.str(), before.empty() ? behind_all : before, count});
}

void write_prize_won(json::Writer& out, const Spin& spin) {
  out.begin_object().field("id", spin.prize_id).field("name", spin.prize_name);
  out.field("type", name_of(spin.prize_type)).end_object();
}

void write_spin(json::Writer& out, const Spin& spin) {
  out.begin_object().field("spinId", spin.id).key("prize");
  write_prize_won(out, spin);
  out.field("cost", spin.cost).field("pointsAwarded", spin.points);
  out.field("channel", spin.store ? "till" : "web").key("storeId");
  spin.store ? out.value(spin.store->str()) : out.null();
  out.field("clientSeed", spin.client_seed).field("createdAt", format_time(spin.at)).end_object();
}

}  // namespace perkline::hub::wheel
