#pragma once

#include <cstdint>

/// What goods that come back take and give back (hub.md, "SaleReturned"). Pure; edge and hub work out alike.
namespace perkline::loyalty {

/// A sale that is booked.
struct SoldFor {
  std::int64_t amount = 0;  ///< What was paid, in minor units.
  std::int64_t earned = 0;  ///< Points, as the next.
  std::int64_t redeemed = 0;
};

/// In minor units; 0 ≤ before, amount; both together at most what was paid.
struct GoodsBack {
  std::int64_t before = 0;  ///< What had come back of the sale.
  std::int64_t amount = 0;  ///< What comes back now.
};

struct ReturnPoints {
  std::int64_t clawed_back = 0;
  std::int64_t restored = 0;
  bool operator==(const ReturnPoints&) const = default;
};

/// The totals with this return less those before it. In total earned × returned / amount is clawed back,
/// rounded up, and redeemed × returned / amount restored, rounded down; nothing of a sale for nothing.
ReturnPoints return_points(const SoldFor& sale, const GoodsBack& back);

}  // namespace perkline::loyalty
