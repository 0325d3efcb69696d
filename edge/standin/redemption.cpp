#include "edge/standin/redemption.hpp"

#include <algorithm>
#include <string>

namespace perkline::edge::standin {

Result<void> may_redeem(Points points, Points balance, const Redeemed& so_far,
                        const RedemptionLimits& limits) {
  const std::int64_t left = std::max<std::int64_t>(
      0,
      std::min({limits.member_day.count - so_far.member_today.count,
                limits.store_day.count - so_far.store_today.count, balance.count - so_far.unsettled.count}));
  if (points.count <= left) return {};
  return fail(Errc::redemption_limit,
              "without the loyalty provider " + std::to_string(left) + " points may be redeemed");
}

}  // namespace perkline::edge::standin
