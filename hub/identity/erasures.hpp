#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/identity/user_hooks.hpp"
#include "shared/sync/down.hpp"

namespace perkline::hub::identity {

/// How far the forgetting of somebody is.
struct ErasureState {
  UserId user;
  WallTime requested_at;
  struct Store {
    StoreId id;
    std::optional<WallTime> erased_at;
  };
  std::vector<Store> stores;  ///< Those that may hold something; retired ones are not waited for.
  bool is_new = false;        ///< This call has begun it.
  bool is_done() const;
};

/// Forgetting people. At the hub in one transaction: the user, what they sign in with, their sessions and
/// what the modules keep of them go; a card that was proven to be theirs is replaced by a random token in all
/// that stays. For every store there is a row until it has told that it has forgotten the card too. A card
/// that was only claimed is unlinked: whose its sales are nobody has proven. Reactor's thread.
class Erasures {
 public:
  /// All must outlive this, and this every task. `rng`: fit for secrets.
  struct Parts {
    db::Database& database;
    const UserHooks& hooks;
    const Clock& clock;
    Rng& rng;
    UuidMaker& uuids;
  };
  explicit Erasures(const Parts& parts) : parts_(parts) {}

  /// Begins it, or tells how far it is. Errors: not_found, forbidden (the last active admin), the hooks', the
  /// database's.
  Task<Result<ErasureState>> erase(UserId id, std::string actor, std::string traceparent);

 private:
  struct Prepared;
  Result<void> forget(db::Transaction& transaction, const User& user, const Prepared& prepared);

  Parts parts_;
};

/// What a card is known by once it is erased: HMAC-SHA256 under a key of the hub's, in hex. Errors: corrupt,
/// the database's.
Result<std::string> member_hash(db::Transaction& transaction, const CustomerId& card);

/// The same of several, in their order.
Result<std::vector<std::string>> member_hashes(db::Transaction& transaction,
                                               std::span<const CustomerId> cards);
/// A backup of a store's lives for 35 days; until then a restored one may have to forget a card once more.
inline constexpr days card_hash_kept{40};

/// What a store has yet to forget: the oldest first, at most so many. Errors: corrupt, the database's.
Result<std::vector<sync::Erasure>> erasures_due(db::Transaction& transaction, const StoreId& store,
                                                std::int64_t limit);

/// A store was restored, or may have been: what it had forgotten is due once more. Errors: the database's.
Result<void> forget_once_more(db::Transaction& transaction, const StoreId& store);

/// Drops what stores know erased cards by, where all have forgotten them and no backup can bring them back.
/// How many it were. Errors: the database's.
Result<std::int64_t> drop_card_hashes(db::Transaction& transaction, WallTime now);

/// A store has forgotten the card of that erased user. Unknown ones change nothing. Errors: the database's.
Result<void> note_erased_at_store(db::Transaction& transaction, const UserId& erased, const StoreId& store,
                                  WallTime now);

}  // namespace perkline::hub::identity
