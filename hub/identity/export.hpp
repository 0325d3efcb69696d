#pragma once

#include <string>

#include "hub/db/database.hpp"
#include "hub/identity/user_hooks.hpp"

namespace perkline::hub::identity {

/// Everything held of a user, as a JSON object: `exportedAt`, `user`, `sessions`, `referrals`, `audit`, and a
/// member for each of the hooks' exports. Nothing that opens an account: neither password hash nor tokens.
/// Errors: not_found, the hooks', the database's.
Result<std::string> export_user(db::Transaction& transaction, const UserId& id, const UserHooks& hooks,
                                WallTime now);

}  // namespace perkline::hub::identity
