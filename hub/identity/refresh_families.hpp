#pragma once

#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "hub/identity/refresh_token.hpp"
#include "hub/identity/user.hpp"

/// Families of refresh tokens in the database: one a login. What ends a session is written here.
namespace perkline::hub::identity {

/// Begins a family with its token 0 for a user who is there and whose password is still the one that was
/// checked. Errors: invalid_credentials (gone, or another password by now), account_inactive, the database's.
Result<User> open_family(db::Transaction& transaction, const RefreshFamily& family,
                         const std::string& password_hash);

/// Of a user that was made in this transaction. Errors: the database's.
Result<void> insert_family(db::Transaction& transaction, const RefreshFamily& family);

struct Refreshed {
  User user;
  RefreshToken token;   ///< The one to answer with.
  WallTime expires_at;  ///< The token's, or its family's if that is sooner.
};
/// nullopt: it was used before, and its family is revoked: the transaction must be committed for that.
/// Callers at the same time, also of other replicas, get the same successor. Errors: unauthenticated (there
/// is no such session, or it has ended), account_inactive, overloaded, the database's.
Result<std::optional<Refreshed>> use_refresh_token(db::Transaction& transaction, const RefreshToken& token,
                                                   WallTime now, const RefreshTerms& terms);

/// Errors: the database's. Nothing happens where there is none, or it is another user's.
Result<void> end_family(db::Transaction& transaction, const Uuid& family, const UserId& user);
/// All of a user's, but `kept`. How many. Errors: the database's.
Result<std::int64_t> end_families_of(db::Transaction& transaction, const UserId& user,
                                     const std::optional<Uuid>& kept = std::nullopt);
/// Everybody's: for a database that was put back in time.
Result<std::int64_t> end_all_families(db::Transaction& transaction);
/// Those whose time has been over for a day: till then a token of theirs is told so. How many.
Result<std::int64_t> forget_ended_families(db::Transaction& transaction, WallTime now);

}  // namespace perkline::hub::identity
