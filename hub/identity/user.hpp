#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hub/db/database.hpp"
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
};

/// The user as contract.md §6 shows it, appended to `out`.
void write_user(json::Writer& out, const User& user);

/// The one spelling of an e-mail address that is compared and unique: ASCII letters in lower case. nullopt
/// for what is no address (RFC 5321's lengths, printable ASCII, one `@` with a dot behind it).
std::optional<std::string> email_key(std::string_view email);

struct NewUser {
  User user;
  std::string password_hash;
};
/// Errors: already_registered (e-mail or mobile), validation_failed, the database's.
Result<void> insert_user(db::Transaction& transaction, const NewUser& added);

/// nullopt when there is none, also for what cannot be a user's id.
Result<std::optional<User>> find_user(db::Transaction& transaction, const UserId& id);

struct Credentials {
  User user;
  std::string password_hash;
};
/// By e-mail address in any case, or by mobile number.
Result<std::optional<Credentials>> find_credentials(db::Transaction& transaction, std::string_view login);

}  // namespace perkline::hub::identity
