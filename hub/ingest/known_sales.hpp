#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"

namespace perkline::hub::ingest {

/// A sale that is written down.
struct KnownSale {
  StoreId store;
  TransactionId transaction;
  CustomerId customer;
  std::string currency;
  std::int64_t amount = 0;
  std::string state;        ///< pending, finalized, rejected
  std::int64_t earned = 0;  ///< PDI's once finalized, till then the store's own, as the next.
  std::int64_t redeemed = 0;
  std::int64_t points_due = 0;  ///< By the purchase rule.
};
using KnownSales = std::unordered_map<SessionId, KnownSale>;

/// Those of these sessions that are there, with a few statements for all; held until the end of the
/// transaction, so that their state stays as found. Errors: the database's.
Result<KnownSales> find_known_sales(db::Transaction& transaction, std::span<const SessionId> sessions);

}  // namespace perkline::hub::ingest
