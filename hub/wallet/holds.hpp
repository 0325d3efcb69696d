#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "hub/wallet/wallet.hpp"

/// Money set aside by staff, to be taken later or given free (hub/ledger/holds.hpp).
namespace perkline::hub::wallet {

inline constexpr days hold_time_usual{7};
inline constexpr days hold_time_max{30};

struct Hold {
  std::string id;
  UserId user;
  Money amount;
  std::string state;              ///< held, captured, released
  std::optional<Money> captured;  ///< Once it is: the rest was given free.
  WallTime created_at;
  WallTime expires_at;
  Balance balance;  ///< The member's, by now.
};

struct HoldOrder {
  UserId user;
  Money amount;  ///< > 0
  std::string reason;
  seconds expires_in = hold_time_usual;
};
/// Errors: not_found, insufficient_funds, the database's.
Result<Hold> hold(db::Transaction& transaction, const Cause& cause, const HoldOrder& order);

/// Takes a hold's money, once: `amount`, as it is written, or all of it; the rest is free again. Errors:
/// not_found; validation_failed (no amount of the hold's currency); session_state (captured or released
/// before, or its time is over); insufficient_funds (more than is held); the database's.
Result<Hold> capture(db::Transaction& transaction, const Cause& cause, const Uuid& id,
                     const std::optional<std::string>& amount);

/// Gives it free, once. Errors: not_found, session_state, the database's.
Result<Hold> release(db::Transaction& transaction, const Cause& cause, const Uuid& id);

/// Gives free what is held beyond its time; how many holds those were, at most `count`. Errors: the
/// database's.
Result<std::int64_t> release_overdue(db::Transaction& transaction, WallTime now, std::int64_t count);
/// All of them, a small transaction after the other.
Task<Result<std::int64_t>> release_all_overdue(db::Database& database, WallTime now);

}  // namespace perkline::hub::wallet
