#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "tests/fault/rig/money.hpp"

namespace perkline::test {

/// What became of the orders that members and staff have made.
struct MoneyVerdict {
  std::size_t booked = 0;      ///< Acknowledged by 201.
  std::size_t refused = 0;     ///< Acknowledged by 409, for want of funds.
  std::size_t unanswered = 0;  ///< Whoever made them went away without an answer.
  std::size_t unheard = 0;     ///< Of these, booked all the same.
  std::size_t replays = 0;     ///< Orders made again at the end, each answered with the bytes of before.
  std::size_t lost = 0;        ///< Acknowledged by 201, and not in the books.
  std::size_t doubled = 0;     ///< More than once there, or there though refused.
  std::vector<std::string> faults = {};  ///< These and all else that is not as it must be, a line each.

  bool ok() const { return faults.empty(); }
  std::string to_text() const;
};

/// From outside the hub, which must be well by now: holds the orders against the entries in its database,
/// makes every order again under its key, and holds them against the entries once more; then every balance
/// against its entries, debits against credits, and asks `verify`.
MoneyVerdict judge_money(const bench::Fleet& fleet, MoneyClients::Taken taken);

}  // namespace perkline::test
