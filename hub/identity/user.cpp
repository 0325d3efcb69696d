#include "hub/identity/user.hpp"

#include <algorithm>

#include "hub/identity/ascii.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::identity {
namespace {

constexpr std::string_view columns =
    "id, email, mobile, name, role, active, referral_code, loyalty_id, loyalty_verified, created_at";

std::string select_where(std::string_view condition) {
  return "SELECT " + std::string(columns) + ", password_hash FROM users WHERE " + std::string(condition);
}

Result<Credentials> credentials_in(const db::Row& row) {
  const auto role = find_role(row.text(4));
  if (!role) return fail(Errc::corrupt, "user " + row.text(0) + " has an unknown role");
  std::optional<CustomerId> loyalty_id;
  if (!row.is_null(7)) loyalty_id = CustomerId(row.text(7));
  return Credentials{.user = {.id = UserId(row.text(0)),
                              .email = row.optional_text(1),
                              .mobile = row.optional_text(2),
                              .name = row.text(3),
                              .role = *role,
                              .active = row.integer(5) != 0,
                              .referral_code = row.optional_text(6),
                              .loyalty_id = std::move(loyalty_id),
                              .loyalty_verified = row.integer(8) != 0,
                              .created_at = WallTime{Millis{row.integer(9)}}},
                     .password_hash = row.text(10)};
}

Result<std::optional<Credentials>> find_one(db::Transaction& transaction, std::string_view condition,
                                            std::string parameter) {
  auto rows = transaction.query(select_where(condition), {std::move(parameter)});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  auto found = credentials_in(rows->front());
  if (!found) return failure(found);
  return std::move(*found);
}

db::Value or_null(const std::optional<std::string>& text) {
  return text ? db::Value(*text) : db::Value(nullptr);
}

void write_or_null(json::Writer& out, std::string_view name, const std::optional<std::string>& text) {
  out.key(name);
  text ? out.value(*text) : out.null();
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
  out.field("id", user.id.str());
  write_or_null(out, "email", user.email);
  write_or_null(out, "mobile", user.mobile);
  out.field("name", user.name).field("role", name_of(user.role)).field("active", user.active);
  write_or_null(out, "referralCode", user.referral_code);
  write_or_null(out, "loyaltyId", user.loyalty_id.transform([](const CustomerId& id) { return id.str(); }));
  out.field("loyaltyVerified", user.loyalty_verified).field("createdAt", format_time(user.created_at));
  out.end_object();
}

std::optional<std::string> email_key(std::string_view email) {
  constexpr std::size_t local_bytes_max = 64;
  constexpr std::size_t bytes_max = 254;
  const auto at = email.find('@');
  if (email.size() > bytes_max || at == std::string_view::npos || at == 0 || at > local_bytes_max)
    return std::nullopt;
  const std::string_view domain = email.substr(at + 1);
  const auto dot = domain.find('.');
  if (dot == std::string_view::npos || dot == 0 || domain.ends_with('.') || domain.contains('@'))
    return std::nullopt;
  if (std::ranges::any_of(email, [](char c) { return c <= ' ' || c > '~'; })) return std::nullopt;
  return ascii_lower(email);
}

Result<void> insert_user(db::Transaction& transaction, const NewUser& added) {
  const User& user = added.user;
  const auto key = user.email.and_then([](const std::string& email) { return email_key(email); });
  if (user.email && !key) return fail(Errc::validation_failed, "is no e-mail address");
  auto inserted = transaction.execute(
      "INSERT INTO users (id, email, email_key, mobile, name, role, active, password_hash, created_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      {user.id.str(), or_null(user.email), or_null(key), or_null(user.mobile), user.name,
       std::string(name_of(user.role)), std::int64_t{user.active}, added.password_hash,
       user.created_at.time_since_epoch().count()});
  if (inserted) return {};
  if (inserted.error().code == Errc::already_exists)
    return fail(Errc::already_registered, "this login is taken");
  return failure(inserted);
}

Result<std::optional<User>> find_user(db::Transaction& transaction, const UserId& id) {
  auto found = find_one(transaction, "id = $1", id.str());
  if (!found) return failure(found);
  if (!*found) return std::nullopt;
  return std::move((*found)->user);
}

Result<std::optional<Credentials>> find_credentials(db::Transaction& transaction, std::string_view login) {
  if (auto key = email_key(login)) return find_one(transaction, "email_key = $1", std::move(*key));
  return find_one(transaction, "mobile = $1", std::string(login));
}

}  // namespace perkline::hub::identity
