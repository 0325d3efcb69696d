#include "hub/downlink/members.hpp"

#include <algorithm>
#include <unordered_map>

#include "hub/db/bulk_statement.hpp"
#include "shared/core/down_limits.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::hub::downlink {
namespace {

/// Numbers looked at in one statement.
constexpr std::uint64_t window = 2000;

std::int64_t to_sql(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}

Result<std::uint64_t> read_position(db::Transaction& transaction, std::string_view suffix) {
  auto rows =
      transaction.query("SELECT value FROM down_counter WHERE name = 'members'" + std::string(suffix));
  if (!rows) return failure(rows);
  return static_cast<std::uint64_t>(rows->at(0).integer(0));
}

/// A member's columns as snapshot_of reads them, and who they are joined with.
constexpr std::string_view member_columns =
    "SELECT member.customer_id, member.tier, member.pdi_balance, member.pdi_as_of, member.owed, users.name,"
    " users.active, member.down_position FROM member"
    " LEFT JOIN users ON users.loyalty_id = member.customer_id AND users.loyalty_verified = 1";

/// Without promotions.
sync::MemberSnapshot snapshot_of(const db::Row& row) {
  sync::MemberSnapshot member{
      .member = sync::member_hash(CustomerId(row.text(0))),
      .name = row.optional_text(5).value_or(""),
      .tier = row.text(1),
      .points = row.optional_integer(2).transform([](std::int64_t count) { return Points{count}; }),
      .as_of = WallTime{Millis{row.optional_integer(3).value_or(0)}},
      .owed = std::clamp(row.integer(4), -points_max.count, points_max.count),
      .blocked = row.optional_integer(6) == 0};
  return member;
}

/// By card: assigned and unclaimed, those that run first, then the newest; at most
/// limits::sync_promotions_max of each.
using Promotions = std::unordered_map<std::string, std::vector<Uuid>>;
Result<Promotions> promotions_of(db::Transaction& transaction, const db::Rows& members, WallTime now) {
  static const db::BulkStatement find(
      "SELECT loyalty_id, promotion_id FROM (SELECT users.loyalty_id, mine.promotion_id, ROW_NUMBER() OVER"
      " (PARTITION BY users.loyalty_id ORDER BY CASE WHEN promotion.is_active = 1 AND promotion.last_day >= "
      "$1"
      " THEN 0 ELSE 1 END, mine.promotion_id DESC) AS place FROM users"
      " JOIN promotion_assignment mine ON mine.user_id = users.id AND mine.claimed_at IS NULL"
      " JOIN promotion ON promotion.id = mine.promotion_id"
      " WHERE users.loyalty_verified = 1 AND users.loyalty_id IN (",
      "?", ")) AS ranked WHERE place <= $2", 2);
  std::vector<db::Value> cards;
  for (const db::Row& row : members) cards.emplace_back(row.text(0));
  const std::int64_t today = std::chrono::floor<days>(now).time_since_epoch().count();
  auto rows = find.run(transaction, std::move(cards),
                       {today, static_cast<std::int64_t>(limits::sync_promotions_max)});
  if (!rows) return failure(rows);
  Promotions found;
  for (const db::Row& row : *rows) {
    const auto id = parse_uuid(row.text(1));
    if (!id) return fail(Errc::corrupt, "a promotion's id");
    found[row.text(0)].push_back(*id);
  }
  for (auto& [card, promotions] : found) std::ranges::sort(promotions);
  return found;
}

}  // namespace

Result<std::int64_t> number_changed(db::Transaction& transaction, std::int64_t max) {
  const auto before = read_position(transaction, transaction.for_update());
  if (!before) return std::unexpected(before.error());
  // Whose row somebody holds gets its number with a later look: to wait for it would hold up who waits for
  // others.
  const std::string free = transaction.for_update().empty() ? "" : " FOR UPDATE SKIP LOCKED";
  auto numbered = transaction.execute(
      "UPDATE member SET down_position = $1 + changed.place FROM"
      " (SELECT customer_id, ROW_NUMBER() OVER (ORDER BY customer_id) AS place FROM (SELECT customer_id"
      " FROM member WHERE down_position IS NULL ORDER BY customer_id LIMIT $2" +
          free +
          ") AS free) AS changed"
          " WHERE member.customer_id = changed.customer_id AND member.down_position IS NULL",
      {to_sql(*before), max});
  if (!numbered || *numbered == 0) return numbered;
  auto moved = transaction.execute("UPDATE down_counter SET value = $1 WHERE name = 'members'",
                                   {to_sql(*before) + max});
  if (!moved) return failure(moved);
  return numbered;
}

Result<std::uint64_t> members_position(db::Transaction& transaction) {
  return read_position(transaction, "");
}

Result<MembersAfter> members_after(db::Transaction& transaction, const StoreId& store, std::uint64_t from,
                                   WallTime now) {
  const auto last = members_position(transaction);
  if (!last) return std::unexpected(last.error());
  const std::uint64_t end = std::min(*last, from + window);
  if (end <= from) return MembersAfter{.to = from};
  auto rows = transaction.query(
      std::string(member_columns) +
          " WHERE member.down_position > $1 AND member.down_position <= $2 AND (member.was_blocked = 1 OR "
          "EXISTS"
          " (SELECT 1 FROM sale WHERE sale.customer_id = member.customer_id AND sale.store_id = $3"
          " AND sale.received_at >= $4))"
          " ORDER BY member.down_position LIMIT $5",
      {to_sql(from), to_sql(end), store.str(), (now - member_seen_within).time_since_epoch().count(),
       std::int64_t{limits::sync_members_max}});
  if (!rows) return failure(rows);
  auto promotions = promotions_of(transaction, *rows, now);
  if (!promotions) return failure(promotions);
  MembersAfter after{.to = end};
  for (const db::Row& row : *rows) {
    after.members.push_back(snapshot_of(row));
    if (const auto its = promotions->find(row.text(0)); its != promotions->end())
      after.members.back().promotions = std::move(its->second);
  }
  if (rows->size() == limits::sync_members_max)
    after.to = static_cast<std::uint64_t>(rows->back().integer(7));
  return after;
}

Result<std::optional<sync::MemberSnapshot>> member_of(db::Transaction& transaction, const CustomerId& card,
                                                      WallTime now) {
  auto rows = transaction.query(std::string(member_columns) + " WHERE member.customer_id = $1", {card.str()});
  if (!rows) return failure(rows);
  if (rows->empty()) return std::nullopt;
  auto promotions = promotions_of(transaction, *rows, now);
  if (!promotions) return failure(promotions);
  sync::MemberSnapshot member = snapshot_of(rows->front());
  if (const auto its = promotions->find(card.str()); its != promotions->end())
    member.promotions = std::move(its->second);
  return member;
}

}  // namespace perkline::hub::downlink
