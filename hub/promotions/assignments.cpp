#include "hub/promotions/assignments.hpp"

#include "hub/db/bulk_statement.hpp"
#include "hub/downlink/member_changes.hpp"
#include "hub/events/event_log.hpp"
#include "hub/identity/audit.hpp"
#include "hub/promotions/query.hpp"
#include "shared/core/assert.hpp"

namespace perkline::hub::promotions {
namespace {

using db::BulkStatement;
using db::Value;
using events::DomainEvent;

constexpr std::string_view find_members = "SELECT id FROM users WHERE id IN (";
constexpr std::string_view that_are_active = ") AND role = 'member' AND active = 1 ORDER BY id";

Result<db::Rows> read_members(db::Transaction& transaction, std::vector<Value> users) {
  static const BulkStatement statement(find_members, "?", that_are_active);
  return statement.run(transaction, std::move(users));
}

/// What ends the statement is the same for every engine that needs it at all.
Result<db::Rows> hold_members(db::Transaction& transaction, std::vector<Value> users) {
  static const BulkStatement statement(find_members, "?",
                                       std::string(that_are_active) + std::string(transaction.for_update()));
  return statement.run(transaction, std::move(users));
}

/// The active members among them. Held, so that nobody is assigned anything while being forgotten.
Result<std::vector<std::string>> members_among(db::Transaction& transaction,
                                               const std::vector<std::string>& users) {
  std::vector<Value> ids(users.begin(), users.end());
  auto rows = transaction.for_update().empty() ? read_members(transaction, std::move(ids))
                                               : hold_members(transaction, std::move(ids));
  if (!rows) return failure(rows);
  std::vector<std::string> members;
  members.reserve(rows->size());
  for (const db::Row& row : *rows) members.push_back(row.text(0));
  return members;
}

/// Gives those that did not have it.
Result<std::vector<std::string>> insert_new(db::Transaction& transaction, const Uuid& promotion,
                                            const std::vector<std::string>& members, WallTime at) {
  static const BulkStatement statement(
      "INSERT INTO promotion_assignment (promotion_id, user_id, assigned_at) VALUES ", "(?, ?, ?)",
      " ON CONFLICT (promotion_id, user_id) DO NOTHING RETURNING user_id");
  std::vector<Value> values;
  values.reserve(3 * members.size());
  for (const std::string& member : members)
    db::append_row(values, promotion.str(), member, at.time_since_epoch().count());
  auto rows = statement.run(transaction, std::move(values));
  if (!rows) return failure(rows);
  std::vector<std::string> added;
  added.reserve(rows->size());
  for (const db::Row& row : *rows) added.push_back(row.text(0));
  return added;
}

DomainEvent assigned_event(const Promotion& promotion, const Joining& joining) {
  json::Writer data;
  data.begin_object().field("promotionId", promotion.id.str()).field("userId", joining.user.str());
  data.field("title", promotion.title).field("description", promotion.description);
  data.field("type", name_of(promotion.type)).field("isActive", promotion.term.is_active);
  data.field("startDate", format_day(promotion.term.first));
  data.field("amount", format_amount(promotion.amount)).field("currency", promotion.amount.currency.code());
  data.field("endDate", format_day(promotion.term.last)).end_object();
  return {.id = joining.event,
          .type = "PROMOTION_ASSIGNED",
          .occurred_at = joining.at,
          .traceparent = joining.traceparent,
          .data = data.take()};
}

Result<void> audit(db::Transaction& transaction, const Cause& cause, const Uuid& promotion,
                   const Assigned& done) {
  json::Writer detail;
  detail.begin_object().field("assigned", done.assigned).field("alreadyAssigned", done.already_assigned);
  detail.field("unknown", done.unknown).end_object();
  return identity::append_audit(transaction, {.id = cause.audit,
                                              .at = cause.at,
                                              .actor = cause.actor,
                                              .action = "promotion.assigned",
                                              .subject = "promotion:" + promotion.str(),
                                              .detail = detail.take()});
}

}  // namespace

Result<Assigned> assign(db::Transaction& transaction, const Cause& cause, const AssignOrder& order) {
  PERKLINE_ASSERT(order.events.size() >= order.users.size());
  if (auto held = hold(transaction, order.promotion); !held) return failure(held);
  const auto promotion = find(transaction, order.promotion);
  if (!promotion) return std::unexpected(promotion.error());
  if (!loyalty::runs_on(promotion->term, utc_day(cause.at)))
    return fail(Errc::promotion_not_active, "the promotion is not running");
  const auto members = members_among(transaction, order.users);
  if (!members) return std::unexpected(members.error());
  const auto added = insert_new(transaction, order.promotion, *members, cause.at);
  if (!added) return std::unexpected(added.error());

  std::vector<DomainEvent> happened;
  happened.reserve(added->size());
  for (std::size_t i = 0; i < added->size(); ++i) {
    happened.push_back(assigned_event(*promotion, {.user = UserId((*added)[i]),
                                                   .at = cause.at,
                                                   .traceparent = order.traceparent,
                                                   .event = order.events[i]}));
  }
  if (auto told = events::append(transaction, happened); !told) return failure(told);
  const Assigned done{.assigned = std::ssize(*added),
                      .already_assigned = std::ssize(*members) - std::ssize(*added),
                      .unknown = std::ssize(order.users) - std::ssize(*members)};
  if (auto audited = audit(transaction, cause, order.promotion, done); !audited) return failure(audited);
  if (auto noted = downlink::note_members_changed(transaction, *added); !noted) return failure(noted);
  return done;
}

Result<void> welcome(db::Transaction& transaction, const Joining& joining) {
  const auto promotion = find_running(transaction, PromotionType::welcome_bonus, utc_day(joining.at));
  if (!promotion) return std::unexpected(promotion.error());
  if (!*promotion) return {};
  const auto added = insert_new(transaction, (*promotion)->id, {joining.user.str()}, joining.at);
  if (!added) return std::unexpected(added.error());
  if (added->empty()) return {};
  if (auto noted = downlink::note_members_changed(transaction, *added); !noted) return noted;
  return events::append(transaction, assigned_event(**promotion, joining));
}

void write_assignment(json::Writer& out, const Assignment& assignment) {
  out.begin_object();
  write_members(out, assignment.promotion);
  out.field("claimed", assignment.claimed_at.has_value()).key("claimedAt");
  assignment.claimed_at ? out.value(format_time(*assignment.claimed_at)) : out.null();
  out.key("channel");
  assignment.channel ? out.value(*assignment.channel) : out.null();
  out.field("assignedAt", format_time(assignment.assigned_at)).end_object();
}

Result<std::vector<Assignment>> list_assignments(db::Transaction& transaction,
                                                 const AssignmentFilter& filter) {
  Query query;
  query.where("mine.user_id = ", filter.user.str());
  query.where("mine.promotion_id < ", filter.before.empty() ? std::string(behind_all) : filter.before);
  if (filter.claimed)
    query.where(*filter.claimed ? "mine.claimed_at IS NOT NULL" : "mine.claimed_at IS NULL");
  if (filter.type) query.where("promotion.type = ", std::string(name_of(*filter.type)));
  if (filter.is_active) query.where("promotion.is_active = ", std::int64_t{*filter.is_active});
  const std::string limit = query.place(filter.limit);
  const std::string text = "SELECT " + std::string(promotion_columns) +
                           ", mine.assigned_at, mine.claimed_at, mine.channel FROM promotion_assignment mine"
                           " JOIN promotion ON promotion.id = mine.promotion_id" +
                           query.text() + " ORDER BY mine.promotion_id DESC LIMIT " + limit;
  auto rows = transaction.query(text, std::move(query).parameters());
  if (!rows) return failure(rows);
  std::vector<Assignment> found;
  for (const db::Row& row : *rows) {
    auto promotion = promotion_in(row);
    if (!promotion) return failure(promotion);
    constexpr std::size_t next = promotion_columns_count;
    found.push_back({.promotion = std::move(*promotion),
                     .assigned_at = WallTime{Millis{row.integer(next)}},
                     .claimed_at = row.optional_integer(next + 1).transform(
                         [](std::int64_t at) { return WallTime{Millis{at}}; }),
                     .channel = row.optional_text(next + 2)});
  }
  return found;
}

}  // namespace perkline::hub::promotions
