#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hub/identity/es256_key.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"

/// Access tokens: JWTs (RFC 7519) after the profile of RFC 9068, signed with ES256 and nothing else. Pure.
namespace perkline::hub::identity {

/// Longer ones are refused unread.
inline constexpr std::size_t access_token_bytes_max = 2048;

/// What tokens of this hub say of themselves, and must say to be believed.
struct TokenTerms {
  std::string issuer;
  std::string audience = "perkline-hub";
};

struct AccessClaims {
  UserId user;
  std::string role = {};  ///< For whoever else reads the token: here the user's row decides.
  std::optional<Uuid> session = std::nullopt;  ///< `sid`: the family of refresh tokens it came with.
  Uuid id;                                     ///< `jti`.
  WallTime issued_at;
  WallTime expires_at;  ///< Both in whole seconds on the wire.
};

std::string issue_token(const Es256Key& key, const TokenTerms& terms, const AccessClaims& claims);

/// Trusts nothing in the header but the choice of one of `keys`: the algorithm and the type are fixed, `jku`,
/// `jwk`, `x5u` and their like are never looked at, `crit` is refused. What is wrong with a token is not told
/// apart, but an expired one that is right in all else. Errors: unauthenticated, token_expired.
Result<AccessClaims> verify_token(std::string_view token, const KeySet& keys, const TokenTerms& terms,
                                  WallTime now);

}  // namespace perkline::hub::identity
