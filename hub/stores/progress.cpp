#include "hub/stores/progress.hpp"

#include "hub/stores/store_row.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::stores {
namespace {

/// A store that has forked asks again every half minute.
constexpr seconds fork_seen_lately{90};

db::Value value_of(std::optional<std::uint64_t> epoch) {
  return epoch ? db::Value(to_sql(*epoch)) : db::Value(nullptr);
}

/// All but who holds its leases.
Result<void> note_standing(db::Transaction& transaction, const StoreId& id, const sync::Status& status,
                           std::optional<std::uint64_t> epoch, WallTime now) {
  auto noted = transaction.execute(
      "UPDATE store SET tail = $2, breaker = $3, queue_depth = $4, version = $5, last_seen = $6,"
      " all_told_at = CASE WHEN cursor_sequence >= $2 AND COALESCE($7, hello_epoch) = epoch AND fork IS NULL"
      " THEN $6 ELSE all_told_at END WHERE id = $1 AND retired_at IS NULL",
      {id.str(), to_sql(status.tail), status.breaker, to_sql(status.queue_depth), status.version, stamp(now),
       value_of(epoch)});
  if (!noted) return failure(noted);
  return {};
}

}  // namespace

Result<Store> hold(db::Transaction& transaction, const StoreId& id, WallTime now) {
  // An update, since it locks the row on every engine.
  static const std::string sql =
      "UPDATE store SET last_seen = $2 WHERE id = $1 AND retired_at IS NULL RETURNING " +
      std::string(store_columns);
  auto rows = transaction.query(sql, {id.str(), stamp(now)});
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::not_found, "store " + id.str());
  return store_of(rows->front());
}

Result<bool> lock(db::Transaction& transaction, const StoreId& id) {
  auto rows = transaction.query("SELECT 1 FROM store WHERE id = $1" + std::string(transaction.for_update()),
                                {id.str()});
  if (!rows) return failure(rows);
  return !rows->empty();
}

Result<void> move_cursor(db::Transaction& transaction, const StoreId& id, const sync::Cursor& from,
                         const sync::Cursor& to) {
  auto moved = transaction.execute(
      "UPDATE store SET cursor_sequence = $2, cursor_hash = $3"
      " WHERE id = $1 AND epoch = $4 AND cursor_sequence = $5",
      {id.str(), to_sql(to.sequence), to_hex(to.hash), to_sql(from.epoch), to_sql(from.sequence)});
  if (!moved) return failure(moved);
  if (*moved != 1) return fail(Errc::version_conflict, "the cursor of store " + id.str());
  return {};
}

Result<void> note_hello(db::Transaction& transaction, const sync::Hello& hello, WallTime now) {
  auto noted = transaction.execute("UPDATE store SET hello_epoch = $2 WHERE id = $1",
                                   {hello.store.str(), to_sql(hello.epoch)});
  if (!noted) return failure(noted);
  sync::Status status = hello.status;
  status.tail = hello.tail;
  return note_standing(transaction, hello.store, status, hello.epoch, now);
}

Result<bool> note_status(db::Transaction& transaction, const StoreId& id, const sync::Status& status,
                         WallTime now) {
  const auto epoch = status.epoch == 0 ? std::nullopt : std::optional(status.epoch);
  if (auto noted = note_standing(transaction, id, status, epoch, now); !noted) return failure(noted);
  return note_holder(transaction, id, status, epoch);
}

Result<bool> note_holder(db::Transaction& transaction, const StoreId& id, const sync::Status& status,
                         std::optional<std::uint64_t> epoch) {
  if (!status.held || !status.held->lease_holder) return false;
  const auto& bytes = status.held->lease_holder->bytes;
  auto noted = transaction.execute(
      "UPDATE store SET lease_holder = $2, lease_epoch = epoch WHERE id = $1 AND COALESCE($3, hello_epoch) ="
      " epoch AND (fork IS NULL OR fork = 'superseded') AND (lease_holder IS NULL OR lease_holder <> $2 OR"
      " lease_epoch IS NULL OR lease_epoch <> epoch)",
      {id.str(), to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()}), value_of(epoch)});
  if (!noted) return failure(noted);
  return *noted == 1;
}

Result<void> note_fork(db::Transaction& transaction, const StoreId& id, std::string_view reason,
                       WallTime now) {
  auto noted = transaction.execute(
      "UPDATE store SET fork_since = CASE WHEN fork = $2 THEN fork_since ELSE $3 END, fork = $2, fork_seen = "
      "$3"
      " WHERE id = $1",
      {id.str(), std::string(reason), stamp(now)});
  if (!noted) return failure(noted);
  return {};
}

Result<void> note_history_lost(db::Transaction& transaction, const StoreId& id, const sync::HistoryLost& lost,
                               WallTime now) {
  auto noted = transaction.execute(
      "UPDATE store SET lost_through = $2, lost_hash = $3 WHERE id = $1 AND epoch = $4 AND cursor_sequence < "
      "$2",
      {id.str(), to_sql(lost.through), to_hex(lost.hash), to_sql(lost.epoch)});
  if (!noted) return failure(noted);
  if (*noted == 0) return {};
  return note_fork(transaction, id, history_lost, now);
}

bool is_lost_before(const Store& store, const sync::HistoryLost& lost) {
  if (!store.applied || lost.epoch >= store.cursor.epoch) return false;
  const sync::Applied& applied = *store.applied;
  return lost.epoch > applied.epoch || (lost.epoch == applied.epoch && lost.through > applied.through);
}

Result<bool> clear_fork(db::Transaction& transaction, const Store& store, WallTime now) {
  const bool adopted = store.grant && store.cursor.sequence == 0;
  const bool healed = store.fork && (adopted || store.fork->reason == history_lost ||
                                     now - store.fork->seen > fork_seen_lately);
  if (!healed) return false;
  auto cleared = transaction.execute(
      "UPDATE store SET fork = NULL, fork_since = NULL, fork_seen = NULL, lost_through = NULL, lost_hash = "
      "NULL"
      " WHERE id = $1",
      {store.id.str()});
  if (!cleared) return failure(cleared);
  return true;
}

}  // namespace perkline::hub::stores
