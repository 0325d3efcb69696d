#include "hub/identity/access_token.hpp"
#include "hub/identity/base64url.hpp"
#include "shared/core/assert.hpp"
#include "tests/fuzz/targets.hpp"

namespace perkline::fuzz {
namespace {

using hub::identity::base64url;

constexpr WallTime now = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};

/// With the key's id for each `KID`.
std::string with_id(std::string_view text, const std::string& id) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t mark = std::min(text.find("KID", at), text.size());
    out.append(text.substr(at, mark - at));
    if (mark < text.size()) out += id;
    at = mark + 3;
  }
  return out;
}

}  // namespace

/// As it came a token is somebody's invention and never believed. A header and a payload, a line's end
/// between them, are signed by the right key: what is wrong then is what they say.
void jwt(std::string_view input) {
  static const auto key = hub::identity::Es256Key::generate();
  static const hub::identity::KeySet keys({key});
  const hub::identity::TokenTerms terms{.issuer = "perkline"};
  PERKLINE_ASSERT(!verify_token(input, keys, terms, now));
  const std::size_t end = input.find('\n');
  if (end == std::string_view::npos) return;
  std::string token =
      base64url(with_id(input.substr(0, end), key.id())) + '.' + base64url(input.substr(end + 1));
  token += '.' + base64url(key.sign(token));
  const auto claims = verify_token(token, keys, terms, now);
  if (!claims) {
    const Errc code = claims.error().code;
    PERKLINE_ASSERT(code == Errc::unauthenticated || code == Errc::token_expired);
    return;
  }
  PERKLINE_ASSERT(!claims->user.empty() && claims->expires_at > now);
  // Whatever one bit of it says otherwise, nobody has signed.
  token[token.size() / 3] = token[token.size() / 3] == 'A' ? 'B' : 'A';
  PERKLINE_ASSERT(!verify_token(token, keys, terms, now));
}

}  // namespace perkline::fuzz
