#include "hub/ingest/apply.hpp"

#include "hub/events/event_log.hpp"
#include "hub/ledger/ledger.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::ingest {
namespace {

std::int64_t stamp(WallTime time) {
  return time.time_since_epoch().count();
}

/// A sale of an unknown card makes an unclaimed member. PDI's newest word on balance and tier wins.
Result<void> note_member(db::Transaction& transaction, const sync::SaleFinalized& sale, WallTime now) {
  auto noted = transaction.execute(
      "INSERT INTO member (customer_id, tier, pdi_balance, pdi_as_of, first_seen) VALUES ($1, $2, $3, $4, $5)"
      " ON CONFLICT (customer_id) DO UPDATE SET tier = excluded.tier, pdi_balance = excluded.pdi_balance, "
      "pdi_as_of = excluded.pdi_as_of"
      " WHERE member.pdi_as_of IS NULL OR member.pdi_as_of <= excluded.pdi_as_of",
      {sale.customer.str(), sale.tier, sale.new_balance.count, stamp(sale.finalized_at), stamp(now)});
  if (!noted) return failure(noted);
  return {};
}

/// Errors: already_exists when the session was booked with other figures.
Result<bool> note_sale(db::Transaction& transaction, const StoreId& store, const sync::SaleFinalized& sale,
                       WallTime now) {
  auto noted = transaction.execute(
      "INSERT INTO sale (session_id, store_id, transaction_id, customer_id, channel_id, currency, amount, "
      "earned, redeemed, receipt_id,"
      " rules_version, finalized_at, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
      "$13)"
      " ON CONFLICT (session_id) DO NOTHING",
      {sale.session.str(), store.str(), sale.transaction.str(), sale.customer.str(), sale.channel.str(),
       std::string(sale.amount.currency.code()), sale.amount.minor, sale.earned.count, sale.redeemed.count,
       sale.receipt.str(), sale.rules_version, stamp(sale.finalized_at), stamp(now)});
  if (!noted) return failure(noted);
  if (*noted == 1) return true;
  auto same = transaction.query(
      "SELECT 1 FROM sale WHERE session_id = $1 AND store_id = $2 AND transaction_id = $3 AND customer_id = "
      "$4 AND amount = $5"
      " AND earned = $6 AND redeemed = $7",
      {sale.session.str(), store.str(), sale.transaction.str(), sale.customer.str(), sale.amount.minor,
       sale.earned.count, sale.redeemed.count});
  if (!same) return failure(same);
  if (same->empty())
    return fail(Errc::already_exists, "session " + sale.session.str() + " was booked with other figures");
  return false;
}

Result<void> tell(db::Transaction& transaction, const sync::Event& event, const sync::SaleFinalized& sale) {
  json::Writer data;
  data.begin_object()
      .field("storeId", event.store.str())
      .field("sessionId", sale.session.str())
      .field("transactionId", sale.transaction.str());
  data.field("customerId", sale.customer.str())
      .field("amount", format_amount(sale.amount))
      .field("currency", sale.amount.currency.code());
  data.field("earnedPoints", sale.earned.count)
      .field("redeemedPoints", sale.redeemed.count)
      .field("newBalance", sale.new_balance.count);
  data.field("tier", sale.tier)
      .field("receiptId", sale.receipt.str())
      .field("finalizedAt", format_time(sale.finalized_at))
      .end_object();
  return events::append(transaction, {.id = event.id,
                                      .type = "SALE_FINALIZED",
                                      .occurred_at = event.time,
                                      .traceparent = event.traceparent,
                                      .data = data.take()});
}

Result<void> apply_payload(db::Transaction& transaction, const sync::Event& event,
                           const sync::SaleFinalized& sale, const EffectIds& ids, WallTime now) {
  if (auto noted = note_member(transaction, sale, now); !noted) return noted;
  const auto is_new = note_sale(transaction, event.store, sale, now);
  if (!is_new) return std::unexpected(is_new.error());
  if (!*is_new) return {};
  const ledger::Account rewards = ledger::rewards_of(sale.customer);
  if (sale.earned.count > 0) {
    auto earned = ledger::post(transaction, {.id = ids[0],
                                             .external_id = "sale:" + sale.session.str(),
                                             .debit = ledger::issued_by(event.store),
                                             .credit = rewards,
                                             .amount = sale.earned.count,
                                             .code = "sale.earned",
                                             .created_at = now});
    if (!earned) return earned;
  }
  if (sale.redeemed.count > 0) {
    auto redeemed = ledger::post(transaction, {.id = ids[1],
                                               .external_id = "redeem:" + sale.session.str(),
                                               .debit = rewards,
                                               .credit = ledger::redeemed_at(event.store),
                                               .amount = sale.redeemed.count,
                                               .code = "sale.redeemed",
                                               .created_at = now});
    if (!redeemed) return redeemed;
  }
  return tell(transaction, event, sale);
}

Result<void> apply_payload(db::Transaction&, const sync::Event&, const sync::UnknownEvent& unknown,
                           const EffectIds&, WallTime) {
  return fail(Errc::malformed_answer, "type " + std::to_string(unknown.type) + " is unknown to this version");
}

}  // namespace

Result<void> apply(db::Transaction& transaction, const sync::Event& event, const EffectIds& ids,
                   WallTime now) {
  return std::visit([&](const auto& payload) { return apply_payload(transaction, event, payload, ids, now); },
                    event.payload);
}

bool is_fault_of_event(const Error& error) {
  return error.code == Errc::malformed_answer || error.code == Errc::already_exists ||
         error.code == Errc::validation_failed || error.code == Errc::insufficient_points;
}

}  // namespace perkline::hub::ingest
