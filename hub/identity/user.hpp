#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/login_name.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::identity {

/// Stored by name: `member`, `staff`, `admin`.
enum class Role : std::uint8_t { member = 1, staff, admin };
std::string_view name_of(Role role);
std::optional<Role> find_role(std::string_view name);

struct User {
  UserId id;
  std::optional<std::string> email;  ///< As given; compared without case.
  std::optional<std::string> mobile;
  std::string name;
  Role role = Role::member;
  bool active = true;
  std::optional<std::string> referral_code;
  std::optional<CustomerId> loyalty_id;
  bool loyalty_verified = false;
  WallTime created_at;
  std::optional<WallTime> mail_refused_at = std::nullopt;  ///< This address, by a mail server, for good.
};

/// The user as contract.md §6 shows it, appended to `out`.
void write_user(json::Writer& out, const User& user);
/// Likewise, with what staff see besides: whether nothing is written to the address as of `now`.
void write_user_for_staff(json::Writer& out, const User& user, WallTime now);

struct Login {
  std::optional<std::string> email_key;
  std::optional<std::string> mobile;
};
/// Whether somebody else than `self` has one of them.
Result<bool> is_taken(db::Transaction& transaction, const Login& login,
                      const std::optional<UserId>& self = std::nullopt);

struct NewUser {
  User user;
  std::string password_hash;
  std::optional<UserId> referred_by = std::nullopt;
};
/// Errors: already_registered (e-mail, mobile or card), validation_failed, the database's.
Result<void> insert_user(db::Transaction& transaction, const NewUser& added);

/// Writes what a user or an admin may change: e-mail, mobile, name, role, active, card. Errors: as
/// insert_user; not_found.
Result<void> update_user(db::Transaction& transaction, const User& user);

/// nullopt when there is none, also for what cannot be a user's id.
Result<std::optional<User>> find_user(db::Transaction& transaction, const UserId& id);
/// Likewise, its row held until the end of the transaction.
Result<std::optional<User>> hold_user(db::Transaction& transaction, const UserId& id);
/// Likewise, as of a token: nullopt also when its session has ended, unless it ended with the account's being
/// deactivated, which is what to tell then. No session: the user alone decides.
Result<std::optional<User>> find_signed_in(db::Transaction& transaction, const UserId& id,
                                           const std::optional<Uuid>& session);

/// Those of a condition with its parameters, in its order. Errors: the database's.
Result<std::vector<User>> find_users(db::Transaction& transaction, std::string_view condition,
                                     std::vector<db::Value> parameters);

struct Credentials {
  User user;
  std::string password_hash;
};
/// By e-mail address in any case, or by mobile number.
Result<std::optional<Credentials>> find_credentials(db::Transaction& transaction, std::string_view login);
Result<std::optional<Credentials>> find_credentials_of(db::Transaction& transaction, const UserId& id);
/// Likewise, the row held until the end of the transaction.
Result<std::optional<Credentials>> hold_credentials(db::Transaction& transaction, const UserId& id);

/// A referral code's owner, if active.
Result<std::optional<UserId>> find_referrer(db::Transaction& transaction, const std::string& code);

}  // namespace perkline::hub::identity
