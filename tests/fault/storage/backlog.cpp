#include "tests/fault/storage/backlog.hpp"

#include <vector>

#include "edge/journal/rocks_store.hpp"
#include "edge/session/session_record.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"
#include "shared/sync/event.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::test {
namespace {

using edge::journal::Batch;
using edge::journal::Family;
using edge::session::Session;

constexpr std::size_t sales_a_batch = 500;

std::string key_of(std::uint64_t number) {
  std::string key;
  append_u64(key, number);
  return key;
}

/// One of those that the sandbox knows: CUST-00001 and on.
CustomerId member_at_pdi(std::size_t number) {
  return CustomerId("CUST-" + std::to_string(100'001 + number % 5000).substr(1));
}

/// A sale of five items, told as pending.
Session queued_sale(std::size_t number, UuidMaker& uuids, WallTime now) {
  const Currency usd = *find_currency("USD");
  Session session{.id = uuids.next_session_id(), .store = StoreId("store-1"), .currency = usd};
  session.customer = member_at_pdi(number);
  session.channel = ChannelId("POS-001");
  session.transaction = TransactionId("BACKLOG-" + std::to_string(number));
  session.status = edge::session::Status::queued;
  session.version = 3;
  session.mode = edge::session::Mode::standin;
  session.acknowledged = true;
  session.tier = "Base";
  edge::session::Basket basket{.amount = {15'000, usd}, .items = {}};
  for (int i = 0; i < 5; ++i) {
    basket.items.push_back({.sku = "SKU-" + std::to_string(number % 1000 + static_cast<std::size_t>(i)),
                            .quantity = {1000},
                            .unit_price = Money{3000, usd},
                            .category = "grocery"});
  }
  session.basket = std::move(basket);
  session.sale = edge::session::Sale{.final_amount = {15'000, usd}};
  session.earned = Points{300};
  session.receipt = ReceiptId("PND-" + uuids.next().str());
  session.rules_version = "default-1";
  session.created_at = session.expires_at = now;
  session.pending_at = session.next_attempt_at = now;
  session.identify_answer = {
      .status = 200,
      .body = R"({"sessionId":")" + session.id.str() +
              R"(","status":"active","customerName":"","currentPoints":0,"tier":"Base","mode":"standin"})"};
  return session;
}

sync::SalePending pending_event(const Session& session) {
  return {.session = session.id,
          .transaction = session.transaction,
          .customer = session.customer,
          .channel = session.channel,
          .amount = session.sale->final_amount,
          .earned = session.earned,
          .redeemed = session.redeemed,
          .tier = session.tier,
          .receipt = session.receipt,
          .rules_version = session.rules_version,
          .pending_at = *session.pending_at};
}

}  // namespace

void make_backlog(const std::filesystem::path& data_dir, std::size_t sales) {
  std::filesystem::create_directories(data_dir);
  auto store = edge::journal::RocksStore::open(data_dir / "db");
  PERKLINE_ASSERT(store.has_value());
  SystemClock clock;
  SystemRng rng;
  UuidMaker uuids(clock, rng);
  const WallTime since = clock.wall_now() - hours{1};
  Digest chain = sync::chain_start(StoreId("store-1"), 1);
  for (std::size_t number = 1; number <= sales;) {
    Batch batch;
    batch.put(Family::meta, "epoch", key_of(1));
    for (std::size_t i = 0; i < sales_a_batch && number <= sales; ++i, ++number) {
      const WallTime now = since + Millis(static_cast<std::int64_t>(number));
      const Session session = queued_sale(number, uuids, now);
      const std::string event = sync::encode(sync::Event{.store = session.store,
                                                         .epoch = 1,
                                                         .sequence = number,
                                                         .id = uuids.next(),
                                                         .time = now,
                                                         .traceparent = "",
                                                         .payload = pending_event(session)});
      chain = sync::chain_next(chain, event);
      batch.put(Family::sessions, session.id.str(), edge::session::encode(session));
      batch.put(Family::by_transaction, session.transaction.str(), session.id.str());
      batch.put(Family::due,
                key_of(static_cast<std::uint64_t>(now.time_since_epoch().count())) + session.id.str(),
                std::string(1, static_cast<char>(session.status)));
      batch.put(Family::outbox, key_of(number), std::string(as_chars(chain)) + event);
    }
    PERKLINE_ASSERT((*store)->write({&batch, 1}).has_value());
  }
}

}  // namespace perkline::test
