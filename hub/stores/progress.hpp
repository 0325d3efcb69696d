#pragma once

#include "hub/db/database.hpp"
#include "hub/stores/stores.hpp"
#include "shared/sync/cursor.hpp"
#include "shared/sync/frame.hpp"

/// What a store's connection changes: how far its history is taken in, and what it tells of itself. Inside a
/// caller's transaction.
namespace perkline::hub::stores {

/// The store, seen now and held for the rest of the transaction: where several may serve it, they go past
/// here one at a time. Errors: not_found (nor one that is retired), the database's.
Result<Store> hold(db::Transaction& transaction, const StoreId& id, WallTime now);

/// Waits for whoever has the store, and is in the way of others who hold it, until the end of the
/// transaction: for who decides by what its stream brings. True: there is such a store. Errors: the
/// database's.
Result<bool> lock(db::Transaction& transaction, const StoreId& id);

/// In the transaction of the events up to `to`. Errors: version_conflict when the cursor is no longer at
/// `from`, the database's.
Result<void> move_cursor(db::Transaction& transaction, const StoreId& id, const sync::Cursor& from,
                         const sync::Cursor& to);

/// Errors: the database's.
Result<void> note_hello(db::Transaction& transaction, const sync::Hello& hello, WallTime now);
/// With who holds the store's leases, as note_holder(), and what that gives.
Result<bool> note_status(db::Transaction& transaction, const StoreId& id, const sync::Status& status,
                         WallTime now);
/// Who holds the store's leases from now on, if it has told; `epoch`: whoever tells it; nullopt: as the last
/// Hello was. Of another epoch than the store's, or while its history has forked, nothing is believed: it may
/// be a copy's word, or that of one that was never to speak again. Whether it is another than before, or told
/// in another epoch. Errors: the database's.
Result<bool> note_holder(db::Transaction& transaction, const StoreId& id, const sync::Status& status,
                         std::optional<std::uint64_t> epoch);
/// The condition on a row of `store` under which it is leased units of prizes, and holds those it has. One
/// that is superseded is another process's trouble: the store itself has told its holder in its own epoch.
inline constexpr std::string_view takes_leases =
    "store.retired_at IS NULL AND store.lease_holder IS NOT NULL AND store.lease_epoch = store.epoch"
    " AND (store.fork IS NULL OR store.fork = 'superseded')";

/// What stands between the store's history and the hub, as noticed now. Errors: the database's.
Result<void> note_fork(db::Transaction& transaction, const StoreId& id, std::string_view reason,
                       WallTime now);
/// What the store does not keep any more; of another epoch it changes nothing here. Errors: the database's.
Result<void> note_history_lost(db::Transaction& transaction, const StoreId& id, const sync::HistoryLost& lost,
                               WallTime now);
/// Whether the store tells of events of the history before its present epoch that were never applied: it has
/// adopted that epoch and does not keep them any more.
bool is_lost_before(const Store& store, const sync::HistoryLost& lost);
/// The store's history is taken in again; `store` as it was before. A fork noticed lately stays, as it may be
/// another process's, unless the store has just gone over to the epoch that a person has granted because of
/// it: whoever still speaks in the old one brings it up again. Whether it is gone. Errors: the database's.
Result<bool> clear_fork(db::Transaction& transaction, const Store& store, WallTime now);

}  // namespace perkline::hub::stores
