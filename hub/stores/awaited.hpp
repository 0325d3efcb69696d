#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/ids.hpp"

/// A hub that was restored from a backup knows nothing of what stores, and members on the web, were given
/// since. Stores tell again what it has forgotten: until each of them has, nobody is given what there is only
/// so much of, or one of for each member. In the caller's transaction. Errors: the database's.
namespace perkline::hub::stores {

/// Part of a condition: no store is waited for.
inline constexpr std::string_view nobody_is_awaited =
    "NOT EXISTS (SELECT 1 FROM hub_meta WHERE name = 'stores_awaited_since')";

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

/// Ends it, if every open store has told all. Whether it has ended by this.
Result<bool> end_wait_if_told(db::Transaction& transaction);

}  // namespace perkline::hub::stores
