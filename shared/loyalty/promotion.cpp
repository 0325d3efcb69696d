#include "shared/loyalty/promotion.hpp"

#include <algorithm>

namespace perkline::loyalty {

std::string_view name_of(PromotionType type) {
  switch (type) {
    case PromotionType::welcome_bonus:
      return "WELCOME_BONUS";
    case PromotionType::vip_promotion:
      return "VIP_PROMOTION";
    case PromotionType::bonus:
      return "BONUS";
  }
  return {};
}

std::optional<PromotionType> find_promotion_type(std::string_view name) {
  const auto* found =
      std::ranges::find_if(promotion_types, [name](PromotionType type) { return name_of(type) == name; });
  return found == promotion_types.end() ? std::nullopt : std::optional(*found);
}

bool runs_on(const PromotionTerm& term, std::chrono::sys_days day) {
  return term.is_active && term.first <= day && day <= term.last;
}

bool overlap(const PromotionTerm& a, const PromotionTerm& b) {
  return a.is_active && b.is_active && a.first <= b.last && b.first <= a.last;
}

bool runs_alone(PromotionType type) {
  return type == PromotionType::welcome_bonus;
}

}  // namespace perkline::loyalty
