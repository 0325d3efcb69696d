#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/ledger/history.hpp"
#include "hub/ledger/holds.hpp"
#include "hub/ledger/ledger.hpp"
#include "tests/unit/hub/hub_database.hpp"

namespace perkline::hub::ledger {

inline const StoreId store{"store-1"};
inline const CustomerId john{"CUST-1"};

/// A purse that may never be overdrawn.
inline Account purse(const std::string& owner, std::string unit = "points:test") {
  return {.owner_kind = "user", .owner_id = owner, .code = "purse", .unit = std::move(unit)};
}
inline Account source(std::string unit = "points:test") {
  return system_account("source", std::move(unit));
}

class Ledger : public testing::Test {
 protected:
  /// What `ask` gives in a read of its own.
  template <class Ask>
  auto asked(Ask ask) {
    typename decltype(ask(std::declval<db::Transaction&>()))::value_type found{};
    EXPECT_TRUE(hub_.read([&](db::Transaction& transaction) -> Result<void> {
      auto result = ask(transaction);
      if (!result) return failure(result);
      found = std::move(*result);
      return {};
    }));
    return found;
  }
  Transfer transfer(std::string external_id, Account debit, Account credit, std::int64_t amount) {
    return {.id = hub_.uuids.next(),
            .external_id = std::move(external_id),
            .debit = std::move(debit),
            .credit = std::move(credit),
            .amount = amount,
            .code = "test",
            .created_at = hub_.clock.wall};
  }
  Transfer earned(std::string external_id, std::int64_t amount) {
    return transfer(std::move(external_id), issued_by(store), rewards_of(john), amount);
  }
  Result<void> post(const std::vector<Transfer>& transfers) {
    return hub_.write([&](db::Transaction& transaction) { return post_all(transaction, transfers); });
  }
  Result<void> hold(const std::vector<Transfer>& transfers) {
    return hub_.write([&](db::Transaction& transaction) { return hold_all(transaction, transfers); });
  }
  Result<void> free(const std::vector<std::string>& external_ids) {
    return hub_.write([&](db::Transaction& transaction) { return release(transaction, external_ids); });
  }
  std::int64_t pending(const Account& account) {
    return asked([&](db::Transaction& transaction) { return pending_of(transaction, account); });
  }
  std::int64_t held(const std::string& code) {
    return hub_.number("SELECT CAST(SUM(held) AS BIGINT) FROM account WHERE code = $1", {code});
  }
  Errc refusal_of(const std::vector<Transfer>& transfers) {
    auto posted = post(transfers);
    EXPECT_FALSE(posted);
    return posted ? Errc{} : posted.error().code;
  }
  std::int64_t balance(const Account& account) {
    return asked([&](db::Transaction& transaction) { return balance_of(transaction, account); });
  }
  Verification verified() {
    return asked([](db::Transaction& transaction) { return verify(transaction); });
  }

  test::HubDatabase hub_;
};

}  // namespace perkline::hub::ledger
