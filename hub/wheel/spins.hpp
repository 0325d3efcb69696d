#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/points/cause.hpp"
#include "hub/wheel/leases.hpp"
#include "hub/wheel/prizes.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/json/writer.hpp"

/// Spins as they are booked and shown, wherever they were drawn. In the caller's transaction. Errors: the
/// database's, as everywhere here.
namespace perkline::hub::wheel {

/// What a spin is written down with: drawn before its transaction, which may run more than once.
struct SpinCause {
  Uuid spin;
  WallTime at;
  std::string traceparent;  ///< Of the call; empty: none.
  points::Cause spend;
  points::Cause award;
  Uuid executed;  ///< Its events'.
  Uuid awarded;
};

struct Spin {
  std::string id;
  std::string prize_id;
  std::string prize_name;  ///< As it was, like the rest.
  PrizeType prize_type = PrizeType::none;
  std::int64_t cost = 0;         ///< Points.
  std::int64_t points = 0;       ///< That the prize gave.
  std::optional<StoreId> store;  ///< nullopt: on the web.
  std::string client_seed;
  WallTime at;
};
Spin spin_of(const Terms& terms, const SpinCause& cause, const Prize& prize, const std::string& client_seed);

/// What else is known of a store's spin.
struct AtTill {
  SessionId session;  ///< The sale that it came with.
  CustomerId card;
  std::optional<LeasedUnit> unit = std::nullopt;  ///< Of a stocked prize.
};
struct Booking {
  Spin spin;
  std::optional<UserId> user;  ///< nullopt: the card is nobody's yet, and nobody gets the points.
  loyalty::Draw draw;
  std::int64_t seed = 0;   ///< As the database numbers them.
  std::int64_t table = 0;  ///< Likewise.
  bool took_unit = false;  ///< Of the prize's stock.
  std::optional<AtTill> till = std::nullopt;
};
/// Writes the spin down, gives the prize's points, and tells SPIN_EXECUTED and, unless it is of type none,
/// PRIZE_AWARDED. Errors: already_exists (the nonce was used, the sale has had its spin, or the unit has
/// gone).
Result<void> book_spin(db::Transaction& transaction, const Terms& terms, const SpinCause& cause,
                       const Booking& booking);

/// What stands in place of the name that a draw was made for.
std::string forgotten_member(const std::string& spin);
bool is_forgotten_member(std::string_view member);

/// Makes the spins of a card those of the user who has proven it theirs, with the points that would not have
/// lapsed yet; these live from the spin on. The ids of all derive from `cause`. The card's row in `member` is
/// the caller's to hold.
Result<void> claim_spins(db::Transaction& transaction, const Terms& terms, const points::Cause& cause,
                         const UserId& user, const CustomerId& card);
/// From here on `token` stands for the card, and what its draws were made for is nobody's name: their proofs
/// cannot be made again.
Result<void> erase_card_of_spins(db::Transaction& transaction, const CustomerId& card,
                                 const CustomerId& token);

/// A member's, newest first: `count` of those with an id below `before`; empty: from the newest.
Result<std::vector<Spin>> spins_of(db::Transaction& transaction, const UserId& user, std::int64_t count,
                                   const std::string& before);

/// As objects of the API.
void write_prize_won(json::Writer& out, const Spin& spin);
void write_spin(json::Writer& out, const Spin& spin);

}  // namespace perkline::hub::wheel
