#pragma once

#include "hub/ingest/told.hpp"

namespace perkline::hub::ingest {

/// What a sale's returns take back and give back.
struct ReturnPoints {
  std::int64_t clawed_back = 0;
  std::int64_t restored = 0;
  bool operator==(const ReturnPoints&) const = default;
};

/// In total, once `returned` of `amount` (minor units, 0 ≤ returned ≤ amount) has come back of a sale that
/// earned and redeemed so many points: earned × returned / amount rounded up, redeemed × returned / amount
/// rounded down; nothing of a sale for nothing. Pure.
ReturnPoints return_points(std::int64_t earned, std::int64_t redeemed, std::int64_t returned,
                           std::int64_t amount);

/// SaleReturned: worked out and booked at once if the sale is booked, else when it is. Coming again it
/// changes nothing. SALE_RETURNED once it is booked. Errors: already_exists (the id with other content),
/// return_exceeds_sale, validation_failed (another currency, or other points than the rule gives).
Result<void> apply_returned(db::Transaction& transaction, const Told<sync::SaleReturned>& told, WallTime now);

/// Works out what waited for that store's sale, which is booked or rejected now. A return that comes to more
/// than was sold is refused.
Result<void> work_out_waiting(db::Transaction& transaction, const StoreId& store, const TransactionId& sale,
                              WallTime now);
/// Whether any return waits at all.
Result<bool> any_waiting(db::Transaction& transaction);

}  // namespace perkline::hub::ingest
