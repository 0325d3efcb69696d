#pragma once

#include <cstdint>
#include <optional>

#include "hub/billing/statement.hpp"

/// Months' ends: until a month is closed its statement is what the books say now, at the rates of now; from
/// then on what was written down.
namespace perkline::hub::billing {

/// After a month's end, before it is closed: whatever is still under way at replicas whose clocks differ.
inline constexpr hours closing_pause{4};

/// Points of a store's since ever: what they were at a month's end.
struct Books {
  std::int64_t issued = 0;
  std::int64_t redeemed = 0;
};

/// The rates that a closed month is priced at; nullopt: it is open. Errors: corrupt, the database's.
Result<std::optional<Rates>> closed_rates(db::Transaction& transaction, const Month& month);

/// At the end of the month, as they were closed or are now. Errors: the database's.
Result<Books> books_at_end(db::Transaction& transaction, const StoreId& store, const Month& month);

/// Closes the oldest open month that ended long enough ago: every store's books and these rates. The month,
/// or nullopt: none was left, or another one has closed it at the same time. For the job `close-month`.
/// Errors: the database's.
Result<std::optional<Month>> close_next_month(db::Transaction& transaction, const Rates& rates, WallTime now);

}  // namespace perkline::hub::billing
