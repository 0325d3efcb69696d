#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/core/clock.hpp"
#include "shared/core/ids.hpp"

/// Refresh tokens: number n of a family, the one login they all came of, is HMAC-SHA256(refresh key, family ‖
/// n). Nothing that would open a session is kept anywhere, and the same number is the same token: whoever
/// loses an answer may ask again. Pure.
namespace perkline::hub::identity {

struct RefreshToken {
  Uuid family;
  std::int64_t n = 0;
  bool operator==(const RefreshToken&) const = default;
};

/// `<family>.<n>.<mac>`, fit for a cookie. `key`: 32 secret bytes.
std::string write_refresh_token(std::string_view key, const RefreshToken& token);

/// nullopt for whatever write_refresh_token did not write under this key.
std::optional<RefreshToken> read_refresh_token(std::string_view key, std::string_view text);

struct RefreshTerms {
  Millis ttl{hours{24}};        ///< Of one token: who stays away for so long signs in again.
  Millis family_max{days{30}};  ///< Of a family, from its login on.
  Millis grace{seconds{10}};    ///< How long the token just replaced still gets its successor.
};

/// A family as the database holds it.
struct RefreshFamily {
  Uuid id;
  UserId user;
  std::int64_t n = 0;   ///< The newest token's.
  WallTime rotated_at;  ///< When that was made.
  WallTime expires_at;
  bool revoked = false;
};

enum class RefreshVerdict : std::uint8_t {
  rotate,  ///< It is the newest: the next number is made.
  repeat,  ///< It was replaced a moment ago, and its successor is unused: that one again.
  reused,  ///< It was used up: somebody has a copy, and the family ends.
  ended,   ///< Its time, or its family's, is over.
};
/// What comes of showing token `n` of this family at `now`.
RefreshVerdict judge_refresh(const RefreshFamily& family, std::int64_t n, WallTime now,
                             const RefreshTerms& terms);

}  // namespace perkline::hub::identity
