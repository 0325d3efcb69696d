#include "hub/promotions/down.hpp"

#include "hub/downlink/catalogue.hpp"

namespace perkline::hub::promotions {
namespace {

std::string body_of(const Promotion& promotion) {
  json::Writer out;
  out.begin_object().field("title", promotion.title).field("description", promotion.description);
  out.field("type", name_of(promotion.type)).field("amount", format_amount(promotion.amount));
  out.field("currency", promotion.amount.currency.code());
  out.field("startDate", format_day(promotion.term.first)).field("endDate", format_day(promotion.term.last));
  return out.end_object().take();
}

downlink::Put item_of(const Promotion& promotion, std::chrono::sys_days today) {
  downlink::Put item{.scope = std::string(downlink::every_store),
                     .name = sync::name_of(sync::ItemKind::promotion, promotion.id.str())};
  if (promotion.term.is_active && promotion.term.last >= today) item.body = body_of(promotion);
  return item;
}

}  // namespace

Result<void> put_down(db::Transaction& transaction, const Promotion& promotion, std::chrono::sys_days today) {
  const downlink::Put item = item_of(promotion, today);
  auto put = downlink::put_items(transaction, std::span(&item, 1));
  if (!put) return failure(put);
  return {};
}

Result<std::int64_t> refresh_down(db::Transaction& transaction, std::chrono::sys_days today) {
  return downlink::replace_items(
      transaction, sync::ItemKind::promotion, [&]() -> Result<std::vector<downlink::Put>> {
        auto rows = transaction.query(
            "SELECT " + std::string(promotion_columns) +
                " FROM promotion WHERE promotion.is_active = 1 AND promotion.last_day >= $1",
            {day_number(today)});
        if (!rows) return failure(rows);
        std::vector<downlink::Put> items;
        for (const db::Row& row : *rows) {
          const auto promotion = promotion_in(row);
          if (!promotion) return std::unexpected(promotion.error());
          items.push_back(item_of(*promotion, today));
        }
        return items;
      });
}

}  // namespace perkline::hub::promotions
