#include "hub/wheel/verify_stock.hpp"

#include <fmt/format.h>

namespace perkline::hub::wheel {
namespace {

constexpr std::string_view at_most = " LIMIT 100";

using Describe = std::string (*)(const db::Row&);

Result<void> find(db::Transaction& transaction, std::vector<std::string>& mismatches, const std::string& sql,
                  Describe describe) {
  auto rows = transaction.query(sql + std::string(at_most));
  if (!rows) return failure(rows);
  for (const db::Row& row : *rows) mismatches.push_back(describe(row));
  return {};
}

}  // namespace

Result<std::vector<std::string>> verify_stock(db::Transaction& transaction) {
  std::vector<std::string> mismatches;
  auto found =
      find(transaction, mismatches,
           "SELECT id, stock, leased, awarded FROM prize WHERE leased + awarded > stock OR leased < 0"
           " OR awarded < 0 ORDER BY id",
           [](const db::Row& row) {
             return fmt::format("prize {}: {} are leased and {} awarded of a stock of {}", row.text(0),
                                row.integer(2), row.integer(3), row.optional_integer(1).value_or(0));
           });
  if (!found) return failure(found);
  found = find(
      transaction, mismatches,
      "SELECT prize.id, prize.leased, CAST(COALESCE(SUM(lease.units - lease.awarded - lease.returned), 0)"
      " AS BIGINT) FROM prize LEFT JOIN prize_lease lease ON lease.prize_id = prize.id"
      " GROUP BY prize.id, prize.leased HAVING prize.leased <>"
      " COALESCE(SUM(lease.units - lease.awarded - lease.returned), 0) ORDER BY prize.id",
      [](const db::Row& row) {
        return fmt::format("prize {}: {} units are leased, its leases have {} left", row.text(0),
                           row.integer(1), row.integer(2));
      });
  if (!found) return failure(found);
  found =
      find(transaction, mismatches,
           "SELECT lease.id, lease.units, lease.awarded, lease.returned, lease.discarded + (SELECT COUNT(*)"
           " FROM spin WHERE spin.lease_id = lease.id) FROM prize_lease lease WHERE lease.awarded + "
           "lease.returned >"
           " lease.units OR lease.awarded <> lease.discarded + (SELECT COUNT(*) FROM spin WHERE"
           " spin.lease_id = lease.id)"
           " ORDER BY lease.id",
           [](const db::Row& row) {
             return fmt::format("lease {}: of {} units {} are awarded and {} returned, {} spins have won one",
                                row.text(0), row.integer(1), row.integer(2), row.integer(3), row.integer(4));
           });
  if (!found) return failure(found);
  return mismatches;
}

}  // namespace perkline::hub::wheel
