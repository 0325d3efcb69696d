#include "hub/points/balance.hpp"

#include "hub/ledger/history.hpp"

namespace perkline::hub::points {

Result<std::optional<Balance>> balance_of(db::Transaction& transaction, const CustomerId& customer) {
  auto rows = transaction.query(
      "SELECT tier, pdi_balance, pdi_as_of, owed FROM member WHERE customer_id = $1", {customer.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  const db::Row& member = rows->front();
  auto net = ledger::balance_of(transaction, ledger::rewards_of(customer));
  if (!net) return failure(net);
  auto pending = ledger::pending_of(transaction, ledger::rewards_of(customer));
  if (!pending) return failure(pending);
  Balance balance;
  balance.rewards.net = *net;
  balance.rewards.pending = *pending;
  balance.rewards.owed = member.integer(3);
  balance.rewards.pdi_balance = member.optional_integer(1);
  balance.rewards.as_of =
      member.optional_integer(2).transform([](std::int64_t at) { return WallTime{Millis{at}}; });
  balance.tier = member.text(0);
  return balance;
}

}  // namespace perkline::hub::points
