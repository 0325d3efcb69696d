#include "hub/stores/stores.hpp"

#include <algorithm>
#include <map>

#include "hub/stores/store_row.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/limits.hpp"
#include "shared/core/stamp.hpp"
#include "shared/core/store_id.hpp"

namespace perkline::hub::stores {
namespace {

constexpr seconds seen_lately{30};
const std::string select_stores = "SELECT " + std::string(store_columns) + " FROM store";

/// Errors: not_found.
Result<Store> find_by(db::Transaction& transaction, const StoreId& id, std::string_view locking) {
  auto rows = transaction.query(select_stores + " WHERE id = $1" + std::string(locking), {id.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return fail(Errc::not_found, "store " + id.str());
  return store_of(rows->front());
}

/// Held until the end of the transaction: its stream moves it all the time.
Result<Store> find_to_change(db::Transaction& transaction, const StoreId& id) {
  return find_by(transaction, id, transaction.for_update());
}

}  // namespace

std::optional<std::uint64_t> Store::lag() const {
  if (!tail) return std::nullopt;
  return *tail > cursor.sequence ? *tail - cursor.sequence : 0;
}

bool Store::connected(WallTime now) const {
  return last_seen && now - *last_seen < seen_lately;
}

std::optional<std::string> fault_of_id(std::string_view id) {
  if (is_store_id(id)) return std::nullopt;
  return "must be 1 to 64 letters, digits, dots, underscores or hyphens";
}

std::optional<std::string> fault_of_key(std::string_view public_key) {
  if (public_key.size() == 64 && from_hex(public_key)) return std::nullopt;
  return "must be 64 lower-case hex digits";
}

Result<bool> make(db::Transaction& transaction, const StoreId& id, WallTime now) {
  const auto made = transaction.execute(
      "INSERT INTO store (id, epoch, cursor_sequence, cursor_hash, created_at) VALUES ($1, 1, 0, $2, $3) ON "
      "CONFLICT (id) DO NOTHING",
      {id.str(), to_hex(sync::first_cursor(id, 1).hash), stamp(now)});
  if (!made) return std::unexpected(made.error());
  return *made == 1;
}

Result<bool> add_key(db::Transaction& transaction, const StoreId& id, const std::string& public_key,
                     WallTime now) {
  const auto store = find_to_change(transaction, id);
  if (!store) return std::unexpected(store.error());
  if (store->retired) return fail(Errc::session_state, "store " + id.str() + " is retired");

  auto added = transaction.execute(
      "INSERT INTO store_key (public_key, store_id, added_at) VALUES ($1, $2, $3)"
      " ON CONFLICT (public_key) DO NOTHING",
      {public_key, id.str(), stamp(now)});
  if (!added) return failure(added);
  if (*added == 1) return true;
  auto known =
      transaction.query("SELECT store_id, revoked_at FROM store_key WHERE public_key = $1", {public_key});
  if (!known) return failure(known);
  if (known->front().text(0) == id.str() && known->front().is_null(1)) return false;
  return fail(Errc::already_registered, "the key is another store's, or was revoked");
}

Result<void> add(db::Transaction& transaction, const StoreId& id, const std::string& public_key,
                 WallTime now) {
  std::vector<FieldFault> faults;
  if (auto fault = fault_of_id(id.str())) faults.push_back({"id", std::move(*fault)});
  if (auto fault = fault_of_key(public_key)) faults.push_back({"publicKey", std::move(*fault)});
  if (!faults.empty())
    return fail(Error{
        .code = Errc::validation_failed, .detail = "the store cannot be added", .faults = std::move(faults)});
  if (const auto made = make(transaction, id, now); !made) return std::unexpected(made.error());
  if (const auto added = add_key(transaction, id, public_key, now); !added)
    return std::unexpected(added.error());
  return {};
}

Result<void> revoke_keys(db::Transaction& transaction, const StoreId& id, WallTime now) {
  if (auto store = find(transaction, id); !store) return failure(store);
  auto revoked =
      transaction.execute("UPDATE store_key SET revoked_at = $2 WHERE store_id = $1 AND revoked_at IS NULL",
                          {id.str(), stamp(now)});
  if (!revoked) return failure(revoked);
  return {};
}

Result<void> retire(db::Transaction& transaction, const StoreId& id, WallTime now) {
  if (auto revoked = revoke_keys(transaction, id, now); !revoked) return revoked;
  auto retired = transaction.execute("UPDATE store SET retired_at = $2 WHERE id = $1 AND retired_at IS NULL",
                                     {id.str(), stamp(now)});
  if (!retired) return failure(retired);
  return {};
}

namespace {

/// What the store has told to be lost and is still ahead of its cursor.
std::optional<Gap> gap_of(const Store& store) {
  const Gap gap{.from = store.cursor.sequence, .through = store.kept_from.value_or(sync::Cursor{}).sequence};
  return gap.through > gap.from ? std::optional(gap) : std::nullopt;
}

}  // namespace

Result<BegunEpoch> begin_epoch(db::Transaction& transaction, const StoreId& id, const EpochOrder& order) {
  const auto store = find_to_change(transaction, id);
  if (!store) return std::unexpected(store.error());
  if (store->retired) return fail(Errc::session_state, "store " + id.str() + " is retired");
  const std::uint64_t epoch = std::max(store->cursor.epoch, store->hello_epoch.value_or(0)) + 1;
  // Where nothing was applied in the present epoch, what was before it still counts.
  sync::Applied applied{
      .epoch = store->cursor.epoch, .through = store->cursor.sequence, .hash = store->cursor.hash};
  if (store->cursor.sequence == 0 && store->applied) applied = *store->applied;
  auto begun = transaction.query(
      "UPDATE store SET epoch = $2, cursor_sequence = 0, cursor_hash = $3, applied_epoch = $4,"
      " applied_through = $5, applied_hash = $6, epoch_at = $7, epoch_by = $8, epoch_reason = $9,"
      " lost_through = NULL, lost_hash = NULL"
      " WHERE id = $1 AND epoch = $10 AND cursor_sequence = $11 RETURNING " +
          std::string(store_columns),
      {id.str(), to_sql(epoch), to_hex(sync::first_cursor(id, epoch).hash), to_sql(applied.epoch),
       to_sql(applied.through), to_hex(applied.hash), stamp(order.now), order.by, order.reason,
       to_sql(store->cursor.epoch), to_sql(store->cursor.sequence)});
  if (!begun) return failure(begun);
  if (begun->empty()) return fail(Errc::version_conflict, "the cursor of store " + id.str());
  auto now = store_of(begun->front());
  if (!now) return failure(now);
  return BegunEpoch{.store = std::move(*now), .lost = gap_of(*store)};
}

Result<Gap> accept_gap(db::Transaction& transaction, const StoreId& id) {
  const auto store = find_to_change(transaction, id);
  if (!store) return std::unexpected(store.error());
  const std::optional<Gap> gap = gap_of(*store);
  if (!gap) return fail(Errc::session_state, "store " + id.str() + " has told of no lost history");
  auto moved = transaction.execute(
      "UPDATE store SET cursor_sequence = lost_through, cursor_hash = lost_hash, fork = NULL,"
      " fork_since = NULL, fork_seen = NULL, lost_through = NULL, lost_hash = NULL"
      " WHERE id = $1 AND cursor_sequence = $2 AND lost_through = $3",
      {id.str(), to_sql(gap->from), to_sql(gap->through)});
  if (!moved) return failure(moved);
  if (*moved != 1) return fail(Errc::version_conflict, "the cursor of store " + id.str());
  return *gap;
}

Result<Store> find(db::Transaction& transaction, const StoreId& id) {
  return find_by(transaction, id, "");
}

Result<std::vector<Store>> list(db::Transaction& transaction, const std::string& after, std::int64_t limit) {
  const std::string behind =
      after.empty() ? ""
                    : " WHERE (created_at, id) < (SELECT n.created_at, n.id FROM store n WHERE n.id = $2)";
  std::vector<db::Value> values{limit};
  if (!after.empty()) values.emplace_back(after);
  auto rows =
      transaction.query(select_stores + behind + " ORDER BY created_at DESC, id DESC LIMIT $1", values);
  if (!rows) return failure(rows);
  std::vector<Store> all;
  for (const db::Row& row : *rows) {
    auto store = store_of(row);
    if (!store) return failure(store);
    all.push_back(std::move(*store));
  }
  return all;
}

Result<std::vector<KeyHolder>> valid_keys(db::Transaction& transaction) {
  auto rows = transaction.query(
      "SELECT k.public_key, k.store_id FROM store_key k JOIN store s ON s.id = k.store_id WHERE k.revoked_at "
      "IS NULL AND s.retired_at IS NULL");
  if (!rows) return failure(rows);
  std::vector<KeyHolder> keys;
  for (const db::Row& row : *rows) keys.push_back({row.text(0), StoreId(row.text(1))});
  return keys;
}

Result<KeysByStore> keys(db::Transaction& transaction, const StoreId& id) {
  auto rows = transaction.query(
      "SELECT store_id, public_key, added_at, revoked_at FROM store_key WHERE store_id = $1 OR $1 = ''"
      " ORDER BY store_id, added_at, public_key",
      {id.str()});
  if (!rows) return failure(rows);
  KeysByStore keys;
  for (const db::Row& row : *rows) {
    keys[StoreId(row.text(0))].push_back({.public_key = row.text(1),
                                          .added_at = WallTime{Millis{row.integer(2)}},
                                          .revoked_at = row.optional_integer(3).transform(
                                              [](std::int64_t at) { return WallTime{Millis{at}}; })});
  }
  return keys;
}

bool any_valid(const std::vector<StoreKey>& keys) {
  return std::ranges::any_of(keys, [](const StoreKey& key) { return !key.revoked_at; });
}

namespace {

using ByStore = std::map<std::string, Turnover>;

Result<void> add_sales(db::Transaction& transaction, ByStore& all) {
  auto rows = transaction.query(
      "SELECT store_id, state, COUNT(*), CAST(SUM(amount) AS BIGINT), CAST(SUM(earned) AS BIGINT),"
      " CAST(SUM(redeemed) AS BIGINT), CAST(SUM(returned) AS BIGINT) FROM sale GROUP BY store_id, state");
  if (!rows) return failure(rows);
  for (const db::Row& row : *rows) {
    Turnover& store = all.at(row.text(0));
    if (row.text(1) == "pending") {
      store.pending = {.sales = row.integer(2),
                       .amount_minor = row.integer(3),
                       .earned = row.integer(4),
                       .redeemed = row.integer(5)};
    } else if (row.text(1) == "rejected") {
      store.rejected_sales = row.integer(2);
    } else {
      store.sales = row.integer(2);
      store.amount_minor = row.integer(3);
      store.returns.amount_minor = row.integer(6);
    }
  }
  return {};
}

/// What leaves a store's account stands there below zero.
Result<void> add_points(db::Transaction& transaction, ByStore& all) {
  auto rows = transaction.query(
      "SELECT a.owner_id, t.code, CAST(SUM(e.delta) AS BIGINT) FROM account a"
      " JOIN entry e ON e.account_id = a.id JOIN transfer t ON t.seq = e.transfer_seq"
      " WHERE a.owner_kind = 'store' GROUP BY a.owner_id, t.code");
  if (!rows) return failure(rows);
  for (const db::Row& row : *rows) {
    const auto store = all.find(row.text(0));
    if (store == all.end()) continue;
    Turnover& of = store->second;
    const std::string& code = row.text(1);
    const std::int64_t delta = row.integer(2);
    if (code == "sale.earned") of.earned = -delta;
    if (code == "sale.redeemed") of.redeemed = delta;
    if (code == "sale.standin_loss") of.standin_loss = delta;
    if (code == "return.clawed_back") of.returns.clawed_back = delta;
    if (code == "return.restored") of.returns.restored = -delta;
  }
  return {};
}

}  // namespace

Result<std::vector<Turnover>> turnover(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT id FROM store");
  if (!rows) return failure(rows);
  ByStore by_store;
  for (const db::Row& row : *rows) by_store[row.text(0)].store = StoreId(row.text(0));
  if (auto added = add_sales(transaction, by_store); !added) return failure(added);
  if (auto added = add_points(transaction, by_store); !added) return failure(added);
  std::vector<Turnover> all;
  all.reserve(by_store.size());
  for (auto& [id, store] : by_store) all.push_back(std::move(store));
  return all;
}

}  // namespace perkline::hub::stores
