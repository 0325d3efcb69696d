#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/ids.hpp"

/// A hub that was restored from a backup knows nothing of what stores, and members on the web, were given
/// since. Stores tell again what it has forgotten; what was given on the web the restore carries over from
/// the database that it puts aside (wheel/carry_over.hpp), or else only staff can tell. Until all of them
/// have, nobody is given what there is only so much of, or one of for each member. In the caller's
/// transaction. Errors: the database's.
namespace perkline::hub::stores {

/// Part of a condition: neither a store nor staff's word on the web's draws is waited for.
inline constexpr std::string_view nobody_is_awaited =
    "NOT EXISTS (SELECT 1 FROM hub_meta WHERE name IN ('stores_awaited_since', 'web_draws_forgotten_since'))";

/// From now on every open store is waited for: the database is a backup's.
Result<void> await_all(db::Transaction& transaction, WallTime now);

struct Awaited {
  WallTime since;
  std::vector<StoreId> stores;  ///< Open, and have not told since that they hold nothing the hub has not.
};
/// nullopt: nobody has been waited for, or is any more.
Result<std::optional<Awaited>> find_awaited(db::Transaction& transaction);

/// Staff's word that this store is not to be waited for: what it has given away is as the hub knows it.
/// Errors also: not_found, session_state (it is not waited for).
Result<void> take_as_told(db::Transaction& transaction, const StoreId& store, WallTime now);

/// Ends the wait for stores, if every open one has told all. Whether it has ended by this.
Result<bool> end_wait_if_told(db::Transaction& transaction);

/// From now on staff's word is waited for: what was drawn on the web since the backup nobody can read any
/// more. Where it is waited for already, since when stays.
Result<void> await_word_on_web_draws(db::Transaction& transaction, WallTime now);
Result<bool> is_word_on_web_draws_awaited(db::Transaction& transaction);
/// Staff's word that stocks and one-time prizes are as the hub knows them. Errors also: session_state (it is
/// not waited for).
Result<void> take_web_draws_as_told(db::Transaction& transaction);

}  // namespace perkline::hub::stores
