#include "hub/identity/sessions.hpp"

#include <algorithm>

#include "hub/identity/audit.hpp"

namespace perkline::hub::identity {

Sessions::Sessions(db::Database& database, PasswordHasher& hasher, Tokens& tokens, const Clock& clock,
                   UuidMaker& uuids, Options options)
    : database_(database),
      hasher_(hasher),
      tokens_(tokens),
      clock_(clock),
      uuids_(uuids),
      options_(std::move(options)) {}

RefreshFamily Sessions::new_family(const UserId& user) {
  const WallTime now = clock_.wall_now();
  return {
      .id = uuids_.next(), .user = user, .rotated_at = now, .expires_at = now + options_.terms.family_max};
}

SignedIn Sessions::signed_in(User user, const RefreshFamily& family) {
  return signed_in(std::move(user), {.family = family.id, .n = family.n},
                   std::min(family.rotated_at + options_.terms.ttl, family.expires_at));
}

SignedIn Sessions::signed_in(User user, const RefreshToken& token, WallTime refresh_expires_at) {
  std::string access_token = tokens_.issue(user, token.family);
  const auto left = std::chrono::ceil<seconds>(refresh_expires_at - clock_.wall_now());
  return {.access_token = std::move(access_token),
          .expires_in = tokens_.ttl(),
          .user = std::move(user),
          .refresh_token = write_refresh_token(options_.refresh_key, token),
          .refresh_expires_in = std::max(left, seconds{1})};
}

Task<Result<SignedIn>> Sessions::log_in(std::string login, std::string password) {
  auto known = co_await db::read_for<std::optional<Credentials>>(
      database_, [&login](db::Transaction& transaction) { return find_credentials(transaction, login); });
  if (!known) co_return failure(known);

  const std::string hash = *known ? (*known)->password_hash : hasher_.nobodys_hash();
  auto right = co_await hasher_.verify(hash, std::move(password));
  if (!right) co_return failure(right);
  if (!*known || !*right) co_return fail(Errc::invalid_credentials, "login or password is wrong");

  const RefreshFamily family = new_family((*known)->user.id);
  auto user = co_await db::write_for<User>(database_, [&family, &hash](db::Transaction& transaction) {
    return open_family(transaction, family, hash);
  });
  if (!user) co_return failure(user);
  co_return signed_in(std::move(*user), family);
}

Task<Result<SignedIn>> Sessions::refresh(std::string refresh_token) {
  const auto token = read_refresh_token(options_.refresh_key, refresh_token);
  if (!token) co_return fail(Errc::unauthenticated, "the refresh token is none of this hub's");
  const WallTime now = clock_.wall_now();
  const Uuid audit_id = uuids_.next();
  auto refreshed = co_await db::write_for<std::optional<Refreshed>>(
      database_, [&, now](db::Transaction& transaction) -> Result<std::optional<Refreshed>> {
        auto used = use_refresh_token(transaction, *token, now, options_.terms);
        if (!used || *used) return used;
        auto told = append_audit(transaction, {.id = audit_id,
                                               .at = now,
                                               .actor = "hub",
                                               .action = "session.revoked",
                                               .subject = "session:" + token->family.str(),
                                               .detail = R"({"reason":"a used refresh token came again"})"});
        if (!told) return failure(told);
        return used;
      });
  if (!refreshed) co_return failure(refreshed);
  if (!*refreshed) co_return fail(Errc::refresh_reused, "this token was used before; sign in again");
  co_return signed_in(std::move((*refreshed)->user), (*refreshed)->token, (*refreshed)->expires_at);
}

Task<Result<void>> Sessions::log_out(UserId user, std::optional<Uuid> session,
                                     std::optional<std::string> refresh_token) {
  const auto shown = refresh_token.and_then(
      [this](const std::string& text) { return read_refresh_token(options_.refresh_key, text); });
  co_return co_await database_.write([&](db::Transaction& transaction) -> Result<void> {
    if (session) {
      if (auto ended = end_family(transaction, *session, user); !ended) return ended;
    }
    return shown ? end_family(transaction, shown->family, user) : Result<void>{};
  });
}

}  // namespace perkline::hub::identity
