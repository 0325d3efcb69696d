#pragma once

#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "hub/identity/user.hpp"

/// Which user a loyalty card belongs to (hub.md, "Members"). A card that tills have read is taken over by who
/// shows a receipt of its last 30 days; one that nobody has seen is linked on a person's word, until a
/// receipt proves it to be theirs, or somebody else's.
namespace perkline::hub::identity {

struct LinkVerdict {
  bool verified = false;
  /// Had it on their word alone, and loses it to who has the receipt.
  std::optional<UserId> displaced;
};

/// Whether `self` (nullopt: somebody who is registering) may have the card. Errors: receipt_required,
/// already_registered (it is another user's), the database's.
Result<LinkVerdict> judge_link(db::Transaction& transaction, const CustomerId& card,
                               const std::optional<ReceiptId>& receipt, const std::optional<UserId>& self,
                               WallTime now);

struct Displacement {
  UserId user;
  CustomerId card;
  std::string by;  ///< As AuditEntry::actor.
  Uuid audit_id;
  WallTime at;
};
/// Takes the card from who has it on their word, with a row in the audit; nothing happens to who has another
/// one by now. Errors: the database's.
Result<void> displace(db::Transaction& transaction, const Displacement& displaced);

}  // namespace perkline::hub::identity
