#pragma once

#include <string>
#include <string_view>

#include "hub/db/database.hpp"
#include "hub/identity/access_token.hpp"
#include "hub/identity/user.hpp"
#include "shared/core/random.hpp"

namespace perkline::hub::identity {

/// Makes and checks this hub's access tokens. Reactor's thread.
class Tokens {
 public:
  struct Options {
    TokenTerms terms;
    seconds ttl{600};
  };
  /// `keys` must not be empty; the first signs, all verify. `clock` and `rng` must outlive this.
  Tokens(std::vector<Es256Key> keys, Options options, const Clock& clock, Rng& rng);

  std::string issue(const UserId& user);
  seconds ttl() const { return options_.ttl; }
  /// Errors: unauthenticated, token_expired.
  Result<AccessClaims> verify(std::string_view token) const;
  std::string jwks() const { return verifying_.jwks(); }

 private:
  Es256Key signing_;
  KeySet verifying_;
  Options options_;
  const Clock& clock_;
  UuidMaker ids_;
};

/// The keys kept in the database, newest first; makes one where there is none. Errors: corrupt, the
/// database's.
Result<std::vector<Es256Key>> load_or_make_signing_keys(db::Transaction& transaction, WallTime now);

/// Who shows `token`, as the user's row says at this moment, so that a role taken away or a user deactivated
/// counts with the next request. Errors: unauthenticated (also a user that is gone), token_expired,
/// account_inactive, the database's.
Task<Result<User>> user_of_token(db::Database& database, const Tokens& tokens, std::string token);

}  // namespace perkline::hub::identity
