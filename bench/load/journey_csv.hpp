#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/load/basket.hpp"
#include "shared/core/result.hpp"

namespace perkline::bench {

/// What a file of receipts held. A line that cannot be sold is left out and counted by reason; its basket
/// goes on with the others, and a basket none of whose lines is left is left out whole.
struct JourneyFile {
  std::vector<Basket> baskets;  ///< In the order of their first lines.
  std::size_t lines_read = 0;
  std::size_t lines_used = 0;
  std::size_t baskets_read = 0;
  std::map<std::string, std::size_t> lines_skipped;    ///< Reason → how many.
  std::map<std::string, std::size_t> baskets_skipped;  ///< Reason → how many.
};

/// Reads receipts in the columns of "The Complete Journey" (household_id, store_id, basket_id, product_id,
/// quantity, sales_value, …; others are ignored), plain or gzip. Household 906 becomes customer `CUST-00906`,
/// a basket one sale under its own id. Amounts are USD. Errors: io_failed (cannot be read), validation_failed
/// (no such columns).
Result<JourneyFile> read_journey(const std::string& path);

}  // namespace perkline::bench
