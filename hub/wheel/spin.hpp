#pragma once

#include <string>

#include "hub/db/database.hpp"
#include "hub/identity/user.hpp"
#include "hub/wheel/proof.hpp"
#include "hub/wheel/spins.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/ids.hpp"

namespace perkline::hub::wheel {

inline constexpr std::size_t client_seed_bytes_max = 64;

/// Reactor's thread, as the maker is.
SpinCause make_cause(UuidMaker& ids, WallTime at, std::string traceparent);

struct Spun {
  Spin spin;
  std::int64_t balance = 0;  ///< Of the programme's points, behind it.
  Proof proof;
};
/// A member's spin on the web: takes the cost, draws, gives the prize with its points, and tells of it. On an
/// error the caller rolls back. Errors: account_inactive (no active member), insufficient_points,
/// no_prize_available, overloaded (no seed to draw with), the database's.
Result<Spun> spin(db::Transaction& transaction, const Terms& terms, const SpinCause& cause,
                  const UserId& user, const std::string& client_seed);

}  // namespace perkline::hub::wheel
