#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "hub/db/database.hpp"
#include "hub/identity/access_token.hpp"
#include "hub/identity/signing_keys.hpp"
#include "hub/identity/user.hpp"
#include "shared/core/random.hpp"

namespace perkline::hub::identity {

/// Makes and checks this hub's access tokens. Reactor's thread.
class Tokens {
 public:
  struct Options {
    TokenTerms terms;
    seconds ttl{600};
    /// How many tokens that were found right are remembered, so that their signature is not worked out for
    /// every call.
    std::size_t cached_max = 10'000;
  };
  /// `keys` must not be empty. `clock` and `rng` must outlive this.
  Tokens(std::vector<SigningKey> keys, Options options, const Clock& clock, Rng& rng);

  /// `session`: the family of refresh tokens that goes with it.
  std::string issue(const User& user, const std::optional<Uuid>& session = std::nullopt);
  seconds ttl() const { return options_.ttl; }
  /// A token that was right counts as right for up to 60 s more, if it has not expired by then. Errors:
  /// unauthenticated, token_expired.
  Result<AccessClaims> verify(std::string_view token);
  /// Of the keys whose tokens count now or will.
  std::string jwks() const;
  /// As the database has them by now; must not be empty. Tokens of a key that is gone count no more.
  void replace_keys(std::vector<SigningKey> keys);

 private:
  struct Verified {
    std::string token;
    AccessClaims claims;
    MonoTime until;
  };

  KeySet keys_now() const;
  void remember(std::string_view token, const AccessClaims& claims);

  std::vector<SigningKey> keys_;
  Options options_;
  const Clock& clock_;
  UuidMaker ids_;
  std::list<Verified> verified_;  ///< The oldest first.
  std::unordered_map<std::string_view, std::list<Verified>::iterator> by_token_;
};

/// Who shows a token of these claims, as the rows say at this moment, so that a role taken away, a user
/// deactivated or a session ended counts with the next request. Errors: unauthenticated (also a user that is
/// gone), account_inactive, the database's.
Task<Result<User>> user_of_claims(db::Database& database, AccessClaims claims);

}  // namespace perkline::hub::identity
