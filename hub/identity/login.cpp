#include "hub/identity/login.hpp"

namespace perkline::hub::identity {

Task<Result<LoggedIn>> log_in(db::Database& database, PasswordHasher& hasher, Tokens& tokens,
                              std::string login, std::string password) {
  auto known = co_await db::read_for<std::optional<Credentials>>(
      database, [&login](db::Transaction& transaction) { return find_credentials(transaction, login); });
  if (!known) co_return failure(known);

  std::string hash = *known ? (*known)->password_hash : hasher.nobodys_hash();
  auto right = co_await hasher.verify(std::move(hash), std::move(password));
  if (!right) co_return failure(right);
  if (!*known || !*right) co_return fail(Errc::invalid_credentials, "login or password is wrong");
  User& user = (*known)->user;
  if (!user.active) co_return fail(Errc::account_inactive, "the account is not active");

  std::string token = tokens.issue(user.id);
  co_return LoggedIn{std::move(token), tokens.ttl(), std::move(user)};
}

}  // namespace perkline::hub::identity
