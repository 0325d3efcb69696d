#pragma once

#include <string>

#include "hub/db/database.hpp"
#include "hub/identity/password_hasher.hpp"
#include "hub/identity/tokens.hpp"

namespace perkline::hub::identity {

struct LoggedIn {
  std::string access_token;
  seconds expires_in;
  User user;
};

/// Checks a password and issues a token. An unknown login takes the time of a known one and gets the same
/// answer; that an account is not active is told only to who knows its password. The references must outlive
/// the task. Errors: invalid_credentials, account_inactive, rate_limited (too many hashes at once), the
/// database's.
Task<Result<LoggedIn>> log_in(db::Database& database, PasswordHasher& hasher, Tokens& tokens,
                              std::string login, std::string password);

}  // namespace perkline::hub::identity
