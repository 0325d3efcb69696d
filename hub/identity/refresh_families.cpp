#include "hub/identity/refresh_families.hpp"

#include <algorithm>

#include "shared/core/stamp.hpp"

namespace perkline::hub::identity {
namespace {

Result<std::optional<RefreshFamily>> find_family(db::Transaction& transaction, const Uuid& id) {
  auto rows = transaction.query(
      "SELECT user_id, n, rotated_at, expires_at, revoked_at FROM refresh_family WHERE id = $1", {id.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  const db::Row& row = rows->front();
  return RefreshFamily{.id = id,
                       .user = UserId(row.text(0)),
                       .n = row.integer(1),
                       .rotated_at = WallTime{Millis{row.integer(2)}},
                       .expires_at = WallTime{Millis{row.integer(3)}},
                       .revoked = !row.is_null(4)};
}

Result<Refreshed> refreshed(db::Transaction& transaction, const RefreshFamily& family,
                            const RefreshTerms& terms) {
  auto user = find_user(transaction, family.user);
  if (!user) return failure(user);
  if (!*user) return fail(Errc::unauthenticated, "the session has ended");
  if (!(*user)->active) return fail(Errc::account_inactive, "the account is not active");
  return Refreshed{.user = std::move(**user),
                   .token = {.family = family.id, .n = family.n},
                   .expires_at = std::min(family.rotated_at + terms.ttl, family.expires_at)};
}

/// False: somebody else was faster.
Result<bool> rotate(db::Transaction& transaction, RefreshFamily& family, WallTime now) {
  auto rotated = transaction.execute(
      "UPDATE refresh_family SET n = n + 1, rotated_at = $3 WHERE id = $1 AND n = $2 AND revoked_at IS NULL",
      {family.id.str(), family.n, stamp(now)});
  if (!rotated) return failure(rotated);
  ++family.n;
  family.rotated_at = now;
  return *rotated == 1;
}

Result<void> revoke(db::Transaction& transaction, const Uuid& family, WallTime now) {
  auto revoked =
      transaction.execute("UPDATE refresh_family SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
                          {family.str(), stamp(now)});
  if (!revoked) return failure(revoked);
  return {};
}

}  // namespace

Result<User> open_family(db::Transaction& transaction, const RefreshFamily& family,
                         const std::string& password_hash) {
  // Held, so that a deactivation or another password ends this session too or finds it open.
  auto held = hold_credentials(transaction, family.user);
  if (!held) return failure(held);
  if (!*held || (*held)->password_hash != password_hash)
    return fail(Errc::invalid_credentials, "login or password is wrong");
  if (!(*held)->user.active) return fail(Errc::account_inactive, "the account is not active");
  if (auto inserted = insert_family(transaction, family); !inserted) return failure(inserted);
  return std::move((*held)->user);
}

Result<void> insert_family(db::Transaction& transaction, const RefreshFamily& family) {
  auto inserted = transaction.execute(
      "INSERT INTO refresh_family (id, user_id, n, rotated_at, created_at, expires_at)"
      " VALUES ($1, $2, $3, $4, $4, $5)",
      {family.id.str(), family.user.str(), family.n, stamp(family.rotated_at), stamp(family.expires_at)});
  if (!inserted) return failure(inserted);
  return {};
}

Result<std::optional<Refreshed>> use_refresh_token(db::Transaction& transaction, const RefreshToken& token,
                                                   WallTime now, const RefreshTerms& terms) {
  // Whoever loses the race for a rotation finds the winner's the next time.
  constexpr int attempts_max = 4;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto family = find_family(transaction, token.family);
    if (!family) return failure(family);
    if (!*family) return fail(Errc::unauthenticated, "the session has ended");
    switch (judge_refresh(**family, token.n, now, terms)) {
      case RefreshVerdict::ended:
        return fail(Errc::unauthenticated, "the session has ended");
      case RefreshVerdict::reused:
        if (auto revoked = revoke(transaction, token.family, now); !revoked) return failure(revoked);
        return std::nullopt;
      case RefreshVerdict::rotate: {
        const auto rotated = rotate(transaction, **family, now);
        if (!rotated) return std::unexpected(rotated.error());
        if (!*rotated) continue;
        break;
      }
      case RefreshVerdict::repeat:
        break;
    }
    return refreshed(transaction, **family, terms);
  }
  return fail({.code = Errc::overloaded, .detail = "too many refreshes at once", .retry_after = seconds{1}});
}

Result<void> end_family(db::Transaction& transaction, const Uuid& family, const UserId& user) {
  auto ended = transaction.execute("DELETE FROM refresh_family WHERE id = $1 AND user_id = $2",
                                   {family.str(), user.str()});
  if (!ended) return failure(ended);
  return {};
}

Result<std::int64_t> end_families_of(db::Transaction& transaction, const UserId& user,
                                     const std::optional<Uuid>& kept) {
  return transaction.execute("DELETE FROM refresh_family WHERE user_id = $1 AND id <> $2",
                             {user.str(), kept ? kept->str() : std::string()});
}

Result<std::int64_t> end_all_families(db::Transaction& transaction) {
  return transaction.execute("DELETE FROM refresh_family");
}

Result<std::int64_t> forget_ended_families(db::Transaction& transaction, WallTime now) {
  return transaction.execute("DELETE FROM refresh_family WHERE expires_at < $1", {stamp(now - days{1})});
}

}  // namespace perkline::hub::identity
