#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/db/database.hpp"
#include "hub/ingest/apply.hpp"
#include "shared/sync/cursor.hpp"
#include "shared/sync/event.hpp"
#include "shared/sync/frame.hpp"

namespace perkline::hub::ingest {

/// What stands for the type of an event that was buried.
inline constexpr std::string_view dead_letter = "dead_letter";

/// A batch with all that can be done for it outside the transaction.
struct ReceivedBatch {
  StoreId store;  ///< Whose connection it came on.
  sync::Batch batch;
  std::vector<Result<sync::Event>> events;  ///< The batch's, decoded.
  std::vector<EffectIds> ids;               ///< For each of them.
  WallTime now;
  const wheel::Terms* terms;  ///< What sales and spins give.
};

struct BatchOutcome {
  sync::BatchVerdict verdict;
  std::vector<std::string> types;  ///< Of each event that was new; `dead_letter` for one that was buried.
  /// What the store holds beyond the cursor; nullopt before its first Hello.
  std::optional<std::uint64_t> lag;
  bool healed = false;  ///< What kept the store's history from being taken in is over.
};

/// Judges the batch by the store's cursor, applies what is new and moves the cursor past it, all in the
/// caller's transaction. An event that cannot be applied becomes a dead letter and holds nobody up. Errors:
/// not_found (no such store), the database's.
Result<BatchOutcome> take_in_batch(db::Transaction& transaction, const ReceivedBatch& received);

}  // namespace perkline::hub::ingest
