#include "hub/ingest/sales.hpp"

#include <map>
#include <unordered_set>
#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/events/event_log.hpp"
#include "hub/ingest/returns.hpp"
#include "hub/ledger/ledger.hpp"
#include "shared/core/assert.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::ingest {
namespace {

using db::BulkStatement;
using db::Value;

const BulkStatement& insert_sales() {
  static const BulkStatement statement(
      "INSERT INTO sale (session_id, store_id, transaction_id, customer_id, channel_id, currency, amount,"
      " earned, redeemed, new_balance, tier, receipt_id, rules_version, finalized_at, received_at, state)"
      " VALUES ",
      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'finalized')",
      " ON CONFLICT (session_id) DO NOTHING RETURNING session_id");
  return statement;
}

/// PDI's newest word on balance and tier wins.
const BulkStatement& note_members() {
  static const BulkStatement statement(
      "INSERT INTO member (customer_id, tier, pdi_balance, pdi_as_of, first_seen) VALUES ", "(?, ?, ?, ?, ?)",
      " ON CONFLICT (customer_id) DO UPDATE SET tier = excluded.tier, pdi_balance = excluded.pdi_balance,"
      " pdi_as_of = excluded.pdi_as_of"
      " WHERE member.pdi_as_of IS NULL OR member.pdi_as_of <= excluded.pdi_as_of");
  return statement;
}

}  // namespace

Result<void> same_as_booked(db::Transaction& transaction, const ToldSale& told) {
  const sync::SaleFinalized& sale = *told.payload;
  auto booked = transaction.query(
      "SELECT store_id, transaction_id, customer_id, currency, amount, earned, redeemed, state FROM sale"
      " WHERE session_id = $1",
      {sale.session.str()});
  if (!booked) return failure(booked);
  PERKLINE_ASSERT(booked->size() == 1);
  const db::Row& row = booked->front();
  if (row.text(7) != "finalized" || row.text(0) != told.event->store.str() ||
      row.text(1) != sale.transaction.str() || row.text(2) != sale.customer.str() ||
      row.text(3) != sale.amount.currency.code() || row.integer(4) != sale.amount.minor ||
      row.integer(5) != sale.earned.count || row.integer(6) != sale.redeemed.count) {
    return fail(Errc::already_exists, "session " + sale.session.str() + " was booked with other figures");
  }
  return {};
}

Result<std::vector<ToldSale>> insert_new_sales(db::Transaction& transaction, std::span<const ToldSale> sales,
                                               WallTime now) {
  std::vector<Value> values;
  for (const ToldSale& told : sales) {
    const sync::SaleFinalized& sale = *told.payload;
    db::append_row(values, sale.session.str(), told.event->store.str(), sale.transaction.str(),
                   sale.customer.str(), sale.channel.str(), std::string(sale.amount.currency.code()),
                   sale.amount.minor, sale.earned.count, sale.redeemed.count, sale.new_balance.count,
                   sale.tier, sale.receipt.str(), sale.rules_version, stamp(sale.finalized_at), stamp(now));
  }
  auto rows = insert_sales().run(transaction, std::move(values));
  if (!rows) return failure(rows);
  std::unordered_set<std::string> inserted;
  for (const db::Row& row : *rows) inserted.insert(row.text(0));

  std::vector<ToldSale> fresh;
  for (const ToldSale& told : sales) {
    // Taken out, so that a second telling of the session among these is held against the first.
    if (!inserted.extract(told.payload->session.str()).empty()) {
      fresh.push_back(told);
    } else if (auto same = same_as_booked(transaction, told); !same) {
      return failure(same);
    }
  }
  return fresh;
}

namespace {

/// A sale of an unknown card makes an unclaimed member.
Result<void> note_members_of(db::Transaction& transaction, std::span<const ToldSale> sales, WallTime now) {
  // One row a member: PostgreSQL updates none twice in one statement.
  std::map<std::string_view, const sync::SaleFinalized*> newest;
  for (const ToldSale& told : sales) {
    const sync::SaleFinalized*& known = newest[told.payload->customer.str()];
    if (known == nullptr || known->finalized_at <= told.payload->finalized_at) known = told.payload;
  }
  std::vector<Value> values;
  for (const auto& [customer, sale] : newest) {
    db::append_row(values, sale->customer.str(), sale->tier, sale->new_balance.count,
                   stamp(sale->finalized_at), stamp(now));
  }
  auto noted = note_members().run(transaction, std::move(values));
  if (!noted) return failure(noted);
  return {};
}

void add_transfers(std::vector<ledger::Transfer>& transfers, const ToldSale& told, Figures figures,
                   WallTime now) {
  const bool settled = figures == Figures::settled;
  const sync::SaleFinalized& sale = *told.payload;
  const ledger::Account rewards = ledger::rewards_of(sale.customer);
  if (sale.earned.count > 0) {
    transfers.push_back({.id = (*told.ids)[0],
                         .external_id = (settled ? "settle:" : "sale:") + sale.session.str(),
                         .debit = ledger::issued_by(told.event->store),
                         .credit = rewards,
                         .amount = sale.earned.count,
                         .code = "sale.earned",
                         .created_at = now});
  }
  if (sale.redeemed.count > 0) {
    transfers.push_back({.id = (*told.ids)[1],
                         .external_id = (settled ? "settle-redeem:" : "redeem:") + sale.session.str(),
                         .debit = rewards,
                         .credit = ledger::redeemed_at(told.event->store),
                         .amount = sale.redeemed.count,
                         .code = "sale.redeemed",
                         .created_at = now});
  }
}

/// The event's own id is the domain event's, so that it is known again wherever it arrives.
events::DomainEvent domain_event_of(const ToldSale& told, Figures figures) {
  const sync::SaleFinalized& sale = *told.payload;
  json::Writer data;
  data.begin_object();
  data.field("storeId", told.event->store.str()).field("sessionId", sale.session.str());
  data.field("transactionId", sale.transaction.str()).field("channelId", sale.channel.str());
  data.field("customerId", sale.customer.str()).field("amount", format_amount(sale.amount));
  data.field("currency", sale.amount.currency.code()).field("earnedPoints", sale.earned.count);
  data.field("redeemedPoints", sale.redeemed.count).field("newBalance", sale.new_balance.count);
  data.field("tier", sale.tier).field("receiptId", sale.receipt.str());
  data.field("finalizedAt", format_time(sale.finalized_at)).end_object();
  return {.id = told.event->id,
          .type = figures == Figures::settled ? "SALE_SETTLED" : "SALE_FINALIZED",
          .occurred_at = told.event->time,
          .traceparent = told.event->traceparent,
          .data = data.take()};
}

}  // namespace

Result<void> book_figures(db::Transaction& transaction, std::span<const ToldSale> sales, Figures figures,
                          WallTime now) {
  if (auto noted = note_members_of(transaction, sales, now); !noted) return noted;
  std::vector<ledger::Transfer> transfers;
  for (const ToldSale& told : sales) add_transfers(transfers, told, figures, now);
  if (auto posted = ledger::post_all(transaction, transfers); !posted) return posted;
  std::vector<events::DomainEvent> told_on;
  for (const ToldSale& told : sales) told_on.push_back(domain_event_of(told, figures));
  return events::append(transaction, told_on);
}

Result<void> apply_sales(db::Transaction& transaction, std::span<const ToldSale> sales, WallTime now) {
  auto fresh = insert_new_sales(transaction, sales, now);
  if (!fresh) return failure(fresh);
  if (auto booked = book_figures(transaction, *fresh, Figures::finalized, now); !booked) return booked;
  auto waiting = any_waiting(transaction);
  if (!waiting) return failure(waiting);
  if (!*waiting) return {};
  for (const ToldSale& told : *fresh) {
    auto done = work_out_waiting(transaction, told.event->store, told.payload->transaction, now);
    if (!done) return done;
  }
  return {};
}

}  // namespace perkline::hub::ingest
