#include "hub/promotions/down.hpp"

#include "hub/downlink/catalogue.hpp"
#include "hub/downlink/past_items.hpp"
#include "shared/core/down_limits.hpp"
#include "shared/json/fields.hpp"

namespace perkline::hub::promotions {
namespace {

/// So much of a description is for tills.
constexpr std::size_t till_description_bytes_max = 256;

/// Cut between two characters.
std::string_view for_tills(std::string_view description) {
  if (description.size() <= till_description_bytes_max) return description;
  std::size_t end = till_description_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(description[end]) & 0xC0u) == 0x80u) --end;
  return description.substr(0, end);
}

std::string body_of(const Promotion& promotion) {
  json::Writer out;
  out.begin_object().field("title", promotion.title).field("description", for_tills(promotion.description));
  out.field("type", name_of(promotion.type)).field("amount", format_amount(promotion.amount));
  out.field("currency", promotion.amount.currency.code());
  out.field("startDate", format_day(promotion.term.first)).field("endDate", format_day(promotion.term.last));
  return out.end_object().take();
}

/// The reverse, with what it does not say as it is now.
Result<Promotion> told_in(Promotion now, std::string_view body) {
  const std::string id = now.id.str();
  auto told = json::read_body(body, [&now](json::Fields& fields, const json::Value&) {
    now.title = fields.required_text("title", {.bytes_max = limits::catalogue_body_bytes_max});
    const auto currency = find_currency(fields.required_text("currency"));
    if (!currency) fields.fault("currency", "is none");
    now.amount = fields.required_amount("amount", currency.value_or(now.amount.currency));
    return std::move(now);
  });
  if (!told) return fail(Errc::corrupt, "what promotion " + id + " once said cannot be read");
  return told;
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

Result<Promotion> promotion_as_told(db::Transaction& transaction, const Promotion& now,
                                    const std::optional<Digest>& terms) {
  if (!terms || downlink::terms_of(body_of(now)) == *terms) return now;
  const auto name = sync::name_of(sync::ItemKind::promotion, now.id.str());
  const auto body = downlink::find_past(transaction, name, *terms);
  if (!body) return std::unexpected(body.error());
  if (!*body)
    return fail(
        Errc::validation_failed,
        "the promotion was never what the store has told, as far as the hub knows: if it was restored, make"
        " the promotion what it was and retry");
  return told_in(now, **body);
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
