#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/sync/cursor.hpp"
#include "shared/sync/frame.hpp"

/// The chain's stores: who they are, by which keys they are known, how far their history is taken in.
namespace perkline::hub::stores {

/// A new epoch: by whom it was granted.
struct EpochGrant {
  WallTime at = {};
  std::string by;  ///< As the audit names them.
  std::string reason;
};

/// Why a store's history, or that of another process under its name, is not taken in.
struct Fork {
  std::string reason;  ///< A sync::ForkReason's name, or one of the two below.
  WallTime since = {};
  WallTime seen = {};  ///< When it was last noticed.
};
inline constexpr std::string_view history_lost = "history_lost";
/// Two processes speak as the store.
inline constexpr std::string_view cloned = "cloned";

struct Store {
  StoreId id;
  sync::Cursor cursor;
  std::optional<sync::Applied> applied =
      {};                                ///< Of the history before the present epoch; nullopt: the first.
  std::optional<EpochGrant> grant = {};  ///< Of the present epoch.
  std::optional<std::uint64_t> hello_epoch = {};  ///< The store's own, as last told.
  std::optional<Fork> fork = {};
  std::optional<sync::Cursor> kept_from =
      {};                             ///< With history_lost: what the store keeps begins behind this.
  std::optional<std::uint64_t> tail;  ///< As last told; nullopt: it never said Hello.
  std::optional<WallTime> last_seen;
  std::string breaker;  ///< Empty: never told, as the next two.
  std::int64_t queue_depth = 0;
  std::string version;
  bool retired = false;

  /// Events the hub has not yet; nullopt before the first Hello.
  std::optional<std::uint64_t> lag() const;
  /// Told of itself within the last half minute.
  bool connected(WallTime now) const;
};

/// What a store's id or a public key must be, for people; nullopt: it is one.
std::optional<std::string> fault_of_id(std::string_view id);
std::optional<std::string> fault_of_key(std::string_view public_key);

/// Makes a store that is new. False: it is there. Both are what they must be, as in the next. Errors: the
/// database's.
Result<bool> make(db::Transaction& transaction, const StoreId& id, WallTime now);
/// Lets a store in with one more key. False: it is let in with it already. Errors: not_found,
/// already_registered (another store's key, or a revoked one), session_state (the store is retired), the
/// database's.
Result<bool> add_key(db::Transaction& transaction, const StoreId& id, const std::string& public_key,
                     WallTime now);
/// Makes the store if it is new, and lets it in with that key. Adding the same key again changes nothing.
/// Errors: validation_failed (no store id, no key of 64 lower-case hex digits), as add_key.
Result<void> add(db::Transaction& transaction, const StoreId& id, const std::string& public_key,
                 WallTime now);
/// Every key the store has now. Errors: not_found.
Result<void> revoke_keys(db::Transaction& transaction, const StoreId& id, WallTime now);
/// Revokes its keys too; its history stays. Errors: not_found.
Result<void> retire(db::Transaction& transaction, const StoreId& id, WallTime now);

struct EpochOrder {
  std::string by;
  std::string reason;
  WallTime now;
};
/// Where the cursor was, and behind what the store's history goes on.
struct Gap {
  std::uint64_t from = 0;
  std::uint64_t through = 0;
};
struct BegunEpoch {
  Store store;  ///< As it is then.
  /// Of the history before, what the store had told to be lost and nobody had accepted: the new epoch goes on
  /// behind it.
  std::optional<Gap> lost = {};
};
/// Begins a new epoch, one more than either side has ever used, and keeps what was applied before it: frames
/// of older epochs are refused from then on. Errors: not_found, session_state (it is retired).
Result<BegunEpoch> begin_epoch(db::Transaction& transaction, const StoreId& id, const EpochOrder& order);

/// Moves the cursor over what the store has told to be lost. Errors: not_found, session_state (it has told of
/// nothing lost that is still ahead).
Result<Gap> accept_gap(db::Transaction& transaction, const StoreId& id);

/// Errors: not_found.
Result<Store> find(db::Transaction& transaction, const StoreId& id);
/// Newest first, behind the store `after` (empty: from the newest).
Result<std::vector<Store>> list(db::Transaction& transaction, const std::string& after, std::int64_t limit);

struct KeyHolder {
  std::string public_key;
  StoreId store;
};
/// Every key that lets its store in now.
Result<std::vector<KeyHolder>> valid_keys(db::Transaction& transaction);

/// A key that lets a store in, or did.
struct StoreKey {
  std::string public_key;
  WallTime added_at = {};
  std::optional<WallTime> revoked_at = {};
};
using KeysByStore = std::map<StoreId, std::vector<StoreKey>>;
/// One store's keys, or all stores' (`id` empty); each store's by when they were added.
Result<KeysByStore> keys(db::Transaction& transaction, const StoreId& id);
/// Whether one of them lets the store in now.
bool any_valid(const std::vector<StoreKey>& keys);

/// What one store's sales come to, out of the sales taken in and the ledger's own entries. Points as the
/// sales gave and took them; what returns undid stands apart.
struct Turnover {
  StoreId store;
  std::int64_t sales = 0;  ///< Those PDI has booked, as the next three.
  std::int64_t amount_minor = 0;
  std::int64_t earned = 0;
  std::int64_t redeemed = 0;
  /// Those PDI has not booked yet, as the tills were told.
  struct Pending {
    std::int64_t sales = 0;
    std::int64_t amount_minor = 0;
    std::int64_t earned = 0;
    std::int64_t redeemed = 0;
  } pending;
  /// What came back of them.
  struct Returns {
    std::int64_t amount_minor = 0;
    std::int64_t clawed_back = 0;
    std::int64_t restored = 0;
  } returns;
  std::int64_t rejected_sales = 0;
  std::int64_t standin_loss = 0;  ///< Points redeemed by those.
};
/// Every store's, by id.
Result<std::vector<Turnover>> turnover(db::Transaction& transaction);

}  // namespace perkline::hub::stores
