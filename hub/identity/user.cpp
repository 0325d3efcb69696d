#include "hub/identity/user.hpp"

#include <utility>

#include "hub/identity/mail_refusal.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::identity {
namespace {

constexpr std::string_view columns =
    "id, email, mobile, name, role, active, referral_code, loyalty_id, loyalty_verified, created_at,"
    " CASE WHEN refused_email = email THEN refused_at END";

std::string users_where(std::string_view condition) {
  return "SELECT " + std::string(columns) + " FROM users WHERE " + std::string(condition);
}

std::string credentials_where(std::string_view condition) {
  return "SELECT " + std::string(columns) + ", password_hash FROM users WHERE " + std::string(condition);
}

Result<User> user_in(const db::Row& row) {
  const auto role = find_role(row.text(4));
  if (!role) return fail(Errc::corrupt, "user " + row.text(0) + " has an unknown role");
  std::optional<CustomerId> loyalty_id;
  if (!row.is_null(7)) loyalty_id = CustomerId(row.text(7));
  std::optional<WallTime> refused_at;
  if (const auto at = row.optional_integer(10)) refused_at = WallTime{Millis{*at}};
  return User{.id = UserId(row.text(0)),
              .email = row.optional_text(1),
              .mobile = row.optional_text(2),
              .name = row.text(3),
              .role = *role,
              .active = row.integer(5) != 0,
              .referral_code = row.optional_text(6),
              .loyalty_id = std::move(loyalty_id),
              .loyalty_verified = row.integer(8) != 0,
              .created_at = WallTime{Millis{row.integer(9)}},
              .mail_refused_at = refused_at};
}

/// `sql` of users_where().
Result<std::optional<User>> one_user(db::Transaction& transaction, std::string_view sql,
                                     std::vector<db::Value> parameters) {
  auto rows = transaction.query(sql, std::move(parameters));
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  auto found = user_in(rows->front());
  if (!found) return failure(found);
  return std::move(*found);
}

Result<std::optional<Credentials>> one_with_credentials(db::Transaction& transaction,
                                                        std::string_view condition,
                                                        std::vector<db::Value> parameters) {
  auto rows = transaction.query(credentials_where(condition), std::move(parameters));
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  auto found = user_in(rows->front());
  if (!found) return failure(found);
  return Credentials{.user = std::move(*found), .password_hash = rows->front().text(11)};
}

db::Value or_null(const std::optional<std::string>& text) {
  return text ? db::Value(*text) : db::Value(nullptr);
}

template <class Kind>
std::optional<std::string> text_of(const std::optional<Id<Kind>>& id) {
  return id.transform([](const Id<Kind>& known) { return known.str(); });
}

/// Errors: validation_failed.
Result<std::optional<std::string>> key_of(const User& user) {
  if (!user.email) return std::nullopt;
  auto key = email_key(*user.email);
  if (!key) return fail(Errc::validation_failed, "is no e-mail address");
  return key;
}

Result<void> written(Result<std::int64_t> changed) {
  if (changed) return {};
  if (changed.error().code == Errc::already_exists)
    return fail(Errc::already_registered, "this login or loyalty id is taken");
  return failure(changed);
}

void write_or_null(json::Writer& out, std::string_view name, const std::optional<std::string>& text) {
  out.key(name);
  text ? out.value(*text) : out.null();
}

void write_fields(json::Writer& out, const User& user) {
  out.field("id", user.id.str());
  write_or_null(out, "email", user.email);
  write_or_null(out, "mobile", user.mobile);
  out.field("name", user.name).field("role", name_of(user.role)).field("active", user.active);
  write_or_null(out, "referralCode", user.referral_code);
  write_or_null(out, "loyaltyId", text_of(user.loyalty_id));
  out.field("loyaltyVerified", user.loyalty_verified).field("createdAt", format_time(user.created_at));
}

}  // namespace

std::string_view name_of(Role role) {
  switch (role) {
    case Role::member:
      return "member";
    case Role::staff:
      return "staff";
    case Role::admin:
      return "admin";
  }
  PERKLINE_ASSERT(false);
  return {};
}

std::optional<Role> find_role(std::string_view name) {
  for (const Role role : {Role::member, Role::staff, Role::admin}) {
    if (name_of(role) == name) return role;
  }
  return std::nullopt;
}

void write_user(json::Writer& out, const User& user) {
  out.begin_object();
  write_fields(out, user);
  out.end_object();
}

void write_user_for_staff(json::Writer& out, const User& user, WallTime now) {
  out.begin_object();
  write_fields(out, user);
  out.field("mailRefused", user.mail_refused_at && holds_refusal(*user.mail_refused_at, now)).end_object();
}

Result<bool> is_taken(db::Transaction& transaction, const Login& login, const std::optional<UserId>& self) {
  auto rows = transaction.query(
      "SELECT 1 FROM users WHERE (email_key = $1 OR mobile = $2) AND id <> $3 LIMIT 1",
      {login.email_key.value_or(""), login.mobile.value_or(""), self ? self->str() : std::string()});
  if (!rows) return failure(rows);
  return !rows->empty();
}

/// Stores are to hear of the card's member anew: its name, or that it is blocked.
Result<void> tell_stores(db::Transaction& transaction, const User& user) {
  if (!user.loyalty_id || !user.loyalty_verified) return {};
  auto told = transaction.execute(
      "UPDATE member SET down_position = NULL, was_blocked = CASE WHEN $2 = 0 THEN 1 ELSE was_blocked END"
      " WHERE customer_id = $1",
      {user.loyalty_id->str(), std::int64_t{user.active}});
  if (!told) return failure(told);
  return {};
}

Result<void> insert_user(db::Transaction& transaction, const NewUser& added) {
  const User& user = added.user;
  const auto key = key_of(user);
  if (!key) return std::unexpected(key.error());
  auto inserted = transaction.execute(
      "INSERT INTO users (id, email, email_key, mobile, name, role, active, password_hash, referral_code,"
      " loyalty_id, loyalty_verified, referred_by, created_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
      {user.id.str(), or_null(user.email), or_null(*key), or_null(user.mobile), user.name,
       std::string(name_of(user.role)), std::int64_t{user.active}, added.password_hash,
       or_null(user.referral_code), or_null(text_of(user.loyalty_id)), std::int64_t{user.loyalty_verified},
       or_null(text_of(added.referred_by)), user.created_at.time_since_epoch().count()});
  if (auto done = written(std::move(inserted)); !done) return done;
  return tell_stores(transaction, user);
}

Result<void> update_user(db::Transaction& transaction, const User& user) {
  const auto key = key_of(user);
  if (!key) return std::unexpected(key.error());
  auto updated = transaction.execute(
      "UPDATE users SET email = $2, email_key = $3, mobile = $4, name = $5, role = $6, active = $7,"
      " loyalty_id = $8, loyalty_verified = $9 WHERE id = $1",
      {user.id.str(), or_null(user.email), or_null(*key), or_null(user.mobile), user.name,
       std::string(name_of(user.role)), std::int64_t{user.active}, or_null(text_of(user.loyalty_id)),
       std::int64_t{user.loyalty_verified}});
  if (updated && *updated == 0) return fail(Errc::not_found, "no such user");
  if (auto done = written(std::move(updated)); !done) return done;
  return tell_stores(transaction, user);
}

Result<std::optional<User>> find_user(db::Transaction& transaction, const UserId& id) {
  static const std::string sql = users_where("id = $1");
  return one_user(transaction, sql, {id.str()});
}

Result<std::optional<User>> hold_user(db::Transaction& transaction, const UserId& id) {
  return one_user(transaction, users_where("id = $1") + std::string(transaction.for_update()), {id.str()});
}

Result<std::optional<User>> find_signed_in(db::Transaction& transaction, const UserId& id,
                                           const std::optional<Uuid>& session) {
  if (!session) return find_user(transaction, id);
  // With every call that brings a token.
  static const std::string sql = users_where(
      "id = $1 AND (active = 0 OR EXISTS (SELECT 1 FROM refresh_family WHERE"
      " refresh_family.id = $2 AND refresh_family.user_id = users.id AND revoked_at IS NULL))");
  return one_user(transaction, sql, {id.str(), session->str()});
}

Result<std::optional<Credentials>> find_credentials_of(db::Transaction& transaction, const UserId& id) {
  return one_with_credentials(transaction, "id = $1", {id.str()});
}

Result<std::optional<Credentials>> hold_credentials(db::Transaction& transaction, const UserId& id) {
  return one_with_credentials(transaction, "id = $1" + std::string(transaction.for_update()), {id.str()});
}

Result<std::vector<User>> find_users(db::Transaction& transaction, std::string_view condition,
                                     std::vector<db::Value> parameters) {
  auto rows = transaction.query(users_where(condition), std::move(parameters));
  if (!rows) return failure(rows);
  std::vector<User> users;
  for (const db::Row& row : *rows) {
    auto found = user_in(row);
    if (!found) return failure(found);
    users.push_back(std::move(*found));
  }
  return users;
}

Result<std::optional<UserId>> find_referrer(db::Transaction& transaction, const std::string& code) {
  auto rows = transaction.query("SELECT id FROM users WHERE referral_code = $1 AND active = 1", {code});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return UserId(rows->front().text(0));
}

Result<std::optional<Credentials>> find_credentials(db::Transaction& transaction, std::string_view login) {
  if (auto key = email_key(login))
    return one_with_credentials(transaction, "email_key = $1", {std::move(*key)});
  return one_with_credentials(transaction, "mobile = $1", {std::string(login)});
}

}  // namespace perkline::hub::identity
