#pragma once

#include "shared/core/money.hpp"

namespace perkline::edge::standin {

/// What may be redeemed while PDI is away; 0: nothing.
struct RedemptionLimits {
  Points member_day;
  Points store_day;
};

/// What has been so far.
struct Redeemed {
  Points member_today;
  Points store_today;
  Points unsettled;  ///< By that member, in sales of this store that PDI has yet to book.
};

/// What a member may redeem offline, up to each limit and not a point further. `balance`: as last heard, less
/// what is owed.
Points redeemable(Points balance, const Redeemed& so_far, const RedemptionLimits& limits);

}  // namespace perkline::edge::standin
