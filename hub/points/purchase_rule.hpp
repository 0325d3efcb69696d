#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "hub/db/database.hpp"
#include "hub/points/cause.hpp"
#include "hub/points/terms.hpp"

/// Points of the programme's own for what members buy at tills (hub.md, "Two purses"). `sale.points_due` says
/// what the rule of its day gives for a sale, `sale.points_user` to whom it was booked: the user who has
/// verified the card, at once or when that happens.
namespace perkline::hub::points {

/// A sale that PDI has booked.
struct DueSale {
  SessionId session;
  StoreId store;
  CustomerId card;
  std::int64_t points = 0;  ///< > 0
  Uuid id;                  ///< What the ids of its transfers derive from.
  WallTime since;           ///< When its points' life begins.
};
/// Books those whose card somebody has verified, with a few statements for all: `sale-points:<session>`. What
/// the user owes of earlier returns is taken off at once: `owed-settled:<session>`. The cards' rows in
/// `member` are the caller's to hold. Errors: the database's.
Result<void> book_due(db::Transaction& transaction, const Terms& terms, std::span<const DueSale> sales,
                      WallTime now);
/// The same of all sales of a card that are not booked yet and whose points would still live.
Result<void> book_unclaimed(db::Transaction& transaction, const Terms& terms, const Cause& cause,
                            const UserId& user, const CustomerId& card);

/// Goods that came back of a sale.
struct PointsReturn {
  ReturnId id;
  StoreId store;               ///< That sold.
  std::optional<UserId> user;  ///< To whom the sale's points were booked.
  std::int64_t due = 0;        ///< What the rule gave for the sale.
  std::int64_t sold = 0;       ///< Minor units, as the next two.
  std::int64_t before = 0;     ///< What had come back.
  std::int64_t amount = 0;     ///< What comes back now.
  Uuid transfer;               ///< What the ids of its transfers derive from.
};
/// Takes back in total due × returned / sold, rounded up, as far as the balance allows
/// (`points-return:<id>`); the rest is booked as owed (`points-owed:<id>`). Errors: the database's.
Result<void> take_back(db::Transaction& transaction, const PointsReturn& back, WallTime now);

/// What is on its way to whoever asks: of sales that PDI has not booked, and while the card is not verified
/// of the others too. Errors: the database's.
Result<std::int64_t> points_pending(db::Transaction& transaction, const CustomerId& card, bool verified);

}  // namespace perkline::hub::points
