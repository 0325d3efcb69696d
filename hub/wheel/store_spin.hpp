#pragma once

#include <optional>
#include <string>

#include "hub/db/database.hpp"
#include "hub/wheel/spins.hpp"
#include "hub/wheel/terms.hpp"
#include "shared/core/ids.hpp"
#include "shared/loyalty/wheel.hpp"

namespace perkline::hub::wheel {

/// What a store tells of a draw of its own.
struct StoreDraw {
  StoreId store;
  loyalty::Draw draw;
  std::string commitment;     ///< The seed's, hex: one of the store's.
  loyalty::PrizeTable table;  ///< What was drawn from.
  std::string version;        ///< The table's, hex.
  std::string prize;
  std::optional<Digest> terms = std::nullopt;  ///< As prize_as_told() has it.
};

/// Makes a store's draw again with the seed that the hub gave it. Errors: validation_failed (the seed is none
/// of the store's, or what loyalty::verify says), the database's.
Result<void> verify_store_spin(db::Transaction& transaction, const StoreDraw& told);

struct StoreSpin {
  Uuid id;          ///< The store's.
  StoreDraw drawn;  ///< For a member that is named as loyalty::till_member says: proofs are anybody's to see.
  AtTill till;
  std::string traceparent = {};
  bool is_forgotten = false;  ///< The card's holder is, since the draw: it names nobody from here on.
};
/// Books a store's spin, which cost nothing, as its till told of it: draws it again, takes its unit off the
/// lease, settles what was kept for it of one-time prizes, gives the points to whoever the card is proven to
/// belong to, and tells of it. A prize that had no stock when it was drawn and has one by now is one unit of
/// what is free. False: it is booked already, and nothing changes. The card's row in `member` is the caller's
/// to hold. Errors: validation_failed (as verify_store_spin and prize_as_told; the member is no hash; no such
/// prize; a prize with other tickets than told; a stocked prize without a unit that is left of a lease of
/// that store, or, where it had no stock, none that is free; a one-time prize that the member has; the spin,
/// its sale or its nonce are another's), the database's. Inside an attempt(), where the caller goes on.
Result<bool> book_store_spin(db::Transaction& transaction, const Terms& terms, const StoreSpin& told,
                             WallTime now);

}  // namespace perkline::hub::wheel
