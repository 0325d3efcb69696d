#include "hub/points/terms.hpp"

namespace perkline::hub::points {

std::int64_t points_for(const Terms& terms, const Money& amount) {
  std::int64_t points = 0;
  if (amount.currency != terms.currency) return points;
  for (const Terms::Step& step : terms.purchase_rule) {
    if (amount.minor >= step.from) points = step.points;
  }
  return points;
}

std::string tier_for(const Terms& terms, std::int64_t earned) {
  std::string tier = base_tier;
  for (const auto& [name, from] : terms.tiers) {
    if (earned >= from) tier = name;
  }
  return tier;
}

}  // namespace perkline::hub::points
