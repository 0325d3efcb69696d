#pragma once

#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "hub/identity/password_hasher.hpp"
#include "hub/identity/refresh_families.hpp"
#include "hub/identity/tokens.hpp"

namespace perkline::hub::identity {

/// What who signs in gets.
struct SignedIn {
  std::string access_token;
  seconds expires_in;
  User user;
  std::string refresh_token;
  seconds refresh_expires_in;
};

/// Signing in, staying so, and signing out. Reactor's thread.
class Sessions {
 public:
  struct Options {
    std::string refresh_key;  ///< 32 secret bytes.
    RefreshTerms terms = {};
  };
  /// The references must outlive this, and this every task.
  Sessions(db::Database& database, PasswordHasher& hasher, Tokens& tokens, const Clock& clock,
           UuidMaker& uuids, Options options);

  /// Checks a password and begins a session. An unknown login takes the time of a known one and gets the same
  /// answer; that an account is not active is told only to who knows its password. Errors:
  /// invalid_credentials, account_inactive, rate_limited (too many hashes at once), the database's.
  Task<Result<SignedIn>> log_in(std::string login, std::string password);

  /// Goes on with the session whose refresh token this is. Errors: unauthenticated, refresh_reused (the
  /// session has ended, and so have its access tokens), account_inactive, the database's.
  Task<Result<SignedIn>> refresh(std::string refresh_token);

  /// Ends the user's sessions that these name. Errors: the database's.
  Task<Result<void>> log_out(UserId user, std::optional<Uuid> session,
                             std::optional<std::string> refresh_token);

  /// A family to be written beside the user it is for; what its first tokens are once it is.
  RefreshFamily new_family(const UserId& user);
  SignedIn signed_in(User user, const RefreshFamily& family);

 private:
  SignedIn signed_in(User user, const RefreshToken& token, WallTime refresh_expires_at);

  db::Database& database_;
  PasswordHasher& hasher_;
  Tokens& tokens_;
  const Clock& clock_;
  UuidMaker& uuids_;
  Options options_;
};

}  // namespace perkline::hub::identity
