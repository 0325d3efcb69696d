#include "hub/promotions/promotion.hpp"

namespace perkline::hub::promotions {
namespace {

std::chrono::sys_days day_of(std::int64_t number) {
  return std::chrono::sys_days{days{static_cast<int>(number)}};
}

}  // namespace

void write_members(json::Writer& out, const Promotion& promotion) {
  out.field("id", promotion.id.str()).field("title", promotion.title);
  out.field("description", promotion.description).field("type", name_of(promotion.type));
  out.field("amount", format_amount(promotion.amount)).field("currency", promotion.amount.currency.code());
  out.field("startDate", format_day(promotion.term.first)).field("endDate", format_day(promotion.term.last));
  out.field("isActive", promotion.term.is_active);
}

void write_promotion(json::Writer& out, const Promotion& promotion) {
  out.begin_object();
  write_members(out, promotion);
  out.end_object();
}

Result<Promotion> promotion_in(const db::Row& row) {
  const auto id = parse_uuid(row.text(0));
  const auto type = loyalty::find_promotion_type(row.text(3));
  const auto currency = find_currency(row.text(5));
  if (!id || !type || !currency) return fail(Errc::corrupt, "promotion " + row.text(0) + " is none");
  return Promotion{
      .id = *id,
      .title = row.text(1),
      .description = row.text(2),
      .type = *type,
      .amount = {row.integer(4), *currency},
      .term = {
          .is_active = row.integer(8) != 0, .first = day_of(row.integer(6)), .last = day_of(row.integer(7))}};
}

std::int64_t day_number(std::chrono::sys_days day) {
  return day.time_since_epoch().count();
}

}  // namespace perkline::hub::promotions
