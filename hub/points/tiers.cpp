#include "hub/points/tiers.hpp"

#include <vector>

#include "hub/db/bulk_statement.hpp"
#include "hub/events/event_log.hpp"
#include "hub/ledger/account.hpp"
#include "hub/points/card_owners.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::points {
namespace {

constexpr days earned_within{365};
constexpr std::uint64_t tier_event = 100;  ///< The first derived id that is a TIER_CHANGED's.

struct Change {
  std::optional<UserId> user;
  std::optional<CustomerId> card;
  std::string before;
  std::string now;
};

Result<void> tell(db::Transaction& transaction, const Cause& cause, std::uint64_t number,
                  const Change& change) {
  json::Writer data;
  data.begin_object().key("userId");
  change.user ? data.value(change.user->str()) : data.null();
  data.key("customerId");
  change.card ? data.value(change.card->str()) : data.null();
  data.field("previousTier", change.before).field("tier", change.now).end_object();
  return events::append(transaction, {.id = derived_id(cause.id, tier_event + number),
                                      .type = "TIER_CHANGED",
                                      .occurred_at = cause.at,
                                      .traceparent = cause.traceparent,
                                      .data = data.take(),
                                      .card = change.card});
}

/// The rule says nothing where PDI does.
Result<bool> pdi_decides(db::Transaction& transaction, const UserId& user) {
  auto rows = transaction.query(
      "SELECT 1 FROM users u JOIN member m ON m.customer_id = u.loyalty_id"
      " WHERE u.id = $1 AND u.loyalty_verified = 1 AND m.pdi_as_of IS NOT NULL",
      {user.str()});
  if (!rows) return failure(rows);
  return !rows->empty();
}

/// `number`: of the change among those of one cause.
Result<bool> move_to_tier(db::Transaction& transaction, const Cause& cause, std::uint64_t number,
                          const UserId& user, const std::string& before, const std::string& now) {
  if (before == now) return false;
  auto moved = transaction.execute("UPDATE points_tier SET tier = $2 WHERE user_id = $1 AND tier = $3",
                                   {user.str(), now, before});
  if (!moved) return failure(moved);
  const auto silent = pdi_decides(transaction, user);
  if (!silent) return std::unexpected(silent.error());
  if (*moved == 0 || *silent) return false;
  const Change change{.user = user, .card = std::nullopt, .before = before, .now = now};
  if (auto told = tell(transaction, cause, number, change); !told) return failure(told);
  return true;
}

/// Gains less what returned goods took back; what was reversed was never earned.
Result<std::int64_t> earned_since(db::Transaction& transaction, const UserId& user, WallTime since) {
  const ledger::Account points = ledger::points_of(user);
  auto rows = transaction.query(
      "SELECT CAST(COALESCE(SUM(e.delta), 0) AS BIGINT) FROM account a JOIN entry e ON e.account_id = a.id"
      " JOIN transfer t ON t.seq = e.transfer_seq WHERE a.owner_kind = $1 AND a.owner_id = $2"
      " AND a.unit = $3 AND a.code = $4 AND t.created_at > $5 AND (t.code = 'return.points_taken_back'"
      " OR (e.delta > 0 AND t.reverses IS NULL"
      " AND NOT EXISTS (SELECT 1 FROM transfer r WHERE r.reverses = t.seq)))",
      {points.owner_kind, points.owner_id, points.unit, points.code, since.time_since_epoch().count()});
  if (!rows) return failure(rows);
  return rows->front().integer(0);
}

/// A user who earns meanwhile is left for the next night.
Result<bool> review(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                    std::uint64_t number, const db::Row& known) {
  const UserId user(known.text(0));
  const auto earned = earned_since(transaction, user, cause.at - earned_within);
  if (!earned) return std::unexpected(earned.error());
  auto noted = transaction.execute("UPDATE points_tier SET earned = $2 WHERE user_id = $1 AND earned = $3",
                                   {user.str(), *earned, known.integer(1)});
  if (!noted) return failure(noted);
  if (*noted == 0) return false;
  return move_to_tier(transaction, cause, number, user, known.text(2), tier_for(terms, *earned));
}

}  // namespace

Result<void> note_earned(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                         const std::map<UserId, std::int64_t>& earned) {
  static const db::BulkStatement add(
      "INSERT INTO points_tier (user_id, earned, tier) VALUES ", "(?, ?, ?)",
      " ON CONFLICT (user_id) DO UPDATE SET earned = points_tier.earned + excluded.earned"
      " RETURNING user_id, earned, tier");
  std::vector<db::Value> values;
  for (const auto& [user, amount] : earned)
    db::append_row(values, user.str(), amount, std::string(base_tier));
  auto rows = add.run(transaction, std::move(values));
  if (!rows) return failure(rows);
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const db::Row& row = (*rows)[i];
    auto moved = move_to_tier(transaction, cause, i, UserId(row.text(0)), row.text(2),
                              tier_for(terms, row.integer(1)));
    if (!moved) return failure(moved);
  }
  return {};
}

Result<std::int64_t> earned_by(db::Transaction& transaction, const UserId& user) {
  auto rows = transaction.query("SELECT earned FROM points_tier WHERE user_id = $1", {user.str()});
  if (!rows) return failure(rows);
  return rows->empty() ? 0 : rows->front().integer(0);
}

Result<void> tell_card_tiers(db::Transaction& transaction, const Cause& cause,
                             std::span<const CardTier> changed) {
  if (changed.empty()) return {};
  std::vector<CustomerId> cards;
  for (const CardTier& each : changed) cards.push_back(each.card);
  const auto owners = owners_of_cards(transaction, cards);
  if (!owners) return std::unexpected(owners.error());
  for (std::size_t i = 0; i < changed.size(); ++i) {
    const CardTier& each = changed[i];
    const auto owner = owners->find(each.card);
    const Change change{.user = owner == owners->end() ? std::nullopt : std::optional(owner->second),
                        .card = each.card,
                        .before = each.before,
                        .now = each.now};
    if (auto told = tell(transaction, cause, i, change); !told) return told;
  }
  return {};
}

Result<TierStep> review_tiers(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                              const std::string& after_user, std::int64_t count) {
  auto rows = transaction.query(
      "SELECT user_id, earned, tier FROM points_tier WHERE user_id > $1 ORDER BY user_id LIMIT $2",
      {after_user, count});
  if (!rows) return failure(rows);
  TierStep step;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const auto changed = review(transaction, terms, cause, i, (*rows)[i]);
    if (!changed) return std::unexpected(changed.error());
    step.changed += *changed ? 1 : 0;
  }
  if (rows->size() == static_cast<std::size_t>(count)) step.last_user = rows->back().text(0);
  return step;
}

}  // namespace perkline::hub::points
