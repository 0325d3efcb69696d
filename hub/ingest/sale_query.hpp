#pragma once

#include <span>

#include "hub/db/database.hpp"
#include "shared/sync/frame.hpp"

namespace perkline::hub::ingest {

/// What is known of those sessions of `store`; another store's count as unknown. Errors: the database's,
/// corrupt.
Result<sync::SaleAnswer> find_sales(db::Transaction& transaction, const StoreId& store,
                                    std::span<const SessionId> sessions);

}  // namespace perkline::hub::ingest
