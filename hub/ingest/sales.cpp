#include "hub/ingest/sales.hpp"

#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/events/event_log.hpp"
#include "hub/ingest/known_sales.hpp"
#include "hub/ingest/pending.hpp"
#include "hub/ingest/returns.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/points/purchase_rule.hpp"
#include "hub/points/tiers.hpp"
#include "shared/core/assert.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::ingest {
namespace {

using db::BulkStatement;
using db::Value;

const BulkStatement& insert_sales() {
  static const BulkStatement statement(
      "INSERT INTO sale (session_id, store_id, transaction_id, customer_id, channel_id, currency, amount,"
      " earned, redeemed, new_balance, tier, receipt_id, rules_version, finalized_at, settled_at,"
      " received_at, points_due, state) VALUES ",
      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'finalized')",
      " ON CONFLICT (session_id) DO NOTHING RETURNING session_id");
  return statement;
}

/// PDI's newest word on balance and tier wins.
const BulkStatement& note_members() {
  static const BulkStatement statement(
      "INSERT INTO member (customer_id, tier, pdi_balance, pdi_as_of, first_seen) VALUES ", "(?, ?, ?, ?, ?)",
      " ON CONFLICT (customer_id) DO UPDATE SET tier = excluded.tier,"
      " tier_before = CASE WHEN member.pdi_as_of IS NULL THEN NULL ELSE member.tier END,"
      " pdi_balance = excluded.pdi_balance, pdi_as_of = excluded.pdi_as_of, down_position = NULL"
      " WHERE member.pdi_as_of IS NULL OR member.pdi_as_of <= excluded.pdi_as_of"
      " RETURNING customer_id, tier_before, tier");
  return statement;
}

/// What the till was told.
struct Provisional {
  std::int64_t earned = 0;
  std::int64_t redeemed = 0;
};

/// A sale whose figures are to be booked now.
struct NewFigures {
  ToldSale told;
  Figures figures;
  std::optional<Provisional> provisional;  ///< nullopt: it was never pending here.
  std::int64_t points_due = 0;             ///< By the purchase rule, when the sale was first heard of.
};

Result<std::unordered_set<std::string>> insert_new(db::Transaction& transaction,
                                                   std::span<const ToldSale> sales, Figures figures,
                                                   WallTime now, const points::Terms& terms) {
  std::vector<Value> values;
  for (const ToldSale& told : sales) {
    const sync::SaleFinalized& sale = *told.payload;
    db::append_row(values, sale.session.str(), told.event->store.str(), sale.transaction.str(),
                   sale.customer.str(), sale.channel.str(), std::string(sale.amount.currency.code()),
                   sale.amount.minor, sale.earned.count, sale.redeemed.count, sale.new_balance.count,
                   sale.tier, sale.receipt.str(), sale.rules_version, stamp(sale.finalized_at),
                   figures == Figures::settled ? Value(stamp(told.event->time)) : Value(nullptr), stamp(now),
                   points::points_for(terms, sale.amount));
  }
  auto rows = insert_sales().run(transaction, std::move(values));
  if (!rows) return failure(rows);
  std::unordered_set<std::string> inserted;
  for (const db::Row& row : *rows) inserted.insert(row.text(0));
  return inserted;
}

/// Ends the waiting for PDI of those that were pending.
Result<void> write_figures(db::Transaction& transaction, std::span<const NewFigures> sales) {
  // Both engines name the columns of a VALUES list so; the casts tell PostgreSQL the parameters' type.
  static const BulkStatement write(
      "UPDATE sale SET state = 'finalized', earned = told.column2, redeemed = told.column3,"
      " new_balance = told.column4, tier = told.column5, receipt_id = told.column6,"
      " rules_version = told.column7, finalized_at = told.column8, settled_at = told.column9 FROM (VALUES ",
      "(CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT),"
      " CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT))",
      ") AS told WHERE sale.session_id = told.column1");
  std::vector<Value> values;
  for (const NewFigures& each : sales) {
    if (!each.provisional) continue;
    const sync::SaleFinalized& sale = *each.told.payload;
    db::append_row(values, sale.session.str(), sale.earned.count, sale.redeemed.count, sale.new_balance.count,
                   sale.tier, sale.receipt.str(), sale.rules_version, stamp(sale.finalized_at),
                   stamp(each.told.event->time));
  }
  auto written = write.run(transaction, std::move(values));
  if (!written) return failure(written);
  return {};
}

/// Of a sale that is there: the end of its waiting for PDI, which is noted in `known`; nullopt when it has
/// these figures already. Errors: already_exists.
Result<std::optional<NewFigures>> settle(KnownSale& known, const ToldSale& told) {
  const sync::SaleFinalized& sale = *told.payload;
  const std::string session = "session " + sale.session.str();
  if (known.store != told.event->store || known.transaction != sale.transaction ||
      known.customer != sale.customer || known.currency != sale.amount.currency.code() ||
      known.amount != sale.amount.minor) {
    return fail(Errc::already_exists, session + " is another sale");
  }
  if (known.state == "rejected") return fail(Errc::already_exists, session + " was rejected by a person");
  if (known.state == "finalized") {
    if (known.earned != sale.earned.count || known.redeemed != sale.redeemed.count)
      return fail(Errc::already_exists, session + " was booked with other figures");
    return std::nullopt;
  }
  const Provisional before{.earned = known.earned, .redeemed = known.redeemed};
  known.state = "finalized";
  known.earned = sale.earned.count;
  known.redeemed = sale.redeemed.count;
  return NewFigures{told, Figures::settled, before, known.points_due};
}

/// A sale of an unknown card makes an unclaimed member.
Result<void> note_members_of(db::Transaction& transaction, std::span<const NewFigures> sales, WallTime now) {
  // One row a member: PostgreSQL updates none twice in one statement.
  std::map<std::string_view, const sync::SaleFinalized*> newest;
  for (const NewFigures& each : sales) {
    const sync::SaleFinalized& sale = *each.told.payload;
    const sync::SaleFinalized*& known = newest[sale.customer.str()];
    if (known == nullptr || known->finalized_at <= sale.finalized_at) known = &sale;
  }
  std::vector<Value> values;
  for (const auto& [customer, sale] : newest) {
    db::append_row(values, sale->customer.str(), sale->tier, sale->new_balance.count,
                   stamp(sale->finalized_at), stamp(now));
  }
  auto noted = note_members().run(transaction, std::move(values));
  if (!noted) return failure(noted);
  std::vector<points::CardTier> changed;
  for (const db::Row& row : *noted) {
    if (!row.is_null(1) && row.text(1) != row.text(2))
      changed.push_back({CustomerId(row.text(0)), row.text(1), row.text(2)});
  }
  if (changed.empty()) return {};
  const points::Cause cause{
      .id = (*sales.front().told.ids)[0], .at = now, .traceparent = sales.front().told.event->traceparent};
  return points::tell_card_tiers(transaction, cause, changed);
}

/// Of those that are due any by the purchase rule.
Result<void> book_points(db::Transaction& transaction, std::span<const NewFigures> sales, WallTime now,
                         const points::Terms& terms) {
  std::vector<points::DueSale> due;
  for (const NewFigures& each : sales) {
    if (each.points_due == 0) continue;
    const sync::SaleFinalized& sale = *each.told.payload;
    due.push_back({.session = sale.session,
                   .store = each.told.event->store,
                   .card = sale.customer,
                   .points = each.points_due,
                   .id = (*each.told.ids)[0],
                   .since = now});
  }
  return points::book_due(transaction, terms, due, now);
}

void add_transfers(std::vector<ledger::Transfer>& transfers, const NewFigures& booked, WallTime now) {
  const bool settled = booked.figures == Figures::settled;
  const sync::SaleFinalized& sale = *booked.told.payload;
  const StoreId& store = booked.told.event->store;
  const ledger::Account rewards = ledger::rewards_of(sale.customer);
  if (sale.earned.count > 0) {
    transfers.push_back({.id = (*booked.told.ids)[0],
                         .external_id = (settled ? "settle:" : "sale:") + sale.session.str(),
                         .debit = ledger::issued_by(store),
                         .credit = rewards,
                         .amount = sale.earned.count,
                         .code = "sale.earned",
                         .created_at = now});
  }
  if (sale.redeemed.count > 0) {
    transfers.push_back({.id = (*booked.told.ids)[1],
                         .external_id = (settled ? "settle-redeem:" : "redeem:") + sale.session.str(),
                         .debit = rewards,
                         .credit = ledger::redeemed_at(store),
                         .amount = sale.redeemed.count,
                         .code = "sale.redeemed",
                         .created_at = now});
  }
}

void write_provisional(json::Writer& data, const std::optional<Provisional>& told) {
  data.key("provisionalEarnedPoints");
  told ? data.value(told->earned) : data.null();
  data.key("provisionalRedeemedPoints");
  told ? data.value(told->redeemed) : data.null();
}

/// The event's own id is the domain event's, so that it is known again wherever it arrives.
events::DomainEvent domain_event_of(const NewFigures& booked) {
  const sync::SaleFinalized& sale = *booked.told.payload;
  const sync::Event& event = *booked.told.event;
  const bool settled = booked.figures == Figures::settled;
  json::Writer data;
  data.begin_object();
  data.field("storeId", event.store.str()).field("sessionId", sale.session.str());
  data.field("transactionId", sale.transaction.str()).field("channelId", sale.channel.str());
  data.field("customerId", sale.customer.str()).field("amount", format_amount(sale.amount));
  data.field("currency", sale.amount.currency.code()).field("earnedPoints", sale.earned.count);
  data.field("redeemedPoints", sale.redeemed.count).field("newBalance", sale.new_balance.count);
  data.field("tier", sale.tier).field("receiptId", sale.receipt.str());
  data.field("finalizedAt", format_time(sale.finalized_at));
  if (settled) write_provisional(data, booked.provisional);
  data.end_object();
  return {.id = event.id,
          .type = settled ? "SALE_SETTLED" : "SALE_FINALIZED",
          .occurred_at = event.time,
          .traceparent = event.traceparent,
          .data = data.take(),
          .card = sale.customer};
}

/// What PDI's figures of sales that are written down do: to members, in the ledger, for whoever listens.
Result<void> book(db::Transaction& transaction, std::span<const NewFigures> sales, WallTime now,
                  const points::Terms& terms) {
  if (sales.empty()) return {};
  std::vector<SessionId> settled;
  std::vector<ledger::Transfer> transfers;
  std::vector<events::DomainEvent> told_on;
  std::vector<SaleName> names;
  for (const NewFigures& each : sales) {
    const sync::SaleFinalized& sale = *each.told.payload;
    if (each.provisional) settled.push_back(sale.session);
    add_transfers(transfers, each, now);
    told_on.push_back(domain_event_of(each));
    names.push_back({sale.transaction, sale.session});
  }
  // What nobody else waits for comes before the cards' rows, which other stores' batches do.
  if (auto appended = events::append(transaction, told_on); !appended) return appended;
  if (auto noted = note_members_of(transaction, sales, now); !noted) return noted;
  if (auto released = release_holds(transaction, settled); !released) return released;
  if (auto posted = ledger::post_all(transaction, transfers); !posted) return posted;
  if (auto booked = book_points(transaction, sales, now, terms); !booked) return booked;
  // A batch is of one store.
  return work_out_waiting(transaction, sales.front().told.event->store, names, now);
}

}  // namespace

Result<void> apply_sales(db::Transaction& transaction, std::span<const ToldSale> sales, Figures figures,
                         WallTime now, const points::Terms& terms) {
  auto inserted = insert_new(transaction, sales, figures, now, terms);
  if (!inserted) return failure(inserted);
  std::vector<bool> is_new;
  std::vector<SessionId> there;
  for (const ToldSale& told : sales) {
    // Taken out, so that a second telling of the session among these is held against the first.
    is_new.push_back(!inserted->extract(told.payload->session.str()).empty());
    if (!is_new.back()) there.push_back(told.payload->session);
  }
  auto known = find_known_sales(transaction, there);
  if (!known) return failure(known);
  std::vector<NewFigures> to_book;
  for (std::size_t i = 0; i < sales.size(); ++i) {
    const ToldSale& told = sales[i];
    if (is_new[i]) {
      to_book.push_back({told, figures, std::nullopt, points::points_for(terms, told.payload->amount)});
      continue;
    }
    auto settled = settle(known->at(told.payload->session), told);
    if (!settled) return failure(settled);
    if (*settled) to_book.push_back(**settled);
  }
  if (auto written = write_figures(transaction, to_book); !written) return written;
  return book(transaction, to_book, now, terms);
}

}  // namespace perkline::hub::ingest
