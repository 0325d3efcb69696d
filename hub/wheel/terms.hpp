#pragma once

#include <cstdint>

#include "hub/points/terms.hpp"

namespace perkline::hub::wheel {

/// What a spin costs and gives (contract.md §3, `wheel` and `programme.prize_points`), in points.
struct Terms {
  std::int64_t cost = 1;
  /// Of a prize that has no points of its own.
  struct PrizePoints {
    std::int64_t cash = 3;
    std::int64_t coupon = 1;
    std::int64_t lottery_ticket = 0;
    std::int64_t none = 0;
  } prize_points = {};
  points::Terms programme = {};
};

}  // namespace perkline::hub::wheel
