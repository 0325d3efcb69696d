#pragma once

#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"

/// Who has which one-time prize: a row for each name of theirs, unique by name and prize. A member with a
/// proven card has two. In the caller's transaction. Errors: the database's.
namespace perkline::hub::wheel {

std::string winner_name(const UserId& user);
std::string winner_name(const CustomerId& card);
/// All names of whoever holds the card: also of the user it is proven to belong to.
Result<std::vector<std::string>> winners_of(db::Transaction& transaction, const CustomerId& card);

/// Makes the prize theirs by this spin; again by the same spin it is theirs already. False: they have it by
/// another one, and nothing has changed.
Result<bool> mark_one_time(db::Transaction& transaction, const std::string& prize,
                           std::vector<std::string> winners, const std::string& spin, WallTime at);
/// Takes back what was marked by this spin, but for `kept`; empty: all of it.
Result<void> unmark_one_time(db::Transaction& transaction, const std::string& spin,
                             const std::string& kept = {});
/// All that stands under this name; what stands there by this spin.
Result<void> forget_one_time(db::Transaction& transaction, const std::string& winner);
Result<void> forget_one_time(db::Transaction& transaction, const std::string& winner,
                             const std::string& spin);
/// What stands under one name stands under the other too from here on: they are one person's.
Result<void> join_one_time(db::Transaction& transaction, const UserId& user, const CustomerId& card);

/// Keeps every active one-time prize that the holder of the card has not yet for a spin that a store is about
/// to make: these may be in its draw, and nobody else gives them to that member meanwhile. Asked again for
/// the same spin it answers the same. When the spin is told, unmark_one_time() sets free what it did not win.
/// By rising id. None while a restored hub waits for stores (stores/awaited.hpp).
Result<std::vector<std::string>> reserve_one_time(db::Transaction& transaction, const CustomerId& card,
                                                  const std::string& spin, WallTime at);

}  // namespace perkline::hub::wheel
