#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/user.hpp"

namespace perkline::hub::identity {

/// Which users are asked for: all that is given must hold.
struct UserSearch {
  std::string text;  ///< In e-mail, mobile number or name, in any case; or the whole of an id, card or code.
  std::optional<Role> role;
  std::optional<bool> active;
  std::string after;  ///< The id behind which the page begins; empty: at the newest.
  std::int64_t limit = 50;
};
/// The newest first. Errors: the database's.
Result<std::vector<User>> search_users(db::Transaction& transaction, const UserSearch& search);

/// Whether the hub would be without any active admin if this user were none. Holds the admins' rows until the
/// end of the transaction, so that two do not go at the same time. Errors: the database's.
Result<bool> is_last_admin(db::Transaction& transaction, const UserId& id);

/// What admins do with other people's accounts. Reactor's thread.
class UserAdmin {
 public:
  /// All must outlive this, and this every task.
  UserAdmin(db::Database& database, const Clock& clock, UuidMaker& uuids)
      : database_(database), clock_(clock), uuids_(uuids) {}

  struct Change {
    std::optional<Role> role;
    std::optional<bool> active;
  };
  /// Takes effect with the next request, whatever token it has; who is deactivated has no session any more.
  /// `actor` as AuditEntry names it. Errors: not_found, forbidden (it is the last active admin), the
  /// database's.
  Task<Result<User>> change(UserId id, Change change, std::string actor, std::string traceparent);

 private:
  db::Database& database_;
  const Clock& clock_;
  UuidMaker& uuids_;
};

}  // namespace perkline::hub::identity
