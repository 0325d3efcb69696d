#pragma once

#include <optional>
#include <span>
#include <string>

#include "hub/identity/loyalty_link.hpp"
#include "hub/identity/sessions.hpp"
#include "hub/identity/user_hooks.hpp"

namespace perkline::hub::identity {

/// What somebody gives who registers, checked field by field already.
struct NewMember {
  std::optional<std::string> email = {};  ///< One of the two at least.
  std::optional<std::string> mobile = {};
  std::string password = {};
  std::string name = {};
  std::optional<std::string> referral_code = {};
  std::optional<CustomerId> loyalty_id = {};
  std::optional<ReceiptId> receipt = {};
};

struct NewStaff {
  std::string email;
  std::string password;
  std::string name;
  Role role = Role::staff;
};

/// New users. Reactor's thread.
class Registration {
 public:
  /// All must outlive this, and this every task.
  struct Parts {
    db::Database& database;
    PasswordHasher& hasher;
    Sessions& sessions;
    const UserHooks& hooks;
    const Clock& clock;
    Rng& rng;  ///< Fit for secrets.
    UuidMaker& uuids;
  };
  explicit Registration(const Parts& parts) : parts_(parts) {}

  /// A member with all that belongs to one, signed in: user, card, session, events, audit and the modules'
  /// share are one transaction. What can be refused is refused before the password is hashed. Errors:
  /// already_registered, receipt_required, validation_failed (referralCode is nobody's), rate_limited (too
  /// many hashes at once), the hooks', the database's.
  Task<Result<SignedIn>> register_member(NewMember member, std::string traceparent);

  /// `actor` as AuditEntry names it. Errors: already_registered, rate_limited, the database's.
  Task<Result<User>> register_staff(NewStaff staff, std::string actor);

 private:
  struct Prepared;
  Prepared prepare(const NewMember& member, std::string password_hash, std::string traceparent);
  std::string new_referral_code();
  static Result<User> write(db::Transaction& transaction, const NewMember& member, const Prepared& prepared,
                            const Registered& registered, std::span<const UserHooks::Work> works);

  Parts parts_;
};

}  // namespace perkline::hub::identity
