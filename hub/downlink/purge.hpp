#pragma once

#include <cstdint>

#include "hub/db/database.hpp"
#include "shared/core/clock.hpp"

/// What of the stores' catalogue is over is forgotten in time. Steps for the job `purge-programme`, each in a
/// transaction of its own: first the job notes since when it has known of something, then it drops what it
/// has known of for long enough. Each gives how many rows, at most `limit`. Errors: the database's.
namespace perkline::hub::downlink {

/// A store that was away for longer is sent the whole catalogue instead of what has changed.
inline constexpr days keep_gone_items{30};
/// How long what items once said is kept at least; it then waits for every store's word (drop_past_items).
inline constexpr days keep_past_items{90};
/// So long after something was over no store goes by it any more: without the hub's word it has no seed left.
inline constexpr days gone_by_at_most{30};

/// Items that have gone since.
Result<std::int64_t> note_gone_items(db::Transaction& transaction, WallTime now, std::int64_t limit);
/// Those known to have gone before then. A store whose catalogue is older cannot be told of them, and is sent
/// all of it.
Result<std::int64_t> drop_gone_items(db::Transaction& transaction, WallTime before, std::int64_t limit);

/// What items said before they were changed.
Result<std::int64_t> note_past_items(db::Transaction& transaction, WallTime now, std::int64_t limit);
/// Of what was past before then, what no store can tell of any more: each open one that ever spoke has told
/// all it holds, gone_by_at_most later or more, and no spin or claim that could not be applied waits for a
/// person.
Result<std::int64_t> drop_past_items(db::Transaction& transaction, WallTime before, std::int64_t limit);

}  // namespace perkline::hub::downlink
