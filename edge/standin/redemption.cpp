#include "edge/standin/redemption.hpp"

#include <algorithm>

namespace perkline::edge::standin {

Points redeemable(Points balance, const Redeemed& so_far, const RedemptionLimits& limits) {
  const std::int64_t left =
      std::min({limits.member_day.count - so_far.member_today.count,
                limits.store_day.count - so_far.store_today.count, balance.count - so_far.unsettled.count});
  return Points{std::max<std::int64_t>(0, left)};
}

}  // namespace perkline::edge::standin
