#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace perkline::test {

/// What the hub's database holds, read past the hub, also while one writes it.
struct HubBooks {
  struct Sale {
    std::string store;
    std::string transaction;
    std::string session;
    std::string state;
    std::int64_t amount = 0;
    std::int64_t earned = 0;
    std::int64_t redeemed = 0;
    std::string receipt;
  };
  struct Return {
    std::string transaction;
    std::string state;
    std::int64_t clawed_back = 0;
    std::int64_t restored = 0;
  };
  std::vector<Sale> sales;
  std::vector<Return> returns;
  std::vector<std::string> voided;  ///< Sessions.
  std::int64_t dead_letters = 0;    ///< Open ones.
};

/// Of the database behind the URL, as hub.yaml has it. Asserts that it can be read.
HubBooks read_hub_books(const std::string& url);

/// What it holds of members' money, likewise.
struct HubMoney {
  struct Movement {
    std::string note;
    std::string id;
    std::string state;
    std::int64_t amount = 0;
    std::string payer;  ///< Owners of the accounts.
    std::string payee;
    std::int64_t entries = 0;
    std::int64_t entries_sum = 0;
  };
  std::vector<Movement> movements;
  std::map<std::string, std::int64_t> wallets;  ///< By user, in minor units.
  // Of all accounts and units, points too.
  std::int64_t accounts_off = 0;  ///< Balances that are not the sum of their entries.
  std::int64_t units_off = 0;     ///< Units whose debits are not their credits.
};

/// As read_hub_books.
HubMoney read_hub_money(const std::string& url);

/// Events applied so far, of all stores.
std::int64_t events_applied(const std::string& url);
/// The hub's own events, by type.
std::map<std::string, std::int64_t> events_told(const std::string& url);

}  // namespace perkline::test
