#include "hub/identity/refresh_token.hpp"

#include <charconv>
#include <limits>

#include "hub/identity/base64url.hpp"
#include "hub/identity/secret.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::hub::identity {
namespace {

/// Keeps this use of the key apart from any other.
constexpr std::string_view domain = "perkline-refresh-1";

Digest mac_of(std::string_view key, const RefreshToken& token) {
  std::string text(domain);
  text.append(reinterpret_cast<const char*>(token.family.bytes.data()), token.family.bytes.size());
  append_u64(text, static_cast<std::uint64_t>(token.n));
  return hmac_sha256(key, text);
}

/// The one spelling of a number that is not negative.
std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || std::to_string(number) != text ||
      number < 0 || number == std::numeric_limits<std::int64_t>::max())
    return std::nullopt;
  return number;
}

}  // namespace

std::string write_refresh_token(std::string_view key, const RefreshToken& token) {
  return token.family.str() + '.' + std::to_string(token.n) + '.' + base64url(as_chars(mac_of(key, token)));
}

std::optional<RefreshToken> read_refresh_token(std::string_view key, std::string_view text) {
  const auto first = text.find('.');
  const auto second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto family = parse_uuid(text.substr(0, first));
  const auto n = number_in(text.substr(first + 1, second - first - 1));
  const auto mac = from_base64url(text.substr(second + 1));
  if (!family || !n || !mac) return std::nullopt;
  const RefreshToken token{.family = *family, .n = *n};
  if (!equal_in_constant_time(*mac, as_chars(mac_of(key, token)))) return std::nullopt;
  return token;
}

RefreshVerdict judge_refresh(const RefreshFamily& family, std::int64_t n, WallTime now,
                             const RefreshTerms& terms) {
  // Told even of a family that is over: its member may still wonder why.
  if (family.revoked) return RefreshVerdict::reused;
  // A number that was never made: the database is older than the token.
  if (n > family.n || now >= family.expires_at || now >= family.rotated_at + terms.ttl)
    return RefreshVerdict::ended;
  if (n == family.n) return RefreshVerdict::rotate;
  const bool just_replaced = n == family.n - 1 && now - family.rotated_at <= terms.grace;
  return just_replaced ? RefreshVerdict::repeat : RefreshVerdict::reused;
}

}  // namespace perkline::hub::identity
