#pragma once

#include <string>

#include <fmt/format.h>

#include "bench/load/made_sale.hpp"
#include "hub/db/migrate.hpp"
#include "hub/db/open.hpp"
#include "hub/run_task.hpp"
#include "hub/stores/stores.hpp"
#include "shared/net/async_clock.hpp"

/// The hub's own tables and what it puts into them, so that what is written bare pays for the same columns,
/// keys and checks.
namespace perkline::bench {

inline StoreId ceiling_store(std::size_t number) {
  return StoreId("store-" + std::to_string(number + 1));
}

/// Makes the database if need be, with the hub's schema and so many stores. Errors: the database's.
inline Result<void> make_hub_schema(const std::string& url, std::size_t stores) {
  auto database = hub::db::open_for_tool(url, hub::db::IfMissing::make);
  if (!database) return failure(database);
  const SystemClock clock;
  SystemRng rng;
  UuidMaker ids(clock, rng);
  net::Reactor reactor;
  auto migrated = hub::run_task(reactor, hub::db::migrate(**database, clock, ids));
  if (!migrated) return failure(migrated);
  return (*database)->write_now([&](hub::db::Transaction& transaction) -> Result<void> {
    for (std::size_t i = 0; i < stores; ++i) {
      auto made = hub::stores::make(transaction, ceiling_store(i), clock.wall_now());
      if (!made) return failure(made);
    }
    return {};
  });
}

/// What the domain event of a sale says (hub/events/README.md).
inline std::string sale_event(const MadeSale& sale, const StoreId& store, const std::string& at) {
  return fmt::format(
      R"({{"storeId":"{}","sessionId":"{}","transactionId":"{}","channelId":"till-1","customerId":"{}",)"
      R"("amount":"{}.{:02}","currency":"USD","earnedPoints":{},"redeemedPoints":{},"newBalance":{},)"
      R"("tier":"Gold","receiptId":"{}","finalizedAt":"{}"}})",
      store.str(), sale.session.str(), sale.transaction.str(), sale.card.str(), sale.amount / 100,
      sale.amount % 100, sale.earned, sale.redeemed, sale.balance, sale.receipt.str(), at);
}

/// The same of a wallet that money came to, or went from.
inline std::string wallet_event(const std::string& user, const std::string& amount, const std::string& reason,
                                const std::string& transfer) {
  return fmt::format(R"({{"userId":"{}","amount":"{}","currency":"USD","reason":"{}","transferId":"{}"}})",
                     user, amount, reason, transfer);
}

}  // namespace perkline::bench
