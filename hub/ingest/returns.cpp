#include "hub/ingest/returns.hpp"

#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/events/event_log.hpp"
#include "hub/ingest/dead_letters.hpp"
#include "hub/ingest/erased.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/points/purchase_rule.hpp"
#include "hub/stores/progress.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/json/writer.hpp"
#include "shared/loyalty/returns.hpp"

namespace perkline::hub::ingest {
namespace {

using loyalty::ReturnPoints;

struct SoldGoods {
  StoreId store;
  TransactionId transaction;
  SessionId session;
  CustomerId customer;
  std::string state;
  std::string currency;
  loyalty::SoldFor sold;
  std::int64_t returned = 0;
  std::int64_t points_due = 0;  ///< By the purchase rule.
  std::optional<UserId> points_user;
};

const std::string select_goods =
    "SELECT session_id, store_id, transaction_id, customer_id, state, currency, amount, earned, redeemed,"
    " returned, points_due, points_user FROM sale";

std::optional<SoldGoods> goods_of(const db::Rows& rows) {
  if (rows.empty()) return std::nullopt;
  const db::Row& row = rows.front();
  return SoldGoods{
      .store = StoreId(row.text(1)),
      .transaction = TransactionId(row.text(2)),
      .session = SessionId(row.text(0)),
      .customer = CustomerId(row.text(3)),
      .state = row.text(4),
      .currency = row.text(5),
      .sold = {.amount = row.integer(6), .earned = row.integer(7), .redeemed = row.integer(8)},
      .returned = row.integer(9),
      .points_due = row.integer(10),
      .points_user = row.optional_text(11).transform([](std::string id) { return UserId(std::move(id)); })};
}

/// Held until the end of the transaction, as the next: what has come back of it, and its state, stay as
/// found.
Result<std::optional<SoldGoods>> find_sale(db::Transaction& transaction, const SessionId& session) {
  auto rows = transaction.query(
      select_goods + " WHERE session_id = $1" + std::string(transaction.for_update()), {session.str()});
  if (!rows) return failure(rows);
  return goods_of(*rows);
}

/// Its sale; by name the latest, as tills' counters wrap. nullopt: it has not been heard of. Errors:
/// validation_failed when session and name are two sales'.
Result<std::optional<SoldGoods>> find_sale(db::Transaction& transaction, const sync::SaleReturned& back) {
  if (back.session.empty()) {
    auto rows = transaction.query(select_goods +
                                      " WHERE store_id = $1 AND transaction_id = $2"
                                      " ORDER BY received_at DESC, session_id DESC LIMIT 1" +
                                      std::string(transaction.for_update()),
                                  {back.original_store.str(), back.original_transaction.str()});
    if (!rows) return failure(rows);
    return goods_of(*rows);
  }
  auto sale = find_sale(transaction, back.session);
  if (sale && *sale &&
      ((*sale)->store != back.original_store || (*sale)->transaction != back.original_transaction)) {
    return fail(Errc::validation_failed, "session " + back.session.str() + " is another sale");
  }
  return sale;
}

std::optional<ReturnPoints> figures_of(const sync::SaleReturned& back) {
  return back.figures.transform([](const sync::SaleReturned::Figures& told) {
    return ReturnPoints{told.clawed_back.count, told.restored.count};
  });
}

/// One of the two; nullopt where there are none.
std::optional<std::int64_t> one_of(const std::optional<ReturnPoints>& figures,
                                   std::int64_t ReturnPoints::* which) {
  if (!figures) return std::nullopt;
  return *figures.*which;
}

db::Value or_null(const std::optional<std::int64_t>& number) {
  return number ? db::Value(*number) : db::Value(nullptr);
}

Result<void> insert(db::Transaction& transaction, const ToldReturn& told, WallTime now) {
  const sync::SaleReturned& back = *told.payload;
  const auto figures = figures_of(back);
  const std::string bytes = without_erased(*told.event, told.bytes);
  auto inserted = transaction.execute(
      "INSERT INTO sale_return (id, store_id, transaction_id, original_store, original_transaction,"
      " session_id, state, currency, amount, told_clawed_back, told_restored, clawback_transfer,"
      " restore_transfer, event, returned_at, received_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8, $9, $10, $11, $12, $13, $14, $15)",
      {back.id.str(), told.event->store.str(), back.transaction.str(), back.original_store.str(),
       back.original_transaction.str(),
       back.session.empty() ? db::Value(nullptr) : db::Value(back.session.str()),
       std::string(back.amount.currency.code()), back.amount.minor,
       or_null(one_of(figures, &ReturnPoints::clawed_back)),
       or_null(one_of(figures, &ReturnPoints::restored)), (*told.ids)[0].str(), (*told.ids)[1].str(),
       to_hex(bytes), stamp(back.returned_at), stamp(now)});
  if (!inserted) return failure(inserted);
  return {};
}

/// Errors: already_exists when the return was told with other content. True: it was told before.
Result<bool> is_known(db::Transaction& transaction, const ToldReturn& told) {
  const sync::SaleReturned& back = *told.payload;
  auto rows = transaction.query(
      "SELECT store_id, original_store, original_transaction, currency, amount, told_clawed_back,"
      " told_restored FROM sale_return WHERE id = $1",
      {back.id.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return false;
  const db::Row& row = rows->front();
  const auto figures = figures_of(back);
  if (row.text(0) != told.event->store.str() || row.text(1) != back.original_store.str() ||
      row.text(2) != back.original_transaction.str() || row.text(3) != back.amount.currency.code() ||
      row.integer(4) != back.amount.minor ||
      row.optional_integer(5) != one_of(figures, &ReturnPoints::clawed_back) ||
      row.optional_integer(6) != one_of(figures, &ReturnPoints::restored)) {
    return fail(Errc::already_exists, "return " + back.id.str() + " was told with other content");
  }
  return true;
}

/// What it comes to for the store that took it, which knows of its own returns alone.
Result<ReturnPoints> as_that_store_sees(db::Transaction& transaction, const ToldReturn& told,
                                        const SoldGoods& sale) {
  auto rows = transaction.query(
      "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM sale_return WHERE original_store = $1"
      " AND original_transaction = $2 AND session_id = $3 AND store_id = $4 AND state = 'booked'",
      {sale.store.str(), sale.transaction.str(), sale.session.str(), told.event->store.str()});
  if (!rows) return failure(rows);
  return loyalty::return_points(sale.sold,
                                {.before = rows->front().integer(0), .amount = told.payload->amount.minor});
}

/// What it takes and gives: the totals with it less those before it. Errors: validation_failed,
/// return_exceeds_sale.
Result<ReturnPoints> points_of(db::Transaction& transaction, const ToldReturn& told, const SoldGoods& sale) {
  const sync::SaleReturned& back = *told.payload;
  if (back.amount.currency.code() != sale.currency)
    return fail(Errc::validation_failed, "the sale is of another currency");
  if (back.amount.minor > sale.sold.amount - sale.returned) {
    return fail(Errc::return_exceeds_sale,
                "return " + back.id.str() + " is more than what is left of the sale");
  }
  const ReturnPoints points =
      loyalty::return_points(sale.sold, {.before = sale.returned, .amount = back.amount.minor});
  const auto figures = figures_of(back);
  if (!figures || *figures == points) return points;
  const auto seen = as_that_store_sees(transaction, told, sale);
  if (!seen) return std::unexpected(seen.error());
  if (*figures == *seen) return points;
  return fail(Errc::validation_failed,
              "return " + back.id.str() + " comes to other points than the store tells");
}

void add_transfer(std::vector<ledger::Transfer>& transfers, const ToldReturn& told, const SoldGoods& sale,
                  std::int64_t points, bool clawed_back, WallTime now) {
  if (points == 0) return;
  const ledger::Account rewards = ledger::rewards_of(sale.customer);
  transfers.push_back({.id = (*told.ids)[clawed_back ? 0 : 1],
                       .external_id = (clawed_back ? "return:" : "return-restored:") + told.payload->id.str(),
                       .debit = clawed_back ? rewards : ledger::redeemed_at(sale.store),
                       .credit = clawed_back ? ledger::issued_by(sale.store) : rewards,
                       .amount = points,
                       .code = clawed_back ? "return.clawed_back" : "return.restored",
                       .created_at = now});
}

Result<void> update_totals(db::Transaction& transaction, const ToldReturn& told, const SoldGoods& sale,
                           const ReturnPoints& points) {
  auto sold = transaction.execute(
      "UPDATE sale SET returned = returned + $2, clawed_back = clawed_back + $3, restored = restored + $4"
      " WHERE session_id = $1",
      {sale.session.str(), told.payload->amount.minor, points.clawed_back, points.restored});
  if (!sold) return failure(sold);
  auto owed =
      transaction.execute("UPDATE member SET owed = owed + $2, down_position = NULL WHERE customer_id = $1",
                          {sale.customer.str(), points.clawed_back - points.restored});
  if (!owed) return failure(owed);
  return {};
}

events::DomainEvent domain_event_of(const ToldReturn& told, const SoldGoods& sale,
                                    const ReturnPoints& points) {
  const sync::SaleReturned& back = *told.payload;
  json::Writer data;
  data.begin_object();
  data.field("returnId", back.id.str()).field("storeId", told.event->store.str());
  data.field("transactionId", back.transaction.str());
  data.field("originalStoreId", back.original_store.str());
  data.field("originalTransactionId", back.original_transaction.str());
  data.field("sessionId", sale.session.str()).field("customerId", sale.customer.str());
  data.field("amount", format_amount(back.amount)).field("currency", back.amount.currency.code());
  data.field("clawedBackPoints", points.clawed_back).field("restoredPoints", points.restored);
  data.field("returnedAt", format_time(back.returned_at)).end_object();
  return {.id = told.event->id,
          .type = "SALE_RETURNED",
          .occurred_at = told.event->time,
          .traceparent = told.event->traceparent,
          .data = data.take(),
          .card = sale.customer};
}

Result<void> close(db::Transaction& transaction, const ToldReturn& told, const SoldGoods& sale,
                   const ReturnPoints& points) {
  auto closed = transaction.execute(
      "UPDATE sale_return SET state = 'booked', session_id = $2, clawed_back = $3, restored = $4, event = "
      "NULL"
      " WHERE id = $1",
      {told.payload->id.str(), sale.session.str(), points.clawed_back, points.restored});
  if (!closed) return failure(closed);
  return events::append(transaction, domain_event_of(told, sale, points));
}

/// Of a sale that is booked or rejected. Errors: as points_of.
Result<void> work_out(db::Transaction& transaction, const ToldReturn& told, const SoldGoods& sale,
                      WallTime now) {
  if (sale.state == "rejected") return close(transaction, told, sale, {});
  const auto points = points_of(transaction, told, sale);
  if (!points) return std::unexpected(points.error());
  std::vector<ledger::Transfer> transfers;
  add_transfer(transfers, told, sale, points->clawed_back, true, now);
  add_transfer(transfers, told, sale, points->restored, false, now);
  if (auto posted = ledger::post_all(transaction, transfers); !posted) return posted;
  auto taken = points::take_back(transaction,
                                 {.id = told.payload->id,
                                  .store = sale.store,
                                  .user = sale.points_user,
                                  .due = sale.points_due,
                                  .sold = sale.sold.amount,
                                  .before = sale.returned,
                                  .amount = told.payload->amount.minor,
                                  .transfer = (*told.ids)[0]},
                                 now);
  if (!taken) return taken;
  if (auto updated = update_totals(transaction, told, sale, *points); !updated) return updated;
  return close(transaction, told, sale, *points);
}

Result<bool> any_waiting(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT 1 FROM sale_return WHERE state = 'waiting' LIMIT 1");
  if (!rows) return failure(rows);
  return !rows->empty();
}

/// Those of the store's sales that any return waits for, by the till's name.
Result<std::unordered_set<std::string>> awaited_of(db::Transaction& transaction, const StoreId& store,
                                                   std::span<const SaleName> sales) {
  static const db::BulkStatement find(
      "SELECT original_transaction FROM sale_return WHERE state = 'waiting' AND original_store = $1"
      " AND original_transaction IN (",
      "?", ")", 1);
  std::vector<db::Value> names;
  names.reserve(sales.size());
  for (const SaleName& sale : sales) names.emplace_back(sale.transaction.str());
  auto rows = find.run(transaction, std::move(names), {store.str()});
  if (!rows) return failure(rows);
  std::unordered_set<std::string> awaited;
  for (const db::Row& row : *rows) awaited.insert(row.text(0));
  return awaited;
}

/// A return that waits, as it came.
struct Waiting {
  sync::Event event;
  std::string bytes;
  EffectIds ids;
};

Result<std::vector<Waiting>> waiting_for(db::Transaction& transaction, const StoreId& store,
                                         const SaleName& sale) {
  auto rows = transaction.query(
      "SELECT event, clawback_transfer, restore_transfer FROM sale_return WHERE state = 'waiting'"
      " AND original_store = $1 AND original_transaction = $2 AND (session_id IS NULL OR session_id = $3)"
      " ORDER BY received_at, id",
      {store.str(), sale.transaction.str(), sale.session.str()});
  if (!rows) return failure(rows);
  std::vector<Waiting> all;
  for (const db::Row& row : *rows) {
    auto bytes = from_hex(row.text(0));
    auto event = sync::decode_event(bytes.value_or(""));
    const auto clawback = parse_uuid(row.text(1));
    const auto restore = parse_uuid(row.text(2));
    if (!event || !std::holds_alternative<sync::SaleReturned>(event->payload) || !clawback || !restore)
      return fail(Errc::corrupt, "a return that waits is not as it was written");
    all.push_back({std::move(*event), std::move(*bytes), {*clawback, *restore}});
  }
  return all;
}

/// Leaves nothing of it but a dead letter.
Result<void> bury_return(db::Transaction& transaction, const ToldReturn& told, std::string reason,
                         WallTime now) {
  auto gone = transaction.execute("DELETE FROM sale_return WHERE id = $1", {told.payload->id.str()});
  if (!gone) return failure(gone);
  return bury(transaction,
              {.place = {told.event->store, told.event->epoch, told.event->sequence},
               .type = std::string(sync::type_name(told.event->payload)),
               .reason = std::move(reason),
               .bytes = told.bytes},
              now);
}

Result<void> work_out_waiting_for(db::Transaction& transaction, const StoreId& store, const SaleName& name,
                                  WallTime now) {
  const auto waiting = waiting_for(transaction, store, name);
  if (!waiting) return std::unexpected(waiting.error());
  for (const Waiting& each : *waiting) {
    const ToldReturn told{.event = &each.event,
                          .payload = &std::get<sync::SaleReturned>(each.event.payload),
                          .ids = &each.ids,
                          .bytes = each.bytes};
    // Read anew for each: the one before has changed the totals.
    const auto sale = find_sale(transaction, name.session);
    if (!sale) return std::unexpected(sale.error());
    PERKLINE_ASSERT(sale->has_value());
    auto done = transaction.attempt([&] { return work_out(transaction, told, **sale, now); });
    if (!done && is_fault_of_event(done.error()))
      done = bury_return(transaction, told, std::move(done.error().detail), now);
    if (!done) return done;
  }
  return {};
}

}  // namespace

Result<void> apply_returned(db::Transaction& transaction, const ToldReturn& told, WallTime now) {
  const auto known = is_known(transaction, told);
  if (!known) return std::unexpected(known.error());
  if (*known) return {};
  auto sale = find_sale(transaction, *told.payload);
  if (!sale) return failure(sale);
  if (!*sale) {
    // Its sale may be coming in at this moment: whoever brings it looks for returns that wait, so one of the
    // two has to come after the other.
    const StoreId& seller = told.payload->original_store;
    const auto is_store = stores::lock(transaction, seller);
    if (!is_store) return std::unexpected(is_store.error());
    // It may yet come; but of no store it never will.
    if (!*is_store) return fail(Errc::not_found, "there is no store " + seller.str());
    sale = find_sale(transaction, *told.payload);
    if (!sale) return failure(sale);
  }
  if (auto inserted = insert(transaction, told, now); !inserted) return inserted;
  if (!*sale || (*sale)->state == "pending") return {};
  return work_out(transaction, told, **sale, now);
}

Result<void> work_out_waiting(db::Transaction& transaction, const StoreId& store,
                              std::span<const SaleName> sales, WallTime now) {
  if (sales.empty()) return {};
  const auto any = any_waiting(transaction);
  if (!any) return std::unexpected(any.error());
  if (!*any) return {};
  const auto awaited = awaited_of(transaction, store, sales);
  if (!awaited) return std::unexpected(awaited.error());
  for (const SaleName& sale : sales) {
    if (!awaited->contains(sale.transaction.str())) continue;
    if (auto done = work_out_waiting_for(transaction, store, sale, now); !done) return done;
  }
  return {};
}

}  // namespace perkline::hub::ingest
