#pragma once

#include <optional>
#include <string>

#include "hub/identity/loyalty_link.hpp"
#include "hub/identity/password_hasher.hpp"
#include "hub/identity/user_hooks.hpp"

namespace perkline::hub::identity {

/// What a user changes of their own: checked field by field already. nullopt: stays.
struct ProfileChange {
  std::optional<std::string> name;
  std::optional<std::optional<std::string>> email;  ///< An inner nullopt takes it away.
  std::optional<std::optional<std::string>> mobile;
};

/// What signed-in users do with their own account. Reactor's thread.
class Account {
 public:
  /// All must outlive this, and this every task.
  struct Parts {
    db::Database& database;
    PasswordHasher& hasher;
    const UserHooks& hooks;
    const Clock& clock;
    UuidMaker& uuids;
  };
  explicit Account(const Parts& parts) : parts_(parts) {}

  /// Errors: already_registered, validation_failed (neither e-mail nor mobile number would be left),
  /// unauthenticated (the user is gone), the database's.
  Task<Result<User>> change_profile(UserId id, ProfileChange change);

  /// Ends every session but `kept`. Errors: invalid_credentials (`current` is wrong), rate_limited (too many
  /// hashes at once), unauthenticated, the database's.
  Task<Result<User>> change_password(UserId id, std::optional<Uuid> kept, std::string current,
                                     std::string fresh);

  struct Card {
    CustomerId id;
    std::optional<ReceiptId> receipt;
  };
  /// A user has one card: another one takes its place. Errors: receipt_required, already_registered (it is
  /// another user's), unauthenticated, the database's.
  Task<Result<User>> link_card(UserId id, Card card);

 private:
  Parts parts_;
};

}  // namespace perkline::hub::identity
