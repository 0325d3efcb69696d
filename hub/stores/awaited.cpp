#include "hub/stores/awaited.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "hub/stores/progress.hpp"
#include "shared/core/stamp.hpp"

namespace perkline::hub::stores {
namespace {

Result<std::optional<std::int64_t>> awaited_since(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT value FROM hub_meta WHERE name = 'stores_awaited_since'");
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  const std::string text = rows->front().text(0);
  std::int64_t since = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), since);
  if (fault != std::errc{} || end != text.data() + text.size())
    return fail(Errc::corrupt, "since when stores are awaited is no time");
  return since;
}

}  // namespace

Result<void> await_all(db::Transaction& transaction, WallTime now) {
  auto noted = transaction.execute(
      "INSERT INTO hub_meta (name, value) VALUES ('stores_awaited_since', $1) ON CONFLICT (name) DO UPDATE "
      "SET"
      " value = excluded.value",
      {std::to_string(stamp(now))});
  if (!noted) return failure(noted);
  // What the backup says of them was said to another hub.
  auto forgotten = transaction.execute("UPDATE store SET all_told_at = NULL, taken_as_told_at = NULL");
  if (!forgotten) return failure(forgotten);
  return {};
}

Result<std::optional<Awaited>> find_awaited(db::Transaction& transaction) {
  const auto since = awaited_since(transaction);
  if (!since) return std::unexpected(since.error());
  if (!*since) return std::nullopt;
  auto rows = transaction.query(
      "SELECT id FROM store WHERE retired_at IS NULL AND all_told_at IS NULL AND taken_as_told_at IS NULL"
      " ORDER BY id");
  if (!rows) return failure(rows);
  Awaited awaited{.since = WallTime{Millis{**since}}, .stores = {}};
  for (const db::Row& row : *rows) awaited.stores.emplace_back(row.text(0));
  return awaited;
}

Result<void> take_as_told(db::Transaction& transaction, const StoreId& store, WallTime now) {
  const auto known = lock(transaction, store);
  if (!known) return std::unexpected(known.error());
  if (!*known) return fail(Errc::not_found, "store " + store.str());
  const auto awaited = find_awaited(transaction);
  if (!awaited) return std::unexpected(awaited.error());
  if (!*awaited || std::ranges::find((*awaited)->stores, store) == (*awaited)->stores.end())
    return fail(Errc::session_state, "store " + store.str() + " is not waited for");
  auto taken =
      transaction.execute("UPDATE store SET taken_as_told_at = $2 WHERE id = $1", {store.str(), stamp(now)});
  if (!taken) return failure(taken);
  const auto ended = end_wait_if_told(transaction);
  if (!ended) return std::unexpected(ended.error());
  return {};
}

Result<bool> end_wait_if_told(db::Transaction& transaction) {
  const auto awaited = find_awaited(transaction);
  if (!awaited) return std::unexpected(awaited.error());
  if (!*awaited || !(*awaited)->stores.empty()) return false;
  auto ended = transaction.execute("DELETE FROM hub_meta WHERE name = 'stores_awaited_since'");
  if (!ended) return failure(ended);
  return *ended == 1;
}

Result<void> await_word_on_web_draws(db::Transaction& transaction, WallTime now) {
  auto noted = transaction.execute(
      "INSERT INTO hub_meta (name, value) VALUES ('web_draws_forgotten_since', $1) ON CONFLICT (name) DO"
      " NOTHING",
      {std::to_string(stamp(now))});
  if (!noted) return failure(noted);
  return {};
}

Result<bool> is_word_on_web_draws_awaited(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT 1 FROM hub_meta WHERE name = 'web_draws_forgotten_since'");
  if (!rows) return failure(rows);
  return !rows->empty();
}

Result<void> take_web_draws_as_told(db::Transaction& transaction) {
  auto ended = transaction.execute("DELETE FROM hub_meta WHERE name = 'web_draws_forgotten_since'");
  if (!ended) return failure(ended);
  if (*ended == 0) return fail(Errc::session_state, "nobody waits for staff's word on prizes");
  return {};
}

}  // namespace perkline::hub::stores
