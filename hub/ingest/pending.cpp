#include "hub/ingest/pending.hpp"

#include <map>
#include <unordered_set>
#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/events/event_log.hpp"
#include "hub/ingest/known_sales.hpp"
#include "hub/ingest/returns.hpp"
#include "hub/ledger/holds.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::ingest {
namespace {

using db::BulkStatement;
using db::Value;

std::string earned_hold(const SessionId& session) {
  return "pending:" + session.str();
}
std::string redeemed_hold(const SessionId& session) {
  return "pending-redeem:" + session.str();
}

const BulkStatement& insert_pending() {
  static const BulkStatement statement(
      "INSERT INTO sale (session_id, store_id, transaction_id, customer_id, channel_id, currency, amount,"
      " earned, redeemed, provisional_earned, provisional_redeemed, provisional_receipt, tier, rules_version,"
      " pending_at, received_at, points_due, state) VALUES ",
      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending')",
      " ON CONFLICT (session_id) DO NOTHING RETURNING session_id");
  return statement;
}

/// A card that no till had read before; what PDI told of others stands, and goes down to the store that sold.
const BulkStatement& insert_members() {
  static const BulkStatement statement("INSERT INTO member (customer_id, tier, first_seen) VALUES ",
                                       "(?, ?, ?)",
                                       " ON CONFLICT (customer_id) DO UPDATE SET down_position = NULL");
  return statement;
}

/// Errors: already_exists when the session is another sale's, or still pending with other figures: once PDI
/// has spoken, what the till was told decides nothing.
Result<void> same_sale(const KnownSale& known, const ToldPending& told) {
  const sync::SalePending& sale = *told.payload;
  if (known.store != told.event->store || known.transaction != sale.transaction ||
      known.customer != sale.customer || known.currency != sale.amount.currency.code() ||
      known.amount != sale.amount.minor) {
    return fail(Errc::already_exists, "session " + sale.session.str() + " is another sale");
  }
  if (known.state == "pending" &&
      (known.earned != sale.earned.count || known.redeemed != sale.redeemed.count)) {
    return fail(Errc::already_exists, "session " + sale.session.str() + " is pending with other figures");
  }
  return {};
}

Result<void> same_sales(db::Transaction& transaction, std::span<const ToldPending> sales) {
  std::vector<SessionId> sessions;
  for (const ToldPending& told : sales) sessions.push_back(told.payload->session);
  const auto known = find_known_sales(transaction, sessions);
  if (!known) return std::unexpected(known.error());
  for (const ToldPending& told : sales) {
    if (auto same = same_sale(known->at(told.payload->session), told); !same) return same;
  }
  return {};
}

Result<std::vector<ToldPending>> insert_new(db::Transaction& transaction, std::span<const ToldPending> sales,
                                            WallTime now, const points::Terms& terms) {
  std::vector<Value> values;
  for (const ToldPending& told : sales) {
    const sync::SalePending& sale = *told.payload;
    db::append_row(values, sale.session.str(), told.event->store.str(), sale.transaction.str(),
                   sale.customer.str(), sale.channel.str(), std::string(sale.amount.currency.code()),
                   sale.amount.minor, sale.earned.count, sale.redeemed.count, sale.earned.count,
                   sale.redeemed.count, sale.receipt.str(), sale.tier, sale.rules_version,
                   stamp(sale.pending_at), stamp(now), points::points_for(terms, sale.amount));
  }
  auto rows = insert_pending().run(transaction, std::move(values));
  if (!rows) return failure(rows);
  std::unordered_set<std::string> inserted;
  for (const db::Row& row : *rows) inserted.insert(row.text(0));
  std::vector<ToldPending> fresh;
  std::vector<ToldPending> there;
  for (const ToldPending& told : sales)
    (inserted.extract(told.payload->session.str()).empty() ? there : fresh).push_back(told);
  if (auto same = same_sales(transaction, there); !same) return failure(same);
  return fresh;
}

Result<void> note_cards(db::Transaction& transaction, std::span<const ToldPending> sales, WallTime now) {
  std::map<std::string_view, const sync::SalePending*> cards;
  for (const ToldPending& told : sales) cards.emplace(told.payload->customer.str(), told.payload);
  std::vector<Value> values;
  for (const auto& [card, sale] : cards) db::append_row(values, sale->customer.str(), sale->tier, stamp(now));
  auto noted = insert_members().run(transaction, std::move(values));
  if (!noted) return failure(noted);
  return {};
}

void add_holds(std::vector<ledger::Transfer>& holds, const ToldPending& told, WallTime now) {
  const sync::SalePending& sale = *told.payload;
  const ledger::Account rewards = ledger::rewards_of(sale.customer);
  if (sale.earned.count > 0) {
    holds.push_back({.id = (*told.ids)[0],
                     .external_id = earned_hold(sale.session),
                     .debit = ledger::issued_by(told.event->store),
                     .credit = rewards,
                     .amount = sale.earned.count,
                     .code = "sale.pending",
                     .created_at = now});
  }
  if (sale.redeemed.count > 0) {
    holds.push_back({.id = (*told.ids)[1],
                     .external_id = redeemed_hold(sale.session),
                     .debit = rewards,
                     .credit = ledger::redeemed_at(told.event->store),
                     .amount = sale.redeemed.count,
                     .code = "sale.pending",
                     .created_at = now});
  }
}

events::DomainEvent domain_event(const sync::Event& event, const CustomerId& card, std::string type,
                                 std::string data) {
  return {.id = event.id,
          .type = std::move(type),
          .occurred_at = event.time,
          .traceparent = event.traceparent,
          .data = std::move(data),
          .card = card};
}

events::DomainEvent domain_event_of(const ToldPending& told) {
  const sync::SalePending& sale = *told.payload;
  json::Writer data;
  data.begin_object();
  data.field("storeId", told.event->store.str()).field("sessionId", sale.session.str());
  data.field("transactionId", sale.transaction.str()).field("channelId", sale.channel.str());
  data.field("customerId", sale.customer.str()).field("amount", format_amount(sale.amount));
  data.field("currency", sale.amount.currency.code()).field("earnedPoints", sale.earned.count);
  data.field("redeemedPoints", sale.redeemed.count).field("tier", sale.tier);
  data.field("receiptId", sale.receipt.str()).field("pendingAt", format_time(sale.pending_at)).end_object();
  return domain_event(*told.event, sale.customer, "SALE_PENDING", data.take());
}

/// The member has had the discount, and PDI never took the points for it.
Result<void> book_loss(db::Transaction& transaction, const ToldRejected& told, const KnownSale& sale,
                       WallTime now) {
  if (sale.redeemed == 0) return {};
  return ledger::post(transaction, {.id = (*told.ids)[0],
                                    .external_id = "standin-loss:" + told.payload->session.str(),
                                    .debit = ledger::rewards_of(sale.customer),
                                    .credit = ledger::standin_loss_of(sale.store),
                                    .amount = sale.redeemed,
                                    .code = "sale.standin_loss",
                                    .created_at = now});
}

events::DomainEvent domain_event_of(const ToldRejected& told, const KnownSale& sale) {
  const sync::SaleRejected& rejected = *told.payload;
  json::Writer data;
  data.begin_object();
  data.field("storeId", told.event->store.str()).field("sessionId", rejected.session.str());
  data.field("transactionId", rejected.transaction.str()).field("customerId", rejected.customer.str());
  data.field("redeemedPoints", sale.redeemed).field("pdiCode", rejected.pdi_code);
  data.field("reason", rejected.reason).field("rejectedAt", format_time(rejected.rejected_at)).end_object();
  return domain_event(*told.event, rejected.customer, "SALE_REJECTED", data.take());
}

}  // namespace

Result<void> apply_pending(db::Transaction& transaction, std::span<const ToldPending> sales, WallTime now,
                           const points::Terms& terms) {
  auto fresh = insert_new(transaction, sales, now, terms);
  if (!fresh) return failure(fresh);
  if (auto noted = note_cards(transaction, *fresh, now); !noted) return noted;
  std::vector<ledger::Transfer> holds;
  for (const ToldPending& told : *fresh) add_holds(holds, told, now);
  if (auto held = ledger::hold_all(transaction, holds); !held) return held;
  std::vector<events::DomainEvent> told_on;
  for (const ToldPending& told : *fresh) told_on.push_back(domain_event_of(told));
  return events::append(transaction, told_on);
}

Result<void> apply_rejected(db::Transaction& transaction, const ToldRejected& told, WallTime now) {
  const sync::SaleRejected& rejected = *told.payload;
  const std::string session = "session " + rejected.session.str();
  const auto known = find_known_sales(transaction, {&rejected.session, 1});
  if (!known) return std::unexpected(known.error());
  if (known->empty()) return fail(Errc::not_found, session + " is no pending sale");
  const KnownSale& sale = known->begin()->second;
  if (sale.store != told.event->store || sale.transaction != rejected.transaction ||
      sale.customer != rejected.customer) {
    return fail(Errc::already_exists, session + " is another sale");
  }
  if (sale.state == "rejected") return {};
  if (sale.state != "pending") return fail(Errc::already_exists, session + " is booked");

  if (auto released = release_holds(transaction, std::span(&rejected.session, 1)); !released) return released;
  auto updated = transaction.execute(
      "UPDATE sale SET state = 'rejected', rejected_at = $2, rejected_code = $3, rejected_reason = $4"
      " WHERE session_id = $1",
      {rejected.session.str(), stamp(rejected.rejected_at), rejected.pdi_code, rejected.reason});
  if (!updated) return failure(updated);
  if (auto booked = book_loss(transaction, told, sale, now); !booked) return booked;
  auto appended = events::append(transaction, domain_event_of(told, sale));
  if (!appended) return appended;
  const SaleName name{sale.transaction, rejected.session};
  return work_out_waiting(transaction, sale.store, std::span(&name, 1), now);
}

Result<void> release_holds(db::Transaction& transaction, std::span<const SessionId> sessions) {
  std::vector<std::string> holds;
  for (const SessionId& session : sessions) {
    holds.push_back(earned_hold(session));
    holds.push_back(redeemed_hold(session));
  }
  return ledger::release(transaction, holds);
}

}  // namespace perkline::hub::ingest
