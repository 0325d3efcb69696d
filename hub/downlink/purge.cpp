#include "hub/downlink/purge.hpp"

#include <algorithm>

#include "shared/core/stamp.hpp"

namespace perkline::hub::downlink {
namespace {

/// Whoever changes items goes past this first: none comes back meanwhile.
Result<void> hold_items(db::Transaction& transaction) {
  auto held = transaction.query("SELECT value FROM down_counter WHERE name = 'catalogue'" +
                                std::string(transaction.for_update()));
  if (!held) return failure(held);
  return {};
}

}  // namespace

Result<std::int64_t> note_gone_items(db::Transaction& transaction, WallTime now, std::int64_t limit) {
  if (auto held = hold_items(transaction); !held) return failure(held);
  return transaction.execute(
      "UPDATE catalogue_item SET gone_since = $1 WHERE (scope, kind, item_id) IN (SELECT scope, kind, item_id"
      " FROM catalogue_item WHERE body IS NULL AND gone_since IS NULL LIMIT $2)",
      {stamp(now), limit});
}

Result<std::int64_t> drop_gone_items(db::Transaction& transaction, WallTime before, std::int64_t limit) {
  if (auto held = hold_items(transaction); !held) return failure(held);
  auto dropped = transaction.query(
      "DELETE FROM catalogue_item WHERE (scope, kind, item_id) IN (SELECT scope, kind, item_id FROM"
      " catalogue_item WHERE body IS NULL AND gone_since < $1 LIMIT $2) RETURNING version",
      {stamp(before), limit});
  if (!dropped) return failure(dropped);
  std::int64_t newest = 0;
  for (const db::Row& row : *dropped) newest = std::max(newest, row.integer(0));
  auto noted = transaction.execute(
      "UPDATE down_counter SET value = $1 WHERE name = 'catalogue_forgotten' AND value < $1", {newest});
  if (!noted) return failure(noted);
  return std::ssize(*dropped);
}

Result<std::int64_t> note_past_items(db::Transaction& transaction, WallTime now, std::int64_t limit) {
  return transaction.execute(
      "UPDATE catalogue_past SET past_since = $1 WHERE (kind, item_id, terms) IN (SELECT kind, item_id, terms"
      " FROM catalogue_past WHERE past_since IS NULL LIMIT $2)",
      {stamp(now), limit});
}

Result<std::int64_t> drop_past_items(db::Transaction& transaction, WallTime before, std::int64_t limit) {
  return transaction.execute(
      "DELETE FROM catalogue_past WHERE (kind, item_id, terms) IN (SELECT kind, item_id, terms FROM"
      " catalogue_past past WHERE past.past_since < $1 AND NOT EXISTS (SELECT 1 FROM store WHERE"
      " store.retired_at IS NULL AND store.last_seen IS NOT NULL AND (store.all_told_at IS NULL OR"
      " store.all_told_at < past.past_since + $3)) LIMIT $2)"
      " AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE state = 'open' AND type IN ('SpinDrawn',"
      " 'PromotionClaimed'))",
      {stamp(before), limit, Millis{gone_by_at_most}.count()});
}

}  // namespace perkline::hub::downlink
