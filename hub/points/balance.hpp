#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/ledger/history.hpp"
#include "hub/points/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"

namespace perkline::hub::points {

/// How far ahead points are said to lapse soon, and their owners are told.
inline constexpr days lapsing_soon{30};

/// Who has points: a user, a card, or both where the one has claimed the other.
struct Holder {
  std::optional<UserId> user = std::nullopt;
  std::optional<CustomerId> card = std::nullopt;
  /// Whether the user has shown a receipt of the card. Until then what the card has is only pending to the
  /// user, who may have named somebody else's.
  bool verified = false;
};
/// Whoever holds this card: with the user who has verified it. nullopt: neither a sale of it was seen, nor is
/// it anybody's. Errors: the database's, as everywhere here.
Result<std::optional<Holder>> holder_of_card(db::Transaction& transaction, const CustomerId& card);

/// What a member has, in points.
struct Balance {
  std::int64_t balance = 0;        ///< The programme's own points, free to spend.
  std::int64_t pending = 0;        ///< On their way to that.
  std::int64_t expiring_soon = 0;  ///< Of the balance: lapsing within lapsing_soon.
  std::int64_t owed = 0;           ///< Of the programme's own: returned goods took back what was spent.
  struct Rewards {
    std::int64_t net = 0;  ///< Earned less redeemed through Perkline; may be negative.
    std::int64_t pending = 0;
    std::int64_t owed = 0;                    ///< Claw-backs PDI does not know of.
    std::optional<std::int64_t> pdi_balance;  ///< As PDI last told; nullopt: it never has.
    std::optional<WallTime> as_of;            ///< When it told.
  } rewards;
  std::string tier = base_tier;
};
Result<Balance> balance_of(db::Transaction& transaction, const Terms& terms, const Holder& holder,
                           WallTime now);

/// The entries of both purses in one order, newest first: `count` of those with an id below `before`. Of a
/// card that is not verified there are none yet.
Result<std::vector<ledger::Entry>> history_of(db::Transaction& transaction, const Holder& holder,
                                              std::int64_t count, std::int64_t before);

}  // namespace perkline::hub::points
