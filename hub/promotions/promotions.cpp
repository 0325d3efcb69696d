#include "hub/promotions/promotions.hpp"

#include <algorithm>

#include "hub/identity/audit.hpp"
#include "hub/promotions/down.hpp"
#include "hub/promotions/query.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::promotions {
namespace {

const std::string select_promotion = "SELECT " + std::string(promotion_columns) + " FROM promotion";

std::string text_of(std::string_view name) {
  return std::string(name);
}

Result<std::vector<Promotion>> promotions_in(const Result<db::Rows>& rows) {
  if (!rows) return std::unexpected(rows.error());
  std::vector<Promotion> found;
  for (const db::Row& row : *rows) {
    auto promotion = promotion_in(row);
    if (!promotion) return failure(promotion);
    found.push_back(std::move(*promotion));
  }
  return found;
}

Result<std::vector<Promotion>> active_of(db::Transaction& transaction, PromotionType type,
                                         std::chrono::sys_days from) {
  return promotions_in(
      transaction.query(select_promotion + " WHERE type = $1 AND is_active = 1 AND last_day >= $2",
                        {text_of(name_of(type)), day_number(from)}));
}

/// Under the lock of its type's row: what is found here is all there is until the end of the transaction.
Result<void> check_alone(db::Transaction& transaction, const Promotion& promotion) {
  if (!loyalty::runs_alone(promotion.type) || !promotion.term.is_active) return {};
  const auto others = active_of(transaction, promotion.type, promotion.term.first);
  if (!others) return std::unexpected(others.error());
  for (const Promotion& other : *others) {
    if (other.id == promotion.id || !loyalty::overlap(other.term, promotion.term)) continue;
    return fail(Errc::promotion_overlap, "it would run beside promotion " + other.id.str() + ", from " +
                                             format_day(other.term.first) + " to " +
                                             format_day(other.term.last));
  }
  return {};
}

bool goes_down(const Promotion& promotion, std::chrono::sys_days today) {
  return promotion.term.is_active && promotion.term.last >= today;
}

/// Beside those there are. Two at once may go one over it: the catalogue has room for that.
Result<void> check_room(db::Transaction& transaction, const Promotion& promotion,
                        std::chrono::sys_days today) {
  if (!goes_down(promotion, today)) return {};
  auto others =
      transaction.query("SELECT COUNT(*) FROM promotion WHERE is_active = 1 AND last_day >= $1 AND id <> $2",
                        {day_number(today), promotion.id.str()});
  if (!others) return failure(others);
  if (others->front().integer(0) < active_promotions_max) return {};
  return fail(json::validation_error(
      {{"isActive", "there are " + std::to_string(active_promotions_max) + " active promotions already"}}));
}

Result<void> audit(db::Transaction& transaction, const Cause& cause, const std::string& action,
                   const Uuid& promotion, std::string detail) {
  return identity::append_audit(transaction, {.id = cause.audit,
                                              .at = cause.at,
                                              .actor = cause.actor,
                                              .action = action,
                                              .subject = "promotion:" + promotion.str(),
                                              .detail = std::move(detail)});
}

Result<Money> changed_amount(const Promotion& promotion, const Change& change) {
  if (!change.amount) return promotion.amount;
  auto amount = parse_amount(*change.amount, change.currency.value_or(promotion.amount.currency));
  if (amount && amount->minor == 0) return fail(Errc::validation_failed, "must be more than 0");
  return amount;
}

PromotionTerm changed_term(const PromotionTerm& term, const Change& change) {
  return {.is_active = change.is_active.value_or(term.is_active),
          .first = change.first.value_or(term.first),
          .last = change.last.value_or(term.last)};
}

Result<Promotion> changed(Promotion promotion, const Change& change) {
  if (auto faults = faults_of(promotion, change); !faults.empty())
    return fail(json::validation_error(std::move(faults)));
  promotion.amount = *changed_amount(promotion, change);
  promotion.title = change.title.value_or(promotion.title);
  promotion.description = change.description.value_or(promotion.description);
  promotion.type = change.type.value_or(promotion.type);
  promotion.term = changed_term(promotion.term, change);
  return promotion;
}

std::string difference(const Promotion& before, const Promotion& after) {
  json::Writer out;
  out.begin_object().key("from");
  write_promotion(out, before);
  out.key("to");
  write_promotion(out, after);
  out.end_object();
  return out.take();
}

/// Whoever changes a promotion holds all types' rows: what it reads stays, whichever type it has or gets.
Result<void> lock_types(db::Transaction& transaction) {
  auto held = transaction.query("SELECT name FROM promotion_types ORDER BY name" +
                                std::string(transaction.for_update()));
  if (!held) return failure(held);
  return {};
}

Result<void> lock_type(db::Transaction& transaction, PromotionType type) {
  auto held = transaction.query(
      "SELECT name FROM promotion_types WHERE name = $1" + std::string(transaction.for_update()),
      {text_of(name_of(type))});
  if (!held) return failure(held);
  return {};
}

Result<void> update(db::Transaction& transaction, const Promotion& promotion) {
  const PromotionTerm& term = promotion.term;
  auto updated = transaction.execute(
      "UPDATE promotion SET title = $2, description = $3, type = $4, amount = $5, currency = $6,"
      " first_day = $7, last_day = $8, is_active = $9 WHERE id = $1",
      {promotion.id.str(), promotion.title, promotion.description, text_of(name_of(promotion.type)),
       promotion.amount.minor, text_of(promotion.amount.currency.code()), day_number(term.first),
       day_number(term.last), std::int64_t{term.is_active}});
  if (!updated) return failure(updated);
  return {};
}

}  // namespace

Result<void> create(db::Transaction& transaction, const Cause& cause, const Promotion& promotion) {
  if (auto held = lock_type(transaction, promotion.type); !held) return held;
  if (auto alone = check_alone(transaction, promotion); !alone) return alone;
  if (auto room = check_room(transaction, promotion, utc_day(cause.at)); !room) return room;
  const PromotionTerm& term = promotion.term;
  auto made = transaction.execute(
      "INSERT INTO promotion (id, title, description, type, amount, currency, first_day, last_day, is_active,"
      " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
      {promotion.id.str(), promotion.title, promotion.description, text_of(name_of(promotion.type)),
       promotion.amount.minor, text_of(promotion.amount.currency.code()), day_number(term.first),
       day_number(term.last), std::int64_t{term.is_active}, cause.at.time_since_epoch().count()});
  if (!made) return failure(made);
  json::Writer detail;
  write_promotion(detail, promotion);
  auto audited = audit(transaction, cause, "promotion.created", promotion.id, detail.take());
  if (!audited) return audited;
  return put_down(transaction, promotion, utc_day(cause.at));
}

std::vector<FieldFault> faults_of(const Promotion& promotion, const Change& change) {
  std::vector<FieldFault> faults;
  if (auto amount = changed_amount(promotion, change); !amount)
    faults.push_back({"amount", std::move(amount.error().detail)});
  const PromotionTerm term = changed_term(promotion.term, change);
  if (term.last < term.first) {
    faults.push_back(change.last ? FieldFault{"endDate", "must not be before startDate"}
                                 : FieldFault{"startDate", "must not be behind endDate"});
  }
  return faults;
}

Result<Promotion> change(db::Transaction& transaction, const Cause& cause, const Uuid& id,
                         const Change& change) {
  if (auto held = lock_types(transaction); !held) return failure(held);
  auto before = find(transaction, id);
  if (!before) return before;
  auto after = changed(*before, change);
  if (!after) return after;
  if (auto alone = check_alone(transaction, *after); !alone) return failure(alone);
  if (!goes_down(*before, utc_day(cause.at))) {
    if (auto room = check_room(transaction, *after, utc_day(cause.at)); !room) return failure(room);
  }
  if (auto written = update(transaction, *after); !written) return failure(written);
  auto audited = audit(transaction, cause, "promotion.changed", id, difference(*before, *after));
  if (!audited) return failure(audited);
  if (auto put = put_down(transaction, *after, utc_day(cause.at)); !put) return failure(put);
  return after;
}

Result<Promotion> find(db::Transaction& transaction, const Uuid& id) {
  auto found = promotions_in(transaction.query(select_promotion + " WHERE id = $1", {id.str()}));
  if (!found) return failure(found);
  if (found->empty()) return fail(Errc::not_found, "no such promotion");
  return std::move(found->front());
}

Result<void> hold(db::Transaction& transaction, const Uuid& id) {
  if (transaction.for_update().empty()) return {};
  auto held = transaction.query("SELECT id FROM promotion WHERE id = $1 FOR SHARE", {id.str()});
  if (!held) return failure(held);
  return {};
}

Result<std::vector<Promotion>> list(db::Transaction& transaction, const Filter& filter) {
  Query query;
  query.where("id < ", filter.before.empty() ? std::string(behind_all) : filter.before);
  if (filter.type) query.where("type = ", text_of(name_of(*filter.type)));
  if (filter.is_active) query.where("is_active = ", std::int64_t{*filter.is_active});
  if (filter.from) query.where("last_day >= ", day_number(*filter.from));
  if (filter.to) query.where("first_day <= ", day_number(*filter.to));
  const std::string limit = query.place(filter.limit);
  const std::string text = select_promotion + query.text() + " ORDER BY id DESC LIMIT " + limit;
  return promotions_in(transaction.query(text, std::move(query).parameters()));
}

Result<std::optional<Promotion>> find_running(db::Transaction& transaction, PromotionType type,
                                              std::chrono::sys_days day) {
  auto active = active_of(transaction, type, day);
  if (!active) return failure(active);
  const auto found = std::ranges::find_if(
      *active, [day](const Promotion& promotion) { return loyalty::runs_on(promotion.term, day); });
  if (found == active->end()) return std::nullopt;
  return std::move(*found);
}

}  // namespace perkline::hub::promotions
