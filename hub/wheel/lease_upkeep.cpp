#include "hub/wheel/lease_upkeep.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "hub/points/cause.hpp"
#include "hub/wheel/down.hpp"
#include "hub/wheel/leases.hpp"

namespace perkline::hub::wheel {
namespace {

struct FreeUnits {
  std::string prize;
  std::int64_t units = 0;
};

/// nullopt: it takes none. Held, so that nobody else supplies the store until the end of the transaction.
Result<std::optional<std::string>> hold_holder(db::Transaction& transaction, const StoreId& store) {
  auto rows = transaction.query("SELECT lease_holder FROM store WHERE id = $1 AND retired_at IS NULL" +
                                    std::string(transaction.for_update()),
                                {store.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  return rows->front().optional_text(0);
}

Result<std::int64_t> count_stores(db::Transaction& transaction) {
  auto rows =
      transaction.query("SELECT COUNT(*) FROM store WHERE retired_at IS NULL AND lease_holder IS NOT NULL");
  if (!rows) return failure(rows);
  return rows->front().integer(0);
}

/// Of what can be drawn: by rising id, the order in which all take their rows.
Result<std::vector<FreeUnits>> free_units(db::Transaction& transaction) {
  auto rows = transaction.query(
      "SELECT id, stock - leased - awarded FROM prize WHERE active = 1 AND tickets > 0 AND stock IS NOT NULL"
      " AND leased + awarded < stock ORDER BY id");
  if (!rows) return failure(rows);
  std::vector<FreeUnits> free;
  for (const db::Row& row : *rows) free.push_back({.prize = row.text(0), .units = row.integer(1)});
  return free;
}

/// By prize; another life's are none of this one's.
std::map<std::string, std::int64_t> units_left(const std::vector<Lease>& open, const std::string& holder) {
  std::map<std::string, std::int64_t> left;
  for (const Lease& lease : open) {
    if (lease.holder == holder) left[lease.prize] += lease.left();
  }
  return left;
}

}  // namespace

std::int64_t units_to_lease(std::int64_t free, std::int64_t stores, std::int64_t left) {
  if (free <= 0) return 0;
  const std::int64_t share = free / (lease_share * std::max<std::int64_t>(stores, 1));
  const std::int64_t target = std::clamp<std::int64_t>(share, 1, lease_units_max);
  if (2 * left >= target) return 0;
  return std::min(target - left, free);
}

Result<std::int64_t> keep_leases(db::Transaction& transaction, const UpkeepCause& cause,
                                 const StoreId& store) {
  const auto holder = hold_holder(transaction, store);
  if (!holder) return std::unexpected(holder.error());
  if (!*holder) return 0;
  const auto stores = count_stores(transaction);
  if (!stores) return stores;
  const auto free = free_units(transaction);
  if (!free) return std::unexpected(free.error());
  auto open = open_leases(transaction, store);
  if (!open) return failure(open);
  auto left = units_left(*open, **holder);
  std::int64_t granted = 0;
  for (std::size_t i = 0; i < free->size(); ++i) {
    const auto& [prize, units] = (*free)[i];
    const Lease lease{.id = points::derived_id(cause.id, i).str(),
                      .prize = prize,
                      .store = store,
                      .units = units_to_lease(units, *stores, left[prize]),
                      .made_at = cause.at,
                      .return_after = cause.at + lease_life,
                      .holder = **holder};
    if (lease.units == 0) continue;
    const auto taken = grant_lease(transaction, lease);
    if (!taken) return std::unexpected(taken.error());
    // Somebody has won it meanwhile; there is a next time.
    if (!*taken) continue;
    granted += lease.units;
    open->push_back(lease);
  }
  if (auto put = put_leases_down(transaction, store, *open); !put) return failure(put);
  return granted;
}

Task<Result<std::int64_t>> keep_all_leases(db::Database& database, const Clock& clock, UuidMaker& ids) {
  auto stores = co_await db::read_for<std::vector<StoreId>>(
      database, [](db::Transaction& transaction) -> Result<std::vector<StoreId>> {
        auto rows = transaction.query(
            "SELECT id FROM store WHERE retired_at IS NULL AND lease_holder IS NOT NULL ORDER BY id");
        if (!rows) return failure(rows);
        std::vector<StoreId> found;
        for (const db::Row& row : *rows) found.emplace_back(row.text(0));
        return found;
      });
  if (!stores) co_return failure(stores);
  std::int64_t granted = 0;
  for (const StoreId& store : *stores) {
    const UpkeepCause cause{.id = ids.next(), .at = clock.wall_now()};
    const auto units = co_await db::write_for<std::int64_t>(
        database, [&](db::Transaction& transaction) { return keep_leases(transaction, cause, store); });
    if (!units) co_return units;
    granted += *units;
  }
  co_return granted;
}

}  // namespace perkline::hub::wheel
