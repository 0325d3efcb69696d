#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/sync/cursor.hpp"

/// The chain's stores: who they are, by which keys they are known, how far their history is taken in.
namespace perkline::hub::stores {

struct Store {
  StoreId id;
  sync::Cursor cursor;
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

/// 1 to 64 of [A-Za-z0-9._-].
bool is_store_id(std::string_view text);

/// Makes the store if it is new, and lets it in with that key. Adding the same key again changes nothing.
/// Errors: validation_failed (no store id, no key of 64 lower-case hex digits), already_exists (another
/// store's key, or a revoked one), session_state (the store is retired), the database's.
Result<void> add(db::Transaction& transaction, const StoreId& id, const std::string& public_key,
                 WallTime now);
/// Every key the store has now. Errors: not_found.
Result<void> revoke_keys(db::Transaction& transaction, const StoreId& id, WallTime now);
/// Revokes its keys too; its history stays. Errors: not_found.
Result<void> retire(db::Transaction& transaction, const StoreId& id, WallTime now);

/// Errors: not_found.
Result<Store> find(db::Transaction& transaction, const StoreId& id);
/// By id, rising, behind `after` (empty: from the first).
Result<std::vector<Store>> list(db::Transaction& transaction, const std::string& after, std::int64_t limit);

struct KeyHolder {
  std::string public_key;
  StoreId store;
};
/// Every key that lets its store in now.
Result<std::vector<KeyHolder>> valid_keys(db::Transaction& transaction);

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
