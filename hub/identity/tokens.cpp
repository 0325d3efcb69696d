#include "hub/identity/tokens.hpp"

#include "shared/core/assert.hpp"

namespace perkline::hub::identity {
namespace {

Es256Key first_of(const std::vector<Es256Key>& keys) {
  PERKLINE_ASSERT(!keys.empty());
  return keys.front();
}

Result<Es256Key> make_key(db::Transaction& transaction, WallTime now) {
  auto made = Es256Key::generate();
  auto inserted =
      transaction.execute("INSERT INTO signing_keys (id, private_pem, created_at) VALUES ($1, $2, $3)",
                          {made.id(), made.private_pem(), now.time_since_epoch().count()});
  if (!inserted) return failure(inserted);
  return made;
}

}  // namespace

Tokens::Tokens(std::vector<Es256Key> keys, Options options, const Clock& clock, Rng& rng)
    : signing_(first_of(keys)),
      verifying_(std::move(keys)),
      options_(std::move(options)),
      clock_(clock),
      ids_(clock, rng) {}

std::string Tokens::issue(const UserId& user) {
  const WallTime now = clock_.wall_now();
  return issue_token(signing_, options_.terms,
                     {.user = user, .id = ids_.next(), .issued_at = now, .expires_at = now + options_.ttl});
}

Result<AccessClaims> Tokens::verify(std::string_view token) const {
  return verify_token(token, verifying_, options_.terms, clock_.wall_now());
}

Result<std::vector<Es256Key>> load_or_make_signing_keys(db::Transaction& transaction, WallTime now) {
  auto rows = transaction.query("SELECT id, private_pem FROM signing_keys ORDER BY created_at DESC, id DESC");
  if (!rows) return failure(rows);
  std::vector<Es256Key> keys;
  for (const auto& row : *rows) {
    auto key = Es256Key::from_pem(row.text(1));
    if (!key) return fail(Errc::corrupt, "signing key " + row.text(0) + " " + key.error().detail);
    keys.push_back(std::move(*key));
  }
  if (keys.empty()) {
    auto made = make_key(transaction, now);
    if (!made) return failure(made);
    keys.push_back(std::move(*made));
  }
  return keys;
}

Task<Result<User>> user_of_token(db::Database& database, const Tokens& tokens, std::string token) {
  const auto claims = tokens.verify(token);
  if (!claims) co_return fail(claims.error());
  auto user = co_await db::read_for<std::optional<User>>(
      database, [&claims](db::Transaction& transaction) { return find_user(transaction, claims->user); });
  if (!user) co_return failure(user);
  if (!*user) co_return fail(Errc::unauthenticated, "the token's user is gone");
  if (!(*user)->active) co_return fail(Errc::account_inactive, "the account is not active");
  co_return std::move(**user);
}

}  // namespace perkline::hub::identity
