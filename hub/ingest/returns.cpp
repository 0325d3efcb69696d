#include "hub/ingest/returns.hpp"

#include <optional>
#include <vector>

#include "hub/events/event_log.hpp"
#include "hub/ledger/ledger.hpp"
#include "shared/core/assert.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::ingest {
namespace {

/// Points times minor units leave 64 bits.
__extension__ using Wide = __int128;

struct Return {
  std::string id;
  StoreId store;
  StoreId original_store;
  TransactionId original;
  std::string currency;
  std::int64_t amount = 0;
  Uuid event_id;
  Uuid clawback_id;
  Uuid restore_id;
  std::string traceparent;
  std::int64_t returned_at = 0;
};

struct SoldGoods {
  SessionId session;
  CustomerId customer;
  std::string state;
  std::string currency;
  std::int64_t amount = 0;
  std::int64_t earned = 0;
  std::int64_t redeemed = 0;
  std::int64_t returned = 0;
  ReturnPoints so_far;
};

/// The latest sale of that name; nullopt: it has not been heard of.
Result<std::optional<SoldGoods>> find_sale(db::Transaction& transaction, const StoreId& store,
                                           const TransactionId& name) {
  auto rows = transaction.query(
      "SELECT session_id, customer_id, state, currency, amount, earned, redeemed, returned, clawed_back,"
      " restored FROM sale WHERE store_id = $1 AND transaction_id = $2 ORDER BY received_at DESC LIMIT 1",
      {store.str(), name.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  const db::Row& row = rows->front();
  return SoldGoods{.session = SessionId(row.text(0)),
                   .customer = CustomerId(row.text(1)),
                   .state = row.text(2),
                   .currency = row.text(3),
                   .amount = row.integer(4),
                   .earned = row.integer(5),
                   .redeemed = row.integer(6),
                   .returned = row.integer(7),
                   .so_far = {row.integer(8), row.integer(9)}};
}

Result<void> insert(db::Transaction& transaction, const Return& back, const TransactionId& own,
                    WallTime now) {
  auto inserted = transaction.execute(
      "INSERT INTO sale_return (id, store_id, transaction_id, original_store, original_transaction, state,"
      " currency, amount, event_id, clawback_id, restore_id, traceparent, returned_at, received_at)"
      " VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, $8, $9, $10, $11, $12, $13)",
      {back.id, back.store.str(), own.str(), back.original_store.str(), back.original.str(), back.currency,
       back.amount, back.event_id.str(), back.clawback_id.str(), back.restore_id.str(), back.traceparent,
       back.returned_at, stamp(now)});
  if (!inserted) return failure(inserted);
  return {};
}

void add_transfer(std::vector<ledger::Transfer>& transfers, const Return& back, const SoldGoods& sale,
                  std::int64_t points, bool clawed_back, WallTime now) {
  if (points == 0) return;
  const ledger::Account rewards = ledger::rewards_of(sale.customer);
  transfers.push_back({.id = clawed_back ? back.clawback_id : back.restore_id,
                       .external_id = (clawed_back ? "return:" : "return-restored:") + back.id,
                       .debit = clawed_back ? rewards : ledger::redeemed_at(back.original_store),
                       .credit = clawed_back ? ledger::issued_by(back.original_store) : rewards,
                       .amount = points,
                       .code = clawed_back ? "return.clawed_back" : "return.restored",
                       .created_at = now});
}

Result<void> update_totals(db::Transaction& transaction, const Return& back, const SoldGoods& sale,
                           const ReturnPoints& points) {
  auto sold = transaction.execute(
      "UPDATE sale SET returned = returned + $2, clawed_back = clawed_back + $3, restored = restored + $4"
      " WHERE session_id = $1",
      {sale.session.str(), back.amount, points.clawed_back, points.restored});
  if (!sold) return failure(sold);
  auto owed = transaction.execute("UPDATE member SET owed = owed + $2 WHERE customer_id = $1",
                                  {sale.customer.str(), points.clawed_back - points.restored});
  if (!owed) return failure(owed);
  return {};
}

Result<void> close(db::Transaction& transaction, const Return& back, const SoldGoods& sale,
                   const ReturnPoints& points) {
  auto updated = transaction.execute(
      "UPDATE sale_return SET state = 'booked', clawed_back = $2, restored = $3 WHERE id = $1",
      {back.id, points.clawed_back, points.restored});
  if (!updated) return failure(updated);
  const auto currency = find_currency(back.currency);
  PERKLINE_ASSERT(currency.has_value());
  json::Writer data;
  data.begin_object();
  data.field("returnId", back.id).field("storeId", back.store.str());
  data.field("originalStoreId", back.original_store.str());
  data.field("originalTransactionId", back.original.str()).field("sessionId", sale.session.str());
  data.field("customerId", sale.customer.str()).field("amount", format_amount({back.amount, *currency}));
  data.field("currency", back.currency).field("clawedBackPoints", points.clawed_back);
  data.field("restoredPoints", points.restored).end_object();
  return events::append(transaction, {.id = back.event_id,
                                      .type = "SALE_RETURNED",
                                      .occurred_at = WallTime{Millis{back.returned_at}},
                                      .traceparent = back.traceparent,
                                      .data = data.take()});
}

/// What this one takes and gives: the totals with it less those before it. Errors: validation_failed,
/// return_exceeds_sale.
Result<ReturnPoints> points_of(const Return& back, const SoldGoods& sale) {
  if (back.currency != sale.currency) return fail(Errc::validation_failed, "the sale is of another currency");
  if (back.amount > sale.amount - sale.returned)
    return fail(Errc::return_exceeds_sale, "return " + back.id + " is more than what is left of the sale");
  const ReturnPoints total =
      return_points(sale.earned, sale.redeemed, sale.returned + back.amount, sale.amount);
  return ReturnPoints{total.clawed_back - sale.so_far.clawed_back, total.restored - sale.so_far.restored};
}

/// `told`: what the store says it comes to. Errors: as points_of.
Result<void> work_out(db::Transaction& transaction, const Return& back, const SoldGoods& sale,
                      const std::optional<ReturnPoints>& told, WallTime now) {
  if (sale.state == "rejected") return close(transaction, back, sale, {});
  const auto points = points_of(back, sale);
  if (!points) return std::unexpected(points.error());
  if (told && *told != *points)
    return fail(Errc::validation_failed, "return " + back.id + " comes to other points than the store tells");
  std::vector<ledger::Transfer> transfers;
  add_transfer(transfers, back, sale, points->clawed_back, true, now);
  add_transfer(transfers, back, sale, points->restored, false, now);
  if (auto posted = ledger::post_all(transaction, transfers); !posted) return posted;
  if (auto updated = update_totals(transaction, back, sale, *points); !updated) return updated;
  return close(transaction, back, sale, *points);
}

/// Errors: already_exists when the return was told with other content. True: it was told before.
Result<bool> is_known(db::Transaction& transaction, const Return& back) {
  auto rows = transaction.query(
      "SELECT store_id, original_store, original_transaction, currency, amount FROM sale_return WHERE id = "
      "$1",
      {back.id});
  if (!rows) return failure(rows);
  if (rows->empty()) return false;
  const db::Row& row = rows->front();
  if (row.text(0) != back.store.str() || row.text(1) != back.original_store.str() ||
      row.text(2) != back.original.str() || row.text(3) != back.currency || row.integer(4) != back.amount) {
    return fail(Errc::already_exists, "return " + back.id + " was told with other content");
  }
  return true;
}

Result<void> refuse(db::Transaction& transaction, const std::string& id) {
  auto refused = transaction.execute("UPDATE sale_return SET state = 'refused' WHERE id = $1", {id});
  if (!refused) return failure(refused);
  return {};
}

}  // namespace

ReturnPoints return_points(std::int64_t earned, std::int64_t redeemed, std::int64_t returned,
                           std::int64_t amount) {
  PERKLINE_ASSERT(returned >= 0 && returned <= amount);
  if (amount == 0) return {};
  return {
      .clawed_back = static_cast<std::int64_t>((static_cast<Wide>(earned) * returned + amount - 1) / amount),
      .restored = static_cast<std::int64_t>(static_cast<Wide>(redeemed) * returned / amount)};
}

Result<void> apply_returned(db::Transaction& transaction, const Told<sync::SaleReturned>& told,
                            WallTime now) {
  const sync::SaleReturned& payload = *told.payload;
  const Return back{.id = payload.id.str(),
                    .store = told.event->store,
                    .original_store = payload.original_store,
                    .original = payload.original_transaction,
                    .currency = std::string(payload.amount.currency.code()),
                    .amount = payload.amount.minor,
                    .event_id = told.event->id,
                    .clawback_id = (*told.ids)[0],
                    .restore_id = (*told.ids)[1],
                    .traceparent = told.event->traceparent,
                    .returned_at = stamp(payload.returned_at)};
  const auto known = is_known(transaction, back);
  if (!known) return std::unexpected(known.error());
  if (*known) return {};
  if (auto inserted = insert(transaction, back, payload.transaction, now); !inserted) return inserted;
  auto sale = find_sale(transaction, back.original_store, back.original);
  if (!sale) return failure(sale);
  if (!*sale || (*sale)->state == "pending") return {};
  const auto figures = payload.figures.transform([](const sync::SaleReturned::Figures& of_store) {
    return ReturnPoints{of_store.clawed_back.count, of_store.restored.count};
  });
  return work_out(transaction, back, **sale, figures, now);
}

Result<bool> any_waiting(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT 1 FROM sale_return WHERE state = 'waiting' LIMIT 1");
  if (!rows) return failure(rows);
  return !rows->empty();
}

Result<void> work_out_waiting(db::Transaction& transaction, const StoreId& store, const TransactionId& sale,
                              WallTime now) {
  auto rows = transaction.query(
      "SELECT id, store_id, currency, amount, event_id, clawback_id, restore_id, traceparent, returned_at"
      " FROM sale_return WHERE state = 'waiting' AND original_store = $1 AND original_transaction = $2"
      " ORDER BY received_at, id",
      {store.str(), sale.str()});
  if (!rows) return failure(rows);
  for (const db::Row& row : *rows) {
    const Return back{.id = row.text(0),
                      .store = StoreId(row.text(1)),
                      .original_store = store,
                      .original = sale,
                      .currency = row.text(2),
                      .amount = row.integer(3),
                      .event_id = parse_uuid(row.text(4)).value_or(Uuid{}),
                      .clawback_id = parse_uuid(row.text(5)).value_or(Uuid{}),
                      .restore_id = parse_uuid(row.text(6)).value_or(Uuid{}),
                      .traceparent = row.text(7),
                      .returned_at = row.integer(8)};
    // Read anew for each: the one before has changed the totals.
    auto sold = find_sale(transaction, store, sale);
    if (!sold) return failure(sold);
    PERKLINE_ASSERT(sold->has_value());
    auto done = transaction.attempt([&] { return work_out(transaction, back, **sold, std::nullopt, now); });
    if (!done &&
        (done.error().code == Errc::return_exceeds_sale || done.error().code == Errc::validation_failed)) {
      done = refuse(transaction, back.id);
    }
    if (!done) return done;
  }
  return {};
}

}  // namespace perkline::hub::ingest
