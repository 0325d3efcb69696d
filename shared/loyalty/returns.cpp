#include "shared/loyalty/returns.hpp"

#include "shared/core/assert.hpp"

namespace perkline::loyalty {
namespace {

/// Points times minor units leave 64 bits.
__extension__ using Wide = __int128;

ReturnPoints totals(const SoldFor& sale, std::int64_t returned) {
  if (sale.amount == 0) return {};
  return {.clawed_back = static_cast<std::int64_t>(
              (static_cast<Wide>(sale.earned) * returned + sale.amount - 1) / sale.amount),
          .restored = static_cast<std::int64_t>(static_cast<Wide>(sale.redeemed) * returned / sale.amount)};
}

}  // namespace

ReturnPoints return_points(const SoldFor& sale, const GoodsBack& back) {
  PERKLINE_ASSERT(back.before >= 0 && back.amount >= 0 && back.amount <= sale.amount - back.before);
  const ReturnPoints before = totals(sale, back.before);
  const ReturnPoints after = totals(sale, back.before + back.amount);
  return {after.clawed_back - before.clawed_back, after.restored - before.restored};
}

}  // namespace perkline::loyalty
