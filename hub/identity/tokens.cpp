#include "hub/identity/tokens.hpp"

#include "shared/core/assert.hpp"

namespace perkline::hub::identity {
namespace {

/// hazards.md, OpenSSL: what is verified is kept no longer.
constexpr seconds cached_for{60};

}  // namespace

Tokens::Tokens(std::vector<SigningKey> keys, Options options, const Clock& clock, Rng& rng)
    : keys_(std::move(keys)), options_(std::move(options)), clock_(clock), ids_(clock, rng) {
  PERKLINE_ASSERT(!keys_.empty());
}

std::string Tokens::issue(const User& user, const std::optional<Uuid>& session) {
  const WallTime now = clock_.wall_now();
  return issue_token(signing_key_at(keys_, now).key, options_.terms,
                     {.user = user.id,
                      .role = std::string(name_of(user.role)),
                      .session = session,
                      .id = ids_.next(),
                      .issued_at = now,
                      .expires_at = now + options_.ttl});
}

Result<AccessClaims> Tokens::verify(std::string_view token) {
  const WallTime now = clock_.wall_now();
  if (const auto known = by_token_.find(token); known != by_token_.end()) {
    const Verified& verified = *known->second;
    if (verified.until > clock_.mono_now() && verified.claims.expires_at > now) return verified.claims;
  }
  auto claims = verify_token(token, keys_now(), options_.terms, now);
  if (claims) remember(token, *claims);
  return claims;
}

void Tokens::remember(std::string_view token, const AccessClaims& claims) {
  const MonoTime now = clock_.mono_now();
  const auto forget = [this](std::list<Verified>::iterator each) {
    by_token_.erase(std::string_view(each->token));
    verified_.erase(each);
  };
  if (const auto known = by_token_.find(token); known != by_token_.end()) forget(known->second);
  while (!verified_.empty() && (verified_.front().until <= now || verified_.size() >= options_.cached_max)) {
    forget(verified_.begin());
  }
  if (options_.cached_max == 0) return;
  verified_.push_back({std::string(token), claims, now + cached_for});
  by_token_.emplace(verified_.back().token, std::prev(verified_.end()));
}

KeySet Tokens::keys_now() const {
  return KeySet(verifying_keys_at(keys_, clock_.wall_now(), options_.ttl));
}

std::string Tokens::jwks() const {
  return keys_now().jwks();
}

void Tokens::replace_keys(std::vector<SigningKey> keys) {
  PERKLINE_ASSERT(!keys.empty());
  keys_ = std::move(keys);
  by_token_.clear();
  verified_.clear();
}

Task<Result<User>> user_of_claims(db::Database& database, AccessClaims claims) {
  auto user = co_await db::read_for<std::optional<User>>(database, [&claims](db::Transaction& transaction) {
    return find_signed_in(transaction, claims.user, claims.session);
  });
  if (!user) co_return failure(user);
  if (!*user) co_return fail(Errc::unauthenticated, "the session has ended");
  if (!(*user)->active) co_return fail(Errc::account_inactive, "the account is not active");
  co_return std::move(**user);
}

}  // namespace perkline::hub::identity
