#include "hub/points/purchase_rule.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/ledger/history.hpp"
#include "hub/points/card_owners.hpp"
#include "hub/points/tiers.hpp"
#include "shared/loyalty/returns.hpp"

namespace perkline::hub::points {
namespace {

using db::BulkStatement;
using db::Value;

/// Derived ids of one sale or return.
enum class Part : std::uint64_t { points = 11, settled, taken_back, owed, tier };

Uuid id_of(const Uuid& from, Part part) {
  return derived_id(from, static_cast<std::uint64_t>(part));
}

std::int64_t taken_for(std::int64_t due, std::int64_t sold, std::int64_t before, std::int64_t amount) {
  return loyalty::return_points({.amount = sold, .earned = due, .redeemed = 0},
                                {.before = before, .amount = amount})
      .clawed_back;
}

using Owed = std::map<std::string, std::int64_t>;

/// What users owe of earlier returns. Whoever changes it holds the user's points, as the caller does.
Result<Owed> owed_by(db::Transaction& transaction, const std::map<UserId, std::int64_t>& users) {
  static const BulkStatement find(
      "SELECT owner_id, balance FROM account WHERE owner_kind = 'user' AND unit = $1 AND code = 'owed'"
      " AND balance < 0 AND owner_id IN (",
      "?", ")", 1);
  std::vector<Value> values;
  for (const auto& [user, unused] : users) values.emplace_back(user.str());
  auto rows = find.run(transaction, std::move(values), {std::string(ledger::programme_unit)});
  if (!rows) return failure(rows);
  Owed owed;
  for (const db::Row& row : *rows) owed.emplace(row.text(0), -row.integer(1));
  return owed;
}

ledger::Transfer points_of_sale(const DueSale& sale, const UserId& user, const Terms& terms, WallTime now) {
  return {.id = id_of(sale.id, Part::points),
          .external_id = "sale-points:" + sale.session.str(),
          .debit = ledger::points_issued_by(sale.store),
          .credit = ledger::points_of(user),
          .amount = sale.points,
          .code = "sale.points",
          .created_at = now,
          .expires_at = sale.since + terms.expiry};
}

ledger::Transfer settled_by_sale(const DueSale& sale, const UserId& user, std::int64_t amount, WallTime now) {
  return {.id = id_of(sale.id, Part::settled),
          .external_id = "owed-settled:" + sale.session.str(),
          .debit = ledger::points_of(user),
          .credit = ledger::owed_points_of(user),
          .amount = amount,
          .code = "owed.settled",
          .created_at = now};
}

struct OwnedSale {
  DueSale sale;
  UserId user;
};

Result<void> mark_booked(db::Transaction& transaction, std::span<const OwnedSale> sales) {
  // Both engines name the columns of a VALUES list so.
  static const BulkStatement mark("UPDATE sale SET points_user = booked.column2 FROM (VALUES ",
                                  "(CAST(? AS TEXT), CAST(? AS TEXT))",
                                  ") AS booked WHERE sale.session_id = booked.column1");
  std::vector<Value> values;
  for (const OwnedSale& each : sales) db::append_row(values, each.sale.session.str(), each.user.str());
  return mark.defer(transaction, std::move(values));
}

/// Of what the sales have given, what users owe.
Result<void> settle_debts(db::Transaction& transaction, std::span<const OwnedSale> sales, Owed owed,
                          WallTime now) {
  std::vector<ledger::Transfer> transfers;
  for (const OwnedSale& each : sales) {
    const auto debt = owed.find(each.user.str());
    if (debt == owed.end() || debt->second == 0) continue;
    const std::int64_t settled = std::min(debt->second, each.sale.points);
    debt->second -= settled;
    transfers.push_back(settled_by_sale(each.sale, each.user, settled, now));
  }
  return transfers.empty() ? Result<void>() : ledger::post_all(transaction, transfers);
}

Result<void> book(db::Transaction& transaction, const Terms& terms, std::span<const OwnedSale> sales,
                  WallTime now) {
  if (sales.empty()) return {};
  std::map<UserId, std::int64_t> earned;
  std::vector<ledger::Transfer> transfers;
  for (const OwnedSale& each : sales) {
    earned[each.user] += each.sale.points;
    transfers.push_back(points_of_sale(each.sale, each.user, terms, now));
  }
  if (auto posted = ledger::post_all(transaction, transfers); !posted) return posted;
  auto owed = owed_by(transaction, earned);
  if (!owed) return failure(owed);
  if (auto settled = settle_debts(transaction, sales, std::move(*owed), now); !settled) return settled;
  if (auto marked = mark_booked(transaction, sales); !marked) return marked;
  const Cause cause{.id = id_of(sales.front().sale.id, Part::tier), .at = now};
  return note_earned(transaction, terms, cause, earned);
}

}  // namespace

Result<void> book_due(db::Transaction& transaction, const Terms& terms, std::span<const DueSale> sales,
                      WallTime now) {
  if (sales.empty()) return {};
  std::vector<CustomerId> cards;
  for (const DueSale& sale : sales) cards.push_back(sale.card);
  const auto owners = owners_of_cards(transaction, cards);
  if (!owners) return std::unexpected(owners.error());
  std::vector<OwnedSale> owned;
  for (const DueSale& sale : sales) {
    if (const auto owner = owners->find(sale.card); owner != owners->end())
      owned.push_back({sale, owner->second});
  }
  return book(transaction, terms, owned, now);
}

Result<void> book_unclaimed(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                            const UserId& user, const CustomerId& card) {
  auto rows = transaction.query(
      "SELECT session_id, store_id, points_due, amount, returned, received_at FROM sale"
      " WHERE customer_id = $1 AND points_due > 0 AND points_user IS NULL AND state = 'finalized'"
      " AND received_at > $2 ORDER BY received_at, session_id",
      {card.str(), (cause.at - terms.expiry).time_since_epoch().count()});
  if (!rows) return failure(rows);
  std::vector<OwnedSale> due;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const db::Row& row = (*rows)[i];
    const std::int64_t points = row.integer(2) - taken_for(row.integer(2), row.integer(3), 0, row.integer(4));
    if (points == 0) continue;
    due.push_back({{.session = SessionId(row.text(0)),
                    .store = StoreId(row.text(1)),
                    .card = card,
                    .points = points,
                    .id = derived_id(cause.id, 1'000 + i),
                    .since = WallTime{Millis{row.integer(5)}}},
                   user});
  }
  return book(transaction, terms, due, cause.at);
}

Result<void> take_back(db::Transaction& transaction, const PointsReturn& back, WallTime now) {
  if (!back.user || back.due == 0) return {};
  const std::int64_t taken = taken_for(back.due, back.sold, back.before, back.amount);
  if (taken == 0) return {};
  const ledger::Account purse = ledger::points_of(*back.user);
  const auto available = ledger::lock_available(transaction, purse);
  if (!available) return std::unexpected(available.error());
  const std::int64_t from_balance = std::min(taken, *available);
  std::vector<ledger::Transfer> transfers;
  if (from_balance > 0) {
    transfers.push_back({.id = id_of(back.transfer, Part::taken_back),
                         .external_id = "points-return:" + back.id.str(),
                         .debit = purse,
                         .credit = ledger::points_issued_by(back.store),
                         .amount = from_balance,
                         .code = "return.points_taken_back",
                         .created_at = now});
  }
  if (from_balance < taken) {
    transfers.push_back({.id = id_of(back.transfer, Part::owed),
                         .external_id = "points-owed:" + back.id.str(),
                         .debit = ledger::owed_points_of(*back.user),
                         .credit = ledger::points_issued_by(back.store),
                         .amount = taken - from_balance,
                         .code = "return.points_owed",
                         .created_at = now});
  }
  return ledger::post_all(transaction, transfers);
}

Result<std::int64_t> points_pending(db::Transaction& transaction, const CustomerId& card, bool verified) {
  auto rows = transaction.query(
      "SELECT points_due, amount, returned, state FROM sale"
      " WHERE customer_id = $1 AND points_due > 0 AND points_user IS NULL AND state <> 'rejected'",
      {card.str()});
  if (!rows) return failure(rows);
  std::int64_t pending = 0;
  for (const db::Row& row : *rows) {
    // The rest of a verified card's were due before it was claimed, and lapsed.
    if (verified && row.text(3) != "pending") continue;
    pending += row.integer(0) - taken_for(row.integer(0), row.integer(1), 0, row.integer(2));
  }
  return pending;
}

}  // namespace perkline::hub::points
