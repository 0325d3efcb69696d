#include "hub/billing/closing.hpp"

#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/ledger/history.hpp"

namespace perkline::hub::billing {
namespace {

Month following(const Month& month) {
  return {.month = month.month + std::chrono::months{1}};
}

/// As the ledger has them now, by the time of booking.
Result<Books> booked_until_end(db::Transaction& transaction, const StoreId& store, const Month& month) {
  const WallTime end = month.end() - Millis{1};
  // An issued point leaves the store's account, a redeemed one comes into it.
  const auto given = ledger::balance_at(transaction, ledger::issued_by(store), end);
  if (!given) return std::unexpected(given.error());
  const auto taken = ledger::balance_at(transaction, ledger::redeemed_at(store), end);
  if (!taken) return std::unexpected(taken.error());
  return Books{.issued = -*given, .redeemed = *taken};
}

/// The first that is open: behind the last closed one, or where the books begin. nullopt: they are empty.
Result<std::optional<Month>> oldest_open(db::Transaction& transaction) {
  auto last = transaction.query("SELECT month FROM closed_month ORDER BY month DESC LIMIT 1");
  if (!last) return failure(last);
  if (!last->empty()) {
    const auto month = parse_month(last->front().text(0));
    if (!month) return fail(Errc::corrupt, "a closed month is none");
    return following(*month);
  }
  auto first = transaction.query("SELECT created_at FROM transfer ORDER BY seq LIMIT 1");
  if (!first) return failure(first);
  if (first->empty()) return std::nullopt;
  return month_of(WallTime{Millis{first->front().integer(0)}});
}

Result<void> keep_books(db::Transaction& transaction, const Month& month) {
  static const db::BulkStatement keep(
      "INSERT INTO closed_month_store (month, store_id, issued, redeemed) VALUES ", "(?, ?, ?, ?)");
  auto stores = transaction.query("SELECT id FROM store ORDER BY id");
  if (!stores) return failure(stores);
  std::vector<db::Value> values;
  for (const db::Row& row : *stores) {
    const auto books = booked_until_end(transaction, StoreId(row.text(0)), month);
    if (!books) return std::unexpected(books.error());
    db::append_row(values, month.text(), row.text(0), books->issued, books->redeemed);
  }
  auto kept = keep.run(transaction, std::move(values));
  if (!kept) return failure(kept);
  return {};
}

}  // namespace

Result<std::optional<Rates>> closed_rates(db::Transaction& transaction, const Month& month) {
  auto rows = transaction.query("SELECT currency, issue_rate, redeem_rate FROM closed_month WHERE month = $1",
                                {month.text()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  const db::Row& row = rows->front();
  const auto currency = find_currency(row.text(0));
  if (!currency) return fail(Errc::corrupt, "a closed month has a currency that is none");
  return Rates{.currency = *currency, .issue = row.text(1), .redeem = row.text(2)};
}

Result<Books> books_at_end(db::Transaction& transaction, const StoreId& store, const Month& month) {
  auto rows = transaction.query(
      "SELECT s.issued, s.redeemed FROM closed_month m LEFT JOIN closed_month_store s"
      " ON s.month = m.month AND s.store_id = $2 WHERE m.month = $1",
      {month.text(), store.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return booked_until_end(transaction, store, month);
  const db::Row& row = rows->front();
  return Books{.issued = row.optional_integer(0).value_or(0),
               .redeemed = row.optional_integer(1).value_or(0)};
}

Result<std::optional<Month>> close_next_month(db::Transaction& transaction, const Rates& rates,
                                              WallTime now) {
  auto month = oldest_open(transaction);
  if (!month) return month;
  if (!*month || now < (*month)->end() + closing_pause) return std::nullopt;
  // First, so that of two one waits here, and leaves it to the other.
  auto closed = transaction.execute(
      "INSERT INTO closed_month (month, currency, issue_rate, redeem_rate, closed_at)"
      " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (month) DO NOTHING",
      {(*month)->text(), std::string(rates.currency.code()), rates.issue, rates.redeem,
       now.time_since_epoch().count()});
  if (!closed) return failure(closed);
  if (*closed == 0) return std::nullopt;
  if (auto kept = keep_books(transaction, **month); !kept) return failure(kept);
  return month;
}

}  // namespace perkline::hub::billing
