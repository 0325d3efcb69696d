#pragma once

#include <string_view>

#include "hub/stores/stores.hpp"

namespace perkline::hub::stores {

/// What store_of reads, in its order.
inline constexpr std::string_view store_columns =
    "id, epoch, cursor_sequence, cursor_hash, tail, last_seen, breaker, queue_depth, version, retired_at,"
    " hello_epoch, applied_epoch, applied_through, applied_hash, epoch_at, epoch_by, epoch_reason, fork,"
    " fork_since, fork_seen, lost_through, lost_hash";

/// Errors: corrupt.
Result<Store> store_of(const db::Row& row);

/// A count from the wire as SQL can hold it; an absurd one becomes the largest.
std::int64_t to_sql(std::uint64_t count);

}  // namespace perkline::hub::stores
