#pragma once

#include <string>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "bench/load/replay.hpp"

namespace perkline::bench {

/// What one party says of one store's sales.
struct Account {
  std::size_t sales = 0;
  std::int64_t amount_minor = 0;
  std::int64_t earned = 0;
  std::int64_t redeemed = 0;
  bool operator==(const Account&) const = default;
};

/// What one party says of goods that came back there. PDI hears nothing of them.
struct ReturnAccount {
  std::int64_t amount_minor = 0;
  std::int64_t clawed_back = 0;
  std::int64_t restored = 0;
  bool operator==(const ReturnAccount&) const = default;
};

struct StoreAccounts {
  std::string store;
  Account tills;
  Account pdi;
  Account hub;
  ReturnAccount tills_back = {};
  ReturnAccount hub_back = {};
  bool agree() const { return tills == pdi && tills == hub && tills_back == hub_back; }
};

struct Reconciliation {
  std::vector<StoreAccounts> stores;
  std::size_t doubled_at_pdi = 0;    ///< Transactions PDI has booked more than once.
  std::size_t unknown_to_tills = 0;  ///< Booked by PDI, but no till was told.
  bool agree() const;
};

/// Asks for every sale, and every return, that is pending yet whether it is settled, and takes over what it
/// came to then.
void learn_outcomes(const Fleet& fleet, std::vector<SoldBasket>& sold);

/// Holds the tills' receipts against PDI's ledger and the hub's. Errors: io_failed when one does not answer.
Result<Reconciliation> reconcile(const Fleet& fleet, const std::vector<SoldBasket>& sold);

/// As a table for people.
std::string to_table(const Reconciliation& reconciliation);

}  // namespace perkline::bench
