#include "hub/ingest/erased.hpp"
#include "shared/core/money.hpp"

namespace perkline::hub::ingest {
namespace {

void write_time(json::Writer& out, std::string_view name, const db::Row& row, std::size_t column) {
  out.key(name);
  row.is_null(column) ? out.null() : out.value(format_time(WallTime{Millis{row.integer(column)}}));
}

void write_amount(json::Writer& out, std::string_view name, const db::Row& row, std::size_t currency,
                  std::size_t minor) {
  const auto known = find_currency(row.text(currency));
  out.key(name);
  known ? out.value(format_amount({row.integer(minor), *known})) : out.null();
}

Result<void> write_sales(db::Transaction& transaction, const CustomerId& card, json::Writer& out) {
  auto rows = transaction.query(
      "SELECT session_id, store_id, transaction_id, channel_id, state, currency, amount, earned, redeemed,"
      " tier, COALESCE(receipt_id, provisional_receipt), pending_at, finalized_at, returned FROM sale"
      " WHERE customer_id = $1 ORDER BY received_at, session_id",
      {card.str()});
  if (!rows) return failure(rows);
  out.begin_array();
  for (const db::Row& row : *rows) {
    out.begin_object().field("sessionId", row.text(0)).field("storeId", row.text(1));
    out.field("transactionId", row.text(2)).field("channelId", row.text(3)).field("state", row.text(4));
    out.field("currency", row.text(5));
    write_amount(out, "amount", row, 5, 6);
    write_amount(out, "returned", row, 5, 13);
    out.field("earnedPoints", row.integer(7)).field("redeemedPoints", row.integer(8));
    out.field("tier", row.text(9)).field("receiptId", row.optional_text(10).value_or(""));
    write_time(out, "pendingAt", row, 11);
    write_time(out, "finalizedAt", row, 12);
    out.end_object();
  }
  out.end_array();
  return {};
}

Result<void> write_returns(db::Transaction& transaction, const CustomerId& card, json::Writer& out) {
  auto rows = transaction.query(
      "SELECT sale_return.id, sale_return.store_id, sale_return.session_id, sale_return.currency,"
      " sale_return.amount, sale_return.clawed_back, sale_return.restored, sale_return.returned_at"
      " FROM sale_return JOIN sale ON sale.session_id = sale_return.session_id WHERE sale.customer_id = $1"
      " ORDER BY sale_return.received_at, sale_return.id",
      {card.str()});
  if (!rows) return failure(rows);
  out.begin_array();
  for (const db::Row& row : *rows) {
    out.begin_object().field("returnId", row.text(0)).field("storeId", row.text(1));
    out.field("sessionId", row.text(2));
    out.field("currency", row.text(3));
    write_amount(out, "amount", row, 3, 4);
    out.field("clawedBackPoints", row.optional_integer(5).value_or(0));
    out.field("restoredPoints", row.optional_integer(6).value_or(0));
    write_time(out, "returnedAt", row, 7);
    out.end_object();
  }
  out.end_array();
  return {};
}

Result<void> write_voids(db::Transaction& transaction, const CustomerId& card, json::Writer& out) {
  auto rows = transaction.query(
      "SELECT session_id, store_id, transaction_id, channel_id, reason, voided_at FROM session_void"
      " WHERE customer_id = $1 ORDER BY received_at, session_id",
      {card.str()});
  if (!rows) return failure(rows);
  out.begin_array();
  for (const db::Row& row : *rows) {
    out.begin_object().field("sessionId", row.text(0)).field("storeId", row.text(1));
    out.field("transactionId", row.text(2)).field("channelId", row.text(3)).field("reason", row.text(4));
    write_time(out, "voidedAt", row, 5);
    out.end_object();
  }
  out.end_array();
  return {};
}

Result<void> write_differences(db::Transaction& transaction, const CustomerId& card, json::Writer& out) {
  auto rows = transaction.query(
      "SELECT store_id, session_id, ours, pdi, found_at FROM reconcile_difference WHERE customer_id = $1"
      " ORDER BY received_at, id",
      {card.str()});
  if (!rows) return failure(rows);
  out.begin_array();
  for (const db::Row& row : *rows) {
    out.begin_object().field("storeId", row.text(0)).field("sessionId", row.text(1));
    out.field("ours", row.text(2)).field("pdi", row.text(3));
    write_time(out, "foundAt", row, 4);
    out.end_object();
  }
  out.end_array();
  return {};
}

/// PDI's last word on the member.
Result<void> write_member(db::Transaction& transaction, const CustomerId& card, json::Writer& out) {
  auto rows = transaction.query(
      "SELECT tier, pdi_balance, pdi_as_of, owed, first_seen FROM member WHERE customer_id = $1",
      {card.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) {
    out.null();
    return {};
  }
  const db::Row& row = rows->front();
  out.begin_object().field("tier", row.text(0)).key("pdiBalance");
  row.is_null(1) ? out.null() : out.value(row.integer(1));
  write_time(out, "pdiAsOf", row, 2);
  out.field("owed", row.integer(3));
  write_time(out, "firstSeen", row, 4);
  out.end_object();
  return {};
}

}  // namespace

Result<void> write_card(db::Transaction& transaction, const std::optional<CustomerId>& card,
                        json::Writer& out) {
  if (!card) {
    out.null();
    return {};
  }
  using Part = Result<void> (*)(db::Transaction&, const CustomerId&, json::Writer&);
  constexpr std::array parts{std::pair<std::string_view, Part>{"member", &write_member},
                             std::pair<std::string_view, Part>{"sales", &write_sales},
                             std::pair<std::string_view, Part>{"returns", &write_returns},
                             std::pair<std::string_view, Part>{"voids", &write_voids},
                             std::pair<std::string_view, Part>{"differences", &write_differences}};
  out.begin_object().field("customerId", card->str());
  for (const auto& [name, write] : parts) {
    out.key(name);
    if (auto done = write(transaction, *card, out); !done) return done;
  }
  out.end_object();
  return {};
}

}  // namespace perkline::hub::ingest
