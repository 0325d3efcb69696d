#include "hub/wheel/carry_over.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "hub/db/bulk_statement.hpp"

namespace perkline::hub::wheel {
namespace {

/// Of one-time prizes so many are in memory at a time.
constexpr std::int64_t page_rows = 5'000;

/// Units that were won on the web, by prize: nobody tells of these again.
Result<std::map<std::string, std::int64_t>> won_on_web(db::Transaction& transaction) {
  auto rows = transaction.query(
      "SELECT prize.id, prize.carried_over + COALESCE(web.units, 0) FROM prize LEFT JOIN"
      " (SELECT prize_id, COUNT(*) AS units FROM spin WHERE took_unit = 1 AND store_id IS NULL"
      " GROUP BY prize_id) web ON web.prize_id = prize.id WHERE prize.awarded > 0");
  if (!rows) return failure(rows);
  std::map<std::string, std::int64_t> won;
  for (const db::Row& row : *rows) won.emplace(row.text(0), row.integer(1));
  return won;
}

Result<void> carry_units(db::Transaction& restored, db::Transaction& before) {
  const auto won = won_on_web(before);
  if (!won) return std::unexpected(won.error());
  const auto known = won_on_web(restored);
  if (!known) return std::unexpected(known.error());
  for (const auto& [prize, units] : *won) {
    const auto of_backup = known->find(prize);
    const std::int64_t more = units - (of_backup == known->end() ? 0 : of_backup->second);
    if (more <= 0) continue;
    auto taken = restored.execute(
        "UPDATE prize SET awarded = awarded + $2, carried_over = carried_over + $2,"
        " stock = CASE WHEN stock < leased + awarded + $2 THEN leased + awarded + $2 ELSE stock END"
        " WHERE id = $1",
        {prize, more});
    if (!taken) return failure(taken);
  }
  return {};
}

/// What stores gave back since, or staff wrote off: it was free for the web's draws. Stores tell what they
/// have given back in all, so that it counts once.
Result<void> carry_returns(db::Transaction& restored, db::Transaction& before) {
  auto open = restored.query(
      "SELECT id, prize_id, units - awarded - returned, returned FROM prize_lease WHERE awarded + returned <"
      " units ORDER BY id");
  if (!open) return failure(open);
  for (const db::Row& lease : *open) {
    auto rows = before.query("SELECT returned FROM prize_lease WHERE id = $1", {lease.text(0)});
    if (!rows) return failure(rows);
    if (rows->empty()) continue;
    const std::int64_t more = std::min(rows->front().integer(0) - lease.integer(3), lease.integer(2));
    if (more <= 0) continue;
    auto noted = restored.execute("UPDATE prize_lease SET returned = returned + $2 WHERE id = $1",
                                  {lease.text(0), more});
    if (!noted) return failure(noted);
    auto freed =
        restored.execute("UPDATE prize SET leased = leased - $2 WHERE id = $1", {lease.text(1), more});
    if (!freed) return failure(freed);
  }
  return {};
}

Result<void> carry_one_time(db::Transaction& restored, db::Transaction& before) {
  // A mark that is there may have been a spin's that was dropped since; not one of a spin that is booked.
  static const db::BulkStatement mark(
      "INSERT INTO prize_one_time (winner, prize_id, spin_id, at) VALUES ", "(?, ?, ?, ?)",
      " ON CONFLICT (winner, prize_id) DO UPDATE SET spin_id = excluded.spin_id, at = excluded.at"
      " WHERE NOT EXISTS (SELECT 1 FROM spin WHERE spin.id = prize_one_time.spin_id)");
  std::string winner;
  std::string prize;
  while (true) {
    auto rows = before.query(
        "SELECT winner, prize_id, spin_id, at FROM prize_one_time WHERE (winner, prize_id) > ($1, $2)"
        " ORDER BY winner, prize_id LIMIT $3",
        {winner, prize, page_rows});
    if (!rows) return failure(rows);
    if (rows->empty()) return {};
    winner = rows->back().text(0);
    prize = rows->back().text(1);
    std::vector<db::Value> values;
    for (const db::Row& row : *rows)
      db::append_row(values, row.text(0), row.text(1), row.text(2), row.integer(3));
    if (auto marked = mark.run(restored, std::move(values)); !marked) return failure(marked);
  }
}

/// Whom those one-time prizes are kept for: they are free again when a store tells so, or is lost.
Result<void> carry_reservations(db::Transaction& restored, db::Transaction& before) {
  auto open =
      before.query("SELECT spin_id, store_id, at, holder FROM spin_reservation WHERE ended_at IS NULL");
  if (!open) return failure(open);
  for (const db::Row& row : *open) {
    auto kept = restored.execute(
        "INSERT INTO spin_reservation (spin_id, store_id, at, holder) SELECT CAST($1 AS TEXT), store.id,"
        " CAST($3 AS BIGINT), CAST($4 AS TEXT) FROM store WHERE store.id = $2 ON CONFLICT (spin_id) DO "
        "NOTHING",
        {row.text(0), row.text(1), row.integer(2), row.text(3)});
    if (!kept) return failure(kept);
  }
  return {};
}

/// Seeds of days to come are drawn with after a restore: of another one on the same day these are not all
/// that close_seeds() closes.
Result<void> carry_closed_seeds(db::Transaction& restored, db::Transaction& before) {
  auto used = before.query(
      "SELECT wheel_seed.commitment FROM wheel_seed LEFT JOIN wheel_secret ON wheel_secret.seed_id ="
      " wheel_seed.id WHERE wheel_seed.store_id = '' AND (wheel_secret.seed_id IS NULL OR wheel_secret.closed"
      " = 1 OR EXISTS (SELECT 1 FROM wheel_nonce WHERE wheel_nonce.seed_id = wheel_seed.id))");
  if (!used) return failure(used);
  for (const db::Row& row : *used) {
    auto closed = restored.execute(
        "UPDATE wheel_secret SET closed = 1 WHERE seed_id IN (SELECT id FROM wheel_seed WHERE store_id = ''"
        " AND commitment = $1)",
        {row.text(0)});
    if (!closed) return failure(closed);
  }
  return {};
}

}  // namespace

Result<void> carry_over(db::Transaction& restored, db::Transaction& before) {
  // What is given back first, so that there is room for what was given away.
  for (const auto carry :
       {&carry_returns, &carry_units, &carry_one_time, &carry_reservations, &carry_closed_seeds}) {
    if (auto carried = carry(restored, before); !carried) return carried;
  }
  return {};
}

}  // namespace perkline::hub::wheel
