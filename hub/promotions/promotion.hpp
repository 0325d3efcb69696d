#pragma once

#include <string>
#include <string_view>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/json/writer.hpp"
#include "shared/loyalty/promotion.hpp"

namespace perkline::hub::promotions {

using loyalty::PromotionTerm;
using loyalty::PromotionType;

/// Money that members may claim while it runs.
struct Promotion {
  Uuid id;
  std::string title;
  std::string description;
  PromotionType type = PromotionType::bonus;
  Money amount;  ///< > 0
  PromotionTerm term;
};

/// `{id, title, description, type, amount, currency, startDate, endDate, isActive}`, its members alone: the
/// caller opens and ends the object.
void write_members(json::Writer& out, const Promotion& promotion);
void write_promotion(json::Writer& out, const Promotion& promotion);

/// What promotion_in() reads, in its order, of a table called `promotion`.
inline constexpr std::string_view promotion_columns =
    "promotion.id, promotion.title, promotion.description, promotion.type, promotion.amount,"
    " promotion.currency, promotion.first_day, promotion.last_day, promotion.is_active";
inline constexpr std::size_t promotion_columns_count = 9;
/// Errors: corrupt.
Result<Promotion> promotion_in(const db::Row& row);

/// As it is stored.
std::int64_t day_number(std::chrono::sys_days day);

}  // namespace perkline::hub::promotions
