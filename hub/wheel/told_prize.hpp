#pragma once

#include <cstdint>
#include <optional>

#include "hub/db/database.hpp"
#include "hub/wheel/prizes.hpp"
#include "shared/core/bytes.hpp"

namespace perkline::hub::wheel {

/// A prize as a till told its member of it: a store draws by the catalogue that it holds, whatever staff has
/// changed since.
struct ToldPrize {
  Prize prize;           ///< Name, type, tickets, points and one_time are as told, the rest as it is now.
  bool stocked = false;  ///< Whether there were only so many.
};
/// `terms`: the SHA-256 of its item's body (sync.proto, SpinDrawn); nullopt: a store that does not say, which
/// counts as told what is so now (its tickets: had_tickets()). Errors: validation_failed (it was never so, as
/// far as this hub remembers: the store has made it up, or the hub was restored to before), the database's.
Result<ToldPrize> prize_as_told(db::Transaction& transaction, const Prize& now,
                                const std::optional<Digest>& terms);

/// Whether it has, or ever had, so many tickets, as far as this hub remembers. Errors: the database's.
Result<bool> had_tickets(db::Transaction& transaction, const Prize& now, std::int64_t tickets);

}  // namespace perkline::hub::wheel
