#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/user.hpp"
#include "hub/points/cause.hpp"
#include "hub/wheel/prizes.hpp"
#include "hub/wheel/proof.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/ids.hpp"

namespace perkline::hub::wheel {

inline constexpr std::size_t client_seed_bytes_max = 64;

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
/// Reactor's thread, as the maker is.
SpinCause make_cause(UuidMaker& ids, WallTime at, std::string traceparent);

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

struct Spun {
  Spin spin;
  std::int64_t balance = 0;  ///< Of the programme's points, behind it.
  Proof proof;
};
/// Takes the cost, draws, gives the prize with its points, and tells SPIN_EXECUTED and, unless it is of
/// type none, PRIZE_AWARDED. On an error the caller rolls back. Errors: account_inactive (no
/// active member), insufficient_points, no_prize_available, overloaded (no seed to draw with), the
/// database's.
Result<Spun> spin(db::Transaction& transaction, const Terms& terms, const SpinCause& cause,
                  const UserId& user, const std::string& client_seed);

/// A member's, newest first: `count` of those with an id below `before`; empty: from the newest. Errors: the
/// database's.
Result<std::vector<Spin>> spins_of(db::Transaction& transaction, const UserId& user, std::int64_t count,
                                   const std::string& before);

/// As objects of the API.
void write_prize_won(json::Writer& out, const Spin& spin);
void write_spin(json::Writer& out, const Spin& spin);

/// The names under which one-time prizes are kept: the user's, and that of a card proven theirs.
std::string winner_name(const UserId& user);
std::string winner_name(const CustomerId& card);

}  // namespace perkline::hub::wheel
