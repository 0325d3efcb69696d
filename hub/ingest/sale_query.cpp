#include "hub/ingest/sale_query.hpp"

namespace perkline::hub::ingest {
namespace {

WallTime time_at(const db::Row& row, std::size_t column) {
  return WallTime{Millis{row.optional_integer(column).value_or(0)}};
}

Result<sync::KnownSale> sale_of(const db::Row& row, const SessionId& session) {
  const auto currency = find_currency(row.text(1));
  if (!currency) return fail(Errc::corrupt, "the currency of session " + session.str());
  sync::KnownSale sale{.session = session,
                       .amount = Money{row.integer(2), *currency},
                       .earned = Points{row.integer(3)},
                       .redeemed = Points{row.integer(4)},
                       .tier = row.text(6)};
  const std::string& state = row.text(0);
  if (state == "finalized") {
    sale.state = sync::SaleState::finalized;
    sale.new_balance = Points{row.integer(5)};
    sale.receipt = ReceiptId(row.text(7));
    sale.at = time_at(row, 9);
    return sale;
  }
  sale.state = state == "pending" ? sync::SaleState::pending : sync::SaleState::rejected;
  sale.receipt = ReceiptId(row.optional_text(8).value_or(""));
  sale.at = time_at(row, state == "pending" ? 10 : 11);
  sale.pdi_code = row.optional_text(12).value_or("");
  sale.reason = row.optional_text(13).value_or("");
  return sale;
}

/// nullopt: never heard of. Errors: the database's, corrupt.
Result<std::optional<sync::KnownSale>> find_sale(db::Transaction& transaction, const StoreId& store,
                                                 const SessionId& session) {
  auto sales = transaction.query(
      "SELECT state, currency, amount, earned, redeemed, new_balance, tier, receipt_id, provisional_receipt,"
      " finalized_at, pending_at, rejected_at, rejected_code, rejected_reason FROM sale"
      " WHERE session_id = $1 AND store_id = $2",
      {session.str(), store.str()});
  if (!sales) return failure(sales);
  if (!sales->empty()) return sale_of(sales->front(), session);
  auto voids =
      transaction.query("SELECT voided_at, reason FROM session_void WHERE session_id = $1 AND store_id = $2",
                        {session.str(), store.str()});
  if (!voids) return failure(voids);
  if (voids->empty()) return std::nullopt;
  return sync::KnownSale{.session = session,
                         .state = sync::SaleState::voided,
                         .at = time_at(voids->front(), 0),
                         .reason = voids->front().text(1)};
}

}  // namespace

Result<sync::SaleAnswer> find_sales(db::Transaction& transaction, const StoreId& store,
                                    std::span<const SessionId> sessions) {
  sync::SaleAnswer answer;
  for (const SessionId& session : sessions) {
    auto sale = find_sale(transaction, store, session);
    if (!sale) return failure(sale);
    if (*sale) {
      answer.known.push_back(std::move(**sale));
    } else {
      answer.unknown.push_back(session);
    }
  }
  return answer;
}

}  // namespace perkline::hub::ingest
